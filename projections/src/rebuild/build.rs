//! A read model being folded from the log, in bounded memory.
//!
//! Begin with [`Build::follow`]. Events are decoded, and their keys named, on the worker threads of the replay; one thread
//! folds. Rows beyond the memory allowed go out to the shadow table and come back when an event touches them again.

use super::shadow::{self, Shadow};
use super::{Progress, Stage};
use crate::error::ReadError;
use crate::fold::{Entry, Projection, Rows};
use crate::limits::{REBUILD_HELD_BYTES_MAX, REBUILD_HELD_EVENTS_MAX};
use crate::points;
use crate::rows::Change;
use crate::table::{self, Rest, Spot};
use eventstore::Store;
use sqlx::PgConnection;
use std::sync::Arc;

pub(crate) struct Build {
    pub projection: Arc<dyn Projection>,
    pub rows: Rows,
    pub position: i64,
    memory_bytes_max: usize,
    /// Folded since the rows were written as text.
    held_events: usize,
    held_bytes: usize,
    /// How often rows were put out.
    pub spills: usize,
}

/// An event that is folded, with the keys it touches.
struct Item {
    entry: Entry,
    keys: Vec<String>,
    bytes: usize,
}

/// Where a chunk of the replay ends, and what of it is folded.
struct Chunk {
    last: i64,
    items: Vec<Item>,
}

type Poisoned = (i64, String);

impl Build {
    pub fn new(projection: Arc<dyn Projection>, memory_bytes_max: usize) -> Self {
        let rows = Rows::default();
        Self { projection, rows, position: 0, memory_bytes_max, held_events: 0, held_bytes: 0, spills: 0 }
    }

    /// Goes on from rows as they were at a position.
    pub fn resume(mut self, position: i64, rows: impl Iterator<Item = (String, crate::fold::Row)>) -> Self {
        rows.for_each(|(key, row)| self.rows.load(key, Some(row)));
        self.position = position;
        self
    }

