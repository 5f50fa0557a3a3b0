//! Keeping the read models up to date: fold the waiting group in memory, write it in one transaction.
//!
//! Begin with [`Projector::start`]. The checkpoint is swapped in the same transaction as the rows, so each event is
//! folded exactly once; a second projector on the same tables writes nothing that the first one wrote. An event that
//! cannot be folded stops only its projection, visibly.

use crate::error::ReadError;
use crate::fold::{Known, Projection, Rows};
use crate::folds;
use crate::limits::GROUP_EVENTS_MAX;
use crate::table::{self, Checkpoint, Rest};
use eventstore::{EventLog, Recorded, Store};
use secrets::KeyRing;
use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// What one transaction changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// All projections that are well have reached at least this position.
    pub position: i64,
    /// Projection and key.
    pub touched: Vec<(&'static str, String)>,
}

/// Pause after an error before the same group is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Changes a page may miss before it has to draw itself anew.
const CHANGES_KEPT: usize = 256;

/// The task that keeps the read models. Dropping it stops it.
pub struct Projector {
    changes: broadcast::Sender<Changed>,
    reached: watch::Receiver<i64>,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

struct Live {
    projection: Box<dyn Projection>,
    checkpoint: Checkpoint,
}

impl Projector {
    /// Makes tables that are missing or of another version, then follows the log.
    pub async fn start(store: Store, pool: PgPool, keyring: KeyRing) -> Result<Self, ReadError> {
        table::prepare(&pool).await?;
        let mut live = Vec::new();
        for projection in folds::all() {
            let checkpoint = table::begin(&pool, projection.as_ref()).await?;
            live.push(Live { projection, checkpoint });
        }
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let (reached_tx, reached) = watch::channel(0);
        let stop = CancellationToken::new();
        let work =
            Work { store, pool, rest: Rest { keyring }, live, changes: changes.clone(), reached: reached_tx };
        let task = tokio::spawn(work.follow(stop.clone()));
        Ok(Self { changes, reached, stop, task: Some(task) })
    }

    /// What changes from now on.
    pub fn changed(&self) -> broadcast::Receiver<Changed> {
        self.changes.subscribe()
    }

    /// The position that all projections that are well have reached.
    pub fn reached(&self) -> watch::Receiver<i64> {
        self.reached.clone()
    }

    /// Stops after the group at hand.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Work {
    store: Store,
    pool: PgPool,
    rest: Rest,
    live: Vec<Live>,
    changes: broadcast::Sender<Changed>,
    reached: watch::Sender<i64>,
}

impl Work {
    async fn follow(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let position = self.position();
            let turn = tokio::select! {
                () = stop.cancelled() => return,
                turn = self.turn(position) => turn,
            };
            match turn {
                Ok(true) => {}
                Ok(false) => tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.store.wait_beyond(position) => {}
                },
                Err(error) => {
                    tracing::warn!(%error, "the read models wait");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                    self.reload().await;
                }
            }
        }
    }

    /// The furthest position that every projection that is well has reached.
    fn position(&self) -> i64 {
        let well = self.live.iter().filter(|live| live.checkpoint.poison.is_none());
        well.map(|live| live.checkpoint.position).min().unwrap_or(i64::MAX)
    }

    /// Folds the next group; false if there is none.
    async fn turn(&mut self, after: i64) -> Result<bool, ReadError> {
        if after == i64::MAX {
            return Ok(false);
        }
        let group = self.store.read_from(after, GROUP_EVENTS_MAX).await?;
        if group.is_empty() {
            self.reached.send_if_modified(|reached| std::mem::replace(reached, after) != after);
            return Ok(false);
        }
        let mut touched = Vec::new();
        for live in self.live.iter_mut().filter(|live| live.checkpoint.poison.is_none()) {
            touched.extend(fold_group(&self.pool, &self.rest, live, &group).await?);
        }
        let position = self.position();
        self.reached.send_replace(position);
        // Nobody listening is no error.
        let _ = self.changes.send(Changed { position, touched });
        Ok(true)
    }

    /// After an error another process may have swapped a table: begin from what is stored.
    async fn reload(&mut self) {
        for live in &mut self.live {
            match table::begin(&self.pool, live.projection.as_ref()).await {
                Ok(checkpoint) => live.checkpoint = checkpoint,
                Err(error) => tracing::warn!(%error, "the checkpoint cannot be read"),
            }
        }
    }
}

/// Loads what the group touches, folds, and writes rows and checkpoint together.
async fn fold_group(
    pool: &PgPool,
    rest: &Rest,
    live: &mut Live,
    group: &[Recorded],
) -> Result<Vec<(&'static str, String)>, ReadError> {
    let (name, at) = (live.projection.name(), live.checkpoint.position);
    let mut rows = Rows::default();
    let mut position = at;
    let mut poison = None;
    let mut known = Vec::new();
    for recorded in group.iter().filter(|recorded| recorded.position > at) {
        match Known::read(recorded) {
            Ok(event) => known.push(event),
            Err(error) => {
                poison = Some((recorded.position, error.to_string()));
                break;
            }
        }
    }
    let mut keys: Vec<String> = known.iter().flat_map(|event| live.projection.keys(event)).collect();
    keys.sort();
    keys.dedup();
    for (key, row) in table::load(pool, rest, name, &keys).await? {
        rows.load(key, Some(row));
    }
    keys.into_iter().for_each(|key| rows.load(key, None));
    for event in &known {
        if let Err(error) = live.projection.apply(event, &mut rows) {
            poison = Some((event.position, error.to_string()));
            break;
        }
        position = event.position;
    }
    let changes: Vec<_> = rows.changes().collect();
    let written: Vec<_> = changes.iter().filter_map(|(key, row)| Some((*key, (*row)?))).collect();
    let removed: Vec<&str> = changes.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| *key).collect();

    let mut tx = pool.begin().await?;
    // A read model can be made anew, so its commits need not wait for the disk; the log's always do.
    sqlx::query("set local synchronous_commit = off").execute(&mut *tx).await?;
    let swapped = sqlx::query(
        "update read.checkpoints set position = $1, poison_position = $2, poison = $3
         where projection = $4 and position = $5 and generation = $6",
    )
    .bind(position)
    .bind(poison.as_ref().map(|(position, _)| *position))
    .bind(poison.as_ref().map(|(_, why)| why.as_str()))
    .bind(name)
    .bind(at)
    .bind(live.checkpoint.generation)
    .execute(&mut *tx)
    .await?;
    if swapped.rows_affected() != 1 {
        return Err(ReadError::Overtaken(name));
    }
    table::write(&mut tx, rest, name, live.projection.sealed(), &written).await?;
    if !removed.is_empty() {
        sqlx::query(&format!("delete from read.{name} where key = any($1)"))
            .bind(&removed)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    if let Some((position, why)) = &poison {
        tracing::error!(
            projection = name,
            position,
            why,
            "an event cannot be folded; this read model stops here"
        );
    }
    live.checkpoint.position = position;
    live.checkpoint.poison = poison;
    Ok(changes.into_iter().map(|(key, _)| (name, key.to_owned())).collect())
}
