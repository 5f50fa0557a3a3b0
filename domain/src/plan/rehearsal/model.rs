//! A cluster in memory that carries calls out as Proxmox does, as far as plans send them.
//!
//! Begin with [`Model::send`]. It keeps the server's habits that a plan must reckon with: one number space, locks out
//! of the way, options sorted, volumes named, digests that change, membership that moves.
//!
//! Never here: chance, clocks, tasks that fail. What it does not know it refuses, and so does the planner.

mod around;
mod guests;

use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::observation::{GuestSeen, Observation};
use crate::plan::{Call, Condition, Look, LookAt, Verb};
use std::collections::BTreeMap;

type Args = BTreeMap<String, String>;

/// The key of a shared storage's free space in a picture.
const ANY: &str = "any";
/// Size of a disk that is imported, until it is grown: nobody knows it before, in GiB.
const IMPORTED_GIB: u64 = 2;

pub struct Model {
    pub seen: Observation,
    /// Tasks that ended well: node, type and guest.
    tasks: Vec<(String, String, Vmid)>,
}

impl Model {
    pub fn new(seen: Observation) -> Self {
        Self { seen, tasks: Vec::new() }
    }

    /// What the agent would see there.
    pub fn look(&self, at: &LookAt) -> Look {
        let around = &self.seen.around;
        let found = match at {
            LookAt::Guest { vmid, kind, node } => {
                let guest = self.seen.guests.get(vmid);
                match guest {
                    Some(guest) if guest.node == *node && guest.kind == *kind => {
                        Some(Look::Guest(Box::new(guest.clone())))
                    }
                    Some(_) => Some(Look::CannotTell { why: format!("number {vmid} is in use elsewhere") }),
                    None => None,
                }
            }
            LookAt::Whereabouts { vmid, kind, nodes } => {
                let guest = self.seen.guests.get(vmid);
                guest
                    .filter(|guest| guest.kind == *kind && nodes.contains(&guest.node))
                    .map(|guest| Look::Guest(Box::new(guest.clone())))
            }
            LookAt::Storage { id } => self.seen.storages.get(id).cloned().map(Look::Storage),
            LookAt::Pool { id } => around.pools.as_ref().and_then(|all| all.get(id)).cloned().map(Look::Pool),
            LookAt::Ha { sid } => around.ha.as_ref().and_then(|all| all.get(sid)).cloned().map(Look::Ha),
            LookAt::BackupJob { id } => {
                around.backup_jobs.as_ref().and_then(|all| all.get(id)).cloned().map(Look::BackupJob)
            }
            LookAt::Backup { key, .. } => around.backups.get(key).cloned().map(Look::Backup),
            LookAt::Task { node, vmid, task, .. } => self
                .tasks
                .contains(&(node.clone(), task.clone(), *vmid))
                .then(|| Look::Task { ended: Some("OK".into()) }),
        };
        found.unwrap_or(Look::Absent)
    }

    /// Carries the call out; the error says why the server would refuse it.
    pub fn send(&mut self, call: &Call) -> Result<(), String> {
        let path: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        match (call.verb, path.as_slice()) {
            (Verb::Post, ["nodes", node, api @ ("qemu" | "lxc")]) => self.create(call, node, kind(api)),
            (Verb::Post, ["nodes", node, "vzdump"]) => self.back_up(node, &call.args),
            (_, ["nodes", node, api @ ("qemu" | "lxc"), vmid, rest @ ..]) => {
                let vmid = vmid.parse().map_err(|_| format!("{vmid} is no number"))?;
                self.guest_call(call, node, kind(api), vmid, rest)
            }
            (Verb::Post, ["storage"]) => self.add_storage(&call.args),
            (Verb::Put, ["storage", id]) => self.set_storage(id, &call.args),
            (Verb::Delete, ["storage", id]) => self.seen.storages.remove(*id).map(drop).ok_or(absent(id)),
            (verb, ["pools"]) => self.pool(verb, &call.args),
            (verb, ["cluster", "ha", "resources", rest @ ..]) => {
                self.ha(verb, rest.first().copied(), &call.args)
            }
            (verb, ["cluster", "backup", rest @ ..]) => self.job(verb, rest.first().copied(), &call.args),
            _ => Err(format!("the model does not know {} {}", call.verb.as_str(), call.path)),
        }
    }

