//! Snapshots: listing, taking, going back, deleting.

use super::disks::{disk_keys, unlocked, volume_of};
use super::views::typed;
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Config, Kind, World, now};
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::{Map, Value, json};

fn job(
    kind: Kind,
    names: (&'static str, &'static str),
    node: &str,
    vmid: u32,
    work: crate::tasks::Opening,
) -> Job {
    Job {
        kind: if kind == Kind::Vm { names.0 } else { names.1 },
        id: vmid.to_string(),
        node: node.to_owned(),
        duration_ms: 2_000,
        locks: vec![(vmid, lock_text(kind, vmid))],
        wait_ms: GUEST_LOCK_WAIT_MS,
        work,
    }
}

/// `GET …/snapshot`.
pub fn list(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    let mut out: Vec<Value> = guest
        .snapshots
        .iter()
        .map(|(name, snapshot)| {
            let mut entry =
                json!({"name": name, "description": snapshot.get("description").map_or("", String::as_str)});
            if let Some(time) = snapshot.get("snaptime").and_then(|t| t.parse::<i64>().ok()) {
                entry["snaptime"] = json!(time);
            }
            if kind == Kind::Vm {
                entry["vmstate"] = json!(u8::from(snapshot.contains_key("vmstate")));
            }
            if let Some(parent) = snapshot.get("parent") {
                entry["parent"] = json!(parent);
            }
            entry
        })
        .collect();
    let mut here = json!({"name": "current", "description": "You are here!", "digest": guest.digest(),
        "running": u8::from(guest.running())});
    if let Some(parent) = guest.get("parent") {
        here["parent"] = json!(parent);
    }
    out.push(here);
    Ok(Reply::data(json!(out)))
}

/// `GET …/snapshot/{snapname}/config`.
pub fn config(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    let name = call.text("snapname").unwrap_or_default();
    let snapshot =
        guest.snapshots.get(name).ok_or_else(|| Fail::text(format!("snapshot '{name}' does not exist")))?;
    let shown: Map<String, Value> =
        snapshot.iter().map(|(key, value)| (key.clone(), typed(call.contract(), kind, key, value))).collect();
    Ok(Reply::data(Value::Object(shown)))
}

/// Can every disk be snapshotted?
fn possible(world: &World, config: &Config, kind: Kind, node: &str) -> bool {
    disk_keys(config, kind).iter().filter_map(|k| config.get(k)).filter(|l| !l.contains("media=cdrom")).all(
        |line| {
            volume_of(line).and_then(|v| storage::find(world, &v, node).cloned()).is_none_or(|volume| {
                world.storages.get(&volume.storage).is_some_and(|s| s.snapshots(&volume.format))
            })
        },
    )
}

/// `POST …/snapshot`.
pub fn create(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = call.text("snapname").unwrap_or_default().to_owned();
    if matches!(name.as_str(), "current" | "pending") {
        return Err(Fail::text(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    let description = call.text("description").unwrap_or_default().to_owned();
    let home = node.clone();
    let work = job(
        kind,
        ("qmsnapshot", "vzsnapshot"),
        &node,
        vmid,
        Box::new(move |_, world, log| {
            let guest = world.guest(&home, kind, vmid)?;
            if guest.flag("template") {
                return Err("you can't take a snapshot if it's a template".into());
            }
            unlocked(guest)?;
            if guest.snapshots.contains_key(&name) {
                return Err(format!("snapshot name '{name}' already used"));
            }
            if !possible(world, &guest.config, kind, &home) {
                return Err("snapshot feature is not available".into());
            }
            for key in disk_keys(&guest.config, kind) {
                if let Some(line) = guest.get(&key).filter(|l| !l.contains("media=cdrom")) {
                    log.push(format!("snapshotting 'drive-{key}' ({})", volume_of(line).unwrap_or_default()));
                }
            }
            let snapshot_home = home.clone();
            world.guest_mut(&home, kind, vmid)?.config.insert("lock".into(), "snapshot".into());
            Ok(Halves::then(move |_, world, _| {
                let guest = world.guest_mut(&home, kind, vmid)?;
                guest.config.remove("lock");
                let mut snapshot = guest.config.clone();
                snapshot.insert("snaptime".into(), now().to_string());
                snapshot.insert("description".into(), description);
                guest.snapshots.insert(name.clone(), snapshot);
                guest.config.insert("parent".into(), name);
                Ok(())
            })
            .or_undo(move |_, world, _| {
                if let Ok(guest) = world.guest_mut(&snapshot_home, kind, vmid) {
                    guest.config.remove("lock");
                }
            }))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}

/// `DELETE …/snapshot/{snapname}`.
pub fn delete(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = call.text("snapname").unwrap_or_default().to_owned();
    let home = node.clone();
    let work = job(
        kind,
        ("qmdelsnapshot", "vzdelsnapshot"),
        &node,
        vmid,
        Box::new(move |_, world, _| {
            let guest = world.guest(&home, kind, vmid)?;
            unlocked(guest)?;
            if !guest.snapshots.contains_key(&name) {
                return Err(format!("snapshot '{name}' does not exist"));
            }
            Ok(Halves::then(move |_, world, _| {
                let guest = world.guest_mut(&home, kind, vmid)?;
                let parent = guest.snapshots.remove(&name).and_then(|s| s.get("parent").cloned());
                // Those that came after it now come after its parent.
                for config in guest.snapshots.values_mut().chain(std::iter::once(&mut guest.config)) {
                    if config.get("parent") == Some(&name) {
                        match &parent {
                            Some(parent) => config.insert("parent".into(), parent.clone()),
                            None => config.remove("parent"),
                        };
                    }
                }
                Ok(())
            }))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}

/// `POST …/snapshot/{snapname}/rollback`.
pub fn rollback(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let name = call.text("snapname").unwrap_or_default().to_owned();
    let home = node.clone();
    let work = job(
        kind,
        ("qmrollback", "vzrollback"),
        &node,
        vmid,
        Box::new(move |_, world, _| {
            let guest = world.guest(&home, kind, vmid)?;
            if !guest.snapshots.contains_key(&name) {
                return Err(format!("snapshot '{name}' does not exist"));
            }
            unlocked(guest)?;
            Ok(Halves::then(move |_, world, _| {
                let guest = world.guest_mut(&home, kind, vmid)?;
                if let Some(snapshot) = guest.snapshots.get(&name) {
                    let mut config = snapshot.clone();
                    for own in ["snaptime", "description", "parent", "vmstate"] {
                        config.remove(own);
                    }
                    if let Some(text) = guest.config.get("description") {
                        config.insert("description".into(), text.clone());
                    }
                    config.insert("parent".into(), name);
                    guest.config = config;
                    guest.running_since = None;
                }
                Ok(())
            }))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}
