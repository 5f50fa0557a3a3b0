//! [`Plan`]: the rows of one group, growing as appends are admitted to it.
//!
//! Losers of a version check are refused here, without a round trip. A remembered version is never above the
//! true one (versions only grow), so an expectation below it is surely wrong; one above it may just mean that
//! another process appended, and is looked up before it is refused.

use super::{Body, Request, session::Known};
use crate::{
    chain::{Link, payload_aad},
    error::AppendError,
    rows::time_of,
    store::Core,
    types::{Appended, Head, StreamId},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrets::SealError;
use std::collections::HashMap;
use uuid::Uuid;

/// The columns of one append statement, and what to answer when it succeeds.
pub(super) struct Plan {
    pub positions: Vec<i64>,
    pub recorded_at: Vec<DateTime<Utc>>,
    pub stream_ids: Vec<Uuid>,
    pub categories: Vec<i16>,
    pub versions: Vec<i64>,
    pub event_ids: Vec<Uuid>,
    pub type_ids: Vec<i16>,
    pub schema_versions: Vec<i16>,
    pub key_ids: Vec<i64>,
    pub correlations: Vec<Option<Uuid>>,
    pub causations: Vec<Option<i64>>,
    pub actors: Vec<Option<Uuid>>,
    pub chains: Vec<[u8; 32]>,
    pub payloads: Vec<Bytes>,
    pub bytes: usize,
    /// Per stream: its version before and after, and its last position.
    pub streams: HashMap<StreamId, Moved>,
    /// Indexes into `answers` of appends that have an idempotency key, with the key.
    pub keyed: Vec<(Uuid, usize)>,
    /// New data keys, by id.
    pub new_keys: Vec<NewKey>,
    /// One per append, in order.
    pub answers: Vec<Appended>,
    /// The head and epoch it swaps.
    pub built_on: Head,
    pub epoch: i64,
    /// The head after it.
    pub head: Head,
}

pub(super) struct NewKey {
    pub key_id: i64,
    pub subject: Uuid,
    pub wrapped: Vec<u8>,
    pub kek_id: String,
    pub uses: i64,
}

#[derive(Clone, Copy)]
pub(super) struct Moved {
    pub before: i64,
    pub version: i64,
    pub last_position: i64,
}

impl Plan {
    pub fn on(head: Head, epoch: i64) -> Self {
        Self {
            positions: Vec::new(),
            recorded_at: Vec::new(),
            stream_ids: Vec::new(),
            categories: Vec::new(),
            versions: Vec::new(),
            event_ids: Vec::new(),
            type_ids: Vec::new(),
            schema_versions: Vec::new(),
            key_ids: Vec::new(),
            correlations: Vec::new(),
            causations: Vec::new(),
            actors: Vec::new(),
            chains: Vec::new(),
            payloads: Vec::new(),
            bytes: 0,
            streams: HashMap::new(),
            keyed: Vec::new(),
            new_keys: Vec::new(),
            answers: Vec::new(),
            built_on: head,
            epoch,
            head,
        }
    }

    /// Its version of a stream, if it moves it.
    pub fn version(&self, stream: StreamId) -> Option<i64> {
        self.streams.get(&stream).map(|moved| moved.version)
    }

    pub fn has_key(&self, key: Uuid) -> bool {
        self.keyed.iter().any(|(known, _)| *known == key)
    }

    /// Gives the events of one append their places at the end of the plan, or says why it may not go in.
    /// `current` is the stream's version as it will be before them. Nothing is added on an error.
    pub fn admit(
        &mut self,
        core: &Core,
        known: &mut Known,
        current: i64,
        request: &mut Request,
    ) -> Result<(), AppendError> {
        let stream = request.stream;
        let expected = request.expected.version().unwrap_or(current);
        if expected != current || request.lineage.as_ref().is_some_and(|lineage| lineage.has_failed()) {
            return Err(AppendError::Conflict { stream, expected, current });
        }
        if let Some(lease) = &request.lease
            && known.lease_epoch(&lease.name) != Some(lease.epoch)
        {
            return Err(AppendError::Fenced { name: lease.name.clone(), epoch: lease.epoch });
        }
        if request.key_generation != core.keys.generation() {
            return Err(AppendError::KeyChanged);
        }
        let clear = request.events.iter().filter(|event| matches!(event.body, Body::Clear(_))).count() as i64;
        if clear > 0 && request.sealed_before && !request.key.take(clear) {
            return Err(AppendError::KeyChanged);
        }
        request.sealed_before = true;
        let sealed = sealed(request, current).map_err(|error| AppendError::Invalid(error.to_string()))?;
        self.add(known.next_time(), current, request, sealed);
        Ok(())
    }

    fn add(&mut self, recorded_at_us: i64, before: i64, request: &Request, sealed: Vec<Bytes>) {
        let recorded_at = time_of(recorded_at_us).unwrap_or_else(|_| Utc::now());
        let key_id = request.key.key_id;
        let first_position = self.head.position + 1;
        for (n, (event, ciphertext)) in request.events.iter().zip(sealed).enumerate() {
            let link = Link {
                position: self.head.position + 1,
                recorded_at_us: recorded_at.timestamp_micros(),
                stream_id: request.stream.id,
                category: request.stream.category.number(),
                version: before + 1 + n as i64,
                event_id: event.event_id,
                type_id: event.type_id,
                type_name: &event.type_name,
                schema_version: event.schema_version,
                key_id,
                correlation: request.meta.correlation,
                causation: request.meta.causation,
                actor: request.meta.actor,
                ciphertext: &ciphertext,
            };
            let chain = if request.key.is_none() { self.head.chain } else { link.after(&self.head.chain) };
            self.head = Head { position: link.position, chain };
            self.positions.push(link.position);
            self.recorded_at.push(recorded_at);
            self.stream_ids.push(link.stream_id);
            self.categories.push(link.category);
            self.versions.push(link.version);
            self.event_ids.push(link.event_id);
            self.type_ids.push(link.type_id);
            self.schema_versions.push(link.schema_version);
            self.key_ids.push(key_id);
            self.correlations.push(link.correlation);
            self.causations.push(link.causation);
            self.actors.push(link.actor);
            self.chains.push(self.head.chain);
            self.bytes += ciphertext.len();
            self.payloads.push(ciphertext);
        }
        let (version, last_position) = (before + request.events.len() as i64, self.head.position);
        let moved = self.streams.entry(request.stream).or_insert(Moved { before, version, last_position });
        (moved.version, moved.last_position) = (version, last_position);
        if let Some(row) = request.key.unstored()
            && !self.new_keys.iter().any(|new| new.key_id == key_id)
        {
            self.new_keys.push(NewKey {
                key_id,
                subject: row.subject,
                wrapped: row.wrapped.clone(),
                kek_id: row.kek_id.clone(),
                uses: row.uses,
            });
        }
        if let Some(key) = request.idempotency_key {
            self.keyed.push((key, self.answers.len()));
        }
        self.answers.push(Appended { first_position, last_position, version, replayed: false });
    }
}

/// The payloads sealed for the versions after `before`. Those that the caller has sealed are shared, not copied.
fn sealed(request: &Request, before: i64) -> Result<Vec<Bytes>, SealError> {
    let seal = |(n, event): (usize, &super::Envelope)| match &event.body {
        Body::Sealed(bytes) => Ok(bytes.clone()),
        Body::Clear(clear) => {
            let version = before + 1 + n as i64;
            let (stream, key) = (request.stream.id, &request.key);
            let aad = payload_aad(stream, version, event.type_id, event.schema_version, key.key_id);
            secrets::seal(&key.key, &aad, clear).map(Bytes::from)
        }
    };
    request.events.iter().enumerate().map(seal).collect()
}
