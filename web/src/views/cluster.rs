//! The cluster's page: what was seen, and whether it matches what was declared.

use crate::frame::Frame;
use crate::pages::cluster as page;
use crate::parts::{Ago, Badge, Bar, Kind, Message};
use crate::words;
use chrono::{DateTime, Utc};
use domain::cluster::Origin;
use domain::ids::DeclarationId;
use domain::interpretation::{GuestKind, GuestWish, Interpretation};
use domain::observation::GuestSeen;
use projections::model::{ClusterView, GuestRow};
use std::collections::BTreeMap;

/// What each declaration last put into force: its title and the desired state of its newest run.
pub type Declared = BTreeMap<DeclarationId, (String, Option<Interpretation>)>;

/// One field that was declared, beside what was seen.
pub struct Compared {
    pub name: &'static str,
    pub declared: Option<String>,
    pub observed: String,
    /// The JSON pointer's last part, to look up where the value comes from.
    pub key: &'static str,
}

pub fn kind_word(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Vm => "VM",
        GuestKind::Container => "container",
    }
}

/// The declaration that made a guest of ours.
pub fn maker(guest: &GuestRow) -> Option<DeclarationId> {
    match &guest.claim.as_ref()?.origin {
        Origin::Made { declaration, .. } | Origin::Adopted { declaration, .. } => Some(*declaration),
        Origin::Fixture {} => None,
    }
}

/// The wish for a guest and its place in the document.
pub fn wish<'a>(
    guest: &GuestRow,
    declared: &'a Declared,
) -> Option<(usize, &'a GuestWish, &'a Interpretation)> {
    let name = &guest.claim.as_ref()?.name;
    let (_, desired) = declared.get(&maker(guest)?)?;
    let desired = desired.as_ref()?;
    let (index, wish) = desired.guests.iter().enumerate().find(|(_, wish)| {
        wish.name == *name || wish.new_name.as_ref() == Some(name) || wish.vmid == Some(guest.vmid)
    })?;
    Some((index, wish, desired))
}

pub fn compare(wish: Option<&GuestWish>, seen: &GuestSeen) -> Vec<Compared> {
    let disk = seen.boot_disk();
    let field =
        |name, key, declared: Option<String>, observed: String| Compared { name, key, declared, observed };
    let yes_no = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let unknown = || "not read".to_owned();
    vec![
        field("cores", "cores", wish.and_then(|w| w.cores).map(|n| n.to_string()), seen.cores().to_string()),
        field(
            "memory",
            "memory_mib",
            wish.and_then(|w| w.memory_mib).map(words::memory),
            words::memory(seen.memory_mib()),
        ),
        field(
            "disk",
            "disk_gib",
            wish.and_then(|w| w.disk_gib).map(|n| format!("{n} GiB")),
            disk.as_ref().and_then(|disk| disk.size_gib).map_or_else(unknown, |n| format!("{n} GiB")),
        ),
        field(
            "storage",
            "storage",
            wish.and_then(|w| w.storage.clone()),
            disk.map_or_else(unknown, |disk| disk.storage),
        ),
        field("node", "node", wish.and_then(|w| w.node.clone()), seen.node.clone()),
        field(
            "bridge",
            "bridge",
            wish.and_then(|w| w.bridge.clone()),
            seen.bridge().unwrap_or_else(|| "none".into()),
        ),
        field(
            "VLAN",
            "vlan",
            wish.and_then(|w| w.vlan).map(|n| n.to_string()),
            seen.vlan().map_or_else(|| "none".into(), |n| n.to_string()),
        ),
        field("address", "ip", wish.and_then(|w| w.ip.clone()), seen.ip().unwrap_or_else(|| "none".into())),
        field(
            "start on boot",
            "start_on_boot",
            wish.and_then(|w| w.start_on_boot).map(yes_no),
            yes_no(seen.start_on_boot()),
        ),
    ]
}

fn is_dark(guest: &GuestRow, view: &ClusterView) -> bool {
    let node = guest.seen.as_ref().map(|seen| seen.node.as_str());
    view.nodes.iter().any(|row| Some(row.name.as_str()) == node && !row.node.online)
}

/// In step, drifted, not declared, missing or cannot tell.
/// A badge never stands without a field: drift has its own page.
pub fn match_badge(guest: &GuestRow, view: &ClusterView, now: DateTime<Utc>) -> Badge {
    let unjudged = view.meta.unjudged.contains_key(&domain::drift::guest(guest.vmid));
    match &guest.seen {
        _ if is_dark(guest, view) => Badge::new(Kind::Unknown, "cannot tell"),
        None => Badge::new(Kind::Bad, "missing"),
        Some(_) if guest.claim.is_none() => Badge::new(Kind::Calm, "not declared"),
        Some(_) if !guest.is_ours() => Badge::new(Kind::Unknown, "cannot tell"),
        Some(_) if view.drift_of(guest.vmid, now).next().is_some() => Badge::new(Kind::Drift, "drifted"),
        Some(_) if unjudged => Badge::new(Kind::Unknown, "cannot tell"),
        Some(_) if maker(guest).is_some() => Badge::new(Kind::Good, "in step"),
        // Ours without a run of ours: demonstration guests.
        Some(_) => Badge::new(Kind::Calm, "ours, nothing declared"),
    }
}