    /// Folds on, up to a position or the end of the log. Without a shadow table all must fit into memory, else
    /// [`ReadError::TooLarge`].
    pub async fn follow(
        &mut self,
        store: &Store,
        to: i64,
        mut shadow: Option<&mut Shadow>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ReadError> {
        let mut replay = replay(store, &self.projection, self.position, to);
        while let Some(chunk) = replay.next().await {
            let Chunk { last, items } = gather(chunk?, self.position);
            if let Some(shadow) = &mut shadow {
                self.fetch(shadow, &items).await?;
            }
            self.fold(items).await?;
            self.position = last;
            points::pass("folding");
            let held_max = REBUILD_HELD_BYTES_MAX.min(self.memory_bytes_max);
            if self.held_events >= REBUILD_HELD_EVENTS_MAX || self.held_bytes >= held_max {
                self.rest().await?;
                if self.rows.weight() > self.memory_bytes_max {
                    let Some(shadow) = &mut shadow else { return Err(self.too_large()) };
                    let out = self.rows.evict(self.memory_bytes_max / 2);
                    shadow.put(out).await?;
                    self.spills += 1;
                    points::pass("spilled");
                }
            }
            progress(Progress { stage: Stage::Folding, position: last });
        }
        self.rest().await?;
        match shadow.is_none() && self.rows.weight() > self.memory_bytes_max {
            true => Err(self.too_large()),
            false => Ok(()),
        }
    }

    fn too_large(&self) -> ReadError {
        ReadError::TooLarge { name: self.projection.name(), bytes_max: self.memory_bytes_max }
    }

    /// Folds on from what stands in a finished table, and writes into it.
    pub async fn catch_up(
        &mut self,
        store: &Store,
        to: i64,
        connection: &mut PgConnection,
        (rest, spot): (&Rest, &Spot),
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ReadError> {
        let mut replay = replay(store, &self.projection, self.position, to);
        while let Some(chunk) = replay.next().await {
            let Chunk { last, items } = gather(chunk?, self.position);
            let mut keys: Vec<String> = items.iter().flat_map(|item| item.keys.iter().cloned()).collect();
            keys.sort_unstable();
            keys.dedup();
            self.rows = Rows::default();
            for (key, row) in table::load(&mut *connection, rest, spot, &keys).await? {
                self.rows.load(key, Some(row));
            }
            self.fold(items).await?;
            let changes = self.settle().await?;
            shadow::change(connection, rest, spot, &changes).await?;
            self.position = last;
            progress(Progress { stage: Stage::CatchingUp, position: last });
        }
        self.rows = Rows::default();
        Ok(())
    }

    /// Brings back what was put out and is touched again.
    async fn fetch(&mut self, shadow: &mut Shadow, items: &[Item]) -> Result<(), ReadError> {
        if self.spills == 0 {
            return Ok(());
        }
        let mut unknown: Vec<String> = items
            .iter()
            .flat_map(|item| item.keys.iter())
            .filter(|key| !self.rows.knows(key))
            .cloned()
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        for (key, row) in shadow.take(unknown).await? {
            self.rows.load(key, Some(row));
        }
        Ok(())
    }

    async fn fold(&mut self, items: Vec<Item>) -> Result<(), ReadError> {
        self.held_events += items.len();
        self.held_bytes += items.iter().map(|item| item.bytes).sum::<usize>();
        let projection = self.projection.clone();
        self.work(move |rows| {
            for Item { entry, keys, .. } in items {
                let at = |why| (entry.position, why);
                let known = entry.known.as_ref().map_err(|why| at(why.clone()))?;
                for key in keys {
                    Rows::check_key(&key).map_err(|poison| at(poison.to_string()))?;
                    rows.load(key, None);
                }
                projection.apply(known, rows).map_err(|poison| at(poison.to_string()))?;
            }
            Ok(())
        })
        .await
    }

    async fn rest(&mut self) -> Result<(), ReadError> {
        let position = self.position;
        (self.held_events, self.held_bytes) = (0, 0);
        self.work(move |rows| rows.rest().map_err(|poison| (position, poison.to_string()))).await
    }

    async fn settle(&mut self) -> Result<Vec<Change>, ReadError> {
        let position = self.position;
        (self.held_events, self.held_bytes) = (0, 0);
        self.work(move |rows| rows.settle().map_err(|poison| (position, poison.to_string()))).await
    }

    /// Folding is not for the threads that answer requests.
    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Rows) -> Result<T, Poisoned> + Send + 'static,
    ) -> Result<T, ReadError> {
        let mut rows = std::mem::take(&mut self.rows);
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&mut rows);
            (rows, done)
        });
        let (rows, done) = working.await.map_err(|_| ReadError::Unavailable("the fold was ended".into()))?;
        self.rows = rows;
        done.map_err(|(position, why)| ReadError::Poisoned { name: self.projection.name(), position, why })
    }
}

/// Reads on, decoding only what is folded; the positions of all.
fn replay(
    store: &Store,
    projection: &Arc<dyn Projection>,
    after: i64,
    to: i64,
) -> eventstore::Replay<(i64, Option<Item>)> {
    let projection = projection.clone();
    store.replay_map(after, to, move |recorded| {
        let position = recorded.position;
        if !projection.folds(recorded.stream.category, &recorded.type_name) {
            return Ok((position, None));
        }
        let bytes = recorded.payload.open().map_or(0, <[u8]>::len);
        let entry = Entry::read(&recorded);
        let keys = entry.known.as_ref().map_or_else(|_| vec![], |known| projection.keys(known));
        Ok((position, Some(Item { entry, keys, bytes })))
    })
}

fn gather(chunk: Vec<(i64, Option<Item>)>, before: i64) -> Chunk {
    let last = chunk.last().map_or(before, |(position, _)| *position);
    Chunk { last, items: chunk.into_iter().filter_map(|(_, item)| item).collect() }
}
