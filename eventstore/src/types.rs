//! What goes into the log and what comes out of it.

use chrono::{DateTime, Utc};
pub use domain::event::Category;
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// One aggregate's history: its kind and its id. Ids are unique across kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    pub category: Category,
    pub id: Uuid,
}

impl StreamId {
    pub fn new(category: Category, id: Uuid) -> Self {
        Self { category, id }
    }
}

/// `declaration/0190…`, as it stands in logs.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.category.name(), self.id)
    }
}

/// An event that is not recorded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub event_id: Uuid,
    /// The tag without its number: `declaration.drafted`.
    pub type_name: String,
    /// The tag's number, from 1 to 32,767: 1 in `declaration.drafted.v1`.
    pub schema_version: u16,
    /// The event's data as JSON bytes. They are sealed before they leave this process.
    pub payload: Vec<u8>,
}

/// Who and why: stored in the clear beside the payload, covered by the hash chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub actor: Option<Uuid>,
    pub correlation: Option<Uuid>,
    /// Position of the event that led to this one.
    pub causation: Option<i64>,
}

/// What the writer believes about the stream. If it is wrong, nothing is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Add at the end, whatever is there.
    Any,
    /// The stream has no event yet.
    New,
    /// The stream's last event has this version (0: the same as [`Expected::New`]).
    Version(i64),
}

impl Expected {
    /// The version the stream must have, or `None` if any will do.
    pub fn version(self) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::New => Some(0),
            Self::Version(version) => Some(version),
        }
    }
}

/// Proof that a lease was held. Appends that carry it are refused once somebody else took the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseToken {
    pub name: String,
    pub holder: String,
    pub epoch: i64,
    /// By the database's clock. After it others may take the lease; until one does, appends still pass.
    pub expires: DateTime<Utc>,
}

/// Events to record together: all of them or none.
#[derive(Clone, Debug)]
pub struct Append {
    pub stream: StreamId,
    pub expected: Expected,
    /// 1 to [`crate::limits::APPEND_EVENTS_MAX`] events.
    pub events: Vec<NewEvent>,
    pub meta: Meta,
    /// The same key is recorded once: a second append under it answers with the first one's positions.
    pub idempotency_key: Option<Uuid>,
    pub lease: Option<LeaseToken>,
}

impl Append {
    /// An append with nothing but its events.
    pub fn new(stream: StreamId, expected: Expected, events: Vec<NewEvent>) -> Self {
        Self { stream, expected, events, meta: Meta::default(), idempotency_key: None, lease: None }
    }
}

/// Where the events of an append stand. They are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub first_position: i64,
    pub last_position: i64,
    /// Of the stream after this append.
    pub version: i64,
    /// The idempotency key was known: nothing was added now, this is the earlier outcome.
    pub replayed: bool,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// JSON bytes as they were given to the append.
    Open(Vec<u8>),
    /// The subject's key was destroyed: what this said is gone, that it happened is not.
    Shredded,
}

impl Payload {
    /// The JSON bytes, unless they are shredded.
    pub fn open(&self) -> Option<&[u8]> {
        match self {
            Self::Open(bytes) => Some(bytes),
            Self::Shredded => None,
        }
    }
}

/// A recorded event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Counts from 1 over the whole log, without gaps, in commit order.
    pub position: i64,
    /// The writer's clock, in microseconds.
    pub recorded_at: DateTime<Utc>,
    pub stream: StreamId,
    /// Counts from 1 within the stream, without gaps.
    pub version: i64,
    pub event_id: Uuid,
    pub type_name: Arc<str>,
    pub schema_version: u16,
    pub key_id: i64,
    pub meta: Meta,
    pub payload: Payload,
    /// SHA-256 over this event and the chain value before it.
    pub chain: [u8; 32],
}

impl Recorded {
    /// The whole tag, `declaration.drafted.v1`.
    pub fn tag(&self) -> String {
        format!("{}.v{}", self.type_name, self.schema_version)
    }
}

/// The end of the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position of the last event, 0 in an empty log.
    pub position: i64,
    /// Chain value of the last event, zeros in an empty log.
    pub chain: [u8; 32],
}

impl Default for Head {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Head {
    pub const EMPTY: Head = Head { position: 0, chain: [0; 32] };
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({}, {})", self.position, hex::encode(self.chain))
    }
}
