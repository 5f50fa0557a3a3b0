//! One group of events through one projection: load what it touches, fold, write rows and checkpoint together.
//!
//! Begin with [`advance`]. The write is one statement that begins with a compare-and-swap of the checkpoint, so each
//! event is folded exactly once: who folded on an older state swaps nothing and writes nothing.

use crate::error::ReadError;
use crate::fold::{self, Entry, Projection, Rows};
use crate::limits::INLINE_EVENTS_MAX;
use crate::rows::Change;
use crate::table::{self, Checkpoint, Columns, Rest};
use sqlx::PgPool;
use std::sync::Arc;

/// Where rows are kept.
#[derive(Clone)]
pub(crate) struct Place {
    pub pool: PgPool,
    pub rest: Rest,
}

/// What became of a group.
pub(crate) struct Advanced {
    pub checkpoint: Checkpoint,
    pub keys: Vec<String>,
}

/// Folds `entries`, all of them after the checkpoint, and moves it to `to` or to before the first event that cannot be
/// folded.
pub(crate) async fn advance(
    place: &Place,
    projection: &Arc<dyn Projection>,
    from: &Checkpoint,
    entries: &Arc<[Entry]>,
    to: i64,
) -> Result<Advanced, ReadError> {
    let (keys, mut poison) = fold::touched(projection.as_ref(), entries);
    let (name, sealed) = (projection.name(), projection.sealed());
    let changes = loop {
        let until = poison.as_ref().map_or(i64::MAX, |(position, _)| *position);
        let count = entries.partition_point(|entry| entry.position < until);
        let loaded = if keys.is_empty() {
            vec![]
        } else {
            match table::load(&place.pool, &place.rest, name, sealed, &keys).await {
                // A row of ours that does not open does not get better by itself.
                Err(ReadError::Unreadable { why, .. }) => {
                    let at = entries.first().map_or(to, |entry| entry.position);
                    poison = Some((at, why));
                    break vec![];
                }
                loaded => loaded?,
            }
        };
        let mut rows = Rows::default();
        loaded.into_iter().for_each(|(key, row)| rows.load(key, Some(row)));
        keys.iter().for_each(|key| rows.load(key.clone(), None));
        match folded(projection, entries, count, rows).await? {
            Ok(changes) => break changes,
            // What came before it is folded again without it, from what is stored: a row it half changed is not kept.
            // Each turn stops at an earlier event, so the turns end.
            Err(stopped) => poison = Some(stopped),
        }
    };
    let position = poison.as_ref().map_or(to, |(position, _)| (position - 1).clamp(from.position, to));
    let checkpoint = Checkpoint { position, poison, ..from.clone() };
    write(place, projection.as_ref(), from, &checkpoint, &changes).await?;
    if let Some((position, why)) = &checkpoint.poison {
        tracing::error!(
            projection = name,
            position,
            why,
            "an event cannot be folded; this read model stops here"
        );
    }
    Ok(Advanced { checkpoint, keys: changes.into_iter().map(|(key, _)| key).collect() })
}

type Folded = Result<Vec<Change>, (i64, String)>;

async fn folded(
    projection: &Arc<dyn Projection>,
    entries: &Arc<[Entry]>,
    count: usize,
    mut rows: Rows,
) -> Result<Folded, ReadError> {
    let (projection, entries) = (projection.clone(), entries.clone());
    let mut fold = move || {
        let part = entries.get(..count).unwrap_or_default();
        fold::apply(projection.as_ref(), part, &mut rows).map_err(|(at, poison)| (at, poison.to_string()))?;
        let last = part.last().map_or(0, |entry| entry.position);
        rows.settle().map_err(|poison| (last, poison.to_string()))
    };
    if count <= INLINE_EVENTS_MAX {
        return Ok(fold());
    }
    tokio::task::spawn_blocking(fold).await.map_err(|_| ReadError::Unavailable("the fold was ended".into()))
}

async fn write(
    place: &Place,
    projection: &dyn Projection,
    from: &Checkpoint,
    to: &Checkpoint,
    changes: &[Change],
) -> Result<(), ReadError> {
    let (name, sealed) = (projection.name(), projection.sealed());
    let mut kept = Columns::default();
    let mut gone = Vec::new();
    for (key, row) in changes {
        match row {
            Some(row) => kept.push(&place.rest, name, sealed, key, row)?,
            None => gone.push(key.as_str()),
        }
    }
    // A read model can be made anew, so its commits need not wait for the disk; the log's always do.
    let swapped: i64 = sqlx::query_scalar(&format!(
        "with swapped as (
             update read.checkpoints set position = $1, poison_position = $2, poison = $3
             where projection = $4 and position = $5 and generation = $6 and version = $7
             returning set_config('synchronous_commit', 'off', true)
         ), kept as (
             insert into read.{name} (key, rank, doc)
             select row.* from swapped, unnest($8::text[], $9::bigint[], $10::text[]) as row
             on conflict (key) do update set rank = excluded.rank, doc = excluded.doc
         ), gone as (
             delete from read.{name} where key = any($11::text[]) and exists (select from swapped)
         )
         select count(*) from swapped"
    ))
    .bind(to.position)
    .bind(to.poison.as_ref().map(|(position, _)| *position))
    .bind(to.poison.as_ref().map(|(_, why)| why.replace('\0', "\u{fffd}")))
    .bind(name)
    .bind(from.position)
    .bind(from.generation)
    .bind(from.version)
    .bind(&kept.keys)
    .bind(&kept.ranks)
    .bind(&kept.docs)
    .bind(&gone)
    .fetch_one(&place.pool)
    .await?;
    if swapped == 1 { Ok(()) } else { Err(ReadError::Overtaken(name)) }
}

/// Moves checkpoints over events that do not touch their projections, in one statement; answers with the names moved.
pub(crate) async fn skip(
    place: &Place,
    from: &[(&'static str, &Checkpoint)],
    to: i64,
) -> Result<Vec<String>, ReadError> {
    if from.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<&str> = from.iter().map(|(name, _)| *name).collect();
    let positions: Vec<i64> = from.iter().map(|(_, at)| at.position).collect();
    let generations: Vec<i32> = from.iter().map(|(_, at)| at.generation).collect();
    let versions: Vec<i32> = from.iter().map(|(_, at)| at.version).collect();
    let moved: Vec<(String, String)> = sqlx::query_as(
        "update read.checkpoints as c set position = $1, poison_position = null, poison = null
         from unnest($2::text[], $3::bigint[], $4::integer[], $5::integer[]) as f (name, position, generation, version)
         where c.projection = f.name and c.position = f.position and c.generation = f.generation
           and c.version = f.version
         returning c.projection, set_config('synchronous_commit', 'off', true)",
    )
    .bind(to)
    .bind(&names)
    .bind(&positions)
    .bind(&generations)
    .bind(&versions)
    .fetch_all(&place.pool)
    .await?;
    Ok(moved.into_iter().map(|(name, _)| name).collect())
}
