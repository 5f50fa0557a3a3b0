//! High availability: groups, resources, and what the manager does about them.
//!
//! Begin with [`dispatch`]. A managed guest is started, stopped and moved by asking the manager: the task only
//! queues the wish, and a later cycle ([`soon`]) carries it out.

use super::Entry;
use super::shelf::{Shelf, take};
use crate::api::{Call, Fail, Reply, words};
use crate::engine::Engine;
use crate::guests::{power, views};
use crate::limits::HA_CYCLE_MS;
use crate::state::{Kind, Storage, World, now};
use crate::tasks::{Halves, Job};
use serde_json::{Value, json};
use std::sync::Arc;

/// Key of the resources in the sections.
pub const RESOURCES: &str = "ha/resources";
const GROUPS: Shelf = Shelf {
    kind: "ha/groups",
    list: "/cluster/ha/groups",
    id: "group",
    exists: "ha group ID '{id}' already defined",
    absent: "no such ha group '{id}'",
    failed: ["create ha group failed", "update ha group failed", "delete ha group failed"],
    defaults: &[("type", "group")],
    digest: true,
};

fn sid_of(kind: Kind, vmid: u32) -> String {
    format!("{}:{vmid}", if kind == Kind::Vm { "vm" } else { "ct" })
}

/// The wished state of a guest that is managed; none when it is not.
pub fn state_of(world: &World, kind: Kind, vmid: u32) -> Option<String> {
    let entry = world.sections.get(RESOURCES)?.get(&sid_of(kind, vmid))?;
    let state = entry.get("state").map_or("started", String::as_str);
    (state != "ignored").then(|| state.to_owned())
}

/// What `status/current` says about high availability.
pub fn shown(world: &World, kind: Kind, vmid: u32) -> Value {
    let Some(entry) = world.sections.get(RESOURCES).and_then(|s| s.get(&sid_of(kind, vmid))) else {
        // Without a cluster there is no manager to ask.
        return if world.cluster.is_some() { json!({"managed": 0}) } else { Value::Null };
    };
    let mut out = json!({"managed": 1, "state": entry.get("state").map_or("started", String::as_str)});
    if let Some(group) = entry.get("group") {
        out["group"] = json!(group);
    }
    out
}

/// A complete service id out of `vm:100`, `ct:100` or `100`.
fn sid(call: &Call, world: &World) -> Result<(String, Kind, u32), Fail> {
    let given = call.text("sid").unwrap_or_default();
    let bad = || Fail::text(format!("unable to parse service id '{given}'"));
    match given.split_once(':') {
        Some(("vm", id)) => Ok((given.to_owned(), Kind::Vm, id.parse().map_err(|_| bad())?)),
        Some(("ct", id)) => Ok((given.to_owned(), Kind::Ct, id.parse().map_err(|_| bad())?)),
        Some(_) => Err(bad()),
        None => {
            let vmid: u32 = given.parse().map_err(|_| bad())?;
            let guest = world.guests.get(&vmid).ok_or_else(|| {
                Fail::text(format!("unable do detect SID from VMID - VM/CT {vmid} does not exist"))
            })?;
            Ok((sid_of(guest.kind, vmid), guest.kind, vmid))
        }
    }
}

/// Sends a call on `/cluster/ha` to its handler; none when there is none.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    if GROUPS.covers(&call.template) {
        return Some(GROUPS.handle(call, group_guard));
    }
    let rest = call.template.strip_prefix("/cluster/ha")?;
    Some(match (call.verb.as_str(), rest) {
        ("GET", "/resources") => list(call),
        ("POST", "/resources") => create(call),
        ("GET", "/resources/{sid}") => one(call),
        ("PUT", "/resources/{sid}") => update(call),
        ("DELETE", "/resources/{sid}") => delete(call),
        ("POST", "/resources/{sid}/migrate" | "/resources/{sid}/relocate") => motion(call),
        ("GET", "/status/current") => status(call),
        ("GET", "/status/manager_status") => manager(call),
        _ => return None,
    })
}

