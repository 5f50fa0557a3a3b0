//! Smaller calls: suspend, resume, reset, features, notes of a snapshot.

use super::disks::{disk_keys, unlocked, volume_of};
use super::options::root_flags;
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::Kind;
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::json;

/// `POST …/qemu/{vmid}/status/reset|suspend|resume`.
pub fn signal(call: &Call, what: &'static str) -> Result<Reply, Fail> {
    root_flags(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    {
        let world = call.engine.world();
        let guest = world.guest(&node, Kind::Vm, vmid).map_err(|_| {
            Fail::text(format!("unable to find configuration file for VM {vmid} on node '{node}'"))
        })?;
        if !guest.running() {
            return Err(Fail::text(format!("VM {vmid} not running")));
        }
    }
    let to_disk = what == "suspend" && call.flag("todisk");
    let home = node.clone();
    let upid = call.engine.start(
        call,
        Job {
            kind: match what {
                _ if to_disk => "qmsuspend",
                "reset" => "qmreset",
                "suspend" => "qmpause",
                _ => "qmresume",
            },
            id: vmid.to_string(),
            node,
            duration_ms: 500,
            locks: vec![(vmid, lock_text(Kind::Vm, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, world, _| {
                unlocked(world.guest(&home, Kind::Vm, vmid)?)?;
                Ok(Halves::then(move |_, world, _| {
                    let guest = world.guest_mut(&home, Kind::Vm, vmid)?;
                    match what {
                        // Its memory is on disk: it is off and locked until it is started again.
                        "suspend" if to_disk => {
                            guest.running_since = None;
                            guest.config.insert("lock".into(), "suspended".into());
                        }
                        "suspend" => guest.paused = true,
                        "resume" => guest.paused = false,
                        _ => {}
                    }
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

/// `GET …/{vmid}/feature`: can all disks be cloned as a link, copied, snapshotted?
pub fn feature(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let node = call.node();
    let guest = world.guest(node, kind, call.vmid())?;
    let lines = disk_keys(&guest.config, kind);
    let able = lines.iter().filter_map(|k| guest.get(k)).filter(|l| !l.contains("media=cdrom")).all(|line| {
        let Some(volume) = volume_of(line).and_then(|v| storage::find(&world, &v, node)) else { return true };
        let Some(storage) = world.storages.get(&volume.storage) else { return false };
        match call.text("feature") {
            Some("snapshot") => storage.snapshots(&volume.format),
            Some("clone") => {
                volume.name.contains("base-")
                    && storage.links()
                    && (kind == Kind::Vm || !storage.holds_files())
            }
            _ => true,
        }
    });
    let mut out = json!({"hasFeature": u8::from(able)});
    if kind == Kind::Vm {
        let shared = super::views::volumes(&guest.config, kind).iter().all(|v| {
            v.split(':')
                .next()
                .and_then(|s| world.storages.get(s))
                .is_some_and(crate::state::Storage::is_shared)
        });
        let nodes: Vec<&String> = world.nodes.keys().filter(|n| shared || n.as_str() == node).collect();
        out["nodes"] = json!(nodes);
    }
    Ok(Reply::data(out))
}

/// `PUT …/snapshot/{snapname}/config`: the description of a snapshot.
pub async fn describe_snapshot(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    call.engine.guest_free(kind, call.vmid(), GUEST_LOCK_WAIT_MS).await?;
    let mut world = call.engine.world();
    let guest = world.guest_mut(call.node(), kind, call.vmid())?;
    unlocked(guest)?;
    let name = call.text("snapname").unwrap_or_default();
    let snapshot = guest
        .snapshots
        .get_mut(name)
        .ok_or_else(|| Fail::text(format!("snapshot '{name}' does not exist")))?;
    if let Some(text) = call.text("description") {
        snapshot.insert("description".into(), text.to_owned());
    }
    Ok(Reply::null())
}

/// `PUT …/qemu/{vmid}/sendkey`: taken and forgotten by a running machine.
pub fn key(call: &Call) -> Result<Reply, Fail> {
    root_flags(call)?;
    let world = call.engine.world();
    match world.guest(call.node(), Kind::Vm, call.vmid())?.running() {
        true => Ok(Reply::null()),
        false => Err(Fail::text(format!("VM {} not running", call.vmid()))),
    }
}

/// `POST …/qemu/{vmid}/monitor`: errors are part of the text.
pub fn monitor(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guests.get(&call.vmid()).filter(|g| g.kind == Kind::Vm && g.node == call.node());
    let text = match guest {
        Some(guest) if guest.running() => match call.text("command").unwrap_or_default() {
            "info status" => format!("VM status: {}\r\n", if guest.paused { "paused" } else { "running" }),
            "info name" => format!("{}\r\n", super::views::name(guest)),
            other => format!("unknown command: '{other}'\r\n"),
        },
        _ => format!("ERROR: VM {} not running\n", call.vmid()),
    };
    Ok(Reply::data(json!(text)))
}

/// `POST …/lxc/{vmid}/status/suspend|resume`.
pub fn ct_signal(call: &Call) -> Result<Reply, Fail> {
    root_flags(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let suspend = call.template.ends_with("/suspend");
    if !call.engine.world().guest(&node, Kind::Ct, vmid).is_ok_and(crate::state::Guest::running) {
        return Err(Fail::text(format!("CT {vmid} not running")));
    }
    let home = node.clone();
    let job = Job {
        kind: if suspend { "vzsuspend" } else { "vzresume" },
        id: vmid.to_string(),
        node,
        duration_ms: 500,
        locks: vec![(vmid, lock_text(Kind::Ct, vmid))],
        wait_ms: GUEST_LOCK_WAIT_MS,
        work: Box::new(move |_, world, _| {
            unlocked(world.guest(&home, Kind::Ct, vmid)?)?;
            Ok(Halves::then(move |_, world, _| {
                world.guest_mut(&home, Kind::Ct, vmid)?.paused = suspend;
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

/// `GET …/lxc/{vmid}/interfaces`: null while the container does not run.
pub fn ct_interfaces(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), Kind::Ct, call.vmid())?;
    if !guest.running() {
        return Ok(Reply::null());
    }
    let mut out = vec![json!({"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8"})];
    for index in 0..32 {
        let Some(card) = guest.get(&format!("net{index}")) else { continue };
        let card = crate::contract::props::parse(call.contract(), "net", card);
        let mut entry =
            json!({"name": card.get("name"), "hwaddr": card.get("hwaddr").map(|m| m.to_lowercase())});
        if let Some(ip) = card.get("ip").filter(|ip| ip.contains('/')) {
            entry["inet"] = json!(ip);
        }
        out.push(entry);
    }
    Ok(Reply::data(json!(out)))
}
