//! Starting, stopping, shutting down and rebooting.

use super::config::settle;
use super::disks::{unlocked, volume_of};
use super::options::{root_flags, stem};
use super::views::volumes;
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::sections::ha;
use crate::state::{Guest, Kind, World, now};
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::json;

fn job(
    kind: Kind,
    name: (&'static str, &'static str),
    node: &str,
    vmid: u32,
    duration_ms: u64,
    work: crate::tasks::Opening,
) -> Job {
    Job {
        kind: if kind == Kind::Vm { name.0 } else { name.1 },
        id: vmid.to_string(),
        node: node.to_owned(),
        duration_ms,
        locks: vec![(vmid, lock_text(kind, vmid))],
        wait_ms: GUEST_LOCK_WAIT_MS,
        work,
    }
}

/// Text for a machine that is not there, in calls that look for it by its process.
fn no_config(kind: Kind, node: &str, vmid: u32) -> String {
    match kind {
        Kind::Vm => format!("unable to find configuration file for VM {vmid} on node '{node}'"),
        Kind::Ct => crate::state::absent(node, kind, vmid),
    }
}

/// May this guest start? The texts are those of the task.
fn startable(world: &World, node: &str, kind: Kind, vmid: u32) -> Result<(), String> {
    let guest = world.guest(node, kind, vmid)?;
    if guest.flag("template") {
        let what = if kind == Kind::Vm { "vm" } else { "CT" };
        return Err(format!("you can't start a {what} if it's a template"));
    }
    // A suspended machine goes on where it was.
    if guest.get("lock") != Some("suspended") {
        unlocked(guest)?;
    }
    if guest.running() {
        return Err(format!("{} {vmid} already running", guest.kind.label()));
    }
    for volid in volumes(&guest.config, kind) {
        let store = volid.split(':').next().unwrap_or_default();
        storage::usable(world, store, node)?;
        if storage::find(world, &volid, node).is_none() {
            return Err(format!("volume '{volid}' does not exist"));
        }
    }
    bridges(world, guest)
}

fn bridges(world: &World, guest: &Guest) -> Result<(), String> {
    let Some(node) = world.nodes.get(&guest.node) else { return Ok(()) };
    for (_, value) in guest.config.iter().filter(|(key, _)| stem(key) == "net" && key.as_str() != "net") {
        if let Some(bridge) = value.split(',').find_map(|p| p.strip_prefix("bridge="))
            && node.bridges.get(bridge).is_none_or(|b| !b.up)
        {
            return Err(format!("bridge '{bridge}' does not exist"));
        }
    }
    Ok(())
}

/// Starts a guest now: checks, applies pending changes, marks it running.
pub fn boot(world: &mut World, node: &str, kind: Kind, vmid: u32) -> Result<(), String> {
    startable(world, node, kind, vmid)?;
    let pid = world.next_pid;
    world.next_pid += 1;
    let mut doomed = Vec::new();
    let guest = world.guest_mut(node, kind, vmid)?;
    settle(guest, false, false, &mut doomed);
    guest.running_since = Some(now());
    guest.paused = false;
    guest.pid = pid;
    if guest.get("lock") == Some("suspended") {
        guest.config.remove("lock");
    }
    if kind == Kind::Vm && guest.config.values().any(|line| line.contains("-cloudinit")) {
        guest.cloudinit = Some(super::cloudinit::written(guest));
    }
    for volid in doomed {
        storage::remove(world, &volid, node);
    }
    Ok(())
}

/// Stops a guest now and applies what waited for it.
pub fn halt(world: &mut World, node: &str, kind: Kind, vmid: u32) -> Result<(), String> {
    let mut doomed = Vec::new();
    let guest = world.guest_mut(node, kind, vmid)?;
    guest.running_since = None;
    guest.paused = false;
    settle(guest, false, false, &mut doomed);
    for volid in doomed {
        storage::remove(world, &volid, node);
    }
    Ok(())
}

/// Asks the manager instead, where the guest is managed by high availability.
fn managed(call: &Call, kind: Kind, what: &'static str) -> Result<Option<Reply>, Fail> {
    let world = call.engine.world();
    if ha::state_of(&world, kind, call.vmid()).is_none() {
        return Ok(None);
    }
    if call.flag("overrule-shutdown") {
        return Err(Fail::param("overrule-shutdown", "cannot overrule shutdown tasks for HA managed guests"));
    }
    drop(world);
    Ok(Some(ha::request(call, kind, what, "")))
}

