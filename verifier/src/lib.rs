//! An independent verifier of MycoPod's event log, written from `docs/log-format.md`.
//!
//! It shares no code with the writer: another SHA-256, another Ed25519, another way of reading the rows. It needs
//! the right to read and no key that opens payloads. Begin with [`verify`]; [`Evidence`] is what was kept outside
//! the database, and [`Report`] names the first event that is not as it was written.
//!
//! Never here: writing, opening payloads, and a judgement on what events mean.

mod checkpoint;
mod evidence;
mod follow;
mod hash;
mod rows;
mod tables;

pub use checkpoint::{Checkpoint, PublicKey};
pub use evidence::{Evidence, EvidenceError, Skipped};
pub use hash::{Event, Hash, Tree};

use follow::Follow;
use tokio_postgres::Client;

/// The first place where the log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub position: i64,
    pub why: String,
}

pub(crate) fn bad(position: i64, why: impl Into<String>) -> Bad {
    Bad { position, why: why.into() }
}

/// Where the log ends, or ended once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Of the last event; 0 in an empty log.
    pub position: i64,
    pub chain: Hash,
}

/// What a verification saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub head: Head,
    /// Events that hold, up to the first bad one.
    pub events: i64,
    pub streams: usize,
    /// Checkpoints in `log.seals` that hold.
    pub seals: i64,
    /// The last position under such a checkpoint, 0 if there is none. Signatures were checked only if keys were given.
    pub sealed_to: i64,
    /// The last position that evidence from outside vouches for, 0 if there is none.
    pub evidence_to: i64,
    pub first_bad: Option<Bad>,
}

/// Why no answer could be given.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot be read ({doing})")]
pub struct ReadError {
    pub(crate) doing: &'static str,
    pub(crate) source: tokio_postgres::Error,
}

/// Verifies the whole log as it stands at one moment. Holds in memory one page of rows and, for each stream, its
/// last version: about 100 bytes a stream.
pub async fn verify(client: &mut Client, evidence: &Evidence) -> Result<Report, ReadError> {
    let snapshot = rows::Snapshot::take(client).await?;
    let head = match snapshot.head().await? {
        Ok(head) => head,
        Err(found) => {
            let head = Head { position: 0, chain: [0; 32] };
            return Ok(Report { first_bad: Some(found), ..empty(head) });
        }
    };
    let mut report = empty(head);
    let mut follow = Follow::new(snapshot.type_names().await?, evidence);
    report.first_bad = match follow.events(&snapshot, &mut report).await? {
        Some(found) => Some(found),
        None => tables::agree(&snapshot, &follow, head).await?,
    };
    report.streams = follow.stream_count();
    snapshot.release().await?;
    Ok(report)
}

fn empty(head: Head) -> Report {
    Report { head, events: 0, streams: 0, seals: 0, sealed_to: 0, evidence_to: 0, first_bad: None }
}
