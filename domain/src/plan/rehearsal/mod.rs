//! The rehearsal: a plan tried on a model of the cluster before anybody is asked to approve it (N10).
//!
//! Begin with [`rehearse`]. The model begins with what was observed; every guard, call and outcome of the plan is gone
//! through in order. What would be refused is refused now, with arithmetic; what comes out is the prediction that is
//! shown beside the plan and scored after the run ([`score`]).

mod model;
mod score;
mod writing;

pub use model::{Model, claimed};
pub use score::{Score, Wrong, score};

use super::{Call, Effect, Step, Verdict};
use crate::ids::Vmid;
use crate::observation::{GuestSeen, Observation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is predicted for the cluster after the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Every node that is online.
    pub nodes: Vec<NodeAfter>,
    /// Storages whose free space changes.
    pub storages: Vec<StorageAfter>,
    /// Guests that the plan touches, as they will be.
    pub guests: Vec<GuestAfter>,
    /// Guests that will be gone.
    pub gone: Vec<Vmid>,
    /// Who is unreachable for a while, and why.
    pub blinks: Vec<Blink>,
    pub quorum: Quorum,
}

impl NodeAfter {
    /// What is left after the plan, in MiB.
    pub fn free_after_mib(&self) -> u64 {
        self.memory_mib.saturating_sub(self.promised_after_mib)
    }

    pub fn free_before_mib(&self) -> u64 {
        self.memory_mib.saturating_sub(self.promised_before_mib)
    }
}

/// Memory that is promised to running guests, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAfter {
    pub name: String,
    pub memory_mib: u64,
    pub promised_before_mib: u64,
    pub promised_after_mib: u64,
    /// Running guests after the plan.
    pub running: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageAfter {
    pub id: String,
    /// None for a shared storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub free_before_gib: u64,
    pub free_after_gib: u64,
}

/// The fields of a guest that are predicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestAfter {
    pub vmid: Vmid,
    pub name: String,
    pub node: String,
    pub running: bool,
    pub cores: u32,
    pub memory_mib: u64,
    /// All disks together, in GiB.
    pub disk_gib: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blink {
    pub guest: String,
    pub step: u32,
    pub why: String,
}

/// Votes of the cluster. A plan changes none; it is said so that nobody has to wonder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    pub online: u32,
    pub nodes: u32,
    pub needed: u32,
}

/// Why the plan cannot work, found in the rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step}, {purpose}: {why}")]
pub struct Stumble {
    pub step: u32,
    pub purpose: String,
    pub why: String,
}

impl GuestAfter {
    pub fn of(guest: &GuestSeen) -> Self {
        Self {
            vmid: guest.vmid,
            name: guest.name.clone(),
            node: guest.node.clone(),
            running: guest.running,
            cores: guest.cores(),
            memory_mib: guest.memory_mib(),
            disk_gib: guest.disks().iter().filter_map(|disk| disk.size_gib).sum(),
            storage: guest.boot_disk().map(|disk| disk.storage),
        }
    }
}

/// Goes through the steps on a model that begins with what was seen. Answers with the predicted cluster, too.
pub fn rehearse(steps: &[Step], seen: &Observation) -> Result<(Rehearsal, Observation), Stumble> {
    let mut model = Model::new(seen.clone());
    for step in steps {
        for call in &step.calls {
            take(&mut model, call).map_err(|why| Stumble {
                step: step.no,
                purpose: call.purpose.clone(),
                why,
            })?;
        }
    }
    let end = model.seen;
    Ok((predicted(steps, seen, &end), end))
}

