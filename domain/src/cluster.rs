//! The cluster as the log knows it: what was seen last, which guests are ours, whether writing is frozen.
//!
//! Begin with [`Cluster::observe`], which turns a new picture into the differences worth recording.

mod differences;

use crate::account::Actor;
use crate::canonical::Digest;
use crate::decider::Decider;
use crate::drift::{self, Drift, LeftAlone};
use crate::ids::{AccountId, DeclarationId, RunId, Vmid};
use crate::interpretation::GuestKind;
use crate::limits::PUT_BACKS_KEPT;
use crate::mark::Mark;
use crate::observation::{GuestSeen, NodeSeen, Observation, StorageSeen};
use crate::plan::Plan;
use crate::surroundings::Surroundings;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One read-only call of an observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    pub path: String,
    pub status: u16,
    pub ms: u32,
}

/// How a guest became ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "lowercase")]
pub enum Origin {
    /// A run made it.
    Made { declaration: DeclarationId, run: RunId },
    /// It was there before; an approved plan took it under management.
    Adopted { declaration: DeclarationId, run: RunId },
    /// Demonstration data that came with the simulated cluster.
    Fixture {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "cluster.registered.v1")]
    Registered { name: String, addresses: Vec<String>, fingerprint: Option<String>, demo: bool },
    #[serde(rename = "cluster.node_observed.v1")]
    NodeObserved { name: String, node: NodeSeen },
    #[serde(rename = "cluster.storage_observed.v1")]
    StorageObserved { id: String, storage: StorageSeen },
    #[serde(rename = "cluster.storage_gone.v1")]
    StorageGone { id: String },
    #[serde(rename = "cluster.guest_observed.v1")]
    GuestObserved { guest: Box<GuestSeen> },
    /// Two different reads agreed that it is gone, its node being online and the cluster quorate.
    #[serde(rename = "cluster.guest_gone.v1")]
    GuestGone { vmid: Vmid },
    /// Pools, high availability, backups or our rights are not as they were.
    #[serde(rename = "cluster.surroundings_observed.v1")]
    SurroundingsObserved { around: Box<Surroundings> },
    /// Closes the differences of one look at the cluster.
    #[serde(rename = "cluster.observed.v1")]
    Observed { at: DateTime<Utc>, pve_version: String, quorate: bool, reads: Vec<Read> },
    #[serde(rename = "cluster.observation_failed.v1")]
    ObservationFailed { why: String, advice: String },
    #[serde(rename = "cluster.guest_claimed.v1")]
    GuestClaimed { vmid: Vmid, name: String, kind: GuestKind, mark: Mark, origin: Origin },
    #[serde(rename = "cluster.guest_released.v1")]
    GuestReleased { vmid: Vmid, mark: Mark },
    #[serde(rename = "cluster.writes_frozen.v1")]
    WritesFrozen { by: Option<AccountId>, reason: String },
    #[serde(rename = "cluster.writes_thawed.v1")]
    WritesThawed { by: Option<AccountId> },
    /// A field is not as a run put it in force; two reads agreed. Seen again with another value, it is said again.
    #[serde(rename = "cluster.drift_seen.v1")]
    DriftSeen { drift: Box<Drift> },
    /// The difference is no more: it was put back, declared anew, or is nobody's business any longer.
    #[serde(rename = "cluster.drift_settled.v1")]
    DriftSettled { subject: String, field: String, how: String },
    /// A person decided to leave a difference as it is, for a while or until it changes.
    #[serde(rename = "cluster.drift_left_alone.v1")]
    DriftLeftAlone { subject: String, field: String, left: LeftAlone },
    /// Guests and storages nobody can judge now, and why: all of them, each time they change.
    #[serde(rename = "cluster.drift_unjudged.v1")]
    DriftUnjudged { subjects: BTreeMap<String, String> },
    /// How differences of one subject would be put back: exact calls, sealed by their digest, for an Admin to approve.
    #[serde(rename = "cluster.put_back_proposed.v1")]
    PutBackProposed { subject: String, digest: Digest, plan: Box<Plan> },
    /// `by` is none where the owner's rule heals by itself.
    #[serde(rename = "cluster.put_back_approved.v1")]
    PutBackApproved { subject: String, digest: Digest, run: RunId, by: Option<AccountId> },
}

