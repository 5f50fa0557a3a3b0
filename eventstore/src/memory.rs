//! [`MemoryStore`]: the event log in memory, for tests and for a demo without a database.
//!
//! It keeps the same promises as [`crate::Store`] except durability and sealing: the chain is taken over the
//! payload in the clear, and shredding drops it.

use crate::{
    chain::Link,
    error::{AppendError, StoreError},
    limits,
    log::{self, EventLog, Lineage, Pending},
    typed::Desk,
    types::{Append, Appended, Head, LeaseToken, Payload, Recorded, StreamId},
    watch::Tip,
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// An event log that ends with its last clone.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    tip: Tip,
    desk: Desk,
}

#[derive(Default)]
struct State {
    events: Vec<Recorded>,
    streams: HashMap<Uuid, Vec<usize>>,
    keys: HashMap<Uuid, Appended>,
    types: HashMap<Arc<str>, i16>,
    leases: HashMap<String, Lease>,
    /// The data key of a subject, counted up when it is destroyed.
    key_ids: HashMap<Uuid, i64>,
    last_key_id: i64,
}

struct Lease {
    holder: String,
    epoch: i64,
    expires: DateTime<Utc>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn head(&self) -> Head {
        self.events.last().map_or(Head::EMPTY, |last| Head { position: last.position, chain: last.chain })
    }

    fn append(&mut self, append: Append, lineage: Option<&Lineage>) -> Result<Appended, AppendError> {
        let Append { stream, expected, events, meta, idempotency_key, lease } = append;
        if let Some(appended) = idempotency_key.and_then(|key| self.keys.get(&key)) {
            return Ok(Appended { replayed: true, ..*appended });
        }
        let current = self.streams.get(&stream.id).map_or(0, |events| events.len() as i64);
        let expected = expected.version().unwrap_or(current);
        if expected != current || lineage.is_some_and(Lineage::has_failed) {
            return Err(AppendError::Conflict { stream, expected, current });
        }
        if let Some(token) = lease
            && self.leases.get(&token.name).map(|lease| lease.epoch) != Some(token.epoch)
        {
            return Err(AppendError::Fenced { name: token.name, epoch: token.epoch });
        }
        let first_position = self.head().position + 1;
        let earliest = self.events.last().map(|event| event.recorded_at);
        let recorded_at = earliest.max(Some(Utc::now().trunc_subsecs(6))).unwrap_or_default();
        let key_id = self.key_id(stream.id);
        for event in events {
            let (type_id, type_name) = self.type_number(&event.type_name);
            let (head, version) =
                (self.head(), self.streams.get(&stream.id).map_or(1, |all| all.len() as i64 + 1));
            let link = Link {
                position: head.position + 1,
                recorded_at_us: recorded_at.timestamp_micros(),
                stream_id: stream.id,
                category: stream.category.number(),
                version,
                event_id: event.event_id,
                type_id,
                type_name: &type_name,
                schema_version: event.schema_version as i16,
                key_id,
                correlation: meta.correlation,
                causation: meta.causation,
                actor: meta.actor,
                ciphertext: &event.payload,
            };
            let (position, chain) = (link.position, link.after(&head.chain));
            self.streams.entry(stream.id).or_default().push(self.events.len());
            self.events.push(Recorded {
                position,
                recorded_at,
                stream,
                version,
                event_id: event.event_id,
                type_name,
                schema_version: event.schema_version,
                key_id,
                meta,
                payload: Payload::Open(event.payload),
                chain,
            });
        }
        let version = self.streams.get(&stream.id).map_or(0, |events| events.len() as i64);
        let appended =
            Appended { first_position, last_position: self.head().position, version, replayed: false };
        if let Some(key) = idempotency_key {
            self.keys.insert(key, appended);
        }
        Ok(appended)
    }

    fn type_number(&mut self, name: &str) -> (i16, Arc<str>) {
        if let Some((name, id)) = self.types.get_key_value(name) {
            return (*id, name.clone());
        }
        let (name, id): (Arc<str>, i16) = (name.into(), self.types.len() as i16 + 1);
        self.types.insert(name.clone(), id);
        (id, name)
    }

