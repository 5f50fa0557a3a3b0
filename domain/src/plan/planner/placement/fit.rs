//! Can a node hold a new guest? Else why not, in words for the owner.

use super::Budget;
use crate::observation::NodeSeen;
use crate::plan::planner::context::Context;
use crate::plan::planner::spec::{Source, Spec};
use crate::plan::planner::{sentence, stores};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A node that fits, and what the guest would use there.
pub(super) struct Fit {
    pub node: String,
    pub storage: String,
    pub disks: Vec<(u64, String)>,
    pub volume: Option<String>,
}

/// Can the node hold it? Else why not.
pub(super) fn fit(
    context: &Context<'_>,
    spec: &Spec<'_>,
    need_mib: u64,
    name: &str,
    node: &NodeSeen,
    budget: &Budget,
) -> Result<Fit, String> {
    let policy = &context.house().policy;
    if !node.online {
        return Err("it is offline".into());
    }
    if !context.limits().allows_node(name) {
        return Err("the rules do not allow it".into());
    }
    if !node.bridges.contains_key(&spec.bridge) {
        return Err(format!("it has no bridge {}", spec.bridge));
    }
    if spec.cores > node.threads && policy.over_threads == "refuse" {
        return Err(format!("it has {} threads, {} cores are asked for", node.threads, spec.cores));
    }
    let free = budget.memory.get(name).copied().unwrap_or(0);
    if spec.running && need_mib > free && policy.over_memory == "refuse" {
        return Err(format!(
            "{} of memory free, {} asked for",
            sentence::memory(free),
            sentence::memory(need_mib)
        ));
    }
    let volume = match &spec.source {
        Source::Clone { .. } => None,
        Source::File { storage, file, content, .. } => {
            let found = stores::volume(context.seen(), Some(storage), content, file, name);
            Some(found.ok_or_else(|| format!("the file {file} is not there"))?)
        }
        Source::Iso { file } => {
            let found = stores::volume(context.seen(), None, "iso", file, name);
            Some(found.ok_or_else(|| format!("the ISO {file} is not there"))?)
        }
    };
    let storage = storage(context, spec, name, budget)?;
    let disks: Vec<(u64, String)> = spec
        .wish
        .extra_disks
        .iter()
        .map(|disk| (disk.size_gib, disk.storage.clone().unwrap_or_else(|| storage.clone())))
        .collect();
    let mut needs: BTreeMap<&str, u64> = BTreeMap::from([(storage.as_str(), spec.disk_gib)]);
    for (gib, id) in &disks {
        *needs.entry(id).or_default() += gib;
    }
    for (id, gib) in needs {
        usable(context, spec, id, name)?;
        let store = context.stores.get(id).ok_or_else(|| format!("there is no storage {id}"))?;
        if let Some(free) = budget.free_gib(id, store, name).filter(|free| *free < gib) {
            return Err(format!("{id} has {free} GiB free, {gib} GiB asked for"));
        }
    }
    Ok(Fit { node: name.to_owned(), storage, disks, volume })
}

fn usable(context: &Context<'_>, spec: &Spec<'_>, id: &str, node: &str) -> Result<(), String> {
    let store = context.stores.get(id).ok_or_else(|| format!("there is no storage {id}"))?;
    if !context.limits().allows_storage(id) {
        return Err(format!("the rules do not allow storage {id}"));
    }
    if !store.holds(spec.content()) {
        return Err(format!("storage {id} cannot hold disks of a {}", spec.wish.kind.noun()));
    }
    if !store.on(node) {
        return Err(format!("it has no storage {id}"));
    }
    Ok(())
}

/// The storage of the root disk on this node.
fn storage(context: &Context<'_>, spec: &Spec<'_>, node: &str, budget: &Budget) -> Result<String, String> {
    if let Source::Clone { guest, disk, .. } = &spec.source {
        let chosen = spec.wish.storage.as_ref().unwrap_or(&disk.storage);
        usable(context, spec, chosen, node)?;
        if guest.node != node {
            // Proxmox copies to another node only between shared storages (`clone`, parameter `target`).
            let used = stores::of_guest(guest);
            let local = used.iter().find(|id| context.stores.get(id).is_none_or(|store| !store.shared));
            if let Some(id) = local {
                return Err(format!(
                    "{} lies on {id} of {}, which {node} cannot read",
                    guest.name, guest.node
                ));
            }
            if context.stores.get(chosen).is_some_and(|store| !store.shared) {
                return Err(format!(
                    "{} is on {}, and {chosen} of {node} is not shared",
                    guest.name, guest.node
                ));
            }
        }
        return Ok(chosen.clone());
    }
    if let Some(chosen) = &spec.wish.storage {
        usable(context, spec, chosen, node)?;
        return Ok(chosen.clone());
    }
    let candidates = context.stores.iter().filter(|(id, _)| usable(context, spec, id, node).is_ok());
    let known = candidates.filter_map(|(id, store)| Some((id, store, budget.free_gib(id, store, node)?)));
    known
        .filter(|(_, _, free)| *free >= spec.disk_gib)
        .min_by_key(|(id, store, free)| (!store.shared, Reverse(*free), id.to_string()))
        .map(|(id, _, _)| id.to_owned())
        .ok_or_else(|| {
            format!("no storage has {} GiB free for disks of a {}", spec.disk_gib, spec.wish.kind.noun())
        })
}
