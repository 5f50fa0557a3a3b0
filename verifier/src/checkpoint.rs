//! Signed checkpoints: their line of text, the message that is signed, and the keys that may sign.

use crate::{Hash, Head};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

const NAME: &str = "mycopod-checkpoint/1";

/// A public key that is trusted to sign checkpoints.
#[derive(Clone, Debug)]
pub struct PublicKey {
    id: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads 64 hexadecimal digits; `None` if they are no key.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = fixed(text.trim())?;
        let id = hex::encode(&Sha256::digest(bytes)[..8]);
        Some(Self { id, key: VerifyingKey::from_bytes(&bytes).ok()? })
    }

    /// The first 16 hexadecimal digits of the key's SHA-256.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// A statement that the log had this hash at this position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// First position under its Merkle root.
    pub from: i64,
    pub position: i64,
    pub chain: Hash,
    pub root: Hash,
    /// In µs since 1970-01-01 UTC.
    pub sealed_at_us: i64,
    pub key_id: String,
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// Reads one line of an exported file; `None` if it is none, or one that was cut short.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        if words.next()? != NAME {
            return None;
        }
        let fields: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let field = |name: &str| fields.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        let made = Self {
            from: field("from")?.parse().ok()?,
            position: field("position")?.parse().ok()?,
            chain: fixed(field("chain")?)?,
            root: fixed(field("root")?)?,
            sealed_at_us: field("sealed-at-us")?.parse().ok()?,
            key_id: field("key")?.to_owned(),
            signature: fixed(field("signature")?)?,
        };
        (made.from >= 1 && made.from <= made.position).then_some(made)
    }

    /// The 108 bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        let mut message = NAME.as_bytes().to_vec();
        message.extend_from_slice(&self.from.to_be_bytes());
        message.extend_from_slice(&self.position.to_be_bytes());
        message.extend_from_slice(&self.chain);
        message.extend_from_slice(&self.root);
        message.extend_from_slice(&self.sealed_at_us.to_be_bytes());
        message
    }

    pub fn is_signed_by(&self, keys: &[PublicKey]) -> bool {
        let (message, signature) = (self.message(), Signature::from_bytes(&self.signature));
        keys.iter()
            .filter(|key| key.id == self.key_id)
            .any(|key| key.key.verify_strict(&message, &signature).is_ok())
    }

    pub fn head(&self) -> Head {
        Head { position: self.position, chain: self.chain }
    }
}

/// Exactly `N` bytes of hexadecimal digits.
pub(crate) fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    #[test]
    fn a_line_reads_and_any_changed_field_breaks_the_signature() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let trusted = [PublicKey::parse(&hex::encode(key.verifying_key().to_bytes())).unwrap()];
        let mut made = Checkpoint {
            from: 257,
            position: 512,
            chain: [1; 32],
            root: [2; 32],
            sealed_at_us: 3,
            key_id: trusted[0].id().to_owned(),
            signature: [0; 64],
        };
        assert_eq!(made.message().len(), 108);
        made.signature = key.sign(&made.message()).to_bytes();
        assert!(made.is_signed_by(&trusted));
        assert!(!made.is_signed_by(&[]));
        let line = format!(
            "{NAME} from=257 position=512 chain={} root={} sealed-at-us=3 key={} signature={}",
            hex::encode(made.chain),
            hex::encode(made.root),
            made.key_id,
            hex::encode(made.signature)
        );
        assert_eq!(Checkpoint::parse(&line), Some(made.clone()));
        assert_eq!(Checkpoint::parse(&line[..line.len() - 1]), None, "cut short");
        assert_eq!(Checkpoint::parse(&line.replace("from=257", "from=513")), None);
        for changed in [
            Checkpoint { from: 1, ..made.clone() },
            Checkpoint { position: 513, ..made.clone() },
            Checkpoint { chain: [3; 32], ..made.clone() },
            Checkpoint { root: [3; 32], ..made.clone() },
            Checkpoint { sealed_at_us: 4, ..made.clone() },
            Checkpoint { key_id: "0".repeat(16), ..made.clone() },
            Checkpoint { signature: [0; 64], ..made.clone() },
        ] {
            assert!(!changed.is_signed_by(&trusted), "{changed:?}");
        }
    }
}