#[derive(Clone, Debug)]
pub enum Command {
    Register {
        name: String,
        addresses: Vec<String>,
        fingerprint: Option<String>,
        demo: bool,
    },
    /// `gone`: guests of the last picture whose absence is proven.
    Observe {
        seen: Box<Observation>,
        gone: Vec<Vmid>,
        reads: Vec<Read>,
    },
    FailObservation {
        why: String,
        advice: String,
    },
    Claim {
        vmid: Vmid,
        name: String,
        kind: GuestKind,
        mark: Mark,
        origin: Origin,
    },
    Release {
        vmid: Vmid,
        mark: Mark,
    },
    /// `by` is none from the command line, which holds the database already.
    Freeze {
        by: Option<Actor>,
        reason: String,
    },
    Thaw {
        by: Option<Actor>,
    },
    /// What one comparison showed.
    NoteDrift {
        judged: Box<drift::Judged>,
    },
    /// `until` none: until the value changes again.
    LeaveAlone {
        by: Actor,
        subject: String,
        field: String,
        why: String,
        until: Option<DateTime<Utc>>,
    },
    ProposePutBack {
        subject: String,
        plan: Box<Plan>,
    },
    /// `by` is none where the owner's rule says heal. `run`: the id of the run that this starts.
    ApprovePutBack {
        by: Option<Actor>,
        subject: String,
        digest: Digest,
        run: RunId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("writing is frozen and thawed by Admins")]
    AdminOnly,
    #[error("say why writing is frozen")]
    ReasonNeeded,
    #[error("guest {0} is claimed under another mark already")]
    ClaimedOtherwise(Vmid),
    #[error("drift is left alone and put back by Admins")]
    DriftAdminOnly,
    #[error("{0} does not differ (any more)")]
    NoDrift(String),
    #[error("say why it is left alone")]
    WhyNeeded,
    #[error("what would be put back has changed; look again")]
    PutBackChanged,
}

/// A guest of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub name: String,
    pub kind: GuestKind,
    pub mark: Mark,
    pub origin: Origin,
}

/// How a subject would be put back.
#[derive(Clone, Debug, PartialEq)]
pub struct PutBack {
    pub subject: String,
    pub digest: Digest,
    pub plan: Box<Plan>,
    /// Who approved it; none where nobody did yet, or the owner's rule heals.
    pub by: Option<AccountId>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    pub name: String,
    pub demo: bool,
    pub seen: Option<Box<Observation>>,
    pub claims: BTreeMap<Vmid, Claim>,
    pub frozen: Option<String>,
    pub failing: Option<String>,
    /// Open differences by key.
    pub drift: BTreeMap<String, Drift>,
    /// Differences that were left alone, by key.
    pub left_alone: BTreeMap<String, LeftAlone>,
    /// Subjects nobody can judge now, and why.
    pub unjudged: BTreeMap<String, String>,
    /// Proposals that wait for an Admin, by subject.
    pub put_backs: BTreeMap<String, PutBack>,
    /// Approved ones by the run that does them; the newest few.
    pub approved: BTreeMap<RunId, PutBack>,
    nodes: BTreeMap<String, NodeSeen>,
    storages: BTreeMap<String, StorageSeen>,
    guests: BTreeMap<Vmid, GuestSeen>,
    around: Surroundings,
}

impl Cluster {
    /// The declaration a guest was made or adopted by, if a run of ours did it.
    pub fn maker(&self, vmid: Vmid) -> Option<DeclarationId> {
        match self.claims.get(&vmid)?.origin {
            Origin::Made { declaration, .. } | Origin::Adopted { declaration, .. } => Some(declaration),
            Origin::Fixture {} => None,
        }
    }

    /// Ours means: the guest as seen carries the very mark that the log recorded for its number.
    pub fn owns(&self, guest: &GuestSeen) -> bool {
        let claimed = self.claims.get(&guest.vmid).map(|claim| claim.mark);
        claimed.is_some() && claimed == guest.mark()
    }

    fn observe(&self, seen: Observation, gone: Vec<Vmid>, reads: Vec<Read>) -> Vec<Event> {
        let mut events = Vec::new();
        for (name, node) in &seen.nodes {
            if self.nodes.get(name) != Some(node) {
                events.push(Event::NodeObserved { name: name.clone(), node: node.clone() });
            }
        }
        for (id, storage) in &seen.storages {
            if self.storages.get(id) != Some(storage) {
                events.push(Event::StorageObserved { id: id.clone(), storage: storage.clone() });
            }
        }
        for id in self.storages.keys().filter(|id| !seen.storages.contains_key(*id)) {
            events.push(Event::StorageGone { id: id.clone() });
        }
        for (vmid, guest) in &seen.guests {
            if self.guests.get(vmid) != Some(guest) {
                events.push(Event::GuestObserved { guest: Box::new(guest.clone()) });
            }
        }
        for vmid in gone.into_iter().filter(|vmid| self.guests.contains_key(vmid)) {
            events.push(Event::GuestGone { vmid });
        }
        if self.around != seen.around {
            events.push(Event::SurroundingsObserved { around: Box::new(seen.around) });
        }
        events.push(Event::Observed {
            at: seen.at,
            pve_version: seen.pve_version,
            quorate: seen.quorate,
            reads,
        });
        events
    }
}

