//! Groups: which appends go in together.
//!
//! [`Group::prepare`] makes a group out of appends that wait, looking up what is not remembered. [`Next`] is the
//! group after the one that is on its way to the disk: it grows while the server works, on the assumption that
//! the one before will be recorded. If it is not, nothing of it has left this process, and its appends wait
//! again.

use super::{
    Request,
    plan::Plan,
    request::replay,
    session::{Known, Session},
};
use crate::{error::StoreError, limits, store::Core, types::Appended};
use std::collections::{HashMap, HashSet, VecDeque};
use uuid::Uuid;

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
        requests: Vec<Request>,
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
        let mut plan = Plan::on(known.head, known.epoch);
        for mut request in requests {
            if let Some(appended) = request.idempotency_key.and_then(|key| recorded.get(&key).copied()) {
                replay(request, appended);
                continue;
            }
            // The same key twice in one group: the second waits and is then answered by the first.
            if request.idempotency_key.is_some_and(|key| plan.has_key(key)) {
                group.later.push(request);
                continue;
            }
            let current =
                plan.version(request.stream).or_else(|| known.version(request.stream.id)).unwrap_or(0);
            match plan.admit(core, known, current, &mut request) {
                Ok(()) => group.requests.push(request),
                Err(refusal) => request.answer(Err(refusal)),
            }
        }
        if !group.requests.is_empty() {
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

/// The group that grows while another is on its way.
pub(super) struct Next {
    pub requests: Vec<Request>,
    pub plan: Plan,
    /// Appends that need a look at the database first, and all that came after the first of them: appends of
    /// one task keep their order.
    pub deferred: VecDeque<Request>,
    /// Events that close it.
    events_max: usize,
}

impl Next {
    /// On top of a plan that is on its way.
    pub fn after(plan: &Plan, events_max: usize) -> Self {
        let events_max = events_max.min(limits::GROUP_EVENTS_MAX);
        let plan = Plan::on(plan.head, plan.epoch);
        Self { requests: Vec::new(), plan, deferred: VecDeque::new(), events_max }
    }

    /// Whether another append may be taken from the queue.
    pub fn has_room(&self) -> bool {
        self.deferred.is_empty()
            && self.plan.positions.len() < self.events_max
            && self.plan.bytes < limits::GROUP_BYTES_MAX
    }

    /// Takes an append in, refuses it, or puts it off, without any look at the database. `flight` is the plan
    /// before it while that is on its way. A refusal may rest on an event that is not durable yet; to decide again is right in any case.
    pub fn take(&mut self, core: &Core, known: &mut Known, flight: Option<&Plan>, mut request: Request) {
        let full = self.plan.positions.len() + request.events.len() > limits::GROUP_EVENTS_MAX
            || self.plan.bytes + request.bytes() > limits::GROUP_BYTES_MAX;
        if !self.deferred.is_empty() || full || known.is_behind(request.lease.as_ref()) {
            return self.deferred.push_back(request);
        }
        let (stream, expected) = (request.stream, request.expected.version());
        let planned = self.plan.version(stream).or_else(|| flight?.version(stream));
        let current = match planned.or_else(|| known.version(stream.id)) {
            Some(version) => version,
            None if expected == Some(0) && !known.check_new_streams => 0,
            None => return self.deferred.push_back(request),
        };
        let unsure = expected.is_some_and(|expected| expected > current);
        let keyed = request.idempotency_key.is_some_and(|key| {
            expected.is_some_and(|expected| expected != current)
                || flight.is_some_and(|flight| flight.has_key(key))
                || self.plan.has_key(key)
                || known.recorded_under(key).is_some()
        });
        if unsure || keyed {
            return self.deferred.push_back(request);
        }
        match self.plan.admit(core, known, current, &mut request) {
            Ok(()) => self.requests.push(request),
            Err(refusal) => request.answer(Err(refusal)),
        }
    }
}
