//! Which appends of a group go in, at which positions and versions, with which hashes.
//!
//! Losers of a version check are refused here, without a round trip. A remembered version is never above the
//! true one (versions only grow), so an expectation below it is surely wrong; one above it may just mean that
//! another process appended, and is looked up before it is refused.

use super::{
    Body, Request,
    request::replay,
    session::{Known, Session},
};
use crate::{
    chain::{Link, payload_aad},
    error::{AppendError, StoreError},
    rows::time_of,
    store::Core,
    types::{Appended, Head, StreamId},
};
use chrono::{DateTime, Utc};
use secrets::SealError;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The columns of one append statement, and what to answer when it succeeds.
#[derive(Default)]
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
    pub chains: Vec<Vec<u8>>,
    pub payloads: Vec<Vec<u8>>,
    /// Per stream: its version before and after, and its last position.
    pub streams: HashMap<StreamId, Moved>,
    /// Indexes into `answers` of appends that have an idempotency key, with the key.
    pub keyed: Vec<(Uuid, usize)>,
    /// New data keys, by id.
    pub new_keys: Vec<NewKey>,
    /// One per append, in order.
    pub answers: Vec<Appended>,
    pub head: Option<Head>,
    /// The head and epoch it swaps.
    pub built_on: Head,
    pub epoch: i64,
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
    pub fn last_position(&self) -> i64 {
        self.head.map_or(0, |head| head.position)
    }

    pub fn last_chain(&self) -> [u8; 32] {
        self.head.map_or([0; 32], |head| head.chain)
    }
}

/// The appends that go in, and their plan; `None` if none is left.
pub(super) struct Group {
    pub requests: Vec<Request>,
    pub plan: Option<Plan>,
    /// Appends that have to wait for the next group.
    pub later: Vec<Request>,
}

type Failed = (Vec<Request>, StoreError);

impl Group {
    pub async fn prepare(
        core: &Core,
        session: &Session,
        known: &mut Known,
        mut requests: Vec<Request>,
    ) -> Result<Self, Failed> {
        let stale = foresee(known, &requests).stale;
        if !stale.is_empty()
            && let Err(error) = session.load_versions(known, stale.into_iter().collect()).await
        {
            return Err((requests, error));
        }
        let recorded = match earlier_outcomes(session, known, &requests).await {
            Ok(recorded) => recorded,
            Err(error) => return Err((requests, error)),
        };
        let mut group = Group { requests: Vec::new(), plan: None, later: Vec::new() };
        let mut keys_here = HashSet::new();
        let mut plan = Plan { built_on: known.head, epoch: known.epoch, ..Plan::default() };
        let now_us = Utc::now().timestamp_micros().max(known.recorded_at_us);
        let recorded_at = time_of(now_us).unwrap_or_else(|_| Utc::now());
        let mut head = known.head;
        for mut request in requests.drain(..) {
            if let Some(appended) = request.idempotency_key.and_then(|key| recorded.get(&key).copied()) {
                replay(request, appended);
                continue;
            }
            // The same key twice in one group: the second waits and is then answered by the first.
            if request.idempotency_key.is_some_and(|key| !keys_here.insert(key)) {
                group.later.push(request);
                continue;
            }
            match admit(core, known, &plan, &mut request) {
                Ok(before) => match add(&mut plan, &mut head, &request, before, recorded_at) {
                    Ok(()) => group.requests.push(request),
                    Err(error) => request.answer(Err(error)),
                },
                Err(refusal) => request.answer(Err(refusal)),
            }
        }
        if !group.requests.is_empty() {
            known.recorded_at_us = now_us;
            plan.head = Some(head);
            group.plan = Some(plan);
        }
        Ok(group)
    }
}

/// What will become of a group as far as is remembered.
#[derive(Default)]
struct Foreseen {
    /// Streams whose version has to be looked up: not remembered, or somebody has seen a higher one. A stream
    /// expected to be new is not looked up, because the statement itself refuses it if it exists.
    stale: HashSet<Uuid>,
    /// Keys of appends that would be refused.
    refused: Vec<Uuid>,
}

