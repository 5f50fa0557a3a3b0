//! What a projection is: which rows an event touches, and what becomes of them.
//!
//! Begin with [`Projection`]. A fold sees only the event and the rows it named; so live, rebuilt and as-of folds are the
//! same function, and give the same bytes.

use chrono::{DateTime, Utc};
use domain::event::{AnyEvent, Category};
use eventstore::{Recorded, StoreError};
use uuid::Uuid;

pub use crate::rows::{Doc, HIDDEN, Poison, Row, Rows};

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

/// A place in the log, decoded once for all projections. One that cannot be decoded stops only those that fold it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub position: i64,
    pub at: DateTime<Utc>,
    pub category: Category,
    /// The tag without its number: `run.started`.
    pub type_name: std::sync::Arc<str>,
    pub known: Result<Known, String>,
}

impl Entry {
    pub fn read(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            at: recorded.recorded_at,
            category: recorded.stream.category,
            type_name: recorded.type_name.clone(),
            known: Known::read(recorded).map_err(|error| error.to_string()),
        }
    }
}

/// What stands in place of a name or title that was erased.
pub const ERASED: &str = "Erased";

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
    /// What its queries are looked up by, besides key and rank: what stands after `on read.<name>` in `create index`.
    fn indexes(&self) -> &'static [&'static str] {
        &[]
    }
    /// Whether events of this kind are folded at all; the others pass by unread.
    fn folds(&self, category: Category, type_name: &str) -> bool;
    /// The rows that folding this event may ask for or change.
    fn keys(&self, event: &Known) -> Vec<String>;
    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison>;
}

/// The keys that a part of the log touches, sorted; up to the first event that cannot be folded, and why it cannot.
pub(crate) fn touched(
    projection: &dyn Projection,
    entries: &[Entry],
) -> (Vec<String>, Option<(i64, String)>) {
    let mut keys = Vec::new();
    let mut poison = None;
    for entry in entries.iter().filter(|entry| projection.folds(entry.category, &entry.type_name)) {
        let named = match &entry.known {
            Ok(known) => projection.keys(known),
            Err(why) => {
                poison = Some((entry.position, why.clone()));
                break;
            }
        };
        if let Some(error) = named.iter().find_map(|key| Rows::check_key(key).err()) {
            poison = Some((entry.position, error.to_string()));
            break;
        }
        keys.extend(named);
    }
    keys.sort();
    keys.dedup();
    (keys, poison)
}

/// Applies events in order, as far as one may; the rows they touch are loaded. On error: where it stopped. The rows are
/// then half changed and of no use.
pub(crate) fn apply(
    projection: &dyn Projection,
    entries: &[Entry],
    rows: &mut Rows,
) -> Result<(), (i64, Poison)> {
    for entry in entries.iter().filter(|entry| projection.folds(entry.category, &entry.type_name)) {
        let at = |poison| (entry.position, poison);
        match &entry.known {
            Ok(known) => projection.apply(known, rows).map_err(at)?,
            Err(why) => return Err(at(Poison(why.clone()))),
        }
    }
    Ok(())
}
