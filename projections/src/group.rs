//! One group of events through one projection: load what it touches, fold, write rows and checkpoint together.
//!
//! Begin with [`advance`]. The write is one statement that begins with a compare-and-swap of the checkpoint, so each
//! event is folded exactly once: who folded on an older state swaps nothing and writes nothing. [`fold_group`] is the
//! part without a database.

use crate::error::ReadError;
use crate::fold::{self, Entry, Projection, Rows};
use crate::limits::INLINE_EVENTS_MAX;
use crate::points;
use crate::rows::Change;
use crate::statement::{Statement, Transaction};
use crate::table::{self, Checkpoint, Rest, Spot};
use chrono::Utc;
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
    /// As they are stored now.
    pub rows: Rows,
}

/// A group as it is folded: how far, and what of the rows differs.
pub(crate) struct Folded {
    pub checkpoint: Checkpoint,
    pub changes: Vec<Change>,
}

/// Folds `entries`, all of them after the checkpoint, and moves it to `to` or to before the first event that cannot be
/// folded. `rows` are as stored when the checkpoint was written, as far as known, and may be empty; more
/// than `rows_bytes_max` of them are not handed back.
pub(crate) async fn advance(
    place: &Place,
    projection: &Arc<dyn Projection>,
    from: &Checkpoint,
    entries: &Arc<[Entry]>,
    to: i64,
    mut rows: Rows,
    rows_bytes_max: usize,
) -> Result<Advanced, ReadError> {
    let (keys, mut poison) = fold::touched(projection.as_ref(), entries);
    let unknown: Vec<String> = keys.iter().filter(|key| !rows.knows(key)).cloned().collect();
    if !unknown.is_empty() {
        match table::load(&place.pool, &place.rest, &Spot::live(projection.as_ref()), &unknown).await {
            // A row of ours that does not open does not get better by itself.
            Err(ReadError::Unreadable { why, .. }) => {
                poison = Some((entries.first().map_or(to, |entry| entry.position), why));
            }
            loaded => loaded?.into_iter().for_each(|(key, row)| rows.load(key, Some(row))),
        }
    }
    keys.into_iter().for_each(|key| rows.load(key, None));
    let (mut rows, Folded { checkpoint, changes }) = if entries.len() <= INLINE_EVENTS_MAX {
        let folded = fold_group(projection.as_ref(), from, entries, to, poison, &mut rows);
        (rows, folded)
    } else {
        let (projection, from, entries) = (projection.clone(), from.clone(), entries.clone());
        let folding = tokio::task::spawn_blocking(move || {
            let folded = fold_group(projection.as_ref(), &from, &entries, to, poison, &mut rows);
            (rows, folded)
        });
        folding.await.map_err(|_| ReadError::Unavailable("the fold was ended".into()))?
    };
    points::pass("folded");
    let statement = Statement::advance(
        projection.as_ref(),
        &place.rest,
        (from, &checkpoint),
        &changes,
        Transaction::Own,
    )?;
    if !statement.run(&place.pool).await? {
        return Err(ReadError::Overtaken(projection.name()));
    }
    points::pass("written");
    if let Some((position, why)) = &checkpoint.poison {
        let projection = projection.name();
        tracing::error!(projection, position, why, "an event cannot be folded; this read model stops here");
    }
    if rows.weight() > rows_bytes_max {
        drop(rows.evict(rows_bytes_max / 2));
    }
    Ok(Advanced { checkpoint, keys: changes.into_iter().map(|(key, _)| key).collect(), rows })
}

/// Folds in memory; `rows` hold what the entries touch and come out as they are to be stored.
pub(crate) fn fold_group(
    projection: &dyn Projection,
    from: &Checkpoint,
    entries: &[Entry],
    to: i64,
    mut poison: Option<(i64, String)>,
    rows: &mut Rows,
) -> Folded {
    let changes = loop {
        let until = poison.as_ref().map_or(i64::MAX, |(position, _)| *position);
        let part = entries.get(..entries.partition_point(|entry| entry.position < until)).unwrap_or_default();
        let last = part.last().map_or(0, |entry| entry.position);
        let folded = fold::apply(projection, part, rows)
            .and_then(|()| rows.settle().map_err(|poison| (last, poison)))
            .map_err(|(at, poison)| (at, poison.to_string()));
        match folded {
            Ok(changes) => break changes,
            // What came before it is folded again without it, from what is stored: a row it half changed is not kept.
            // Each turn stops at an earlier event, so the turns end.
            Err(stopped) => {
                rows.revert();
                poison = Some(stopped);
            }
        }
    };
    let position = poison.as_ref().map_or(to, |(position, _)| (position - 1).clamp(from.position, to));
    let now = Utc::now();
    let age_us = entries.last().and_then(|entry| (now - entry.at).num_microseconds());
    let moved = Some((now, age_us.unwrap_or_default().max(0)));
    Folded { checkpoint: Checkpoint { position, poison, moved, ..from.clone() }, changes }
}

/// Moves checkpoints over events that do not touch their projections, in one statement; answers with the names moved.
pub(crate) async fn skip(
    place: &Place,
    from: &[(&'static str, &Checkpoint)],
    to: i64,
    age_us: i64,
) -> Result<Vec<String>, ReadError> {
    if from.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<&str> = from.iter().map(|(name, _)| *name).collect();
    let positions: Vec<i64> = from.iter().map(|(_, at)| at.position).collect();
    let generations: Vec<i32> = from.iter().map(|(_, at)| at.generation).collect();
    let versions: Vec<i32> = from.iter().map(|(_, at)| at.version).collect();
    let moved: Vec<(String, String)> = sqlx::query_as(
        "update read.checkpoints as c set position = $1, poison_position = null, poison = null, moved_at = clock_timestamp(),
             age_us = $6
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
    .bind(age_us)
    .fetch_all(&place.pool)
    .await?;
    Ok(moved.into_iter().map(|(name, _)| name).collect())
}