fn foresee(known: &Known, requests: &[Request]) -> Foreseen {
    let mut foreseen = Foreseen::default();
    let mut versions: HashMap<Uuid, i64> = HashMap::new();
    for request in requests {
        let (id, expected) = (request.stream.id, request.expected.version());
        let remembered = versions.get(&id).copied().or_else(|| known.version(id));
        if remembered.is_none() && (expected != Some(0) || known.check_new_streams) {
            foreseen.stale.insert(id);
        }
        let version = remembered.unwrap_or(0);
        match expected {
            Some(expected) if expected != version => {
                if expected > version {
                    foreseen.stale.insert(id);
                }
                foreseen.refused.extend(request.idempotency_key);
            }
            _ => drop(versions.insert(id, version + request.events.len() as i64)),
        }
    }
    foreseen
}

/// For keyed appends that would be refused now: was it their own earlier try that moved the stream?
async fn earlier_outcomes(
    session: &Session,
    known: &Known,
    requests: &[Request],
) -> Result<HashMap<Uuid, Appended>, StoreError> {
    let keys = requests.iter().filter_map(|request| request.idempotency_key);
    let mut found: HashMap<Uuid, Appended> =
        keys.filter_map(|key| Some((key, known.recorded_under(key)?))).collect();
    let mut refused = foresee(known, requests).refused;
    refused.retain(|key| !found.contains_key(key));
    if !refused.is_empty() {
        found.extend(session.recorded_under_keys(&refused).await?);
    }
    Ok(found)
}

/// The version that the append builds on, or why it may not go in.
fn admit(core: &Core, known: &Known, plan: &Plan, request: &mut Request) -> Result<i64, AppendError> {
    let stream = request.stream;
    let current = plan
        .streams
        .get(&stream)
        .map(|moved| moved.version)
        .or_else(|| known.version(stream.id))
        .unwrap_or(0);
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
    Ok(current)
}

/// Gives the events of one append their places. Nothing is added if one of them cannot be sealed.
fn add(
    plan: &mut Plan,
    head: &mut Head,
    request: &Request,
    before: i64,
    recorded_at: DateTime<Utc>,
) -> Result<(), AppendError> {
    let key_id = request.key.key_id;
    let sealed = seal_all(request, before).map_err(|error| AppendError::Invalid(error.to_string()))?;
    let first_position = head.position + 1;
    for (n, (event, ciphertext)) in request.events.iter().zip(sealed).enumerate() {
        let version = before + 1 + n as i64;
        let link = Link {
            position: head.position + 1,
            recorded_at_us: recorded_at.timestamp_micros(),
            stream_id: request.stream.id,
            category: request.stream.category.number(),
            version,
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
        *head = Head { position: link.position, chain: link.after(&head.chain) };
        plan.positions.push(head.position);
        plan.recorded_at.push(recorded_at);
        plan.stream_ids.push(request.stream.id);
        plan.categories.push(request.stream.category.number());
        plan.versions.push(version);
        plan.event_ids.push(event.event_id);
        plan.type_ids.push(event.type_id);
        plan.schema_versions.push(event.schema_version);
        plan.key_ids.push(key_id);
        plan.correlations.push(request.meta.correlation);
        plan.causations.push(request.meta.causation);
        plan.actors.push(request.meta.actor);
        plan.chains.push(head.chain.to_vec());
        plan.payloads.push(ciphertext);
    }
    let version = before + request.events.len() as i64;
    let moved = plan.streams.entry(request.stream).or_insert(Moved { before, version, last_position: 0 });
    (moved.version, moved.last_position) = (version, head.position);
    if let Some(row) = request.key.unstored()
        && !plan.new_keys.iter().any(|new| new.key_id == key_id)
    {
        plan.new_keys.push(NewKey {
            key_id,
            subject: row.subject,
            wrapped: row.wrapped.clone(),
            kek_id: row.kek_id.clone(),
            uses: row.uses,
        });
    }
    if let Some(key) = request.idempotency_key {
        plan.keyed.push((key, plan.answers.len()));
    }
    plan.answers.push(Appended { first_position, last_position: head.position, version, replayed: false });
    Ok(())
}

fn seal_all(request: &Request, before: i64) -> Result<Vec<Vec<u8>>, SealError> {
    let seal = |(n, event): (usize, &super::Envelope)| match &event.body {
        Body::Sealed(bytes) => Ok(bytes.clone()),
        Body::Clear(clear) => {
            let version = before + 1 + n as i64;
            let (stream, key) = (request.stream.id, &request.key);
            let aad = payload_aad(stream, version, event.type_id, event.schema_version, key.key_id);
            secrets::seal(&key.key, &aad, clear)
        }
    };
    request.events.iter().enumerate().map(seal).collect()
}