    fn key_id(&mut self, subject: Uuid) -> i64 {
        *self.key_ids.entry(subject).or_insert_with(|| {
            self.last_key_id += 1;
            self.last_key_id
        })
    }
}

impl EventLog for MemoryStore {
    async fn submit(&self, append: Append, lineage: Option<Lineage>) -> Result<Pending, AppendError> {
        log::check(&append)?;
        let (outcome, position) = {
            let mut state = self.state();
            (state.append(append, lineage.as_ref()), state.head().position)
        };
        if let Some(lineage) = lineage
            && outcome.as_ref().map_or(true, |appended| appended.replayed)
        {
            lineage.fail();
        }
        self.shared.tip.saw(position);
        let (reply, pending) = oneshot::channel();
        let _ = reply.send(outcome);
        Ok(Pending(pending))
    }

    async fn read_stream(&self, stream: StreamId, from_version: i64) -> Result<Vec<Recorded>, StoreError> {
        let state = self.state();
        let skip = usize::try_from(from_version - 1).unwrap_or(0);
        let all = state.streams.get(&stream.id).map_or(&[][..], |events| events);
        let events = all.iter().skip(skip).map(|index| state.events[*index].clone());
        Ok(events.filter(|event| event.stream.category == stream.category).collect())
    }

    async fn read_from(&self, after_position: i64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let skip = usize::try_from(after_position).unwrap_or(0);
        let limit = limit.clamp(1, limits::PAGE_EVENTS_MAX);
        Ok(self.state().events.iter().skip(skip).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.state().head())
    }

    async fn recorded_under(&self, key: Uuid) -> Result<Option<Appended>, StoreError> {
        Ok(self.state().keys.get(&key).map(|appended| Appended { replayed: true, ..*appended }))
    }

    async fn wait_beyond(&self, position: i64) {
        self.shared.tip.beyond(position).await;
    }

    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<LeaseToken>, StoreError> {
        let (mut state, now) = (self.state(), Utc::now());
        let epoch = match state.leases.get(name) {
            Some(lease) if lease.expires > now && lease.holder != holder => return Ok(None),
            held => held.map_or(1, |lease| lease.epoch + 1),
        };
        let expires = until(now, ttl);
        state.leases.insert(name.into(), Lease { holder: holder.into(), epoch, expires });
        Ok(Some(LeaseToken { name: name.into(), holder: holder.into(), epoch, expires }))
    }

    async fn renew_lease(&self, token: &LeaseToken, ttl: Duration) -> Result<Option<LeaseToken>, StoreError> {
        let mut state = self.state();
        let Some(lease) = state.leases.get_mut(&token.name).filter(|lease| lease.epoch == token.epoch) else {
            return Ok(None);
        };
        lease.expires = until(Utc::now(), ttl);
        Ok(Some(LeaseToken { expires: lease.expires, ..token.clone() }))
    }

    async fn release_lease(&self, token: &LeaseToken) -> Result<(), StoreError> {
        if let Some(lease) =
            self.state().leases.get_mut(&token.name).filter(|lease| lease.epoch == token.epoch)
        {
            *lease = Lease { holder: String::new(), epoch: lease.epoch + 1, expires: Utc::now() };
        }
        Ok(())
    }

    async fn destroy_keys(&self, subject: Uuid) -> Result<u64, StoreError> {
        let mut state = self.state();
        let Some(key_id) = state.key_ids.remove(&subject) else { return Ok(0) };
        for event in state.events.iter_mut().filter(|event| event.key_id == key_id) {
            event.payload = Payload::Shredded;
        }
        self.shared.desk.forget();
        Ok(1)
    }

    fn desk(&self) -> &Desk {
        &self.shared.desk
    }
}

fn until(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(ttl)
        .ok()
        .and_then(|ttl| now.checked_add_signed(ttl))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
