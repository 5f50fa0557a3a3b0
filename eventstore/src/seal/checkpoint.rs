//! [`Checkpoint`]: a signed statement that the log is what it is up to a position, and its line of text.

use super::merkle::Hash;
use crate::types::Head;
use chrono::{DateTime, Utc};
use secrets::{PublicKey, SigningKey, signing::SIGNATURE_BYTES};
use std::{collections::HashMap, fmt, str::FromStr};

/// A signed checkpoint. Its chain value vouches for every event up to `position`; its Merkle root over the chain
/// values from `from` to `position` gives short proofs for single events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// First position of its Merkle tree: the one after the checkpoint before it.
    pub from: i64,
    pub position: i64,
    pub chain: Hash,
    pub merkle_root: Hash,
    /// In microseconds since 1970, by the signer's clock.
    pub sealed_at_us: i64,
    /// [`PublicKey::id`] of the key that signed it.
    pub key_id: String,
    pub signature: [u8; SIGNATURE_BYTES],
}

impl Checkpoint {
    pub(super) fn sign(
        key: &SigningKey,
        from: i64,
        head: Head,
        merkle_root: Hash,
        now: DateTime<Utc>,
    ) -> Self {
        let mut made = Self {
            from,
            position: head.position,
            chain: head.chain,
            merkle_root,
            sealed_at_us: now.timestamp_micros(),
            key_id: key.public().id(),
            signature: [0; SIGNATURE_BYTES],
        };
        made.signature = key.sign(&made.message());
        made
    }

    /// What the signature is over: a name, then `from`, `position`, chain, root and time; numbers big-endian.
    fn message(&self) -> Vec<u8> {
        let mut message = b"mycopod-checkpoint/1".to_vec();
        message.extend(self.from.to_be_bytes());
        message.extend(self.position.to_be_bytes());
        message.extend(self.chain);
        message.extend(self.merkle_root);
        message.extend(self.sealed_at_us.to_be_bytes());
        message
    }

    /// Whether one of these keys signed exactly this.
    pub fn is_signed_by(&self, keys: &[PublicKey]) -> bool {
        let message = self.message();
        keys.iter().any(|key| key.id() == self.key_id && key.verifies(&message, &self.signature))
    }

    pub fn head(&self) -> Head {
        Head { position: self.position, chain: self.chain }
    }
}

/// One line, as it stands in files of exported checkpoints.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mycopod-checkpoint/1 from={} position={} chain={} root={} sealed-at-us={} key={} signature={}",
            self.from,
            self.position,
            hex::encode(self.chain),
            hex::encode(self.merkle_root),
            self.sealed_at_us,
            self.key_id,
            hex::encode(self.signature)
        )
    }
}

/// Why a line is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing or malformed")]
pub struct BadCheckpoint(pub &'static str);

impl FromStr for Checkpoint {
    type Err = BadCheckpoint;

    fn from_str(line: &str) -> Result<Self, BadCheckpoint> {
        let mut words = line.split_whitespace();
        if words.next() != Some("mycopod-checkpoint/1") {
            return Err(BadCheckpoint("the beginning mycopod-checkpoint/1"));
        }
        let fields: HashMap<&str, &str> = words.filter_map(|word| word.split_once('=')).collect();
        let field = |name: &'static str| fields.get(name).copied().ok_or(BadCheckpoint(name));
        let number = |name| field(name)?.parse::<i64>().map_err(|_| BadCheckpoint(name));
        fn bytes<const N: usize>(text: &str, name: &'static str) -> Result<[u8; N], BadCheckpoint> {
            let mut bytes = [0; N];
            hex::decode_to_slice(text, &mut bytes).map(|()| bytes).map_err(|_| BadCheckpoint(name))
        }
        let made = Self {
            from: number("from")?,
            position: number("position")?,
            chain: bytes(field("chain")?, "chain")?,
            merkle_root: bytes(field("root")?, "root")?,
            sealed_at_us: number("sealed-at-us")?,
            key_id: field("key")?.to_owned(),
            signature: bytes(field("signature")?, "signature")?,
        };
        (1 <= made.from && made.from <= made.position).then_some(made).ok_or(BadCheckpoint("from"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_any_change_breaks_the_signature() {
        let key = SigningKey::ephemeral().unwrap();
        let head = Head { position: 300, chain: [7; 32] };
        let made = Checkpoint::sign(&key, 257, head, [8; 32], Utc::now());
        assert!(made.is_signed_by(&[key.public()]));
        assert!(!made.is_signed_by(&[SigningKey::ephemeral().unwrap().public()]));
        let line = made.to_string();
        assert_eq!(line.parse(), Ok(made.clone()));
        for changed in [
            Checkpoint { from: 258, ..made.clone() },
            Checkpoint { position: 301, ..made.clone() },
            Checkpoint { chain: [6; 32], ..made.clone() },
            Checkpoint { merkle_root: [6; 32], ..made.clone() },
            Checkpoint { sealed_at_us: 1, ..made.clone() },
        ] {
            assert!(!changed.is_signed_by(&[key.public()]), "{changed}");
        }
        for bad in [
            "",
            "hello",
            "mycopod-checkpoint/1",
            &line.replace("from=257", "from=0"),
            &line.replace("key=", "kez="),
        ] {
            assert!(bad.parse::<Checkpoint>().is_err(), "{bad}");
        }
    }
}
