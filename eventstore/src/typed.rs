//! The typed layer: events of the domain in and out, and commands handled by deciders.
//!
//! An event in the domain serialises to `{"type": "declaration.drafted.v1", "data": …}`. The tag's name and
//! number become columns, `data` becomes the payload. Begin with [`decode`] and [`encode`]; commands go
//! through [`EventLog::handle`].
//!
//! A stream that many write to at once is not a retry storm: the commands of one process are decided one
//! after the other, each on the state the one before leaves behind, without waiting for it to be durable.
//! They are then recorded together. If one fails, those decided on top of it are refused and decided again.

use crate::{
    error::{AppendError, StoreError},
    limits,
    log::{EventLog, Lineage},
    types::{Append, Appended, Expected, LeaseToken, Meta, NewEvent, Payload, Recorded, StreamId},
};
use domain::{decider::Decider, event::split_tag, upcast};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

/// What a command led to.
#[derive(Clone, Debug)]
pub struct Handled<D: Decider> {
    /// What was recorded; empty if what was asked for held already.
    pub events: Vec<D::Event>,
    /// Position of the stream's last event as far as this command knows, for reading one's own write; 0 in an
    /// empty stream.
    pub position: i64,
    /// Version of the stream after it.
    pub version: i64,
    /// The aggregate after it. After a replay of an idempotency key: as it is now.
    pub state: D,
    /// The idempotency key was known: nothing was recorded now, `events` are those of the first time.
    pub replayed: bool,
}

/// Why a command recorded nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandleError<R: std::fmt::Display> {
    /// The decider said no.
    #[error("refused: {0}")]
    Refused(R),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an event cannot be written: {0}")]
    Unwritable(String),
}

impl<R: std::fmt::Display> HandleError<R> {
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Append(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Refused(_) | Self::Unwritable(_) => false,
        }
    }

    /// What a person can do about it. A refusal's own words are its `Display`.
    pub fn advice(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::Append(error) => error.advice(),
            Self::Store(error) => error.advice(),
            Self::Unwritable(_) => "This change cannot be recorded. Please report it.".into(),
        }
    }
}

/// A domain event as the log takes it.
pub fn encode<E: Serialize>(event: &E) -> Result<NewEvent, String> {
    let mut object = match serde_json::to_value(event).map_err(|error| error.to_string())? {
        serde_json::Value::Object(object) => object,
        _ => return Err("it is not an object with type and data".into()),
    };
    let tag = match object.remove("type") {
        Some(serde_json::Value::String(tag)) => tag,
        _ => return Err("it has no type".into()),
    };
    let (name, schema_version) =
        split_tag(&tag).ok_or_else(|| format!("{tag} does not end in .v and a number"))?;
    let data = object.remove("data").unwrap_or(serde_json::Value::Null);
    let payload = serde_json::to_vec(&data).map_err(|error| error.to_string())?;
    Ok(NewEvent { event_id: Uuid::now_v7(), type_name: name.to_owned(), schema_version, payload })
}

/// A recorded event as the domain knows it today, whatever version it was written in. A tag that `E` neither has
/// nor reaches by [`upcast::STEPS`] fails by name, and so does a shredded payload.
pub fn decode<E: DeserializeOwned>(recorded: &Recorded) -> Result<E, StoreError> {
    let Payload::Open(payload) = &recorded.payload else {
        return Err(StoreError::Shredded { tag: recorded.tag(), position: recorded.position });
    };
    upcast::read(upcast::STEPS, &recorded.type_name, recorded.schema_version, payload).map_err(|error| {
        StoreError::Undecodable { tag: recorded.tag(), position: recorded.position, why: error.to_string() }
    })
}

/// Aggregates in memory, one slot per stream.
#[derive(Default)]
#[doc(hidden)]
pub struct Desk(std::sync::Mutex<HashMap<(TypeId, StreamId), Arc<dyn Any + Send + Sync>>>);

