//! R1, R6 to R8, R10 and R12 for guests: identity, ownership, what they refer to, limits and addresses.

use super::{Found, Rule, text};
use crate::facts::{Facts, Guest};
use crate::interpretation::{GuestChange, GuestKind, GuestWish, Interpretation};
use std::collections::BTreeMap;

pub(super) fn check(doc: &Interpretation, declaration: &str, facts: &Facts, found: &mut Found) {
    let mut names: Vec<&str> = Vec::new();
    let mut taken = addresses(facts);
    let mut memory: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    for (n, wish) in doc.guests.iter().enumerate() {
        let at = format!("/guests/{n}");
        let old = wish.vmid.and_then(|id| facts.guest(id));
        if wish.change == GuestChange::Create {
            if facts.guest_named(&wish.name).is_some() || names.contains(&wish.name.as_str()) {
                found.at(Rule::R6, &at, format!("the name {} is taken", wish.name));
            }
            names.push(&wish.name);
            created(wish, &at, facts, found);
            let silent = match wish.kind {
                GuestKind::Vm => facts.house.defaults.vm.memory_mib,
                GuestKind::Container => facts.house.defaults.container.memory_mib,
            };
            *memory.entry(wish.node.as_deref()).or_default() += wish.memory_mib.unwrap_or(silent);
        } else {
            let Some(old) = old.filter(|old| old.name == wish.name && old.kind == wish.kind.as_str()) else {
                found.at(Rule::R6, &at, "no guest has this vmid, name and kind together");
                continue;
            };
            if wish.change != GuestChange::Keep {
                if doc.guests.iter().take(n).any(|other| other.vmid == wish.vmid) {
                    found.at(Rule::R6, &at, format!("a second entry for {}", old.vmid));
                }
                existing(wish, old, &at, found);
                if wish.change == GuestChange::Adopt && !text::adoption_said(doc, n, declaration) {
                    found.at(Rule::R9, &at, "adopting is not asked for in the text");
                }
                if let Some(name) = wish.new_name.as_deref() {
                    let other = facts.guest_named(name).is_some_and(|g| g.vmid != old.vmid);
                    if other || names.contains(&name) {
                        found.at(Rule::R6, &at, format!("the name {name} is taken"));
                    }
                    names.push(name);
                }
                if let Some(wanted) = wish.memory_mib.filter(|_| old.status == "running") {
                    *memory.entry(Some(&old.node)).or_default() += wanted.saturating_sub(old.memory_mib);
                }
            }
        }
        fits(doc, wish, old, &at, facts, found);
        if let Some(address) = wish.ip.as_deref().and_then(|ip| ip.split('/').next()).filter(|a| *a != "dhcp")
        {
            match taken.get(address) {
                Some(owner) if *owner != wish.name => {
                    found.at(Rule::R12, &at, format!("{address} belongs to {owner}"));
                }
                _ => drop(taken.insert(address.to_owned(), wish.name.clone())),
            }
        }
    }
    limits(doc, &memory, facts, found);
}

fn created(wish: &GuestWish, at: &str, facts: &Facts, found: &mut Found) {
    let sources = [wish.image.is_some(), wish.iso.is_some(), wish.copy_of.is_some()];
    if sources.iter().filter(|given| **given).count() > 1 {
        found.at(Rule::R8, at, "more than one of image, iso and copy_of");
    }
    let images = match wish.kind {
        GuestKind::Vm => &facts.house.images.vm,
        GuestKind::Container => &facts.house.images.container,
    };
    match wish.image.as_ref().map(|name| (name, images.get(name))) {
        Some((name, None)) => {
            found.at(Rule::R8, at, format!("there is no {} image {name}", wish.kind.noun()))
        }
        Some((name, Some(image))) if wish.disk_gib.is_some_and(|disk| disk < image.disk_gib) => {
            found.at(Rule::R10, at, format!("the disk is smaller than the {} GiB of {name}", image.disk_gib));
        }
        _ => {}
    }
    if let Some(iso) = wish.iso.as_ref().filter(|iso| !facts.isos.contains_key(*iso)) {
        found.at(Rule::R8, at, format!("there is no ISO {iso}"));
    }
    if wish.copy_of.is_some_and(|id| facts.guest(id).is_none_or(|g| !g.managed)) {
        found.at(Rule::R7, at, "a copy of a guest that is not managed");
    }
    if wish.unprivileged == Some(false) {
        found.at(Rule::R10, at, "privileged containers are refused by policy");
    }
}

