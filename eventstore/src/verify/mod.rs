//! Proving that the log is the one that was written.
//!
//! Begin with [`Store::verify`]. It checks that positions and each stream's versions have no gap, that every
//! event's hash follows from its content and the hash before it, that payloads open where their keys are at
//! hand, that the head and the streams table agree with the events, and that the stored checkpoints are those of
//! these events. What it cannot see alone is a log whose whole tail was rewritten or cut off together with the
//! head and the checkpoints: give [`Store::verify_with`] heads that were kept elsewhere, or the public key of the
//! signer, as [`Evidence`].

mod against;
mod scan;

pub(crate) use scan::links;

use crate::{error::StoreError, seal::Checkpoint, store::Store, types::Head};
use scan::Scan;
use secrets::PublicKey;

/// The first event that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub position: i64,
    pub why: String,
}

pub(crate) fn bad(position: i64, why: &str) -> Bad {
    Bad { position, why: why.into() }
}

/// What is known about the log from outside of its database.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Heads that were kept elsewhere, for instance in commit trailers.
    pub anchors: Vec<Head>,
    /// Exported checkpoints. They count only if one of `keys` signed them: filter with
    /// [`Checkpoint::is_signed_by`] before, and tell the person about the others.
    pub checkpoints: Vec<Checkpoint>,
    /// Public keys of the signer. If there are any, every stored checkpoint must be signed by one of them.
    pub keys: Vec<PublicKey>,
}

impl Evidence {
    fn heads(&self) -> Vec<Head> {
        let signed = self.checkpoints.iter().filter(|checkpoint| checkpoint.is_signed_by(&self.keys));
        let mut heads: Vec<Head> = self.anchors.iter().copied().chain(signed.map(Checkpoint::head)).collect();
        heads.sort_by_key(|head| head.position);
        heads
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Events looked at, up to the first bad one.
    pub events: i64,
    /// Of these, payloads that opened.
    pub opened: i64,
    /// Of these, payloads whose key was destroyed on purpose.
    pub shredded: i64,
    /// Of these, payloads not opened because the key ring lacks the key; their hashes were checked.
    pub unopened: i64,
    pub ok: bool,
    pub first_bad: Option<Bad>,
    /// The head that was verified against.
    pub head: Head,
    /// The last position under a stored checkpoint that holds; 0 if there is none. Its signature was checked only
    /// if public keys were given.
    pub sealed_to: i64,
    /// The last position under evidence from outside that holds; 0 if there is none.
    pub anchored_to: i64,
}

impl VerifyReport {
    /// How many of the newest events nothing outside of the database vouches for.
    pub fn not_anchored(&self) -> i64 {
        self.head.position - self.anchored_to
    }
}

impl Store {
    /// Verifies the events from position `from` to position `to`; `1` and `i64::MAX` for all. The hash before
    /// `from` is taken as given. Events recorded after the start are not looked at.
    pub async fn verify(&self, from: i64, to: i64) -> Result<VerifyReport, StoreError> {
        self.verify_with(from, to, &Evidence::default(), |_, _| ()).await
    }

    /// [`Store::verify`] with evidence from outside; `progress` hears now and then how many events of how many are
    /// done.
    pub async fn verify_with(
        &self,
        from: i64,
        to: i64,
        evidence: &Evidence,
        progress: impl FnMut(i64, i64),
    ) -> Result<VerifyReport, StoreError> {
        let core = self.core();
        let head = crate::read::head(core).await?;
        let (from, wanted) = (from.max(1), to.min(head.position));
        let mut report = VerifyReport {
            events: 0,
            opened: 0,
            shredded: 0,
            unopened: 0,
            ok: false,
            first_bad: None,
            head,
            sealed_to: 0,
            anchored_to: 0,
        };
        let heads = evidence.heads();
        let mut scan = Scan::start(core, from, wanted, &heads, &evidence.keys).await?;
        let bad = scan.run(core, &mut report, progress).await?;
        let bad = match bad {
            None if to >= head.position => against::tables(core, &scan, from, head, &heads).await?,
            found => found,
        };
        report.ok = bad.is_none();
        report.first_bad = bad;
        Ok(report)
    }
}
