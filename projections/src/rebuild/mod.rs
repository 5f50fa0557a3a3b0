//! Building a read model anew beside the old one, then swapping.
//!
//! Begin with [`rebuild`]. The stages: an empty shadow table; fold the log in bounded memory; put the rows into the
//! shadow by binary COPY; make indexes and statistics; catch up with what came since; compare, if asked; then one
//! transaction that holds the live model, folds the last tail and swaps. The old table serves until that commits. Killed
//! anywhere before, nothing of it is touched, and what is left in schema `read_next` is dropped by the next rebuild.
//!
//! Never here: changing a row of the table that serves.

mod build;
mod compare;
mod filter;
mod shadow;

use crate::error::ReadError;
use crate::fold::Projection;
use crate::folds;
use crate::limits::{
    CATCH_UP_NEAR_EVENTS, CATCH_UP_ROUNDS_MAX, REBUILD_MEMORY_BYTES_MAX, SWAP_PAUSE_MS, SWAP_TRIES_MAX,
};
use crate::points;
use crate::table::{self, Rest, Spot};
use eventstore::{EventLog, Store};
use secrets::KeyRing;
use shadow::{Shadow, Swap};
use sqlx::{Connection, PgConnection, PgPool};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use build::Build;
pub(crate) use compare::{Canonical, dump, select};

/// What a rebuild is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Swap only if the rebuilt model equals the live one byte for byte at the same position, else
    /// [`ReadError::Differs`].
    pub compare: bool,
    /// Build it as of this position, in a table aside that never serves: schema `read_next`, name with `_at`.
    pub to: Option<i64>,
    /// Bytes of rows held in memory; what is more goes out to the shadow table meanwhile.
    pub memory_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { compare: false, to: None, memory_bytes_max: REBUILD_MEMORY_BYTES_MAX }
    }
}

/// What a rebuild is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Folding,
    Copying,
    Indexing,
    CatchingUp,
    Comparing,
    Swapping,
}

impl Stage {
    /// In the words of a progress line.
    pub fn words(self) -> &'static str {
        match self {
            Self::Folding => "Replaying events",
            Self::Copying => "Writing rows",
            Self::Indexing => "Making indexes",
            Self::CatchingUp => "Catching up",
            Self::Comparing => "Comparing",
            Self::Swapping => "Swapping",
        }
    }
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub stage: Stage,
    /// Of the last event that was folded.
    pub position: i64,
}

/// What a rebuild found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Rebuilt {
    pub name: String,
    pub position: i64,
    pub rows: usize,
    /// SHA-256 over all rows in the order of keys, where they were read for a comparison or stand aside.
    pub digest: Option<String>,
    /// Whether it was equal to the live one; none if that was not asked.
    pub equal: Option<bool>,
    /// Where it stands, if it was built aside.
    pub table: Option<String>,
    /// How often rows had to leave memory.
    pub spills: usize,
}

/// Names of all projections and what they are for.
pub fn list() -> Vec<(&'static str, &'static str)> {
    folds::all().iter().map(|projection| (projection.name(), projection.purpose())).collect()
}

pub(crate) fn named(name: &str) -> Result<Arc<dyn Projection>, ReadError> {
    folds::named(name).ok_or_else(|| ReadError::Unknown(name.to_owned()))
}

/// Rebuilds one read model from the whole log and puts it in place of the old one. `compare`: only if both are equal
/// byte for byte at the same position, else [`ReadError::Differs`] and the old one stays.
pub async fn rebuild(
    store: &Store,
    pool: &PgPool,
    keyring: &KeyRing,
    name: &str,
    compare: bool,
    progress: impl FnMut(Progress),
) -> Result<Rebuilt, ReadError> {
    let options = Options { compare, ..Options::default() };
    rebuild_with(store, pool, keyring, named(name)?, &options, progress).await
}

/// [`rebuild`] with options, for a projection that need not be one of the usual ones.
pub async fn rebuild_with(
    store: &Store,
    pool: &PgPool,
    keyring: &KeyRing,
    projection: Arc<dyn Projection>,
    options: &Options,
    mut progress: impl FnMut(Progress),
) -> Result<Rebuilt, ReadError> {
    table::prepare(pool).await?;
    let rest = Rest { keyring: keyring.clone() };
    let head = store.head().await?.position;
    let (spot, to) = match options.to {
        Some(to) => (Spot::aside(projection.as_ref()), to.clamp(0, head)),
        None => {
            // A comparison needs both at one position; the old one decides which.
            let live = table::begin(pool, projection.as_ref(), None).await?;
            (Spot::next(projection.as_ref()), if options.compare { live.position } else { head })
        }
    };
    let shadow = Shadow::begin(pool, rest, projection.clone(), spot).await?;
    points::pass("begun");
    let build = Build::new(projection, options.memory_bytes_max);
    let mut work = Work { store, build, shadow, digest: None };
    work.fill(to, &mut progress).await?;
    if options.to.is_some() {
        return work.aside().await;
    }
    if options.compare {
        work.compare(pool, &mut progress).await?;
    }
    work.approach(pool, &mut progress).await?;
    work.take_over(&mut progress).await
}

struct Work<'a> {
    store: &'a Store,
    build: Build,
    shadow: Shadow,
    digest: Option<String>,
}