pub fn health_badge(guest: &GuestRow, view: &ClusterView) -> Badge {
    match &guest.seen {
        _ if is_dark(guest, view) => Badge::new(Kind::Unknown, "cannot tell"),
        None => Badge::new(Kind::Unknown, "not there"),
        Some(seen) => match (&seen.lock, seen.template, seen.running) {
            (Some(lock), ..) => Badge::new(Kind::Active, format!("locked ({lock})")),
            (None, true, _) => Badge::new(Kind::Calm, "template"),
            (None, false, true) => Badge::new(Kind::Good, "running"),
            (None, false, false) => Badge::new(Kind::Calm, "stopped"),
        },
    }
}

/// Memory promised to running guests of a node, in MiB.
pub fn promised_mib(node: &str, view: &ClusterView) -> u64 {
    let running = view.guests.iter().filter_map(|guest| guest.seen.as_ref());
    running.filter(|seen| seen.running && seen.node == node).map(GuestSeen::memory_mib).sum()
}

pub fn node_badge(online: bool) -> Badge {
    if online { Badge::new(Kind::Good, "online") } else { Badge::new(Kind::Bad, "offline") }
}

pub fn memory_words(promised_mib: u64, whole_mib: u64) -> (String, Bar) {
    let class = if promised_mib * 10 > whole_mib * 9 { "waiting" } else { "active" };
    (
        format!("{} of {}", words::memory(promised_mib), words::memory(whole_mib)),
        Bar::of(promised_mib, whole_mib, class),
    )
}

pub fn seen(view: &ClusterView, now: DateTime<Utc>) -> Option<Ago> {
    view.meta.observed_at.map(|at| Ago { at, now })
}

pub fn page(f: Frame, view: &ClusterView, declared: &Declared) -> page::ClusterPage {
    let meta = &view.meta;
    let mut messages = Vec::new();
    if let Some((why, advice, _)) = &meta.failing {
        let title = format!("The last look at the cluster failed: {why}");
        messages.push(Message::new(Kind::Bad, title, advice.clone()).quiet());
    }
    for row in view.nodes.iter().filter(|row| !row.node.online) {
        let title = format!("Node {} does not answer", row.name);
        messages.push(
            Message::new(Kind::Waiting, title, "What runs there cannot be told; nothing is done to it.")
                .quiet(),
        );
    }
    if meta.observed_at.is_some() && !meta.quorate {
        let text = "The cluster takes no changes until enough nodes are back.";
        messages.push(Message::new(Kind::Bad, "The cluster has no quorum", text).quiet());
    }
    let lede = match meta.observed_at {
        None => "Nothing was seen yet. The Agent looks at the cluster as soon as it runs.".to_owned(),
        Some(_) => format!("{}, Proxmox VE {}.", words::counted(view.nodes.len(), "node"), meta.pve_version),
    };
    let name = meta.name.clone();
    let picture = page::PictureRegion {
        seen: seen(view, f.now),
        lede,
        messages,
        nodes: nodes(view),
        storages: storages(view),
        guests: view.guests.iter().map(|guest| guest_line(guest, view, declared, f.now)).collect(),
        drift: view.drift.iter().filter(|row| row.is_open(f.now)).count(),
    };
    page::ClusterPage { f, name, picture }
}

fn nodes(view: &ClusterView) -> Vec<page::Node> {
    let line = |row: &projections::model::NodeRow| {
        let (memory, bar) = memory_words(promised_mib(&row.name, view), row.node.memory_mib);
        let on_node = |guest: &&GuestRow| guest.seen.as_ref().is_some_and(|seen| seen.node == row.name);
        page::Node {
            name: row.name.clone(),
            badge: node_badge(row.node.online),
            threads: row.node.threads,
            memory,
            bar,
            address: row.node.address.clone().unwrap_or_default(),
            guests: view.guests.iter().filter(on_node).count(),
        }
    };
    view.nodes.iter().map(line).collect()
}

fn storages(view: &ClusterView) -> Vec<page::Storage> {
    let line = |row: &projections::model::StorageRow| {
        let storage = &row.storage;
        let free: Vec<u64> = storage.free_gib.values().copied().collect();
        let gib = |n: u64| format!("{} GiB", words::number(n as i64));
        page::Storage {
            id: row.id.clone(),
            kind: match (&storage.server, &storage.export) {
                (Some(server), Some(export)) => format!("{} ({server}:{export})", storage.kind),
                _ => storage.kind.clone(),
            },
            content: storage.content.join(", "),
            nodes: if storage.nodes.len() == view.nodes.len() {
                "all".into()
            } else {
                storage.nodes.join(", ")
            },
            free: match (free.iter().min(), free.iter().max()) {
                (Some(min), Some(max)) if min == max || storage.shared => gib(*max),
                (Some(min), Some(max)) => format!("{} to {}", gib(*min), gib(*max)),
                _ => "not known".into(),
            },
        }
    };
    view.storages.iter().map(line).collect()
}

fn guest_line(guest: &GuestRow, view: &ClusterView, declared: &Declared, now: DateTime<Utc>) -> page::Guest {
    let claimed = guest.claim.as_ref().map(|claim| claim.name.clone());
    page::Guest {
        vmid: guest.vmid,
        name: guest.seen.as_ref().map(|seen| seen.name.clone()).or(claimed).unwrap_or_default(),
        kind: guest.seen.as_ref().map_or("", |seen| kind_word(seen.kind)),
        node: guest.seen.as_ref().map(|seen| seen.node.clone()).unwrap_or_default(),
        matches: match_badge(guest, view, now),
        health: health_badge(guest, view),
        declared_by: maker(guest).map(|id| {
            (
                id.to_string(),
                declared.get(&id).map_or_else(|| "a declaration".into(), |(title, _)| title.clone()),
            )
        }),
    }
}
