//! What a projection is: which rows an event touches, and what becomes of them.
//!
//! Begin with [`Projection`]. A fold sees only the event and the rows it named; so live, rebuilt and as-of folds are the
//! same function, and give the same bytes.

use chrono::{DateTime, Utc};
use domain::event::{AnyEvent, Category};
use eventstore::{Recorded, StoreError};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An event as projections see it.
#[derive(Clone, Debug)]
pub struct Known {
    pub position: i64,
    pub at: DateTime<Utc>,
    pub category: Category,
    /// The stream's id.
    pub id: Uuid,
    pub version: i64,
    pub tag: String,
    pub actor: Option<Uuid>,
    pub correlation: Option<Uuid>,
    /// None once its subject was erased.
    pub event: Option<AnyEvent>,
}

impl Known {
    pub fn read(recorded: &Recorded) -> Result<Self, StoreError> {
        use eventstore::decode;
        let event = match (recorded.payload.open(), recorded.stream.category) {
            (None, _) => None,
            (Some(_), Category::Declaration) => Some(AnyEvent::Declaration(decode(recorded)?)),
            (Some(_), Category::Run) => Some(AnyEvent::Run(decode(recorded)?)),
            (Some(_), Category::Cluster) => Some(AnyEvent::Cluster(decode(recorded)?)),
            (Some(_), Category::Account) => Some(AnyEvent::Account(decode(recorded)?)),
            (Some(_), Category::Settings) => Some(AnyEvent::Settings(decode(recorded)?)),
            (Some(_), Category::Repository) => Some(AnyEvent::Repository(decode(recorded)?)),
        };
        Ok(Self {
            position: recorded.position,
            at: recorded.recorded_at,
            category: recorded.stream.category,
            id: recorded.stream.id,
            version: recorded.version,
            tag: recorded.tag(),
            actor: recorded.meta.actor,
            correlation: recorded.meta.correlation,
            event,
        })
    }
}

/// One row: where it stands in lists, and its content as canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub rank: i64,
    pub doc: String,
}

/// The rows a group of events touches.
#[derive(Default)]
pub struct Rows {
    /// None: known to be absent.
    rows: BTreeMap<String, Option<Row>>,
    changed: std::collections::BTreeSet<String>,
}

/// Why an event cannot be folded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Poison(pub String);

impl Rows {
    /// Puts in what is stored under a key before the fold asks for it.
    pub fn load(&mut self, key: String, row: Option<Row>) {
        self.rows.entry(key).or_insert(row);
    }

    pub fn knows(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    /// A row's content. Asking for a row that the projection did not name is a fault of the projection.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Poison> {
        match self.rows.get(key) {
            None => Err(Poison(format!("row {key} was not named beforehand"))),
            Some(None) => Ok(None),
            Some(Some(row)) => serde_json::from_str(&row.doc)
                .map(Some)
                .map_err(|error| Poison(format!("row {key}: {error}"))),
        }
    }

    pub fn put<T: Serialize>(&mut self, key: &str, rank: i64, doc: &T) -> Result<(), Poison> {
        let doc = serde_json::to_string(doc).map_err(|error| Poison(format!("row {key}: {error}")))?;
        let row = Some(Row { rank, doc });
        if self.rows.get(key) != Some(&row) {
            self.rows.insert(key.to_owned(), row);
            self.changed.insert(key.to_owned());
        }
        Ok(())
    }

    pub fn remove(&mut self, key: &str) {
        self.rows.insert(key.to_owned(), None);
        self.changed.insert(key.to_owned());
    }

    /// Changes a row that may be there; does nothing where it is not.
    pub fn change<T: Serialize + DeserializeOwned>(
        &mut self,
        key: &str,
        change: impl FnOnce(&mut T) -> i64,
    ) -> Result<(), Poison> {
        if let Some(mut doc) = self.get::<T>(key)? {
            let rank = change(&mut doc);
            self.put(key, rank, &doc)?;
        }
        Ok(())
    }

    /// The next number of a counter row.
    pub fn count(&mut self, key: &str) -> Result<i64, Poison> {
        let next = self.get::<i64>(key)?.unwrap_or(0) + 1;
        self.put(key, HIDDEN, &next)?;
        Ok(next)
    }

    /// What was changed since it was loaded: the row, or none where it was removed.
    pub fn changes(&self) -> impl Iterator<Item = (&str, Option<&Row>)> {
        self.changed.iter().map(|key| (key.as_str(), self.rows.get(key).and_then(Option::as_ref)))
    }

    /// Everything that is there; for folds that were kept in memory as a whole.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().filter_map(|(key, row)| Some((key.as_str(), row.as_ref()?)))
    }
}

/// Rank of rows that are for the fold itself: no list shows them.
pub const HIDDEN: i64 = -1;

/// One read model as a pure fold.
pub trait Projection: Send + Sync {
    /// The table's name below `read`.
    fn name(&self) -> &'static str;
    /// Grows when the fold or its rows change: the table is then built anew.
    fn version(&self) -> i32;
    /// What it is for, in a few words.
    fn purpose(&self) -> &'static str;
    /// Rows are sealed at rest.
    fn sealed(&self) -> bool {
        false
    }
    /// The rows that folding this event may ask for or change.
    fn keys(&self, event: &Known) -> Vec<String>;
    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison>;
}