/// `POST …/status/start`.
pub fn start(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    root_flags(call)?;
    if let Some(asked) = managed(call, kind, "start")? {
        return Ok(asked);
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    if kind == Kind::Ct && running(call, kind) == Some(true) {
        return Err(Fail::text(format!("CT {vmid} already running")));
    }
    let home = node.clone();
    let work = job(
        kind,
        ("qmstart", "vzstart"),
        &node,
        vmid,
        2_000,
        Box::new(move |_, world, log| {
            startable(world, &home, kind, vmid)?;
            if let Some(line) =
                world.guest(&home, kind, vmid)?.config.values().find(|v| v.contains("-cloudinit"))
            {
                log.push(format!("generating cloud-init ISO {}", volume_of(line).unwrap_or_default()));
            }
            Ok(Halves::then(move |_, world, _| boot(world, &home, kind, vmid)))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}

fn running(call: &Call, kind: Kind) -> Option<bool> {
    call.engine.world().guest(call.node(), kind, call.vmid()).ok().map(Guest::running)
}

/// Containers answer at once when they do not run.
fn ct_must_run(call: &Call, kind: Kind) -> Result<(), Fail> {
    if kind == Kind::Ct && running(call, kind) != Some(true) {
        return Err(Fail::text(format!("CT {} not running", call.vmid())));
    }
    Ok(())
}

/// `POST …/status/stop`.
pub fn stop(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    root_flags(call)?;
    if let Some(asked) = managed(call, kind, "stop")? {
        return Ok(asked);
    }
    ct_must_run(call, kind)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let home = node.clone();
    let work = job(
        kind,
        ("qmstop", "vzstop"),
        &node,
        vmid,
        1_000,
        Box::new(move |_, world, _| {
            let guest = world.guest(&home, kind, vmid).map_err(|_| no_config(kind, &home, vmid))?;
            unlocked(guest)?;
            if !guest.running() {
                return Ok(Halves::nothing());
            }
            Ok(Halves::then(move |_, world, _| halt(world, &home, kind, vmid)))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}

/// `POST …/status/shutdown`.
pub fn shutdown(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    root_flags(call)?;
    if let Some(asked) = managed(call, kind, "stop")? {
        return Ok(asked);
    }
    ct_must_run(call, kind)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let force = call.flag("forceStop");
    {
        let world = call.engine.world();
        if let Ok(guest) = world.guest(&node, kind, vmid)
            && guest.paused
            && !force
        {
            return Err(Fail::text("VM is paused - cannot shutdown"));
        }
    }
    let reacts = call.engine.world().guests.get(&vmid).is_none_or(|g| g.reacts);
    let timeout_ms = call.number("timeout").unwrap_or(60).saturating_mul(1_000);
    let duration_ms = if reacts { 4_000.min(timeout_ms.max(1_000)) } else { timeout_ms };
    let home = node.clone();
    let work = job(
        kind,
        ("qmshutdown", "vzshutdown"),
        &node,
        vmid,
        duration_ms,
        Box::new(move |_, world, _| {
            let guest = world.guest(&home, kind, vmid).map_err(|_| no_config(kind, &home, vmid))?;
            unlocked(guest)?;
            if !guest.running() {
                return Ok(Halves::nothing());
            }
            Ok(Halves::then(move |_, world, _| {
                if !reacts && !force {
                    return Err(match kind {
                        Kind::Vm => "VM quit/powerdown failed - got timeout".into(),
                        Kind::Ct => "command 'lxc-stop' failed: exit code 1".into(),
                    });
                }
                halt(world, &home, kind, vmid)
            }))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}

/// `POST …/status/reboot`: a full stop and start, so pending changes take hold.
pub fn reboot(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    root_flags(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    match running(call, kind) {
        Some(true) => {}
        None if kind == Kind::Vm => return Err(Fail::text(no_config(kind, &node, vmid))),
        _ => return Err(Fail::text(format!("VM {vmid} not running"))),
    }
    let home = node.clone();
    let work = job(
        kind,
        ("qmreboot", "vzreboot"),
        &node,
        vmid,
        5_000,
        Box::new(move |_, world, _| {
            unlocked(world.guest(&home, kind, vmid)?)?;
            Ok(Halves::then(move |_, world, _| {
                halt(world, &home, kind, vmid)?;
                boot(world, &home, kind, vmid)
            }))
        }),
    );
    Ok(Reply::data(json!(call.engine.start(call, work))))
}
