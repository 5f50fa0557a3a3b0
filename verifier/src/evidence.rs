//! [`Evidence`]: what is known about the log from outside of its database.

use crate::{
    Head,
    checkpoint::{Checkpoint, PublicKey, fixed},
};

/// Keys, exported checkpoints and anchors. Without any of it a log is only checked against itself.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// If there are any, every row of `log.seals` must be signed by one of them.
    keys: Vec<PublicKey>,
    /// In order of position.
    heads: Vec<Head>,
}

/// Lines of an exported file that say nothing here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// No checkpoint: as a crash leaves behind, or changed.
    pub malformed: usize,
    /// Signed by none of the keys given.
    pub untrusted: usize,
}

/// Why something given is no evidence.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error("{0:?} is not a public key of 64 hexadecimal digits")]
    NotAKey(String),
    #[error("{0:?} is not an anchor such as: 512 sha256:<64 hexadecimal digits>")]
    NotAnAnchor(String),
}

impl Evidence {
    pub fn trust(&mut self, key: &str) -> Result<(), EvidenceError> {
        self.keys.push(PublicKey::parse(key).ok_or_else(|| EvidenceError::NotAKey(key.to_owned()))?);
        Ok(())
    }

    /// Adds a `position sha256:hex` that was kept elsewhere. It is trusted as it is.
    pub fn anchor(&mut self, text: &str) -> Result<(), EvidenceError> {
        let parsed = text.trim().split_once(' ').and_then(|(position, chain)| {
            let position = position.parse().ok().filter(|position| *position >= 1)?;
            Some(Head { position, chain: fixed(chain.trim().strip_prefix("sha256:")?)? })
        });
        self.add(parsed.ok_or_else(|| EvidenceError::NotAnAnchor(text.to_owned()))?);
        Ok(())
    }

    /// Adds the checkpoints of an exported file that a trusted key signed: call [`Evidence::trust`] before.
    pub fn exported(&mut self, file: &str) -> Skipped {
        let mut skipped = Skipped::default();
        for line in file.lines().filter(|line| !line.trim().is_empty()) {
            match Checkpoint::parse(line) {
                None => skipped.malformed += 1,
                Some(found) if !found.is_signed_by(&self.keys) => skipped.untrusted += 1,
                Some(found) => self.add(found.head()),
            }
        }
        skipped
    }

    fn add(&mut self, head: Head) {
        let at = self.heads.partition_point(|known| known.position <= head.position);
        self.heads.insert(at, head);
    }

    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    pub fn heads(&self) -> &[Head] {
        &self.heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_read_and_stand_in_order() {
        let mut evidence = Evidence::default();
        let chain = "ab".repeat(32);
        evidence.anchor(&format!("512 sha256:{chain}")).unwrap();
        evidence.anchor(&format!(" 7 sha256:{chain}\n")).unwrap();
        let positions: Vec<i64> = evidence.heads().iter().map(|head| head.position).collect();
        assert_eq!(positions, [7, 512]);
        for bad in ["", "7", "7 sha256:ab", &format!("0 sha256:{chain}"), &format!("7 {chain}")] {
            assert!(evidence.anchor(bad).is_err(), "{bad}");
        }
        assert!(evidence.trust("abcd").is_err());
        let skipped = evidence.exported("mycopod-checkpoint/1 from=1 posi\n\nhello\n");
        assert_eq!(skipped, Skipped { malformed: 2, untrusted: 0 });
    }
}
