//! R6 to R8 for everything that is not a guest: moves, mounts, snapshots, clusters, backups, placement.

use super::{Found, Rule};
use crate::facts::{Facts, Guest};
use crate::interpretation::{Change, GuestChange, GuestKind, Interpretation};

pub(super) fn check(doc: &Interpretation, facts: &Facts, found: &mut Found) {
    let managed = |name: &str| facts.guests.values().find(|g| g.managed && g.name == name);
    let new = |name: &str| doc.guests.iter().find(|g| g.change == GuestChange::Create && g.name == name);
    let ours = |name: &str| managed(name).is_some() || new(name).is_some();
    let stranger =
        |name: &str| format!("\"{}\" is not a guest of ours", name.chars().take(40).collect::<String>());

    for (n, one) in doc.placement.iter().enumerate() {
        for name in one.guests.iter().filter(|name| !ours(name)) {
            found.at(Rule::R8, &format!("/placement/{n}"), stranger(name));
        }
    }
    for (n, one) in doc.moves.iter().enumerate() {
        let at = format!("/moves/{n}");
        match managed(&one.guest) {
            None if new(&one.guest).is_none() => found.at(Rule::R8, &at, stranger(&one.guest)),
            Some(guest) => moved(guest, one, &at, facts, found),
            None => {}
        }
        if one.to_node.as_ref().is_some_and(|node| facts.nodes.get(node).is_none_or(|n| !n.online))
            || one.to_storage.as_ref().is_some_and(|id| !facts.storages.contains_key(id))
        {
            found.at(Rule::R8, &at, "the target is unknown or offline");
        }
    }
    for (n, one) in doc.mounts.iter().enumerate() {
        let at = format!("/mounts/{n}");
        if !ours(&one.guest) {
            found.at(Rule::R8, &at, stranger(&one.guest));
        }
        let container = new(&one.guest).is_some_and(|g| g.kind == GuestKind::Container)
            || managed(&one.guest).is_some_and(|g| g.kind == "container");
        if container && one.change == Change::Create {
            found.at(Rule::R8, &at, "containers cannot mount NFS with a token");
        }
    }
    for (n, one) in doc.snapshots.iter().enumerate() {
        let at = format!("/snapshots/{n}");
        let guest = managed(&one.guest);
        if !ours(&one.guest) {
            found.at(Rule::R8, &at, stranger(&one.guest));
        }
        if guest.is_some_and(|g| g.protected) && one.change == Change::Rollback {
            found.at(Rule::R7, &at, format!("{} is protected", one.guest));
        }
        let known = one.name.as_ref().is_some_and(|s| guest.is_some_and(|g| g.snapshots.contains(s)));
        if one.change != Change::Create && !known {
            found.at(Rule::R8, &at, "there is no such snapshot");
        }
    }
    for (n, one) in doc.kubernetes.iter().enumerate() {
        let at = format!("/kubernetes/{n}");
        for member in one.control_planes.iter().chain(&one.workers).flatten().filter(|name| !ours(name)) {
            found.at(Rule::R8, &at, stranger(member));
        }
        match (one.change, facts.house.kubernetes.contains_key(&one.name)) {
            (Change::Create, true) => found.at(Rule::R6, &at, format!("{} exists", one.name)),
            (Change::Create, false) | (_, true) => {}
            (_, false) => found.at(Rule::R6, &at, format!("{} does not exist", one.name)),
        }
    }
    backups(doc, facts, &ours, found);
}

fn moved(guest: &Guest, one: &crate::interpretation::Move, at: &str, facts: &Facts, found: &mut Found) {
    if guest.protected {
        found.at(Rule::R7, at, format!("{} is protected", one.guest));
    }
    let content = if guest.kind == "container" { "rootdir" } else { "images" };
    if let Some(id) = one.to_storage.as_ref()
        && facts.storages.get(id).is_some_and(|storage| !storage.holds(content))
    {
        found.at(Rule::R8, at, format!("storage {id} cannot hold {content}"));
    }
}

fn backups(doc: &Interpretation, facts: &Facts, ours: &dyn Fn(&str) -> bool, found: &mut Found) {
    for (n, one) in doc.backups.iter().enumerate() {
        let at = format!("/backups/{n}");
        for member in one.guests.iter().filter(|name| !ours(name)) {
            found.at(Rule::R8, &at, format!("\"{member}\" is not a guest of ours"));
        }
        if let Some(id) = &one.storage {
            let made = doc.storages.iter().any(|s| s.id == *id);
            if !made && facts.storages.get(id).is_none_or(|storage| !storage.holds("backup")) {
                found.at(Rule::R8, &at, format!("storage {id} cannot hold backups"));
            }
        }
    }
    for (n, one) in doc.storages.iter().enumerate() {
        let at = format!("/storages/{n}");
        match (one.change, facts.storages.contains_key(&one.id)) {
            (Change::Create, true) => found.at(Rule::R6, &at, format!("{} exists", one.id)),
            (Change::Create, false) | (_, true) => {}
            (_, false) => found.at(Rule::R6, &at, format!("{} does not exist", one.id)),
        }
        for node in one.nodes.iter().filter(|node| !facts.nodes.contains_key(*node)) {
            found.at(Rule::R8, &at, format!("there is no node {node}"));
        }
    }
}