fn group_guard(call: &Call, world: &World, id: &str, entry: Option<&Entry>) -> Result<(), Fail> {
    if call.text("type").is_some_and(|t| t != "group") {
        return Err(Fail::text("types does not match"));
    }
    match entry {
        Some(_) => Ok(()),
        None => {
            let user = world.sections.get(RESOURCES).into_iter().flatten();
            let mut users = user.filter(|(_, e)| e.get("group").is_some_and(|g| g == id));
            match users.next() {
                Some((sid, _)) => Err(Fail::text(format!("ha group is used by service '{sid}'"))),
                None => Ok(()),
            }
        }
    }
}

fn digest(world: &World) -> String {
    crate::state::sha1_hex(&format!("{:?}", world.sections.get(RESOURCES)))
}

fn entry(call: &Call, world: &World, sid: &str, entry: &Entry) -> Value {
    let mut out = json!({"sid": sid, "type": sid.split(':').next(), "digest": digest(world)});
    for (key, value) in entry {
        out[key] = super::typed(call, "POST", "/cluster/ha/resources", key, value);
    }
    let lost =
        entry.get("group").filter(|g| !world.sections.get(GROUPS.kind).is_some_and(|s| s.contains_key(*g)));
    if let Some(group) = lost {
        out["errors"] = json!({"group": format!("group '{group}' does not exist")});
    }
    out
}

fn list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let wanted = call.text("type");
    let all = world.sections.get(RESOURCES).into_iter().flatten();
    let fitting = all.filter(|(sid, _)| wanted.is_none_or(|t| sid.starts_with(&format!("{t}:"))));
    Ok(Reply::data(json!(fitting.map(|(sid, e)| entry(call, &world, sid, e)).collect::<Vec<_>>())))
}

fn one(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let (sid, _, _) = sid(call, &world)?;
    let found = world.sections.get(RESOURCES).and_then(|s| s.get(&sid));
    let found = found.ok_or_else(|| Fail::text(format!("no such resource '{sid}'")))?;
    Ok(Reply::data(entry(call, &world, &sid, found)))
}

/// `enabled` is an old word for `started`.
fn cleaned(entry: &mut Entry) {
    entry.remove("type");
    entry.remove("sid");
    if entry.get("state").is_some_and(|s| s == "enabled") {
        entry.insert("state".into(), "started".into());
    }
}

fn create(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let (sid, kind, vmid) = sid(call, &world)?;
    if call.text("type").is_some_and(|t| !sid.starts_with(&format!("{t}:"))) {
        return Err(Fail::text("types does not match"));
    }
    if !world.guests.get(&vmid).is_some_and(|g| g.kind == kind) {
        let what = if kind == Kind::Vm { "VM" } else { "CT" };
        return Err(Fail::text(format!("{what} {vmid} does not exist in cluster")));
    }
    if world.sections.get(RESOURCES).is_some_and(|s| s.contains_key(&sid)) {
        return Err(Fail::text(format!("create resource failed: resource ID '{sid}' already defined")));
    }
    let mut entry = Entry::new();
    take(call, "sid", &mut entry);
    cleaned(&mut entry);
    world.sections.entry(RESOURCES.into()).or_default().insert(sid, entry);
    drop(world);
    soon(&call.engine);
    Ok(Reply::null())
}

