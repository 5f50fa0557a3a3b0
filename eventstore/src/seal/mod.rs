//! Signed checkpoints of the log: what makes a rewritten history provable.
//!
//! A hash chain alone does not stop somebody who may write the database from making the whole tail anew. Every
//! [`limits::SEAL_EVENTS`] events, or after [`limits::SEAL_SECONDS`] s with fewer, the Agent checks the new
//! events' hashes, signs the chain value and a Merkle root over them with a key that is not in the database, and
//! writes the [`Checkpoint`] down twice: in `log.seals` and in a file outside ([`Export`]). Begin with
//! [`Store::seal`] for one step and [`Store::keep_sealing`] for a service. [`Store::prove`] makes an inclusion
//! [`Proof`] for one event out of it.
//!
//! Never here: a signature over events whose hashes do not follow, and two checkpoints over the same range.

mod checkpoint;
mod export;
mod merkle;
mod proof;

pub use checkpoint::{BadCheckpoint, Checkpoint};
pub use export::Export;
pub use proof::{Proof, ProofError};

pub(crate) use merkle::{Hash, root};

use crate::{
    error::StoreError,
    limits,
    log::EventLog,
    store::{Core, Store},
    types::Head,
    verify::{Bad, links},
};
use chrono::{TimeDelta, Utc};
use secrets::SigningKey;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_postgres::Row;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the event at {} is not as it was written: {}", .0.position, .0.why)]
    Broken(Bad),
    #[error("the checkpoint file {path} cannot be written: {source}")]
    Export { path: String, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SealError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Broken(_) => {
                "Events were changed in the database after they were recorded. Stop, keep a copy, and run \
                 `mycopod events verify`."
                    .into()
            }
            Self::Export { .. } => {
                "Make room and check the rights of the folder; sealing goes on by itself.".into()
            }
            Self::Store(error) => error.advice(),
        }
    }
}

impl Store {
    /// Signs checkpoints over everything new that is due: whole ranges of [`limits::SEAL_EVENTS`], and with
    /// `all` the rest too. Returns them in order; none if nothing is due. Two processes that seal at once do not
    /// disturb each other: one of the two is kept for each range.
    pub async fn seal(&self, key: &SigningKey, all: bool) -> Result<Vec<Checkpoint>, SealError> {
        let core = self.core();
        let mut made = Vec::new();
        loop {
            let last = last(core).await?;
            let (from, before) =
                last.map_or((1, [0; 32]), |last: Checkpoint| (last.position + 1, last.chain));
            let head = crate::read::head(core).await?.position;
            let to = head.min(from + limits::SEAL_EVENTS * limits::SEALS_AT_ONCE - 1);
            let due =
                if all { to } else { from - 1 + (to - from + 1) / limits::SEAL_EVENTS * limits::SEAL_EVENTS };
            if due < from {
                return Ok(made);
            }
            let chains = links(core, from, due, before).await?.map_err(SealError::Broken)?;
            let checkpoints: Vec<Checkpoint> = chains
                .chunks(limits::SEAL_EVENTS as usize)
                .enumerate()
                .map(|(n, range)| sign(key, from + n as i64 * limits::SEAL_EVENTS, range))
                .collect();
            made.extend(store(core, checkpoints).await?);
        }
    }

    /// Seals until it is aborted, and appends every checkpoint to the file. Trouble is logged once and tried again.
    pub async fn keep_sealing(&self, key: &SigningKey, export: &Export) {
        let mut reported = false;
        loop {
            match self.seal_when_due(key, export).await {
                Ok(()) => reported = false,
                Err(error) if reported => tracing::debug!(%error, "still not sealing"),
                Err(error) => {
                    reported = true;
                    tracing::error!(%error, advice = error.advice(), "the log is not being sealed");
                }
            }
            if reported {
                tokio::time::sleep(Duration::from_secs(limits::SEAL_RETRY_SECONDS)).await;
            }
        }
    }

    async fn seal_when_due(&self, key: &SigningKey, export: &Export) -> Result<(), SealError> {
        let last = last(self.core()).await?;
        let (position, age) = last.as_ref().map_or((0, TimeDelta::zero()), |last| {
            (last.position, TimeDelta::microseconds(Utc::now().timestamp_micros() - last.sealed_at_us))
        });
        export.catch_up(self).await?;
        self.wait_beyond(position).await;
        let longest = Duration::from_secs(limits::SEAL_SECONDS);
        let left = longest.saturating_sub(age.to_std().unwrap_or_default());
        let full = self.wait_beyond(position + limits::SEAL_EVENTS - 1);
        let all = tokio::time::timeout_at(Instant::now() + left, full).await.is_err();
        self.seal(key, all).await?;
        export.catch_up(self).await
    }