fn existing(wish: &GuestWish, old: &Guest, at: &str, found: &mut Found) {
    if !old.managed && wish.change != GuestChange::Adopt {
        found.at(Rule::R7, at, format!("{} is undeclared", old.vmid));
    }
    if old.protected && matches!(wish.change, GuestChange::Update | GuestChange::Destroy) {
        found.at(Rule::R7, at, format!("{} is protected", old.vmid));
    }
    if old.managed && wish.change == GuestChange::Adopt {
        found.at(Rule::R6, at, format!("{} is managed already", old.vmid));
    }
    if wish.disk_gib.is_some_and(|disk| disk < old.disk_gib) {
        found.at(Rule::R10, at, format!("the disk would shrink from {} GiB", old.disk_gib));
    }
    if wish.change == GuestChange::Update {
        let mut bare = GuestWish::new(wish.change, wish.kind, wish.name.clone());
        bare.vmid = wish.vmid;
        if bare == *wish {
            found.at(Rule::R1, at, "an update of nothing");
        }
    }
}

/// R8 and R10 for what one guest refers to.
fn fits(
    doc: &Interpretation,
    wish: &GuestWish,
    old: Option<&Guest>,
    at: &str,
    facts: &Facts,
    found: &mut Found,
) {
    let content = if wish.kind == GuestKind::Container { "rootdir" } else { "images" };
    let disks = wish.extra_disks.iter().filter_map(|disk| disk.storage.as_deref());
    for id in wish.storage.as_deref().into_iter().chain(disks) {
        match facts.storages.get(id) {
            None if !doc.storages.iter().any(|made| made.id == id) => {
                found.at(Rule::R8, at, format!("there is no storage {id}"));
            }
            Some(storage) if !storage.holds(content) => {
                found.at(Rule::R8, at, format!("storage {id} cannot hold {content}"));
            }
            Some(storage) if wish.node.as_deref().is_some_and(|node| !storage.on(node)) => {
                found.at(Rule::R8, at, format!("the node has no storage {id}"));
            }
            _ => {}
        }
    }
    let online = |name: &str| facts.nodes.get(name).filter(|node| node.online);
    if let Some(node) = wish.node.as_deref().filter(|node| online(node).is_none()) {
        found.at(Rule::R8, at, format!("node {node} is unknown or offline"));
    }
    let place = wish.node.as_deref().or(old.map(|g| g.node.as_str())).and_then(online);
    let largest = || facts.nodes.values().filter(|n| n.online).map(|n| n.threads).max().unwrap_or(0);
    let threads = place.map_or_else(largest, |node| node.threads);
    if wish.cores.is_some_and(|cores| cores > threads) {
        let cores = wish.cores.unwrap_or(0);
        found.at(Rule::R10, at, format!("{cores} cores, but {threads} threads"));
    }
    if let Some(bridge) = wish.bridge.as_ref().filter(|bridge| !facts.bridges.contains_key(*bridge)) {
        found.at(Rule::R8, at, format!("there is no bridge {bridge}"));
    }
    if let Some(pool) = wish.pool.as_ref() {
        let made = doc.pools.iter().any(|p| p.name == *pool && p.change == super::super::Change::Create);
        if !made && !facts.pools.contains_key(pool) {
            found.at(Rule::R8, at, format!("there is no pool {pool}"));
        }
    }
}

/// R10 in sum: memory per node and altogether, number of new guests.
fn limits(doc: &Interpretation, memory: &BTreeMap<Option<&str>, u64>, facts: &Facts, found: &mut Found) {
    let online = || facts.nodes.iter().filter(|(_, node)| node.online);
    for (name, node) in online() {
        let need = memory.get(&Some(name.as_str())).copied().unwrap_or(0);
        if need > node.memory_free_mib {
            let free = node.memory_free_mib;
            found.add(Rule::R10, None, format!("{need} MiB asked for on {name}, {free} MiB are free"));
        }
    }
    let (need, free): (u64, u64) =
        (memory.values().sum(), online().map(|(_, node)| node.memory_free_mib).sum());
    if need > free {
        found.add(Rule::R10, None, format!("{need} MiB asked for, {free} MiB are free in the cluster"));
    }
    let new = doc.guests.iter().filter(|g| g.change == GuestChange::Create).count();
    let cap = facts.house.policy.create_max;
    if new > cap {
        found.add(Rule::R10, None, format!("{new} new guests, the policy allows {cap}"));
    }
}

/// Addresses in use and whose they are.
fn addresses(facts: &Facts) -> BTreeMap<String, String> {
    let guests = facts.guests.values().filter_map(|guest| Some((guest.ip.as_deref()?, &guest.name)));
    let nodes = facts.nodes.iter().filter_map(|(name, node)| Some((node.address.as_deref()?, name)));
    let mut taken: BTreeMap<String, String> = guests
        .chain(nodes)
        .map(|(address, owner)| (address.split('/').next().unwrap_or(address).to_owned(), owner.clone()))
        .filter(|(address, _)| address != "dhcp")
        .collect();
    let gateways = facts.house.vlans.values().filter_map(|vlan| vlan.gateway.clone());
    for gateway in gateways.chain([facts.house.network.gateway.clone()]) {
        taken.insert(gateway, "the gateway".to_owned());
    }
    taken
}
