//! Drift as the cluster's log knows it: which differences are new or settled, and what people decide about them.
//!
//! Begin with [`Cluster::note_drift`]. It never judges what differs: that is `crate::drift`.

use super::{Cluster, Event, Refusal};
use crate::account::Actor;
use crate::canonical::Digest;
use crate::drift::{self, Drift, LeftAlone};
use crate::ids::RunId;
use crate::limits::DRIFTS_MAX;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

impl Cluster {
    /// Only what changed: a difference seen before with the same value, and a subject known to be unreadable, add nothing.
    pub(super) fn note_drift(&self, judged: drift::Judged) -> Vec<Event> {
        let mut events = Vec::new();
        let found: BTreeMap<String, &Drift> = judged.differences.iter().map(|d| (d.key(), d)).collect();
        let mut room = DRIFTS_MAX.saturating_sub(self.drift.len());
        for (key, drift) in &found {
            let known = self.drift.get(key);
            let same = known
                .is_some_and(|known| known.observed == drift.observed && known.declared == drift.declared);
            if same || (known.is_none() && room == 0) {
                continue;
            }
            room -= usize::from(known.is_none());
            events.push(Event::DriftSeen { drift: Box::new((*drift).clone()) });
        }
        for (key, drift) in self.drift.iter().filter(|(key, _)| !found.contains_key(*key)) {
            debug_assert_eq!(*key, drift.key());
            let how = if judged.judged.contains(&drift.subject) {
                "it is as declared again"
            } else if judged.unjudged.contains_key(&drift.subject) {
                continue;
            } else {
                "nothing is in force for it any more"
            };
            let (subject, field) = (drift.subject.clone(), drift.field.clone());
            events.push(Event::DriftSettled { subject, field, how: how.to_owned() });
        }
        if judged.unjudged != self.unjudged {
            events.push(Event::DriftUnjudged { subjects: judged.unjudged });
        }
        events
    }

    pub(super) fn leave_alone(
        &self,
        by: Actor,
        subject: String,
        field: String,
        why: String,
        until: Option<DateTime<Utc>>,
    ) -> Result<Vec<Event>, Refusal> {
        if !by.is_admin() {
            return Err(Refusal::DriftAdminOnly);
        }
        if why.trim().is_empty() {
            return Err(Refusal::WhyNeeded);
        }
        let key = drift::key(&subject, &field);
        let Some(drift) = self.drift.get(&key) else { return Err(Refusal::NoDrift(key)) };
        let left = LeftAlone { by: by.id, why, until, observed: drift.observed.clone() };
        if self.left_alone.get(&key) == Some(&left) {
            return Ok(vec![]);
        }
        Ok(vec![Event::DriftLeftAlone { subject, field, left }])
    }

    pub(super) fn approve_put_back(
        &self,
        by: Option<Actor>,
        subject: String,
        digest: Digest,
        run: RunId,
    ) -> Result<Vec<Event>, Refusal> {
        if by.is_some_and(|by| !by.is_admin()) {
            return Err(Refusal::DriftAdminOnly);
        }
        if self.approved.contains_key(&run) {
            return Ok(vec![]);
        }
        match self.put_backs.get(&subject) {
            None => Err(Refusal::NoDrift(subject)),
            Some(put_back) if put_back.digest != digest => Err(Refusal::PutBackChanged),
            Some(_) => Ok(vec![Event::PutBackApproved { subject, digest, run, by: by.map(|by| by.id) }]),
        }
    }
}