    /// The newest checkpoint, if anything was ever sealed.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        last(self.core()).await
    }

    /// The checkpoints stored in the log that end after this position, in order, at most `limit`.
    pub async fn checkpoints(&self, after: i64, limit: usize) -> Result<Vec<Checkpoint>, StoreError> {
        stored(self.core(), after, limit as i64).await
    }
}

fn sign(key: &SigningKey, from: i64, chains: &[Hash]) -> Checkpoint {
    let position = from + chains.len() as i64 - 1;
    let chain = chains.last().copied().unwrap_or_default();
    Checkpoint::sign(key, from, Head { position, chain }, root(chains), Utc::now())
}

const COLUMNS: &str = "first_position, position, chain, merkle_root, signature, key_id, sealed_at";

pub(crate) async fn stored(core: &Core, after: i64, limit: i64) -> Result<Vec<Checkpoint>, StoreError> {
    const READ: &str = "select first_position, position, chain, merkle_root, signature, key_id, sealed_at \
                        from log.seals where position > $1 order by position limit $2";
    debug_assert!(READ.contains(COLUMNS));
    core.pool.query("reading checkpoints", READ, &[&after, &limit]).await?.iter().map(checkpoint).collect()
}

async fn last(core: &Core) -> Result<Option<Checkpoint>, StoreError> {
    const READ: &str = "select first_position, position, chain, merkle_root, signature, key_id, sealed_at \
                        from log.seals order by position desc limit 1";
    core.pool.query("reading the last checkpoint", READ, &[]).await?.first().map(checkpoint).transpose()
}

/// The checkpoint whose range holds this position.
async fn covering(core: &Core, position: i64) -> Result<Option<Checkpoint>, StoreError> {
    Ok(stored(core, position - 1, 1).await?.into_iter().next().filter(|found| found.from <= position))
}

fn checkpoint(row: &Row) -> Result<Checkpoint, StoreError> {
    fn bytes<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], StoreError> {
        let bytes: &[u8] = row.get(column);
        bytes.try_into().map_err(|_| {
            StoreError::Malformed(format!("a checkpoint has {} bytes where {N} belong", bytes.len()))
        })
    }
    Ok(Checkpoint {
        from: row.get(0),
        position: row.get(1),
        chain: bytes(row, 2)?,
        merkle_root: bytes(row, 3)?,
        signature: bytes(row, 4)?,
        key_id: row.get(5),
        sealed_at_us: row.get::<_, chrono::DateTime<Utc>>(6).timestamp_micros(),
    })
}

/// Stores checkpoints; those for ranges that another process has sealed meanwhile are left out.
async fn store(core: &Arc<Core>, checkpoints: Vec<Checkpoint>) -> Result<Vec<Checkpoint>, StoreError> {
    const STORE: &str = "insert into log.seals \
        (first_position, position, chain, merkle_root, signature, key_id, sealed_at) \
        select * from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], \
            $7::timestamptz[]) on conflict do nothing returning position";
    let froms: Vec<i64> = checkpoints.iter().map(|made| made.from).collect();
    let positions: Vec<i64> = checkpoints.iter().map(|made| made.position).collect();
    let chains: Vec<&[u8]> = checkpoints.iter().map(|made| &made.chain[..]).collect();
    let roots: Vec<&[u8]> = checkpoints.iter().map(|made| &made.merkle_root[..]).collect();
    let signatures: Vec<&[u8]> = checkpoints.iter().map(|made| &made.signature[..]).collect();
    let keys: Vec<&str> = checkpoints.iter().map(|made| &made.key_id[..]).collect();
    let times: Result<Vec<_>, _> =
        checkpoints.iter().map(|made| crate::rows::time_of(made.sealed_at_us)).collect();
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&froms, &positions, &chains, &roots, &signatures, &keys, &times?];
    let kept: Vec<i64> =
        core.pool.query("storing checkpoints", STORE, &values).await?.iter().map(|row| row.get(0)).collect();
    Ok(checkpoints.into_iter().filter(|made| kept.contains(&made.position)).collect())
}
