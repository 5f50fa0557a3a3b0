//! Cloning a container and turning one into a template.

use super::ct::is_mount;
use super::disks::{unlocked, volume_of, with_size, with_volume};
use super::options::{self, stem};
use super::vm_create::forget;
use crate::api::{Call, Fail, Reply};
use crate::contract::props;
use crate::engine::{Engine, lock_text};
use crate::limits::{CREATE_LOCK_WAIT_MS, GUEST_LOCK_WAIT_MS};
use crate::state::{Config, Guest, Kind, World};
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job, Log};
use serde_json::json;

struct Plan {
    node: String,
    target: String,
    newid: u32,
    storage: Option<String>,
    full: bool,
    source: Config,
    hostname: Option<String>,
    description: Option<String>,
}

/// `POST …/lxc/{vmid}/clone`.
pub fn clone(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let plan;
    {
        let mut world = call.engine.world();
        let pool = options::pool(call, &world)?;
        plan = prepare(call, &world, node, vmid)?;
        let mut guest = Guest::new(plan.newid, Kind::Ct, &plan.target);
        guest.config.insert("lock".into(), "create".into());
        world.guests.insert(plan.newid, guest);
        if let Some(pool) = pool.and_then(|p| world.pools.get_mut(&p)) {
            pool.guests.insert(plan.newid);
        }
    }
    let newid = plan.newid;
    let upid = call.engine.start(
        call,
        Job {
            kind: "vzclone",
            id: vmid.to_string(),
            node: plan.node.clone(),
            duration_ms: if plan.full { 6_000 } else { 1_500 },
            locks: vec![(vmid, lock_text(Kind::Ct, vmid)), (newid, lock_text(Kind::Ct, newid))],
            wait_ms: CREATE_LOCK_WAIT_MS,
            work: Box::new(move |_, _, _| {
                Ok(Halves::then(move |engine, world, log| {
                    carry_out(engine, world, &plan, log).inspect_err(|_| forget(world, newid))
                })
                .or_undo(move |_, world, _| forget(world, newid)))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

fn prepare(call: &Call, world: &World, node: String, vmid: u32) -> Result<Plan, Fail> {
    let newid = call.number("newid").and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let target = call.text("target").unwrap_or(&node).to_owned();
    if !world.nodes.contains_key(&target) {
        return Err(Fail::text(format!("no such cluster node '{target}'")));
    }
    let guest = world.guest(&node, Kind::Ct, vmid)?;
    if let Some(text) = world.taken(newid) {
        return Err(Fail::text(text));
    }
    unlocked(guest)?;
    let source = match call.text("snapname") {
        Some(name) => guest
            .snapshots
            .get(name)
            .cloned()
            .ok_or_else(|| Fail::text(format!("snapshot '{name}' does not exist")))?,
        None => guest.config.clone(),
    };
    let template = guest.flag("template");
    let full = call.text("full").map_or(!template, |f| f == "1");
    if guest.running() && call.text("snapname").is_none() {
        return Err(Fail::text("Cannot do full clones on a running container without snapshots"));
    }
    if !full && call.text("storage").is_some() {
        return Err(Fail::text("parameter 'storage' not allowed for linked clones"));
    }
    if let Some(id) = call.text("storage") {
        storage::usable(world, id, &target)?;
    }
    for line in source.iter().filter(|(k, _)| is_mount(k)).map(|(_, v)| v) {
        let Some(volid) = volume_of(line) else { continue };
        let from = storage::usable(world, volid.split(':').next().unwrap_or_default(), &node)?;
        if target != node && !from.is_shared() {
            return Err(Fail::text(format!("can't clone CT to node '{target}' (CT uses local storage)")));
        }
        if !full && (!volid.contains("base") || from.holds_files() || !from.links()) {
            return Err(Fail::text(format!("Linked clone feature for '{volid}' is not available")));
        }
    }
    let text = |name: &str| call.text(name).map(str::to_owned);
    let (storage, hostname, description) = (text("storage"), text("hostname"), text("description"));
    Ok(Plan { node, target, newid, storage, full, source, hostname, description })
}

fn carry_out(engine: &Engine, world: &mut World, plan: &Plan, log: &mut Log) -> Result<(), String> {
    let mut config = plan.source.clone();
    for gone in ["template", "parent", "snaptime", "lock"] {
        config.remove(gone);
    }
    config.retain(|key, _| stem(key) != "unused");
    let mut made: Vec<String> = Vec::new();
    for (key, line) in plan.source.iter().filter(|(k, _)| is_mount(k)) {
        let Some(volid) = volume_of(line) else { continue };
        match copy(world, plan, key, &volid, log) {
            Ok((new, size)) => {
                config.insert(key.clone(), with_size(&with_volume(line, &new), size));
                made.push(new);
            }
            Err(text) => {
                for volid in made {
                    storage::remove(world, &volid, &plan.target);
                }
                return Err(format!("clone failed: {text}"));
            }
        }
    }
    for (_, card) in config.iter_mut().filter(|(key, _)| stem(key) == "net" && key.as_str() != "net") {
        let mut keys = props::parse(&engine.contract, "net", card);
        keys.insert("hwaddr".into(), engine.chance.mac());
        *card = props::print_ct_net(&keys);
    }
    for (key, value) in [("hostname", &plan.hostname), ("description", &plan.description)] {
        if let Some(value) = value {
            config.insert(key.into(), value.clone());
        }
    }
    world.guest_mut(&plan.target, Kind::Ct, plan.newid)?.config = config;
    Ok(())
}

fn copy(
    world: &mut World,
    plan: &Plan,
    key: &str,
    volid: &str,
    log: &mut Log,
) -> Result<(String, u64), String> {
    let source = storage::find(world, volid, &plan.node)
        .cloned()
        .ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let how = if plan.full { "full" } else { "linked" };
    log.push(format!("create {how} clone of mountpoint {key} ({volid})"));
    let store = plan.storage.clone().filter(|_| plan.full).unwrap_or_else(|| source.storage.clone());
    let size_bytes = if plan.full { source.size_bytes } else { 0 };
    let wanted = Wanted {
        storage: &store,
        node: &plan.target,
        vmid: plan.newid,
        role: "disk",
        content: "rootdir",
        format: Some("raw"),
        size_bytes,
    };
    let plain = storage::allocate(world, &wanted)?;
    if plan.full {
        return Ok((plain, source.size_bytes));
    }
    let thin = world.storages.get(&store).is_some_and(|s| s.kind == "lvmthin");
    let short = plain.split_once(':').map_or("", |(_, n)| n);
    let name = if thin { short.to_owned() } else { format!("{}/{short}", source.name) };
    let new = format!("{store}:{name}");
    if let Some(volume) = storage::find_mut(world, &plain, &plan.target) {
        volume.name = name;
        volume.size_bytes = source.size_bytes;
        volume.base = Some(volid.to_owned());
    }
    Ok((new, source.size_bytes))
}

/// `POST …/lxc/{vmid}/template`: answers null although a task goes on.
pub fn template(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    {
        let world = call.engine.world();
        let guest = world.guest(&node, Kind::Ct, vmid)?;
        unlocked(guest)?;
        if guest.flag("template") {
            return Err(Fail::text("you can't convert a template to a template"));
        }
        if !guest.snapshots.is_empty() {
            return Err(Fail::text("unable to create template, because CT contains snapshots"));
        }
        if guest.running() {
            return Err(Fail::text("you can't convert a CT to template if the CT is running"));
        }
    }
    call.engine.start(
        call,
        Job {
            kind: "vztemplate",
            id: vmid.to_string(),
            node: node.clone(),
            duration_ms: 1_000,
            locks: vec![(vmid, lock_text(Kind::Ct, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, world, _| {
                world.guest_mut(&node, Kind::Ct, vmid)?.config.insert("template".into(), "1".into());
                Ok(Halves::then(move |_, world, _| {
                    let config = world.guest(&node, Kind::Ct, vmid)?.config.clone();
                    for (key, line) in config.iter().filter(|(k, _)| is_mount(k)) {
                        let Some(volume) = volume_of(line).and_then(|v| storage::find_mut(world, &v, &node))
                        else {
                            continue;
                        };
                        for stem in ["vm", "subvol"] {
                            let base = if stem == "vm" { "base" } else { "basevol" };
                            volume.name =
                                volume.name.replace(&format!("{stem}-{vmid}-"), &format!("{base}-{vmid}-"));
                        }
                        let renamed = storage::volid(volume);
                        world
                            .guest_mut(&node, Kind::Ct, vmid)?
                            .config
                            .insert(key.clone(), with_volume(line, &renamed));
                    }
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::null())
}
