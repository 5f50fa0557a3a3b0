//! A read model as it was when the log ended at an earlier position: folded anew in memory, nothing is written.
//!
//! Begin with [`as_of`]; pages use [`Reader::at`](crate::Reader::at), which keeps the last few of them here.

use crate::error::ReadError;
use crate::fold::Row;
use crate::limits::{PAST_BYTES_MAX, PAST_KEPT_BYTES_MAX, PAST_KEPT_MAX, SLOT_BYTES};
use crate::rebuild::{Build, Canonical, Progress, named};
use eventstore::{EventLog, Store};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// A read model as it was when the log ended at a position.
#[derive(Clone, Debug)]
pub struct AsOf {
    pub position: i64,
    /// SHA-256 over all rows in the order of keys.
    pub digest: String,
    name: &'static str,
    rows: BTreeMap<String, Row>,
    bytes: usize,
}

impl AsOf {
    /// How many rows there were, those for the fold itself included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row under a key.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        self.rows.get(key).map(|row| self.parse(key, row)).transpose()
    }

    /// Rows whose key begins so, highest rank first; rows for the fold itself are left out.
    pub fn list<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, ReadError> {
        let mut rows: Vec<_> = self.rows.range(prefix.to_owned()..).collect();
        rows.retain(|(key, row)| key.starts_with(prefix) && row.rank >= 0);
        rows.sort_by(|(a, x), (b, y)| y.rank.cmp(&x.rank).then_with(|| a.cmp(b)));
        rows.into_iter().map(|(key, row)| self.parse(key, row)).collect()
    }

    /// Rows that lists show, highest rank first.
    pub(crate) fn shown<T: DeserializeOwned>(&self) -> Result<Vec<T>, ReadError> {
        let mut rows: Vec<_> = self.rows.iter().filter(|(_, row)| row.rank > 0).collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.rank));
        rows.into_iter().map(|(key, row)| self.parse(key, row)).collect()
    }

    /// The one row with this rank.
    pub(crate) fn ranked<T: DeserializeOwned>(&self, rank: i64) -> Result<Option<T>, ReadError> {
        let found = self.rows.iter().find(|(_, row)| row.rank == rank);
        found.map(|(key, row)| self.parse(key, row)).transpose()
    }

    /// All rows in the order of keys.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(key, row)| (key.as_str(), row))
    }

    fn parse<T: DeserializeOwned>(&self, key: &str, row: &Row) -> Result<T, ReadError> {
        serde_json::from_str(&row.doc).map_err(|error| ReadError::Unreadable {
            table: self.name.to_owned(),
            why: format!("{key}: {error}"),
        })
    }
}

/// A read model as it was at a position, or at the end of the log if that comes first. In memory only, and refused as
/// [`ReadError::TooLarge`] where that would take more than [`PAST_BYTES_MAX`].
pub async fn as_of(
    store: &Store,
    name: &str,
    position: i64,
    progress: impl FnMut(Progress),
) -> Result<AsOf, ReadError> {
    go_on(store, Build::new(named(name)?, PAST_BYTES_MAX), position, progress).await
}

async fn go_on(
    store: &Store,
    mut build: Build,
    position: i64,
    mut progress: impl FnMut(Progress),
) -> Result<AsOf, ReadError> {
    build.follow(store, position.max(0), None, &mut progress).await?;
    let rows: BTreeMap<String, Row> = build.rows.evict(0).into_iter().collect();
    let mut canonical = Canonical::default();
    rows.iter().for_each(|(key, row)| canonical.add(key, row));
    let bytes = rows.iter().map(|(key, row)| key.len() + row.doc.len() + SLOT_BYTES).sum();
    let name = build.projection.name();
    Ok(AsOf { position: build.position, digest: canonical.finish(), name, rows, bytes })
}

/// The last few looks into the past, so that the pages of one position fold the log once, and a later one goes on from
/// an earlier one.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    /// Of the log, when these were made. Keys were destroyed since: they show what was erased.
    epoch: i64,
    /// Most lately used last.
    models: VecDeque<Arc<AsOf>>,
}

impl Kept {
    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`as_of`], from what is kept where possible.
    pub async fn at(&self, store: &Store, name: &str, position: i64) -> Result<Arc<AsOf>, ReadError> {
        let epoch = store.epoch().await?;
        let projection = named(name)?;
        let nearest = self.shelf().nearest(epoch, name, position);
        let build = Build::new(projection, PAST_BYTES_MAX);
        let build = match nearest {
            Some(found) if found.position == position => return Ok(found),
            Some(found) => {
                build.resume(found.position, found.rows().map(|(key, row)| (key.to_owned(), row.clone())))
            }
            None => build,
        };
        let head = store.head().await?.position;
        let made = Arc::new(go_on(store, build, position.min(head), |_| {}).await?);
        self.shelf().keep(epoch, &made);
        Ok(made)
    }
}

impl Shelf {
    /// The newest one at this position or before it.
    fn nearest(&mut self, epoch: i64, name: &str, position: i64) -> Option<Arc<AsOf>> {
        if self.epoch != epoch {
            self.models.clear();
            self.epoch = epoch;
        }
        let fits = |model: &&Arc<AsOf>| model.name == name && model.position <= position;
        let found = self.models.iter().filter(fits).max_by_key(|model| model.position)?.clone();
        self.models.retain(|model| !Arc::ptr_eq(model, &found));
        self.models.push_back(found.clone());
        Some(found)
    }

    fn keep(&mut self, epoch: i64, model: &Arc<AsOf>) {
        if self.epoch != epoch {
            return;
        }
        self.models.push_back(model.clone());
        let bytes = |models: &VecDeque<Arc<AsOf>>| models.iter().map(|model| model.bytes).sum::<usize>();
        while self.models.len() > PAST_KEPT_MAX || bytes(&self.models) > PAST_KEPT_BYTES_MAX {
            if self.models.pop_front().is_none() {
                break;
            }
        }
    }
}
