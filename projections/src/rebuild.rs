//! Building a read model anew beside the old one, then swapping; and looking at one as it was at a position.
//!
//! Begin with [`rebuild`]. The old table serves until the swap, which is one transaction; killed anywhere before, nothing
//! is lost. With `compare` the swap happens only if both are equal byte for byte. [`as_of`] writes nothing at all.

use crate::error::ReadError;
use crate::fold::{self, Entry, Projection, Row, Rows};
use crate::folds;
use crate::limits::{
    INLINE_EVENTS_MAX, REBUILD_BYTES_PER_INSERT, REBUILD_ROWS_PER_INSERT, SWAP_LOCK_MS_MAX, SWAP_TRIES_MAX,
};
use crate::rows::Change;
use crate::table::{self, Columns, Rest};
use eventstore::{EventLog, Store};
use secrets::KeyRing;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// A read model as it was when the log ended at a position.
#[derive(Clone, Debug)]
pub struct AsOf {
    pub position: i64,
    /// SHA-256 over all rows in the order of keys.
    pub digest: String,
    name: String,
    rows: BTreeMap<String, Row>,
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
        let shown = |(key, row): &(&String, &Row)| key.starts_with(prefix) && row.rank >= 0;
        let mut rows: Vec<_> = self.rows.iter().filter(shown).collect();
        rows.sort_by(|(a, x), (b, y)| y.rank.cmp(&x.rank).then_with(|| a.cmp(b)));
        rows.into_iter().map(|(key, row)| self.parse(key, row)).collect()
    }

    fn parse<T: DeserializeOwned>(&self, key: &str, row: &Row) -> Result<T, ReadError> {
        serde_json::from_str(&row.doc).map_err(|error| ReadError::Unreadable {
            table: self.name.clone(),
            why: format!("{key}: {error}"),
        })
    }
}

/// Names of all projections and what they are for.
pub fn list() -> Vec<(&'static str, &'static str)> {
    folds::all().iter().map(|projection| (projection.name(), projection.purpose())).collect()
}

fn named(name: &str) -> Result<Arc<dyn Projection>, ReadError> {
    folds::named(name).ok_or_else(|| ReadError::Unknown(name.to_owned()))
}

/// A read model as it was at a position, or at the end of the log if that comes first. In memory only.
pub async fn as_of(
    store: &Store,
    name: &str,
    position: i64,
    mut progress: impl FnMut(i64),
) -> Result<AsOf, ReadError> {
    let mut build = Build::new(named(name)?);
    build.follow(store, position.max(0), None, &mut progress).await?;
    let digest = digest_of(build.rows.all());
    let rows = build.rows.all().map(|(key, row)| (key.to_owned(), row.clone())).collect();
    Ok(AsOf { position: build.position, digest, name: name.to_owned(), rows })
}

/// Rebuilds one read model from the whole log and puts it in place of the old one. `compare`: only if both are equal
/// byte for byte at the same position, else [`ReadError::Differs`] and the old one stays. `progress` is told positions.
pub async fn rebuild(
    store: &Store,
    pool: &PgPool,
    keyring: &KeyRing,
    name: &str,
    compare: bool,
    progress: impl FnMut(i64),
) -> Result<Rebuilt, ReadError> {
    rebuild_with(store, pool, keyring, named(name)?, compare, progress).await
}