fn update(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let (sid, _, _) = sid(call, &world)?;
    let fail = |text: String| Fail::text(format!("updating resource failed: {text}"));
    if let Some(group) = call.text("group")
        && !world.sections.get(GROUPS.kind).is_some_and(|s| s.contains_key(group))
    {
        return Err(Fail::text(format!("HA group '{group}' does not exist")));
    }
    let current = digest(&world);
    let found = world.sections.get_mut(RESOURCES).and_then(|s| s.get_mut(&sid));
    let entry = found.ok_or_else(|| fail(format!("no such resource '{sid}'")))?;
    if call.text("digest").is_some_and(|d| d != current) {
        return Err(fail("detected modified configuration - file changed by other user? Try again.".into()));
    }
    for key in words(call, "delete") {
        if !matches!(key.as_str(), "state" | "group" | "comment" | "max_restart" | "max_relocate") {
            return Err(fail(format!("no such option '{key}'")));
        }
        entry.remove(&key);
    }
    take(call, "sid", entry);
    cleaned(entry);
    drop(world);
    soon(&call.engine);
    Ok(Reply::null())
}

fn delete(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let (sid, _, _) = sid(call, &world)?;
    match world.sections.get_mut(RESOURCES).and_then(|s| s.remove(&sid)) {
        Some(_) => Ok(Reply::null()),
        None => Err(Fail::text(format!("cannot delete service '{sid}', not HA managed!"))),
    }
}

fn motion(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let (sid, _, _) = sid(call, &world)?;
    let target = call.text("node").unwrap_or_default().to_owned();
    let found = world.sections.get_mut(RESOURCES).and_then(|s| s.get_mut(&sid));
    let entry = found.ok_or_else(|| Fail::text(format!("resource '{sid}' is not HA managed")))?;
    entry.insert(WISH.into(), target);
    drop(world);
    soon(&call.engine);
    Ok(Reply::null())
}

/// Where a resource is to go; never shown.
const WISH: &str = "_node";

fn status(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let quorate = !call.engine.faults().no_quorum();
    let here = world.nodes.keys().next().cloned().unwrap_or_default();
    let text = if quorate { "OK".to_owned() } else { format!("No quorum on node '{here}'!") };
    let mut out = vec![json!({"id": "quorum", "type": "quorum", "node": here, "status": text,
        "quorate": u8::from(quorate)})];
    let services = world.sections.get(RESOURCES).into_iter().flatten();
    if let Some((_, _)) = services.clone().next() {
        let at = chrono::Utc::now().format("%a %b %e %H:%M:%S %Y");
        out.push(json!({"id": "master", "type": "master", "node": here, "timestamp": now(),
            "status": format!("{here} (active, {at})")}));
        for node in world.nodes.keys() {
            let busy =
                world.guests.values().any(|g| &g.node == node && state_of(&world, g.kind, g.vmid).is_some());
            let word = if busy { "active" } else { "idle" };
            out.push(json!({"id": format!("lrm:{node}"), "type": "lrm", "node": node, "timestamp": now(),
                "status": format!("{node} ({word}, {at})")}));
        }
    }
    for (sid, entry) in services {
        let vmid = sid.split(':').nth(1).and_then(|v| v.parse::<u32>().ok()).unwrap_or_default();
        let guest = world.guests.get(&vmid);
        let node = guest.map_or("---", |g| g.node.as_str());
        let wished = entry.get("state").map_or("started", String::as_str);
        let running = guest.is_some_and(crate::state::Guest::running);
        let state = match (wished, running) {
            ("started", true) => "started",
            ("started", false) => "starting",
            ("ignored", _) => "ignored",
            (_, true) => "stopping",
            (other, false) => other,
        };
        let mut line = json!({"id": format!("service:{sid}"), "type": "service", "sid": sid, "node": node,
            "state": state, "crm_state": state, "request_state": wished, "status": format!("{sid} ({node}, {state})"),
            "max_restart": 1, "max_relocate": 1});
        for key in ["group", "comment", "max_restart", "max_relocate"] {
            if let Some(text) = entry.get(key) {
                line[key] = super::typed(call, "POST", "/cluster/ha/resources", key, text);
            }
        }
        out.push(line);
    }
    Ok(Reply::data(json!(out)))
}

