//! What calls do to guests and their disks.

use super::{Args, IMPORTED_GIB, Model, absent, arg};
use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::observation::GuestSeen;
use crate::plan::Call;
use crate::plan::rehearsal::writing;
use crate::surroundings::{BackupKey, BackupSeen, sid};
use std::collections::BTreeMap;
use uuid::Uuid;

impl Model {
    pub(super) fn create(&mut self, call: &Call, node: &str, kind: GuestKind) -> Result<(), String> {
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

    pub(super) fn clone_guest(&mut self, call: &Call, model: Vmid) -> Result<(), String> {
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

    pub(super) fn configure(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
        let guest = self.guest(vmid)?;
        if args.get("digest").is_some_and(|digest| *digest != guest.digest) {
            return Err("checksum mismatch (file change by other user?)".into());
        }
        let node = guest.node.clone();
        let taken = writing::write(guest, args, IMPORTED_GIB);
        taken.into_iter().try_for_each(|(id, gib)| self.take(&id, &node, gib))
    }

    pub(super) fn resize(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
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

    pub(super) fn power(&mut self, vmid: Vmid, action: &str) -> Result<(), String> {
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

    pub(super) fn destroy(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
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

    pub(super) fn migrate(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
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

    pub(super) fn move_disk(&mut self, vmid: Vmid, args: &Args) -> Result<(), String> {
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

    pub(super) fn back_up(&mut self, node: &str, args: &Args) -> Result<(), String> {
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
}