struct Slot<D> {
    loaded: Mutex<Loaded<D>>,
    answered: watch::Sender<Answered>,
}

/// The last command answered, and the last durable position known. Commands of a stream are answered in
/// order, except those refused early because their lineage failed.
#[derive(Default)]
struct Answered {
    number: u64,
    position: i64,
}

/// An aggregate at a version, perhaps ahead of what is durable.
struct Loaded<D> {
    state: D,
    version: i64,
    /// Of the last command sent.
    number: u64,
    lineage: Lineage,
}

impl<D: Default> Default for Loaded<D> {
    fn default() -> Self {
        Self { state: D::default(), version: 0, number: 0, lineage: Lineage::default() }
    }
}

impl Desk {
    /// Drops every aggregate; they are loaded again.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn slot<D: Decider>(&self, stream: StreamId) -> Arc<Slot<D>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= limits::STATES_CACHED_MAX {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let fresh = || Slot::<D> { loaded: Mutex::default(), answered: watch::Sender::default() };
        let slot = slots.entry((TypeId::of::<D>(), stream)).or_insert_with(|| Arc::new(fresh())).clone();
        // Filed under the type's own id, so the downcast holds; a slot nobody shares would be correct too.
        slot.downcast().unwrap_or_else(|_| Arc::new(fresh()))
    }
}

impl<D> Slot<D> {
    fn answer(&self, number: u64, position: i64) {
        self.answered.send_modify(|answered| {
            answered.number = answered.number.max(number);
            answered.position = answered.position.max(position);
        });
    }

    fn position(&self) -> i64 {
        self.answered.borrow().position
    }
}

