//! The cluster as last seen: one row for each node, storage and guest, and one for the whole.

use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::limits::GUEST_HISTORY_KEPT;
use crate::model::{ClaimRow, ClusterMeta, DriftRow, Frozen, GuestRow, NodeRow, PutBackRow, StorageRow};
use domain::cluster::Event;
use domain::drift;
use domain::event::{AnyEvent, Category};
use domain::ids::Vmid;

pub struct ClusterFold;

pub const META: &str = "meta";

pub fn guest_key(vmid: Vmid) -> String {
    format!("guest/{vmid}")
}

fn drift_key(subject: &str, field: &str) -> String {
    format!("drift/{}", drift::key(subject, field))
}

fn put_back_key(subject: &str) -> String {
    format!("put-back/{subject}")
}

impl Projection for ClusterFold {
    fn name(&self) -> &'static str {
        "cluster"
    }

    fn version(&self) -> i32 {
        3
    }

    fn purpose(&self) -> &'static str {
        "nodes, storages and guests as last seen, and which are ours"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Cluster
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        let fact = match &event.event {
            Some(AnyEvent::Cluster(fact)) => fact,
            None if event.category == Category::Cluster => return vec![META.into()],
            _ => return vec![],
        };
        match fact {
            Event::NodeObserved { name, .. } => vec![format!("node/{name}")],
            Event::StorageObserved { id, .. } | Event::StorageGone { id } => vec![format!("storage/{id}")],
            Event::GuestObserved { guest } => vec![guest_key(guest.vmid)],
            Event::GuestGone { vmid }
            | Event::GuestClaimed { vmid, .. }
            | Event::GuestReleased { vmid, .. } => {
                vec![guest_key(*vmid)]
            }
            Event::Registered { .. }
            | Event::SurroundingsObserved { .. }
            | Event::Observed { .. }
            | Event::ObservationFailed { .. }
            | Event::WritesFrozen { .. }
            | Event::DriftUnjudged { .. }
            | Event::WritesThawed { .. } => vec![META.into()],
            Event::DriftSeen { drift } => vec![drift_key(&drift.subject, &drift.field)],
            Event::DriftSettled { subject, field, .. } | Event::DriftLeftAlone { subject, field, .. } => {
                vec![drift_key(subject, field)]
            }
            Event::PutBackProposed { subject, .. } | Event::PutBackApproved { subject, .. } => {
                vec![put_back_key(subject)]
            }
        }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let fact = match &event.event {
            Some(AnyEvent::Cluster(fact)) => fact,
            None if event.version == 1 => {
                return rows.put(
                    META,
                    HIDDEN,
                    ClusterMeta { name: ERASED.to_owned(), ..ClusterMeta::default() },
                );
            }
            _ => return Ok(()),
        };
        match fact {
            Event::NodeObserved { name, node } => {
                let row = NodeRow { name: name.clone(), node: node.clone(), seen_at: event.at };
                rows.put(&format!("node/{name}"), 0, row)
            }
            Event::StorageObserved { id, storage } => {
                let row = StorageRow { id: id.clone(), storage: storage.clone(), seen_at: event.at };
                rows.put(&format!("storage/{id}"), 0, row)
            }
            Event::StorageGone { id } => rows.remove(&format!("storage/{id}")),
            Event::GuestObserved { guest } => {
                guest_row(rows, event, guest.vmid, |row| row.seen = Some((**guest).clone()))
            }
            Event::GuestGone { vmid } => guest_row(rows, event, *vmid, |row| row.seen = None),
            Event::GuestClaimed { vmid, name, mark, origin, .. } => guest_row(rows, event, *vmid, |row| {
                row.claim =
                    Some(ClaimRow { name: name.clone(), mark: *mark, origin: origin.clone(), at: event.at });
            }),
            Event::GuestReleased { vmid, .. } => guest_row(rows, event, *vmid, |row| row.claim = None),
            Event::DriftSeen { drift } => {
                let key = drift_key(&drift.subject, &drift.field);
                let left = rows.get::<DriftRow>(&key)?.and_then(|row| row.left);
                let row = DriftRow { drift: (**drift).clone(), left, position: event.position };
                rows.put(&key, 0, row)
            }
            Event::DriftSettled { subject, field, .. } => rows.remove(&drift_key(subject, field)),
            Event::DriftLeftAlone { subject, field, left } => {
                rows.change(&drift_key(subject, field), |row: &mut DriftRow| {
                    row.left = Some(left.clone());
                    row.position = event.position;
                    0
                })
            }
            Event::PutBackProposed { subject, digest, plan } => {
                let calls = plan.steps.iter().flat_map(|step| step.calls.iter());
                let row = PutBackRow {
                    subject: subject.clone(),
                    digest: digest.clone(),
                    sentences: plan.steps.iter().map(|step| step.sentence.clone()).collect(),
                    calls: calls.map(domain::plan::Call::shown).collect(),
                    position: event.position,
                };
                rows.put(&put_back_key(subject), 0, row)
            }
            Event::PutBackApproved { subject, .. } => rows.remove(&put_back_key(subject)),
            fact => meta(rows, event, fact),
        }
    }
}

fn guest_row(
    rows: &mut Rows,
    event: &Known,
    vmid: Vmid,
    change: impl FnOnce(&mut GuestRow),
) -> Result<(), Poison> {
    let key = guest_key(vmid);
    let mut row = rows.get::<GuestRow>(&key)?.unwrap_or(GuestRow {
        vmid,
        seen: None,
        changed_at: event.at,
        claim: None,
        history: vec![],
    });
    change(&mut row);
    if row.seen.is_none() && row.claim.is_none() {
        return rows.remove(&key);
    }
    row.changed_at = event.at;
    row.history.push(event.position);
    let over = row.history.len().saturating_sub(GUEST_HISTORY_KEPT);
    row.history.drain(..over);
    rows.put(&key, vmid.into(), row)
}

fn meta(rows: &mut Rows, event: &Known, fact: &Event) -> Result<(), Poison> {
    let mut meta: ClusterMeta = rows.get(META)?.unwrap_or_default();
    match fact {
        Event::Registered { name, addresses, demo, .. } => {
            meta.name.clone_from(name);
            meta.addresses.clone_from(addresses);
            meta.demo = *demo;
        }
        Event::Observed { at, pve_version, quorate, reads } => {
            meta.observed_at = Some(*at);
            meta.pve_version.clone_from(pve_version);
            meta.quorate = *quorate;
            meta.reads = reads.len();
            meta.reads_ms = reads.iter().map(|read| u64::from(read.ms)).sum();
            meta.failing = None;
        }
        Event::ObservationFailed { why, advice } => {
            meta.failing = Some((why.clone(), advice.clone(), event.at))
        }
        Event::WritesFrozen { by, reason } => {
            meta.frozen = Some(Frozen { by: *by, at: event.at, reason: reason.clone() });
        }
        Event::WritesThawed { .. } => meta.frozen = None,
        Event::DriftUnjudged { subjects } => meta.unjudged.clone_from(subjects),
        _ => {}
    }
    rows.put(META, HIDDEN, meta)
}