/// [`rebuild`] for a projection that need not be one of the usual ones.
pub async fn rebuild_with(
    store: &Store,
    pool: &PgPool,
    keyring: &KeyRing,
    projection: Arc<dyn Projection>,
    compare: bool,
    mut progress: impl FnMut(i64),
) -> Result<Rebuilt, ReadError> {
    table::prepare(pool).await?;
    let head = store.head().await?.position;
    let live = table::begin(pool, projection.as_ref(), None).await?;
    let rest = Rest { keyring: keyring.clone() };
    let mut build = Build::new(projection);
    // A comparison needs both at one position; the old one decides which.
    build.follow(store, if compare { live.position } else { head }, None, &mut progress).await?;
    for _ in 0..SWAP_TRIES_MAX {
        match build.swap(store, pool, &rest, compare, &mut progress).await {
            Err(Swap::InUse) => tokio::task::yield_now().await,
            Err(Swap::Failed(error)) => return Err(error),
            Ok(()) => {
                return Ok(Rebuilt {
                    name: build.projection.name().to_owned(),
                    position: build.position,
                    rows: build.rows.all().count(),
                    digest: digest_of(build.rows.all()),
                    equal: compare.then_some(true),
                });
            }
        }
    }
    Err(ReadError::InUse(build.projection.name()))
}

/// A read model being folded in memory.
struct Build {
    projection: Arc<dyn Projection>,
    rows: Rows,
    position: i64,
}

enum Swap {
    /// Somebody reads the old table and does not stop.
    InUse,
    Failed(ReadError),
}

impl<E: Into<ReadError>> From<E> for Swap {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// lock_not_available: the time allowed for waiting is over.
fn in_use(error: sqlx::Error) -> Swap {
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some("55P03") => Swap::InUse,
        _ => Swap::Failed(error.into()),
    }
}

impl Build {
    fn new(projection: Arc<dyn Projection>) -> Self {
        Self { projection, rows: Rows::default(), position: 0 }
    }

    /// Folds on, up to a position or the end of the log. `changes`, where given, learns what became of which row.
    async fn follow(
        &mut self,
        store: &Store,
        to: i64,
        mut changes: Option<&mut BTreeMap<String, Option<Row>>>,
        progress: &mut impl FnMut(i64),
    ) -> Result<(), ReadError> {
        // Entries are decoded on the replay's worker threads, a few chunks ahead of the fold.
        let mut replay = store.replay_map(self.position, to, |recorded| Ok(Entry::read(&recorded)));
        while let Some(entries) = replay.next().await {
            let entries = entries?;
            let Some(last) = entries.last().map(|entry| entry.position) else { continue };
            let changed = self.fold(entries).await?;
            if let Some(changes) = &mut changes {
                changes.extend(changed);
            }
            self.position = last;
            progress(last);
        }
        Ok(())
    }

    async fn fold(&mut self, entries: Vec<Entry>) -> Result<Vec<Change>, ReadError> {
        let (projection, mut rows) = (self.projection.clone(), std::mem::take(&mut self.rows));
        let inline = entries.len() <= INLINE_EVENTS_MAX;
        let fold = move || {
            let folded = fold_all(projection.as_ref(), &entries, &mut rows);
            (rows, folded)
        };
        let (rows, folded) = if inline {
            fold()
        } else {
            let folding = tokio::task::spawn_blocking(fold).await;
            folding.map_err(|_| ReadError::Unavailable("the fold was ended".into()))?
        };
        self.rows = rows;
        folded.map_err(|(position, why)| ReadError::Poisoned { name: self.projection.name(), position, why })
    }