/// See [`EventLog::handle`].
pub(crate) async fn handle<L: EventLog, D: Decider>(
    log: &L,
    stream: StreamId,
    command: D::Command,
    meta: Meta,
    idempotency_key: Option<Uuid>,
    lease: Option<LeaseToken>,
) -> Result<Handled<D>, HandleError<D::Refusal>>
where
    D::Command: Clone + Send + Sync,
    D::Refusal: Send,
{
    let slot = log.desk().slot::<D>(stream);
    let mut tries = 1;
    loop {
        match once(log, &slot, stream, command.clone(), meta, idempotency_key, lease.clone()).await? {
            Turn::Done(handled) => return Ok(*handled),
            Turn::Lost(error) if tries >= limits::HANDLE_TRIES_MAX => return Err(error.into()),
            Turn::Lost(_) => {
                tries += 1;
                let pause = rand::random_range(0..=limits::HANDLE_JITTER_MS_MAX);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    }
}

enum Turn<D: Decider> {
    Done(Box<Handled<D>>),
    Lost(AppendError),
}

async fn once<L: EventLog, D: Decider>(
    log: &L,
    slot: &Arc<Slot<D>>,
    stream: StreamId,
    command: D::Command,
    meta: Meta,
    idempotency_key: Option<Uuid>,
    lease: Option<LeaseToken>,
) -> Result<Turn<D>, HandleError<D::Refusal>>
where
    D::Refusal: Send,
{
    let mut loaded = slot.loaded.lock().await;
    let ahead = slot.answered.borrow().number < loaded.number && !loaded.lineage.has_failed();
    if !ahead {
        refresh(log, slot, stream, &mut loaded).await?;
    }
    let events = match loaded.state.decide(command) {
        Ok(events) if !events.is_empty() => events,
        unmoved => {
            let (state, version) = (loaded.state.clone(), loaded.version);
            let (number, lineage) = (loaded.number, loaded.lineage.clone());
            drop(loaded);
            if ahead {
                // This was decided on something not durable yet. It counts once that is; else decide again.
                let _ = slot.answered.subscribe().wait_for(|answered| answered.number >= number).await;
                if lineage.has_failed() {
                    return Ok(Turn::Lost(AppendError::Conflict {
                        stream,
                        expected: version,
                        current: version,
                    }));
                }
            }
            // The first time it may have been granted: then this is the answer of the first time.
            if let Some(key) = idempotency_key
                && let Some(appended) = log.recorded_under(key).await?
            {
                return replayed(log, slot, stream, appended).await;
            }
            let events = unmoved.map_err(HandleError::Refused)?;
            let position = slot.position();
            return Ok(Turn::Done(Box::new(Handled { events, position, version, state, replayed: false })));
        }
    };
    let encoded: Result<Vec<_>, _> = events.iter().map(encode).collect();
    let append = Append {
        stream,
        expected: Expected::Version(loaded.version),
        events: encoded.map_err(HandleError::Unwritable)?,
        meta,
        idempotency_key,
        lease,
    };
    let pending = log.submit(append, Some(loaded.lineage.clone())).await?;
    // No await from here to the spawn: a caller that stops waiting must not leave the count behind.
    loaded.version += events.len() as i64;
    loaded.number += 1;
    loaded.state = events.iter().fold(std::mem::take(&mut loaded.state), |state, event| state.evolve(event));
    let (state, number) = (loaded.state.clone(), loaded.number);
    let answering = tokio::spawn({
        let slot = slot.clone();
        async move {
            let outcome = pending.outcome().await;
            slot.answer(number, outcome.as_ref().map_or(0, |appended| appended.last_position));
            outcome
        }
    });
    drop(loaded);
    match answering.await.map_err(|_| StoreError::Stopped)? {
        Ok(appended) if appended.replayed => replayed(log, slot, stream, appended).await,
        Ok(Appended { last_position: position, version, .. }) => {
            Ok(Turn::Done(Box::new(Handled { events, position, version, state, replayed: false })))
        }
        Err(error @ (AppendError::Conflict { .. } | AppendError::KeyChanged)) => Ok(Turn::Lost(error)),
        Err(error) => Err(error.into()),
    }
}

/// Brings an aggregate to what is durable: from the start after a failure, else by what came since.
async fn refresh<L: EventLog, D: Decider>(
    log: &L,
    slot: &Slot<D>,
    stream: StreamId,
    loaded: &mut Loaded<D>,
) -> Result<(), StoreError> {
    if loaded.lineage.has_failed() {
        *loaded = Loaded { number: loaded.number, ..Loaded::default() };
    }
    for recorded in log.read_stream(stream, loaded.version + 1).await? {
        if recorded.version != loaded.version + 1 {
            return Err(StoreError::Gap { expected: loaded.version + 1, found: recorded.version });
        }
        let event: D::Event = decode(&recorded)?;
        loaded.state = std::mem::take(&mut loaded.state).evolve(&event);
        loaded.version = recorded.version;
        slot.answer(0, recorded.position);
    }
    Ok(())
}

/// The answer of the first time: its events, read again, and the aggregate as it is now.
async fn replayed<L: EventLog, D: Decider>(
    log: &L,
    slot: &Slot<D>,
    stream: StreamId,
    appended: Appended,
) -> Result<Turn<D>, HandleError<D::Refusal>> {
    let Appended { first_position, last_position, .. } = appended;
    let (mut events, mut after) = (Vec::new(), first_position - 1);
    while after < last_position {
        let page = log.read_from(after, (last_position - after) as usize).await?;
        let Some(last) = page.last() else {
            return Err(StoreError::Gap { expected: after + 1, found: after }.into());
        };
        after = last.position;
        for recorded in page.iter().filter(|recorded| recorded.stream == stream) {
            events.push(decode(recorded)?);
        }
    }
    let mut now = Loaded::default();
    refresh(log, slot, stream, &mut now).await?;
    let Loaded { state, version, .. } = now;
    let position = slot.position().max(last_position);
    Ok(Turn::Done(Box::new(Handled { events, position, version, state, replayed: true })))
}
