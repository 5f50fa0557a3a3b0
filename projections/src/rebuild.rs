//! Building a read model anew beside the old one, then swapping.
//!
//! Begin with [`rebuild`]. The old table serves until the swap, which is one transaction; killed anywhere before, nothing
//! is lost. With `compare` the swap happens only if both are equal byte for byte.

use crate::error::ReadError;
use crate::fold::{Known, Projection, Row, Rows};
use crate::folds;
use crate::limits::{GROUP_EVENTS_MAX, REBUILD_ROWS_PER_INSERT, REBUILD_TRIES_MAX};
use crate::table::{self, Rest};
use eventstore::{EventLog, Store};
use secrets::KeyRing;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

/// What a rebuild found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Rebuilt {
    pub name: String,
    pub position: i64,
    pub rows: usize,
    /// SHA-256 over all rows in the order of keys.
    pub digest: String,
    /// Whether it was equal to the live one; none if that was not asked.
    pub equal: Option<bool>,
}

/// Folds everything up to a position (none: the end of the log) in memory. The result of every rebuild and of every
/// look into the past.
pub async fn fold(
    store: &Store,
    projection: &dyn Projection,
    rows: &mut Rows,
    after: i64,
    to: i64,
    progress: &mut impl FnMut(i64),
) -> Result<i64, ReadError> {
    let mut position = after;
    while position < to {
        let limit = usize::try_from(to - position).unwrap_or(usize::MAX).min(GROUP_EVENTS_MAX);
        let group = store.read_from(position, limit).await?;
        if group.is_empty() {
            break;
        }
        for recorded in &group {
            let event = Known::read(recorded)?;
            for key in projection.keys(&event) {
                rows.load(key, None);
            }
            projection.apply(&event, rows).map_err(|poison| ReadError::Poisoned {
                name: projection.name(),
                position: event.position,
                why: poison.to_string(),
            })?;
            position = event.position;
        }
        progress(position);
    }
    Ok(position)
}

fn digest_of<'a>(rows: impl Iterator<Item = (&'a str, &'a Row)>) -> String {
    let mut hash = Sha256::new();
    for (key, row) in rows {
        for part in [key.as_bytes(), &row.rank.to_be_bytes(), row.doc.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hex::encode(hash.finalize())
}

/// Names of all projections and what they are for.
pub fn list() -> Vec<(&'static str, &'static str)> {
    folds::all().iter().map(|projection| (projection.name(), projection.purpose())).collect()
}

pub async fn rebuild(
    store: &Store,
    pool: &PgPool,
    keyring: &KeyRing,
    name: &str,
    compare: bool,
    mut progress: impl FnMut(i64),
) -> Result<Rebuilt, ReadError> {
    let all = folds::all();
    let projection = all.iter().find(|projection| projection.name() == name).map(AsRef::as_ref);
    let projection = projection.ok_or_else(|| ReadError::Unknown(name.to_owned()))?;
    let rest = Rest { keyring: keyring.clone() };
    table::prepare(pool).await?;
    table::begin(pool, projection).await?;
    let mut rows = Rows::default();
    let head = store.head().await?.position;
    let mut position = fold(store, projection, &mut rows, 0, head, &mut progress).await?;

    let shadow = format!("{name}__next");
    for _ in 0..REBUILD_TRIES_MAX {
        let mut tx = pool.begin().await?;
        sqlx::query(&format!("drop table if exists read.{shadow}")).execute(&mut *tx).await?;
        sqlx::query(&table::create_sql(&shadow)).execute(&mut *tx).await?;
        let kept: Vec<(&str, &Row)> = rows.all().collect();
        for chunk in kept.chunks(REBUILD_ROWS_PER_INSERT) {
            table::write(&mut tx, &rest, &shadow, projection.sealed(), chunk).await?;
        }
        // From here on the live projector waits at its checkpoint.
        sqlx::query("select 1 from read.checkpoints where projection = $1 for update")
            .bind(name)
            .execute(&mut *tx)
            .await?;
        let live =
            table::checkpoint(&mut tx, name).await?.ok_or_else(|| ReadError::Unknown(name.to_owned()))?;
        if live.position > position || (compare && live.position != position) {
            tx.rollback().await?;
            if live.position < position {
                // The live one is behind: let it come up.
                store.wait_beyond(position.max(store.head().await?.position) - 1).await;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
            position = fold(store, projection, &mut rows, position, live.position, &mut progress).await?;
            continue;
        }
        let equal = if compare {
            let old = table::dump(&mut tx, &rest, name).await?;
            let old: std::collections::BTreeMap<&str, &Row> =
                old.iter().map(|(key, row)| (key.as_str(), row)).collect();
            let new: std::collections::BTreeMap<&str, &Row> = kept.iter().copied().collect();
            if let Some(key) = old.keys().chain(new.keys()).find(|key| old.get(**key) != new.get(**key)) {
                return Err(ReadError::Differs { name: name.to_owned(), key: (*key).to_owned() });
            }
            Some(true)
        } else {
            None
        };
        let generation = live.generation + 1;
        sqlx::query(&table::index_sql(&shadow, generation)).execute(&mut *tx).await?;
        sqlx::query(&format!("drop table read.{name}")).execute(&mut *tx).await?;
        sqlx::query(&format!("alter table read.{shadow} rename to {name}")).execute(&mut *tx).await?;
        sqlx::query(
            "update read.checkpoints set position = $1, generation = $2, poison_position = null, poison = null
             where projection = $3",
        )
        .bind(position)
        .bind(generation)
        .bind(name)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        let digest = digest_of(kept.iter().copied());
        return Ok(Rebuilt { name: name.to_owned(), position, rows: kept.len(), digest, equal });
    }
    Err(ReadError::Overtaken(projection.name()))
}