    /// Writes the shadow, waits for the live projector to stand still, catches up with it, compares, swaps. One
    /// transaction; the live projector and readers wait only for its end.
    async fn swap(
        &mut self,
        store: &Store,
        pool: &PgPool,
        rest: &Rest,
        compare: bool,
        progress: &mut impl FnMut(i64),
    ) -> Result<(), Swap> {
        let projection = self.projection.clone();
        let (name, sealed) = (projection.name(), projection.sealed());
        let shadow = format!("{name}__next");
        let mut tx = pool.begin().await?;
        table::own(&mut tx, name).await?;
        table::create(&mut tx, &shadow).await?;
        insert(&mut tx, rest, &shadow, (name, sealed), self.rows.all()).await?;
        table::create_indexes(&mut tx, &shadow, projection.as_ref()).await?;

        // From here on the live projector waits before it writes; readers still pass.
        let limit = format!("set local lock_timeout = '{SWAP_LOCK_MS_MAX}ms'");
        sqlx::query(&limit).execute(&mut *tx).await?;
        let lock = format!("lock table read.{name} in share row exclusive mode");
        sqlx::query(&lock).execute(&mut *tx).await.map_err(in_use)?;
        let hold = "select from read.checkpoints where projection = $1 for update";
        sqlx::query(hold).bind(name).execute(&mut *tx).await.map_err(in_use)?;
        let live = table::checkpoint(&mut *tx, name).await?.ok_or(ReadError::Overtaken(name))?;
        if live.version != projection.version() {
            return Err(ReadError::Overtaken(name).into());
        }
        if live.position > self.position {
            let mut late = BTreeMap::new();
            self.follow(store, live.position, Some(&mut late), progress).await?;
            let kept = late.iter().filter_map(|(key, row)| Some((key.as_str(), row.as_ref()?)));
            insert(&mut tx, rest, &shadow, (name, sealed), kept).await?;
            let gone: Vec<&str> =
                late.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| key.as_str()).collect();
            let delete = format!("delete from read.{shadow} where key = any($1)");
            sqlx::query(&delete).bind(&gone).execute(&mut *tx).await?;
        }
        if compare {
            let old = table::dump(&mut tx, rest, name, sealed).await?;
            if let Some(key) = difference(&old, &self.rows) {
                return Err(ReadError::Differs { name: name.to_owned(), key }.into());
            }
        }
        sqlx::query(&format!("analyze read.{shadow}")).execute(&mut *tx).await?;
        sqlx::query(&format!("drop table read.{name}")).execute(&mut *tx).await.map_err(in_use)?;
        sqlx::query(&format!("alter table read.{shadow} rename to {name}")).execute(&mut *tx).await?;
        sqlx::query(
            "update read.checkpoints set position = $1, generation = $2, poison_position = null, poison = null
             where projection = $3",
        )
        .bind(self.position)
        .bind(live.generation + 1)
        .bind(name)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

fn fold_all(
    projection: &dyn Projection,
    entries: &[Entry],
    rows: &mut Rows,
) -> Result<Vec<Change>, (i64, String)> {
    let (keys, poison) = fold::touched(projection, entries);
    if let Some(poison) = poison {
        return Err(poison);
    }
    keys.into_iter().for_each(|key| rows.load(key, None));
    fold::apply(projection, entries, rows).map_err(|(position, poison)| (position, poison.to_string()))?;
    rows.settle().map_err(|poison| (entries.last().map_or(0, |entry| entry.position), poison.to_string()))
}

/// Rows into the shadow, a bounded number by each statement. Sealed rows are bound to the name they will stand under.
async fn insert<'a>(
    connection: &mut PgConnection,
    rest: &Rest,
    shadow: &str,
    (name, sealed): (&str, bool),
    rows: impl Iterator<Item = (&'a str, &'a Row)>,
) -> Result<(), ReadError> {
    let mut columns = Columns::default();
    let mut bytes = 0;
    for (key, row) in rows {
        columns.push(rest, name, sealed, key, row)?;
        bytes += key.len() + row.doc.len();
        if columns.keys.len() >= REBUILD_ROWS_PER_INSERT || bytes >= REBUILD_BYTES_PER_INSERT {
            std::mem::take(&mut columns).insert(connection, shadow).await?;
            bytes = 0;
        }
    }
    columns.insert(connection, shadow).await
}

/// The first key at which two builds differ. Both are in the order of keys.
fn difference(old: &[(String, Row)], new: &Rows) -> Option<String> {
    let mut old = old.iter().map(|(key, row)| (key.as_str(), row));
    let mut new = new.all();
    loop {
        match (old.next(), new.next()) {
            (None, None) => return None,
            (old, new) if old == new => {}
            (old, new) => return old.into_iter().chain(new).map(|(key, _)| key.to_owned()).min(),
        }
    }
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
