//! The boot disk, which only grows, and further disks, which are added once.

use super::Editor;
use crate::interpretation::GuestChange;
use crate::observation::DiskSeen;
use crate::plan::Expected;
use crate::plan::planner::create_container::mount_point;
use crate::plan::planner::{NoPlan, config, sentence};

impl Editor<'_, '_> {
    pub(super) fn disk(&mut self) -> Result<(), NoPlan> {
        let Some(wanted) = self.wish.disk_gib else { return Ok(()) };
        let known = self.guest.boot_disk().and_then(|disk| Some((disk.key, disk.storage, disk.size_gib?)));
        let Some((key, storage, size)) = known else {
            return Err(NoPlan::new(
                format!("The size of the boot disk of {} cannot be read.", self.guest.name),
                "Leave the disk out of the text, or look at the guest's hardware in Proxmox.",
            ));
        };
        if wanted < size {
            // A house rule that became smaller since is no wish to lose data.
            if self.wish.change == GuestChange::Create && self.context.is_default(self.index, "disk_gib") {
                return Ok(());
            }
            return Err(NoPlan::new(
                format!("The disk of {} has {size} GiB and cannot shrink to {wanted} GiB.", self.guest.name),
                format!("Ask for {size} GiB or more, or make a new guest and copy what you need."),
            ));
        }
        if self.differs("disk_gib", "disk", Some(sentence::disk(size)), &sentence::disk(wanted)) {
            self.edit.grow = Some((key, wanted));
            self.edit.takes.push((storage, wanted - size));
            self.edit.stays.push(format!("the disk of {}", sentence::disk(wanted)));
        }
        Ok(())
    }

    /// Disks to have besides. One that is there in that size, and on that storage if one is named, counts.
    pub(super) fn further_disks(&mut self) -> Result<(), NoPlan> {
        let boot = self.guest.boot_disk().map(|disk| disk.key);
        let all = self.guest.config.keys().filter_map(|key| self.guest.disk(key));
        let mut there: Vec<DiskSeen> = all.filter(|disk| Some(&disk.key) != boot.as_ref()).collect();
        // Where the other disks are, or where the same text sends them.
        let sent = self.context.desired().moves.iter().find(|entry| entry.guest == self.guest.name);
        let sent = sent.and_then(|entry| entry.to_storage.clone()).or(self.wish.storage.clone());
        let root = sent.or_else(|| self.guest.boot_disk().map(|disk| disk.storage));
        let stem = if self.is_vm() { "scsi" } else { "mp" };
        let (first, last) = if self.is_vm() { (1, 30) } else { (0, 255) };
        let mut keys = config::free_keys(stem, first, last, &self.guest.config);
        for (n, disk) in self.wish.extra_disks.iter().enumerate() {
            let fits = |seen: &DiskSeen| {
                seen.size_gib == Some(disk.size_gib)
                    && disk.storage.as_ref().is_none_or(|id| *id == seen.storage)
            };
            let words = sentence::disk(disk.size_gib);
            if let Some(place) = there.iter().position(fits) {
                let seen = there.swap_remove(place);
                self.edit.same.push(format!("a further disk of {words} on {}", seen.storage));
                continue;
            }
            let (Some(id), Some(key)) = (disk.storage.clone().or_else(|| root.clone()), keys.next()) else {
                return Err(NoPlan::new(
                    format!("There is no room for a further disk in {}.", self.guest.name),
                    "Name a storage for it, or remove a disk first.",
                ));
            };
            self.holds(&id)?;
            self.edit.takes.push((id.clone(), disk.size_gib));
            let words = format!("{words} on {id}");
            self.differs(&format!("extra_disks/{n}"), "further disk", None, &words);
            let path = disk.path.clone().unwrap_or_else(|| mount_point(n));
            let end = if self.is_vm() { String::new() } else { format!(",mp={path}") };
            self.edit.expected.insert(key.clone(), Expected::Present);
            self.edit.args.insert(key, format!("{id}:{}{end}", disk.size_gib));
            self.edit.stays.push(format!("the further disk of {words}"));
            if self.is_vm() && !self.hotplugs("disk") {
                self.waits("the further disk");
            }
        }
        Ok(())
    }

    /// Can the storage hold a disk of this guest, where the guest is?
    fn holds(&self, id: &str) -> Result<(), NoPlan> {
        let (kind, name, node) = (self.guest.kind, &self.guest.name, &self.guest.node);
        let content = if self.is_vm() { "images" } else { "rootdir" };
        match self.context.stores.get(id) {
            Some(store) if store.on(node) && store.holds(content) => Ok(()),
            _ => Err(NoPlan::new(
                format!(
                    "No further disk for {name}: {node} has no storage {id} for disks of a {}.",
                    kind.noun()
                ),
                "Name another storage.",
            )),
        }
    }
}