impl Work<'_> {
    /// Folds up to a position and puts all rows into a finished shadow table.
    async fn fill(&mut self, to: i64, progress: &mut impl FnMut(Progress)) -> Result<(), ReadError> {
        self.build.follow(self.store, to, Some(&mut self.shadow), progress).await?;
        self.tell(Stage::Copying, progress);
        let rows = self.build.rows.evict(0);
        self.shadow.put(rows).await?;
        points::pass("copied");
        self.tell(Stage::Indexing, progress);
        self.shadow.finish().await
    }

    fn tell(&self, stage: Stage, progress: &mut impl FnMut(Progress)) {
        progress(Progress { stage, position: self.build.position });
    }

    async fn aside(mut self) -> Result<Rebuilt, ReadError> {
        let Shadow { connection, rest, spot, .. } = &mut self.shadow;
        let (digest, rows) = compare::digest(connection, rest, spot).await?;
        self.digest = Some(digest);
        let table = self.shadow.spot.table.clone();
        Ok(Rebuilt { table: Some(table), equal: None, ..self.rebuilt(rows) })
    }

    fn rebuilt(&self, rows: usize) -> Rebuilt {
        Rebuilt {
            name: self.shadow.spot.name.to_owned(),
            position: self.build.position,
            rows,
            digest: self.digest.clone(),
            equal: self.digest.as_ref().map(|_| true),
            table: None,
            spills: self.build.spills,
        }
    }

    async fn catch_up(&mut self, to: i64, progress: &mut impl FnMut(Progress)) -> Result<(), ReadError> {
        let Shadow { connection, rest, spot, .. } = &mut self.shadow;
        self.build.catch_up(self.store, to, connection, (rest, spot), progress).await
    }

    /// Compares with a snapshot of the live table, at its position.
    async fn compare(&mut self, pool: &PgPool, progress: &mut impl FnMut(Progress)) -> Result<(), ReadError> {
        let projection = self.build.projection.clone();
        let name = projection.name();
        let mut snapshot = pool.begin_with("begin isolation level repeatable read read only").await?;
        let live = table::checkpoint(&mut *snapshot, name).await?.ok_or(ReadError::Overtaken(name))?;
        if live.version != projection.version() || live.position < self.build.position {
            return Err(ReadError::Overtaken(name));
        }
        self.catch_up(live.position, progress).await?;
        self.tell(Stage::Comparing, progress);
        let Shadow { connection, rest, spot, .. } = &mut self.shadow;
        let old = Spot::live(projection.as_ref());
        match compare::equal(rest, (&mut snapshot, &old), (connection, spot)).await? {
            Ok(digest) => self.digest = Some(digest),
            Err(key) => return Err(ReadError::Differs { name: name.to_owned(), key }),
        }
        // Lets go of the old table before the swap wants it.
        snapshot.rollback().await?;
        points::pass("compared");
        Ok(())
    }

    /// Follows the live model until it is near.
    async fn approach(
        &mut self,
        pool: &PgPool,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ReadError> {
        let name = self.build.projection.name();
        for _ in 0..CATCH_UP_ROUNDS_MAX {
            let live = table::checkpoint(pool, name).await?.map_or(0, |live| live.position);
            if live - self.build.position <= CATCH_UP_NEAR_EVENTS {
                break;
            }
            self.catch_up(live, progress).await?;
        }
        points::pass("caught_up");
        Ok(())
    }

    /// Swaps; waits its turn where somebody reads the old table.
    async fn take_over(mut self, progress: &mut impl FnMut(Progress)) -> Result<Rebuilt, ReadError> {
        let (mut rows, mut counted) = (self.count().await?, self.build.position);
        for _ in 0..SWAP_TRIES_MAX {
            self.tell(Stage::Swapping, progress);
            match self.swap(progress).await {
                Err(Swap::InUse) => {
                    tokio::time::sleep(Duration::from_millis(SWAP_PAUSE_MS)).await;
                    if counted != self.build.position {
                        (rows, counted) = (self.count().await?, self.build.position);
                    }
                }
                Err(Swap::Failed(error)) => return Err(error),
                Ok(late) => {
                    points::pass("swapped");
                    return Ok(self.rebuilt(late.unwrap_or(rows)));
                }
            }
        }
        Err(ReadError::InUse(self.build.projection.name()))
    }

    async fn count(&mut self) -> Result<usize, ReadError> {
        count(&mut self.shadow.connection, &self.shadow.spot).await
    }

    /// One transaction. Answers with the number of rows, if a tail had to be folded.
    async fn swap(&mut self, progress: &mut impl FnMut(Progress)) -> Result<Option<usize>, Swap> {
        let before = self.build.position;
        let Shadow { connection, rest, spot, .. } = &mut self.shadow;
        let mut tx = connection.begin().await?;
        match exchange(self.store, &mut self.build, &mut tx, (rest, spot), progress).await {
            Ok(rows) => {
                points::pass("swapping");
                tx.commit().await?;
                Ok(rows)
            }
            Err(error) => {
                // The tail goes with the transaction, and the live model must not wait for the next try.
                self.build.position = before;
                tx.rollback().await?;
                Err(error)
            }
        }
    }
}

/// Holds the live model, folds the last tail, and exchanges the tables.
async fn exchange(
    store: &Store,
    build: &mut Build,
    tx: &mut PgConnection,
    (rest, spot): (&Rest, &Spot),
    progress: &mut impl FnMut(Progress),
) -> Result<Option<usize>, Swap> {
    let projection = build.projection.clone();
    let held = shadow::hold(tx, projection.as_ref()).await?;
    points::pass("held");
    let mut rows = None;
    if held.position > build.position {
        build.catch_up(store, held.position, tx, (rest, spot), progress).await?;
        rows = Some(count(tx, spot).await?);
    }
    shadow::exchange(tx, projection.as_ref(), spot, &held, build.position).await?;
    Ok(rows)
}

async fn count(connection: &mut PgConnection, spot: &Spot) -> Result<usize, ReadError> {
    let count: i64 =
        sqlx::query_scalar(&format!("select count(*) from {}", spot.table)).fetch_one(connection).await?;
    Ok(usize::try_from(count).unwrap_or_default())
}
