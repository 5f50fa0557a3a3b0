//! What runs put in force: the fold of the calls of finished steps.

use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::plan::planner::config::expected;
use crate::plan::{Call, Condition, Expected, Plan, Step};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Arguments of the creating call that read back as configuration keys. Others (the source, the storage, the pool)
/// say how the guest is made, not how it is.
const CREATED_KEYS: [&str; 21] = [
    "name",
    "hostname",
    "cores",
    "memory",
    "swap",
    "onboot",
    "tags",
    "net0",
    "ipconfig0",
    "nameserver",
    "startup",
    "protection",
    "description",
    "unprivileged",
    "bios",
    "ostype",
    "scsihw",
    "ciuser",
    "sockets",
    "balloon",
    "boot",
];

/// All that is in force, by guest and storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    pub guests: BTreeMap<Vmid, AppliedGuest>,
    pub storages: BTreeMap<String, AppliedStorage>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AppliedGuest {
    pub name: String,
    pub kind: GuestKind,
    /// Where it was when the last call was made; a guest that moved is found by its number.
    pub node: String,
    /// The plan that last touched it.
    pub plan: Arc<Plan>,
    /// Set where a run of ours made it.
    pub mark: Option<Mark>,
    /// Configuration keys and what they must be.
    pub fields: BTreeMap<String, Expected>,
    /// Disks and their least size in GiB.
    pub disks: BTreeMap<String, u64>,
    pub running: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AppliedStorage {
    pub plan: Arc<Plan>,
    pub kind: String,
    pub server: String,
    pub export: String,
    pub content: Vec<String>,
    /// Empty: on all nodes.
    pub nodes: Vec<String>,
}

impl Applied {
    /// Takes in a finished step. Said twice, it changes nothing more.
    pub fn finish(&mut self, plan: &Arc<Plan>, step: &Step) {
        for call in &step.calls {
            self.note(plan, &step.subject.name, call);
        }
    }

    /// Takes in one call whose outcome was seen.
    pub fn note(&mut self, plan: &Arc<Plan>, name: &str, call: &Call) {
        match &call.done_when {
            Condition::GuestExists { vmid, kind, node, mark } => {
                let guest = self.guest(*vmid, *kind, node, name, plan);
                guest.mark = Some(*mark);
                for (key, value) in call.args.iter().filter(|(key, _)| CREATED_KEYS.contains(&key.as_str())) {
                    guest.fields.insert(key.clone(), expected(*kind, key, value));
                }
            }
            Condition::GuestGone { vmid, .. } => {
                self.guests.remove(vmid);
            }
            Condition::ConfigHas { vmid, kind, node, values } => {
                let guest = self.guest(*vmid, *kind, node, name, plan);
                for (key, value) in values.iter().filter(|(key, _)| !is_secret(key)) {
                    guest.fields.insert(key.clone(), value.clone());
                }
            }
            Condition::DiskAtLeast { vmid, kind, node, disk, size_gib } => {
                let guest = self.guest(*vmid, *kind, node, name, plan);
                guest.disks.insert(disk.clone(), *size_gib);
            }
            Condition::PowerIs { vmid, kind, node, running } => {
                self.guest(*vmid, *kind, node, name, plan).running = Some(*running);
            }
            Condition::StorageIs { id, kind, server, export, content, nodes } => {
                let storage = AppliedStorage {
                    plan: plan.clone(),
                    kind: kind.clone(),
                    server: server.clone(),
                    export: export.clone(),
                    content: content.clone(),
                    nodes: nodes.clone(),
                };
                self.storages.insert(id.clone(), storage);
            }
            Condition::StorageGone { id } => {
                self.storages.remove(id);
            }
            Condition::GuestAdopted { vmid, kind, node, mark } => {
                self.guest(*vmid, *kind, node, name, plan).mark = Some(*mark);
            }
            Condition::GuestOn { vmid, kind, node, .. } => {
                self.guest(*vmid, *kind, node, name, plan);
            }
            // Going back to a snapshot brings back what was in force then: until a run sets a field again, nobody knows it.
            Condition::TaskDone { vmid, .. } => {
                if let Some(guest) = self.guests.get_mut(vmid) {
                    guest.fields.clear();
                    guest.disks.clear();
                    guest.running = None;
                }
            }
            // These leave no field of a guest or a storage behind.
            Condition::DiskOn { .. }
            | Condition::SnapshotIs { .. }
            | Condition::PoolExists { .. }
            | Condition::PoolHas { .. }
            | Condition::PoolGone { .. }
            | Condition::HaIs { .. }
            | Condition::HaGone { .. }
            | Condition::BackupJobIs { .. }
            | Condition::BackupJobGone { .. }
            | Condition::BackupMade { .. } => {}
        }
    }

    fn guest(
        &mut self,
        vmid: Vmid,
        kind: GuestKind,
        node: &str,
        name: &str,
        plan: &Arc<Plan>,
    ) -> &mut AppliedGuest {
        let guest = self.guests.entry(vmid).or_insert_with(|| AppliedGuest {
            name: name.to_owned(),
            kind,
            node: node.to_owned(),
            plan: plan.clone(),
            mark: None,
            fields: BTreeMap::new(),
            disks: BTreeMap::new(),
            running: None,
        });
        name.clone_into(&mut guest.name);
        node.clone_into(&mut guest.node);
        guest.plan = plan.clone();
        guest
    }
}

/// Stored masked or hashed: nothing to compare.
fn is_secret(key: &str) -> bool {
    key.contains("password") || key == "digest"
}