fn manager(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let here = world.nodes.keys().next().cloned().unwrap_or_default();
    let nodes: Value = world
        .nodes
        .keys()
        .map(|n| (n.clone(), json!(if call.engine.node_online(&world, n) { "online" } else { "unknown" })))
        .collect();
    Ok(Reply::data(json!({
        "manager_status": {"master_node": here, "timestamp": now(), "node_status": nodes, "service_status": {}},
        "quorum": {"node": here, "quorate": u8::from(!call.engine.faults().no_quorum())},
        "lrm_status": {},
    })))
}

/// Asks the manager to start, stop or move a guest: a task that ends when the wish is queued.
pub fn request(call: &Call, kind: Kind, what: &'static str, target: &str) -> Reply {
    let (vmid, target) = (call.vmid(), target.to_owned());
    let id = sid_of(kind, vmid);
    let word = match what {
        "start" => "hastart",
        "stop" => "hastop",
        _ => "hamigrate",
    };
    let label = kind.label();
    let job = Job {
        kind: word,
        id: vmid.to_string(),
        node: call.node().to_owned(),
        duration_ms: 1_000,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, log| {
            log.push(match what {
                "start" => format!("Requesting HA start for {label} {vmid}"),
                "stop" => format!("Requesting HA stop for {label} {vmid}"),
                _ => format!("Requesting HA migration for {label} {vmid} to node {target}"),
            });
            Ok(Halves::then(move |_, world, _| {
                if let Some(entry) = world.sections.get_mut(RESOURCES).and_then(|s| s.get_mut(&id)) {
                    match what {
                        "start" => entry.insert("state".into(), "started".into()),
                        "stop" => entry.insert("state".into(), "stopped".into()),
                        _ => entry.insert(WISH.into(), target),
                    };
                }
                Ok(())
            }))
        }),
    };
    let upid = call.engine.start(call, job);
    soon(&call.engine);
    Reply::data(json!(upid))
}

/// Lets the manager look once more after its usual time.
pub fn soon(engine: &Arc<Engine>) {
    let engine = engine.clone();
    let pause = engine.scaled(HA_CYCLE_MS).max(std::time::Duration::from_millis(20));
    let epoch = engine.world().epoch;
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        let mut world = engine.world();
        if world.epoch == epoch {
            cycle(&engine, &mut world);
        }
        drop(world);
        engine.changed.notify_waiters();
    });
}

/// What the manager does with every resource when it looks.
fn cycle(engine: &Engine, world: &mut World) {
    let all: Vec<(String, Entry)> =
        world.sections.get(RESOURCES).into_iter().flatten().map(|(s, e)| (s.clone(), e.clone())).collect();
    for (sid, entry) in all {
        let Some(guest) =
            sid.split(':').nth(1).and_then(|v| v.parse().ok()).and_then(|id: u32| world.guests.get(&id))
        else {
            continue;
        };
        let (kind, vmid, node, running) = (guest.kind, guest.vmid, guest.node.clone(), guest.running());
        if guest.get("lock").is_some() || world.held.contains_key(&vmid) || !engine.node_online(world, &node)
        {
            continue;
        }
        if let Some(target) = entry.get(WISH) {
            let stores = views::volumes(&guest.config, kind);
            let shared = stores.iter().all(|v| {
                v.split(':').next().and_then(|s| world.storages.get(s)).is_some_and(Storage::is_shared)
            });
            if let Some(guest) = world.guests.get_mut(&vmid).filter(|_| shared) {
                guest.node = target.clone();
            }
            if let Some(entry) = world.sections.get_mut(RESOURCES).and_then(|s| s.get_mut(&sid)) {
                entry.remove(WISH);
            }
            continue;
        }
        let wished = entry.get("state").map_or("started", String::as_str);
        // A start that fails is tried again when the manager looks next time.
        let _ = match (wished, running) {
            ("started", false) => power::boot(world, &node, kind, vmid),
            ("stopped" | "disabled", true) => power::halt(world, &node, kind, vmid),
            _ => Ok(()),
        };
    }
}
