//! What is free, less what the plan takes: nothing is promised twice.

use super::fit::Fit;
use crate::facts_from::memory_free_mib;
use crate::plan::planner::context::Context;
use crate::plan::planner::fields::Edit;
use crate::plan::planner::moves::Route;
use crate::plan::planner::spec::Spec;
use crate::plan::planner::stores::Store;
use crate::plan::planner::tasks::Task;
use crate::plan::planner::{NoPlan, sentence, update};
use std::collections::BTreeMap;

/// Free memory and space, less what the plan takes.
pub(super) struct Budget {
    /// MiB by node.
    pub memory: BTreeMap<String, u64>,
    /// GiB taken, by storage and node (empty for a shared storage).
    pub taken: BTreeMap<(String, String), u64>,
}

impl Budget {
    pub fn new(context: &Context<'_>) -> Self {
        let seen = context.seen();
        let online = seen.nodes.iter().filter(|(_, node)| node.online);
        let memory = online.map(|(name, node)| (name.clone(), memory_free_mib(seen, name, node))).collect();
        Self { memory, taken: BTreeMap::new() }
    }

    /// What is free on a storage from a node; none where it is not known.
    pub fn free_gib(&self, id: &str, store: &Store, node: &str) -> Option<u64> {
        let taken = self.taken.get(&(id.to_owned(), store.space(node).to_owned())).copied().unwrap_or(0);
        Some(store.free_gib(node)?.saturating_sub(taken))
    }

    fn take(&mut self, id: &str, store: &Store, node: &str, gib: u64) {
        *self.taken.entry((id.to_owned(), store.space(node).to_owned())).or_default() += gib;
    }

    /// What a new guest takes where it fits.
    pub(super) fn spend(&mut self, context: &Context<'_>, spec: &Spec<'_>, fit: &Fit) {
        if spec.running
            && let Some(free) = self.memory.get_mut(&fit.node)
        {
            *free = free.saturating_sub(spec.memory_mib);
        }
        let root = [(spec.disk_gib, fit.storage.clone())];
        for (gib, id) in root.iter().chain(&fit.disks) {
            if let Some(store) = context.stores.get(id) {
                self.take(id, store, &fit.node, *gib);
            }
        }
    }

    /// A guest that goes elsewhere frees its memory here and needs it there; its disks need room where they go.
    pub(super) fn relocate(&mut self, context: &Context<'_>, route: &Route<'_>) -> Result<(), NoPlan> {
        let (guest, node) = (route.guest, route.node());
        if node != guest.node && guest.running {
            if let Some(free) = self.memory.get_mut(&guest.node) {
                *free += guest.memory_mib();
            }
            let need = guest.memory_mib();
            if let Some(free) = self.memory.get_mut(node) {
                if need > *free && context.house().policy.over_memory == "refuse" {
                    return Err(NoPlan::new(
                        format!(
                            "{} has {} of memory, {node} has {} free.",
                            guest.name,
                            sentence::memory(need),
                            sentence::memory(*free)
                        ),
                        "Name another node, or make room there first.",
                    ));
                }
                *free = free.saturating_sub(need);
            }
        }
        for disk in guest.disks() {
            let meant = !route.boot_only || guest.boot_disk().is_some_and(|boot| boot.key == disk.key);
            let id = route.storage().filter(|_| meant).unwrap_or(&disk.storage);
            let Some(store) = context.stores.get(id) else { continue };
            let copied = id != disk.storage || (!store.shared && node != guest.node);
            let gib = disk.size_gib.unwrap_or(0);
            if !copied {
                continue;
            }
            if let Some(free) = self.free_gib(id, store, node).filter(|free| *free < gib) {
                return Err(NoPlan::new(
                    format!(
                        "Disk {} of {} has {gib} GiB, {id} on {node} has {free} GiB free.",
                        disk.key, guest.name
                    ),
                    "Name another storage, or make room first.",
                ));
            }
            self.take(id, store, node, gib);
        }
        Ok(())
    }

    /// What a changed guest takes more than before on the node where it will be; refused where it is not there.
    pub(super) fn grow(
        &mut self,
        context: &Context<'_>,
        task: &Task<'_>,
        edit: &Edit,
        node: &str,
    ) -> Result<(), NoPlan> {
        let (wish, guest) = (task.wish, task.guest);
        let starts = !guest.running && update::wanted_power(context, task) == Some(true);
        let before = if guest.running { guest.memory_mib() } else { 0 };
        let after = if guest.running || starts { wish.memory_mib.unwrap_or(guest.memory_mib()) } else { 0 };
        let more = after.saturating_sub(before);
        if let Some(free) = self.memory.get_mut(node) {
            if more > *free && context.house().policy.over_memory == "refuse" {
                return Err(NoPlan::new(
                    format!(
                        "{} would need {} more memory, {} has {} free.",
                        guest.name,
                        sentence::memory(more),
                        node,
                        sentence::memory(*free)
                    ),
                    "Ask for less, or make room on the node first.",
                ));
            }
            *free = free.saturating_sub(more);
        }
        for (id, gib) in &edit.takes {
            let Some(store) = context.stores.get(id) else { continue };
            if let Some(free) = self.free_gib(id, store, &guest.node).filter(|free| free < gib) {
                return Err(NoPlan::new(
                    format!("{} needs {gib} GiB more on {id}, which has {free} GiB free.", guest.name),
                    "Ask for less, or make room on the storage first.",
                ));
            }
            self.take(id, store, &guest.node, *gib);
        }
        Ok(())
    }
}