impl Decider for Cluster {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        Ok(match command {
            Command::Register { name, .. } if name == self.name => vec![],
            Command::Register { name, addresses, fingerprint, demo } => {
                vec![Event::Registered { name, addresses, fingerprint, demo }]
            }
            Command::Observe { seen, gone, reads } => self.observe(*seen, gone, reads),
            Command::FailObservation { why, .. } if self.failing.as_ref() == Some(&why) => vec![],
            Command::FailObservation { why, advice } => vec![Event::ObservationFailed { why, advice }],
            Command::Claim { vmid, name, kind, mark, origin } => match self.claims.get(&vmid) {
                Some(claim) if claim.mark == mark => vec![],
                Some(_) => return Err(Refusal::ClaimedOtherwise(vmid)),
                None => vec![Event::GuestClaimed { vmid, name, kind, mark, origin }],
            },
            Command::Release { vmid, mark } => match self.claims.get(&vmid) {
                Some(claim) if claim.mark == mark => vec![Event::GuestReleased { vmid, mark }],
                _ => vec![],
            },
            Command::Freeze { by: Some(by), .. } | Command::Thaw { by: Some(by) } if !by.is_admin() => {
                return Err(Refusal::AdminOnly);
            }
            Command::Freeze { reason, .. } if reason.trim().is_empty() => return Err(Refusal::ReasonNeeded),
            Command::Freeze { .. } if self.frozen.is_some() => vec![],
            Command::Freeze { by, reason } => vec![Event::WritesFrozen { by: by.map(|by| by.id), reason }],
            Command::Thaw { .. } if self.frozen.is_none() => vec![],
            Command::Thaw { by } => vec![Event::WritesThawed { by: by.map(|by| by.id) }],
            Command::NoteDrift { judged } => self.note_drift(*judged),
            Command::LeaveAlone { by, subject, field, why, until } => {
                return self.leave_alone(by, subject, field, why, until);
            }
            Command::ProposePutBack { subject, plan } => {
                let digest = plan.digest();
                let known = self.put_backs.get(&subject).is_some_and(|known| known.digest == digest);
                if known { vec![] } else { vec![Event::PutBackProposed { subject, digest, plan }] }
            }
            Command::ApprovePutBack { by, subject, digest, run } => {
                return self.approve_put_back(by, subject, digest, run);
            }
        })
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Registered { name, demo, .. } => {
                self.name.clone_from(name);
                self.demo = *demo;
            }
            Event::NodeObserved { name, node } => {
                self.nodes.insert(name.clone(), node.clone());
            }
            Event::StorageObserved { id, storage } => {
                self.storages.insert(id.clone(), storage.clone());
            }
            Event::StorageGone { id } => {
                self.storages.remove(id);
            }
            Event::GuestObserved { guest } => {
                self.guests.insert(guest.vmid, (**guest).clone());
            }
            Event::GuestGone { vmid } => {
                self.guests.remove(vmid);
            }
            Event::SurroundingsObserved { around } => self.around = (**around).clone(),
            Event::Observed { at, pve_version, quorate, .. } => {
                self.failing = None;
                self.seen = Some(Box::new(Observation {
                    at: *at,
                    cluster: self.name.clone(),
                    pve_version: pve_version.clone(),
                    quorate: *quorate,
                    nodes: self.nodes.clone(),
                    storages: self.storages.clone(),
                    guests: self.guests.clone(),
                    around: self.around.clone(),
                }));
            }
            Event::ObservationFailed { why, .. } => self.failing = Some(why.clone()),
            Event::GuestClaimed { vmid, name, kind, mark, origin } => {
                let claim = Claim { name: name.clone(), kind: *kind, mark: *mark, origin: origin.clone() };
                self.claims.insert(*vmid, claim);
            }
            Event::GuestReleased { vmid, .. } => {
                self.claims.remove(vmid);
            }
            Event::WritesFrozen { reason, .. } => self.frozen = Some(reason.clone()),
            Event::WritesThawed { .. } => self.frozen = None,
            Event::DriftSeen { drift } => {
                self.drift.insert(drift.key(), (**drift).clone());
            }
            Event::DriftSettled { subject, field, .. } => {
                let key = drift::key(subject, field);
                self.drift.remove(&key);
                self.left_alone.remove(&key);
                if !self.drift.values().any(|drift| drift.subject == *subject) {
                    self.put_backs.remove(subject);
                }
            }
            Event::DriftLeftAlone { subject, field, left } => {
                self.left_alone.insert(drift::key(subject, field), left.clone());
            }
            Event::DriftUnjudged { subjects } => self.unjudged.clone_from(subjects),
            Event::PutBackProposed { subject, digest, plan } => {
                let put_back = PutBack {
                    subject: subject.clone(),
                    digest: digest.clone(),
                    plan: plan.clone(),
                    by: None,
                };
                self.put_backs.insert(subject.clone(), put_back);
            }
            Event::PutBackApproved { subject, run, by, .. } => {
                if let Some(put_back) = self.put_backs.remove(subject) {
                    self.approved.insert(*run, PutBack { by: *by, ..put_back });
                    while self.approved.len() > PUT_BACKS_KEPT {
                        self.approved.pop_first();
                    }
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