    fn guest_call(
        &mut self,
        call: &Call,
        node: &str,
        kind: GuestKind,
        vmid: Vmid,
        rest: &[&str],
    ) -> Result<(), String> {
        let args = &call.args;
        self.at(vmid, kind, node)?;
        match (call.verb, rest) {
            (Verb::Post, ["clone"]) => self.clone_guest(call, vmid),
            (Verb::Put, ["config"]) => self.configure(vmid, args),
            (Verb::Put, ["resize"]) => self.resize(vmid, args),
            (Verb::Post, ["status", action]) => self.power(vmid, action),
            (Verb::Post, ["migrate"]) => self.migrate(vmid, args),
            (Verb::Post, ["move_disk" | "move_volume"]) => self.move_disk(vmid, args),
            (Verb::Post, ["snapshot"]) => {
                let name = arg(args, "snapname")?.to_owned();
                let guest = self.guest(vmid)?;
                if guest.snapshots.contains(&name) {
                    return Err(format!("snapshot name '{name}' already used"));
                }
                guest.config.insert("parent".into(), name.clone());
                guest.snapshots.push(name);
                guest.snapshots.sort();
                Ok(())
            }
            (Verb::Delete, ["snapshot", name]) => {
                let guest = self.guest(vmid)?;
                let before = guest.snapshots.len();
                guest.snapshots.retain(|other| other != name);
                if guest.config.get("parent").is_some_and(|parent| parent == name) {
                    guest.config.remove("parent");
                }
                if guest.snapshots.len() < before { Ok(()) } else { Err(absent(name)) }
            }
            (Verb::Post, ["snapshot", name, "rollback"]) => {
                let guest = self.guest(vmid)?;
                if !guest.snapshots.iter().any(|other| other == name) {
                    return Err(absent(name));
                }
                // What the snapshot held is not known here; without its memory the guest is stopped after.
                guest.running = false;
                guest.config.insert("parent".into(), (*name).to_owned());
                let task = if kind == GuestKind::Vm { "qmrollback" } else { "vzrollback" };
                self.tasks.push((node.to_owned(), task.to_owned(), vmid));
                Ok(())
            }
            (Verb::Delete, []) => self.destroy(vmid, args),
            _ => Err(format!("the model does not know {} {}", call.verb.as_str(), call.path)),
        }
    }

    fn at(&self, vmid: Vmid, kind: GuestKind, node: &str) -> Result<&GuestSeen, String> {
        let guest = self.seen.guests.get(&vmid).filter(|guest| guest.node == node && guest.kind == kind);
        guest.ok_or_else(|| format!("there is no {} {vmid} on {node}", kind.noun()))
    }

    fn guest(&mut self, vmid: Vmid) -> Result<&mut GuestSeen, String> {
        self.seen.guests.get_mut(&vmid).ok_or_else(|| format!("there is no guest {vmid}"))
    }

    /// Free space of a storage as this node sees it; none where it is not known.
    pub fn free_gib(&self, id: &str, node: &str) -> Option<u64> {
        let storage = self.seen.storages.get(id)?;
        let free = &storage.free_gib;
        match storage.shared {
            true => free.get(ANY).or_else(|| free.values().max()).copied(),
            false => free.get(node).copied(),
        }
    }

    fn take(&mut self, id: &str, node: &str, gib: u64) -> Result<(), String> {
        let free = self.free_gib(id, node);
        if let Some(free) = free.filter(|free| *free < gib) {
            return Err(format!("{id} on {node} has {free} GiB free, {gib} GiB are needed"));
        }
        self.space(id, node, |free| free.saturating_sub(gib));
        Ok(())
    }

    fn give(&mut self, id: &str, node: &str, gib: u64) {
        self.space(id, node, |free| free.saturating_add(gib));
    }

    fn space(&mut self, id: &str, node: &str, change: impl Fn(u64) -> u64) {
        let Some(storage) = self.seen.storages.get_mut(id) else { return };
        let shared = storage.shared;
        let places = storage.free_gib.iter_mut().filter(|(name, _)| shared || *name == node);
        places.for_each(|(_, free)| *free = change(*free));
    }
}

/// The mark a call writes, for those who keep claims.
pub fn claimed(call: &Call) -> Option<(Vmid, GuestKind, crate::mark::Mark, bool)> {
    match &call.done_when {
        Condition::GuestExists { vmid, kind, mark, .. } => Some((*vmid, *kind, *mark, false)),
        Condition::GuestAdopted { vmid, kind, mark, .. } => Some((*vmid, *kind, *mark, true)),
        _ => None,
    }
}

fn kind(api: &str) -> GuestKind {
    if api == "qemu" { GuestKind::Vm } else { GuestKind::Container }
}

fn arg<'a>(args: &'a Args, key: &str) -> Result<&'a str, String> {
    args.get(key).map(String::as_str).ok_or_else(|| format!("{key} is missing"))
}

fn absent(what: &str) -> String {
    format!("{what} does not exist")
}

fn words(text: &str) -> Vec<String> {
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