/// One call as a run takes it: not done yet, guards, call, done.
pub fn take(model: &mut Model, call: &Call) -> Result<(), String> {
    let at = call.done_when.look_at();
    let look = model.look(&at);
    match call.done_when.judge(&look) {
        Verdict::Not(_) => {}
        Verdict::Holds => return Err("what it is for holds already".into()),
        Verdict::CannotTell(why) => return Err(why),
    }
    for guard in &call.guards {
        let other = guard.look_at();
        // Most guards ask about the very guest that the call is for.
        let verdict = if other == at { guard.judge(&look) } else { guard.judge(&model.look(&other)) };
        match verdict {
            Verdict::Holds => {}
            Verdict::Not(why) | Verdict::CannotTell(why) => return Err(why),
        }
    }
    model.send(call)?;
    match call.done_when.judge(&model.look(&at)) {
        Verdict::Holds => Ok(()),
        Verdict::Not(why) | Verdict::CannotTell(why) => Err(format!("it was sent, but {why}")),
    }
}

fn predicted(steps: &[Step], seen: &Observation, end: &Observation) -> Rehearsal {
    let touched: BTreeSet<Vmid> =
        steps.iter().filter(|s| !s.calls.is_empty()).filter_map(|s| s.subject.vmid).collect();
    let (mut guests, mut gone) = (Vec::new(), Vec::new());
    for vmid in touched {
        match end.guests.get(&vmid) {
            Some(guest) => guests.push(GuestAfter::of(guest)),
            None => gone.push(vmid),
        }
    }
    let online = u32::try_from(seen.nodes.values().filter(|node| node.online).count()).unwrap_or(u32::MAX);
    let all = u32::try_from(seen.nodes.len()).unwrap_or(u32::MAX);
    Rehearsal {
        nodes: nodes(seen, end),
        storages: storages(seen, end),
        guests,
        gone,
        blinks: blinks(steps, seen),
        quorum: Quorum { online, nodes: all, needed: all / 2 + 1 },
    }
}

fn nodes(seen: &Observation, end: &Observation) -> Vec<NodeAfter> {
    let online = seen.nodes.iter().filter(|(_, node)| node.online);
    let running = |name: &str| end.guests.values().filter(|g| g.running && g.node == name).count();
    online
        .map(|(name, node)| NodeAfter {
            name: name.clone(),
            memory_mib: node.memory_mib,
            promised_before_mib: promised_mib(seen, name),
            promised_after_mib: promised_mib(end, name),
            running: u32::try_from(running(name)).unwrap_or(u32::MAX),
        })
        .collect()
}

fn promised_mib(seen: &Observation, node: &str) -> u64 {
    seen.guests.values().filter(|guest| guest.running && guest.node == node).map(GuestSeen::memory_mib).sum()
}

fn storages(seen: &Observation, end: &Observation) -> Vec<StorageAfter> {
    let mut all = Vec::new();
    for (id, before) in &seen.storages {
        let Some(after) = end.storages.get(id).filter(|after| after.free_gib != before.free_gib) else {
            continue;
        };
        let pairs: BTreeMap<&String, (u64, u64)> = before
            .free_gib
            .iter()
            .filter_map(|(node, free)| Some((node, (*free, *after.free_gib.get(node)?))))
            .filter(|(_, (before, after))| before != after)
            .collect();
        let most = before.shared.then(|| pairs.values().max().copied()).flatten();
        if let Some((free_before_gib, free_after_gib)) = most {
            all.push(StorageAfter { id: id.clone(), node: None, free_before_gib, free_after_gib });
            continue;
        }
        all.extend(pairs.into_iter().map(|(node, (free_before_gib, free_after_gib))| StorageAfter {
            id: id.clone(),
            node: Some(node.clone()),
            free_before_gib,
            free_after_gib,
        }));
    }
    all
}

/// Running guests whose steps interrupt them. One that is destroyed does not blink; it is a hazard of its own.
fn blinks(steps: &[Step], seen: &Observation) -> Vec<Blink> {
    let interrupts = steps.iter().filter(|step| step.effect == Effect::Interrupts);
    interrupts
        .filter_map(|step| {
            let guest = seen.guests.get(&step.subject.vmid?).filter(|guest| guest.running)?;
            Some(Blink { guest: guest.name.clone(), step: step.no, why: step.sentence.clone() })
        })
        .collect()
}
