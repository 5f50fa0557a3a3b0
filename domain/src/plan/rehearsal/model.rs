//! A cluster in memory that carries calls out as Proxmox does, as far as plans send them.
//!
//! Begin with [`Model::send`]. It keeps the server's habits that a plan must reckon with: one number space, locks out
//! of the way, options sorted, volumes named, digests that change, membership that moves.
//!
//! Never here: chance, clocks, tasks that fail. What it does not know it refuses, and so does the planner.

use super::writing;
use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::observation::{GuestSeen, Observation, StorageSeen};
use crate::plan::{Call, Condition, Look, LookAt, Verb};
use crate::surroundings::{BackupJobSeen, BackupKey, BackupSeen, HaSeen, PoolSeen, sid};
use std::collections::BTreeMap;
use uuid::Uuid;

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

    fn create(&mut self, call: &Call, node: &str, kind: GuestKind) -> Result<(), String> {
        let vmid: Vmid = arg(&call.args, "vmid")?.parse().map_err(|_| "a number is missing".to_owned())?;
        let mut guest = GuestSeen {
            vmid,
            kind,
            name: String::new(),
            node: node.to_owned(),
            running: false,
            template: false,
            lock: None,
            pool: call.args.get("pool").cloned(),
            config: BTreeMap::new(),
            pending: vec![],
            digest: String::new(),
            snapshots: vec![],
        };
        let left_out = ["vmid", "pool", "ostemplate", "ssh-public-keys"];
        let args: Args = call
            .args
            .iter()
            .filter(|(key, _)| !left_out.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let taken = writing::write(&mut guest, &args, IMPORTED_GIB);
        if kind == GuestKind::Vm {
            guest.config.insert("vmgenid".into(), Uuid::from_u128(u128::from(vmid)).to_string());
        }
        taken.into_iter().try_for_each(|(id, gib)| self.take(&id, node, gib))?;
        self.add(guest)
    }

    fn clone_guest(&mut self, call: &Call, model: Vmid) -> Result<(), String> {
        let args = &call.args;
        let vmid: Vmid = arg(args, "newid")?.parse().map_err(|_| "a number is missing".to_owned())?;
        let full = args.get("full").is_none_or(|full| full == "1");
        let mut guest = self.guest(model)?.clone();
        if !full && (!guest.template || args.contains_key("storage")) {
            return Err("parameter 'storage' not allowed for linked clones".into());
        }
        guest.vmid = vmid;
        guest.template = false;
        guest.running = false;
        guest.lock = None;
        guest.snapshots = vec![];
        guest.pool = args.get("pool").cloned();
        if let Some(target) = args.get("target") {
            guest.node.clone_from(target);
        }
        for key in ["template", "parent", "protection"] {
            guest.config.remove(key);
        }
        let node = guest.node.clone();
        for (key, disk) in writing::rehomed(&mut guest, model, args.get("storage").map(String::as_str), full)
        {
            if full {
                self.take(&disk, &node, key)?;
            }
        }
        let own = Uuid::from_u128(u128::from(vmid)).to_string();
        guest.config.insert("vmgenid".into(), own);
        let named = |key: &str| args.get(key).map(|value| (key.to_owned(), value.clone()));
        let written: Args = ["name", "description"].into_iter().filter_map(named).collect();
        writing::write(&mut guest, &written, 0);
        self.add(guest)
    }

    fn add(&mut self, guest: GuestSeen) -> Result<(), String> {
        if let Some(other) = self.seen.guests.get(&guest.vmid) {
            return Err(format!("number {} is taken by {}", guest.vmid, other.name));
        }
        if let Some(pool) = &guest.pool {
            let pools = self.seen.around.pools.get_or_insert_default();
            let entry = pools.get_mut(pool).ok_or_else(|| format!("pool '{pool}' does not exist"))?;
            entry.guests.insert(guest.vmid);
        }
        self.seen.guests.insert(guest.vmid, guest);
        Ok(())
    }

    fn configure(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
        let guest = self.guest(vmid)?;
        if args.get("digest").is_some_and(|digest| *digest != guest.digest) {
            return Err("checksum mismatch (file change by other user?)".into());
        }
        let node = guest.node.clone();
        let taken = writing::write(guest, args, IMPORTED_GIB);
        taken.into_iter().try_for_each(|(id, gib)| self.take(&id, &node, gib))
    }

    fn resize(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
        let (key, size) = (arg(args, "disk")?, arg(args, "size")?);
        let wanted = crate::observation::size_gib(size).ok_or_else(|| format!("{size} is no size"))?;
        let guest = self.guest(vmid)?;
        let disk = guest.disk(key).ok_or_else(|| format!("disk '{key}' does not exist"))?;
        let had = disk.size_gib.unwrap_or(0);
        if wanted < had {
            return Err("shrinking disks is not supported".into());
        }
        writing::resized(guest, key, wanted);
        let node = guest.node.clone();
        self.take(&disk.storage, &node, wanted - had)
    }

    fn power(&mut self, vmid: Vmid, action: &str) -> Result<(), String> {
        let guest = self.guest(vmid)?;
        match action {
            "start" if guest.template => return Err("you can't start a vm if it's a template".into()),
            "start" => guest.running = true,
            "stop" | "shutdown" => guest.running = false,
            other => return Err(format!("the model does not know {other}")),
        }
        if !guest.running {
            guest.pending.clear();
        }
        Ok(())
    }

    fn destroy(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
        let guest = self.guest(vmid)?.clone();
        if guest.running {
            return Err(format!("VM {vmid} is running - destroy failed"));
        }
        if guest.protection() {
            return Err(format!("can't remove VM {vmid} - protection mode enabled"));
        }
        for disk in guest.disks() {
            self.give(&disk.storage, &guest.node, disk.size_gib.unwrap_or(0));
        }
        if args.get("purge").is_some_and(|purge| purge == "1") {
            if let Some(all) = &mut self.seen.around.ha {
                all.remove(&sid(guest.kind, vmid));
            }
            for job in self.seen.around.backup_jobs.iter_mut().flat_map(|all| all.values_mut()) {
                job.guests.retain(|other| *other != vmid);
            }
        }
        for pool in self.seen.around.pools.iter_mut().flat_map(|all| all.values_mut()) {
            pool.guests.remove(&vmid);
        }
        self.seen.guests.remove(&vmid);
        Ok(())
    }

    fn migrate(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
        let target = arg(args, "target")?.to_owned();
        let flag = |key: &str| args.get(key).is_some_and(|value| value == "1");
        if !self.seen.nodes.get(&target).is_some_and(|node| node.online) {
            return Err(format!("no such cluster node '{target}'"));
        }
        let guest = self.guest(vmid)?.clone();
        if guest.running && !flag("online") && !flag("restart") {
            return Err("can't migrate running VM without --online".into());
        }
        let chosen = args.get("targetstorage").or_else(|| args.get("target-storage")).cloned();
        let mut moved = Vec::new();
        for disk in guest.disks() {
            let store = self.seen.storages.get(&disk.storage).ok_or_else(|| absent(&disk.storage))?;
            let to = if store.shared {
                disk.storage.clone()
            } else {
                chosen.clone().unwrap_or(disk.storage.clone())
            };
            if store.shared {
                continue;
            }
            if guest.running && guest.kind == GuestKind::Vm && !flag("with-local-disks") {
                return Err(format!("can't live migrate attached local disk {}", disk.key));
            }
            moved.push((disk, to));
        }
        for (disk, to) in moved {
            let gib = disk.size_gib.unwrap_or(0);
            self.take(&to, &target, gib)?;
            self.give(&disk.storage, &guest.node, gib);
            writing::moved(self.guest(vmid)?, &disk.key, &to);
        }
        let guest = self.guest(vmid)?;
        guest.node = target;
        guest.digest = writing::digest(guest);
        Ok(())
    }

    fn move_disk(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
        let key = args.get("disk").or_else(|| args.get("volume")).ok_or("which disk?")?.clone();
        let to = arg(args, "storage")?.to_owned();
        let guest = self.guest(vmid)?;
        if guest.kind == GuestKind::Container && guest.running {
            return Err("cannot move volumes of a running container".into());
        }
        let (node, disk) = (guest.node.clone(), guest.disk(&key).ok_or_else(|| absent(&key))?);
        if disk.storage == to {
            return Err("you can't move to the same storage with same format".into());
        }
        let gib = disk.size_gib.unwrap_or(0);
        writing::moved(guest, &key, &to);
        if args.get("delete").is_some_and(|delete| delete == "1") {
            self.give(&disk.storage, &node, gib);
        } else {
            writing::keep_unused(self.guest(vmid)?, &disk.volume);
        }
        self.take(&to, &node, gib)
    }

    fn back_up(&mut self, node: &str, args: &Args) -> Result<(), String> {
        let storage = arg(args, "storage")?.to_owned();
        if !self.seen.storages.get(&storage).is_some_and(|s| s.content.iter().any(|c| c == "backup")) {
            return Err(format!("can't use storage '{storage}' for backups"));
        }
        let vmid: Vmid =
            arg(args, "vmid")?.parse().map_err(|_| "one guest is backed up at a time".to_owned())?;
        if self.seen.guests.get(&vmid).is_none_or(|guest| guest.node != node) {
            return Err(format!("unable to find VM '{vmid}'"));
        }
        if let Some(key) = args.get("notes-template").and_then(|notes| BackupKey::find(notes)) {
            let volume = format!("{storage}:backup/vzdump-{vmid}");
            self.seen.around.backups.insert(key, BackupSeen { vmid, storage, volume });
        }
        Ok(())
    }

    fn add_storage(&mut self, args: &Args) -> Result<(), String> {
        let id = arg(args, "storage")?.to_owned();
        if self.seen.storages.contains_key(&id) {
            return Err(format!("storage ID '{id}' already defined"));
        }
        let all = || self.seen.nodes.keys().cloned().collect();
        let storage = StorageSeen {
            kind: arg(args, "type")?.to_owned(),
            shared: true,
            content: words(arg(args, "content")?),
            nodes: args.get("nodes").map_or_else(all, |nodes| words(nodes)),
            server: args.get("server").cloned(),
            export: args.get("export").cloned(),
            free_gib: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        self.seen.storages.insert(id, storage);
        Ok(())
    }

    fn set_storage(&mut self, id: &str, args: &Args) -> Result<(), String> {
        let storage = self.seen.storages.get_mut(id).ok_or_else(|| absent(id))?;
        if let Some(content) = args.get("content") {
            storage.content = words(content);
        }
        if let Some(nodes) = args.get("nodes") {
            storage.nodes = words(nodes);
        }
        Ok(())
    }

    fn pool(&mut self, verb: Verb, args: &Args) -> Result<(), String> {
        let id = arg(args, "poolid")?.to_owned();
        let pools = self.seen.around.pools.get_or_insert_default();
        match verb {
            Verb::Post if pools.contains_key(&id) => return Err(format!("pool '{id}' already exists")),
            Verb::Post => drop(pools.insert(id, PoolSeen::default())),
            Verb::Delete => match pools.get(&id) {
                Some(pool) if pool.is_empty() => drop(pools.remove(&id)),
                Some(_) => return Err(format!("pool '{id}' is not empty")),
                None => return Err(absent(&id)),
            },
            _ => {
                if !pools.contains_key(&id) {
                    return Err(absent(&id));
                }
                let leaves = args.get("delete").is_some_and(|delete| delete == "1");
                for vmid in arg(args, "vms")?.split(',').filter_map(|vmid| vmid.parse::<Vmid>().ok()) {
                    for (name, pool) in pools.iter_mut() {
                        if *name == id && !leaves {
                            pool.guests.insert(vmid)
                        } else {
                            pool.guests.remove(&vmid)
                        };
                    }
                    if let Some(guest) = self.seen.guests.get_mut(&vmid) {
                        guest.pool = (!leaves).then(|| id.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn ha(&mut self, verb: Verb, sid: Option<&str>, args: &Args) -> Result<(), String> {
        let all = self.seen.around.ha.get_or_insert_default();
        let id = match sid {
            Some(sid) => sid.to_owned(),
            None => arg(args, "sid")?.to_owned(),
        };
        let state = args.get("state").cloned().unwrap_or_else(|| "started".into());
        match verb {
            Verb::Post if all.contains_key(&id) => return Err(format!("resource ID '{id}' already defined")),
            Verb::Delete => return all.remove(&id).map(drop).ok_or_else(|| absent(&id)),
            Verb::Put if !all.contains_key(&id) => return Err(absent(&id)),
            _ => {}
        }
        let group = all.remove(&id).and_then(|old| old.group).or(args.get("group").cloned());
        all.insert(id.clone(), HaSeen { state: state.clone(), group });
        // The manager starts and stops what it manages, a little later.
        let vmid = id.split_once(':').and_then(|(_, vmid)| vmid.parse().ok());
        if let Some(guest) = vmid.and_then(|vmid: Vmid| self.seen.guests.get_mut(&vmid)) {
            match state.as_str() {
                "started" => guest.running = true,
                "stopped" | "disabled" => guest.running = false,
                _ => {}
            }
        }
        Ok(())
    }

    fn job(&mut self, verb: Verb, id: Option<&str>, args: &Args) -> Result<(), String> {
        let all = self.seen.around.backup_jobs.get_or_insert_default();
        let id = match id {
            Some(id) => id.to_owned(),
            None => arg(args, "id")?.to_owned(),
        };
        let mut job = match (verb, all.get(&id)) {
            (Verb::Delete, _) => return all.remove(&id).map(drop).ok_or_else(|| absent(&id)),
            (Verb::Post, Some(_)) => return Err(format!("Job '{id}' already exists")),
            (Verb::Post, None) => BackupJobSeen { enabled: true, ..BackupJobSeen::default() },
            (_, Some(job)) => job.clone(),
            (_, None) => return Err("no such vzdump job".into()),
        };
        if let Some(guests) = args.get("vmid") {
            job.guests = guests.split(',').filter_map(|vmid| vmid.parse().ok()).collect();
            job.guests.sort_unstable();
        }
        let said = |key: &str| args.get(key).cloned();
        job.storage = said("storage").or(job.storage);
        job.schedule = said("schedule").or(job.schedule);
        job.mode = said("mode").or(job.mode);
        let keep = said("prune-backups").and_then(|prune| prune.strip_prefix("keep-last=")?.parse().ok());
        job.keep_last = keep.or(job.keep_last);
        job.enabled = said("enabled").map_or(job.enabled, |enabled| enabled == "1");
        all.insert(id, job);
        Ok(())
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
