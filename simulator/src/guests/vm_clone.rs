//! Cloning a machine, in full or linked to a template.

use super::disks::{disk_keys, unlocked, volume_of, with_size, with_volume};
use super::options;
use super::vm_create::forget;
use crate::api::{Call, Fail, Reply};
use crate::contract::{Contract, props};
use crate::engine::{Engine, lock_text};
use crate::limits::{CLOUDINIT_BYTES, CREATE_LOCK_WAIT_MS};
use crate::state::{Config, Guest, Kind, Volume, World, now};
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job, Log};
use serde_json::json;
use std::collections::btree_map::Entry;

/// What is to be made of what.
struct Plan {
    source_node: String,
    target_node: String,
    vmid: u32,
    newid: u32,
    full: bool,
    storage: Option<String>,
    format: Option<String>,
    /// Configuration of the source, or of its snapshot.
    source: Config,
    name: Option<String>,
    description: Option<String>,
}

/// `POST …/qemu/{vmid}/clone`.
pub fn clone(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let newid = call.number("newid").and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let pool;
    let plan;
    {
        let mut world = call.engine.world();
        pool = options::pool(call, &world)?;
        plan = prepare(call, &world, node, vmid, newid)?;
        // A container's id does not show here: that clash comes when the file is put in place.
        if let Entry::Vacant(free) = world.guests.entry(newid) {
            let mut guest = Guest::new(newid, Kind::Vm, &plan.target_node);
            guest.config.insert("lock".into(), "clone".into());
            free.insert(guest);
            if let Some(pool) = pool.as_ref().and_then(|p| world.pools.get_mut(p)) {
                pool.guests.insert(newid);
            }
        }
    }
    let duration_ms = if plan.full { 8_000 } else { 2_000 };
    let upid = call.engine.start(call, Job {
        kind: "qmclone",
        id: vmid.to_string(),
        node: plan.source_node.clone(),
        duration_ms,
        locks: vec![(vmid, lock_text(Kind::Vm, vmid)), (newid, lock_text(Kind::Vm, newid))],
        wait_ms: CREATE_LOCK_WAIT_MS,
        work: Box::new(move |_, world, _| {
            if world.guests.get(&newid).is_none_or(|g| g.kind != Kind::Vm || g.get("lock") != Some("clone")) {
                return Err(format!(
                    "close (rename) atomic file '/etc/pve/nodes/{}/qemu-server/{newid}.conf' failed: File exists",
                    plan.target_node
                ));
            }
            Ok(Halves::then(move |engine, world, log| carry_out(engine, world, &plan, log))
                .or_undo(move |_, world, _| forget(world, newid)))
        }),
    });
    Ok(Reply::data(json!(upid)))
}

/// The checks that the call itself answers.
fn prepare(call: &Call, world: &World, node: String, vmid: u32, newid: u32) -> Result<Plan, Fail> {
    if let Some(pool) = call.text("pool") {
        options::may_allocate(call, world, newid, Some(pool))?;
    }
    let storage_id = call.text("storage").map(str::to_owned);
    let target_node = call.text("target").unwrap_or(&node).to_owned();
    if !world.nodes.contains_key(&target_node) {
        return Err(Fail::text(format!("no such cluster node '{target_node}'")));
    }
    if let Some(id) = &storage_id {
        storage::usable(world, id, &node)?;
        if target_node != node {
            let target = storage::usable(world, id, &target_node)?;
            if !target.is_shared() {
                return Err(Fail::text(format!("can't clone to non-shared storage '{id}'")));
            }
        }
    }
    let guest = world.guest(&node, Kind::Vm, vmid).map_err(|_| {
        Fail::text(format!("unable to find configuration file for VM {vmid} on node '{node}'"))
    })?;
    unlocked(guest)?;
    let source = match call.text("snapname") {
        Some(name) => guest
            .snapshots
            .get(name)
            .cloned()
            .ok_or_else(|| Fail::text(format!("snapshot '{name}' does not exist")))?,
        None => guest.config.clone(),
    };
    if world.guests.get(&newid).is_some_and(|g| g.kind == Kind::Vm) {
        return Err(Fail::text(format!("unable to create VM {newid}: config file already exists")));
    }
    let template = guest.flag("template");
    let full = call.text("full").map_or(!template, |f| f == "1");
    let format = call.text("format").map(str::to_owned);
    if !full {
        for name in ["storage", "format"] {
            if call.text(name).is_some() {
                return Err(Fail::text(format!("parameter '{name}' not allowed for linked clones")));
            }
        }
    }
    for key in disk_keys(&source, Kind::Vm) {
        let Some(volid) = source.get(&key).and_then(|line| volume_of(line)) else { continue };
        let cloudinit = volid.contains("cloudinit");
        let line = source.get(&key).map_or("", String::as_str);
        if options::stem(&key) == "unused" || (line.contains("media=cdrom") && !cloudinit) {
            continue;
        }
        let store = volid.split(':').next().unwrap_or_default();
        let from = storage::usable(world, store, &node)?;
        if target_node != node && !from.is_shared() {
            return Err(Fail::text(format!(
                "can't clone VM to node '{target_node}' (VM uses local storage)"
            )));
        }
        let linkable = volid.contains("base-") && !is_link(&volid) && from.links();
        if !full && !cloudinit && !linkable {
            return Err(Fail::text(format!("Linked clone feature is not supported for '{volid}' ({key})")));
        }
    }
    Ok(Plan {
        source_node: node,
        target_node,
        vmid,
        newid,
        full,
        storage: storage_id,
        format,
        source,
        name: call.text("name").map(str::to_owned),
        description: call.text("description").map(str::to_owned),
    })
}

/// A linked clone carries its base in its own name.
fn is_link(volid: &str) -> bool {
    volid.rsplit('/').next().is_some_and(|last| last.starts_with("vm-"))
}

fn carry_out(engine: &Engine, world: &mut World, plan: &Plan, log: &mut Log) -> Result<(), String> {
    let mut config = plan.source.clone();
    for gone in
        ["template", "parent", "snaptime", "lock", "vmstate", "runningmachine", "runningcpu", "snapstate"]
    {
        config.remove(gone);
    }
    let mut made = Vec::new();
    for key in disk_keys(&plan.source, Kind::Vm) {
        if options::stem(&key) == "unused" {
            config.remove(&key);
            continue;
        }
        let Some(line) = plan.source.get(&key) else { continue };
        let Some(volid) = volume_of(line) else { continue };
        let cloudinit = volid.contains("cloudinit");
        if line.contains("media=cdrom") && !cloudinit {
            continue;
        }
        match copy(world, plan, &key, line, &volid, log) {
            Ok((new_line, new_volid)) => {
                made.push(new_volid);
                config.insert(key, new_line);
            }
            Err(text) => {
                for volid in made {
                    storage::remove(world, &volid, &plan.target_node);
                }
                forget(world, plan.newid);
                return Err(format!("clone failed: {text}"));
            }
        }
    }
    refresh(engine, &mut config);
    let source_name = plan.source.get("name").cloned().unwrap_or_else(|| plan.vmid.to_string());
    config.insert("name".into(), plan.name.clone().unwrap_or_else(|| format!("Copy-of-VM-{source_name}")));
    if let Some(description) = &plan.description {
        config.insert("description".into(), description.clone());
    }
    let Some(guest) = world.guests.get_mut(&plan.newid) else {
        return Err(format!("clone failed: unable to find configuration file for VM {}", plan.newid));
    };
    guest.config = config;
    Ok(())
}

/// New MAC addresses and UUIDs.
fn refresh(engine: &Engine, config: &mut Config) {
    let contract: &Contract = &engine.contract;
    for (key, value) in config.iter_mut() {
        if options::stem(key) == "net" && key.as_str() != "net" {
            let mut card = props::parse(contract, "net-2", value);
            card.insert("macaddr".into(), engine.chance.mac());
            *value = props::print_vm_net(&card);
        }
    }
    config.insert("vmgenid".into(), engine.chance.uuid());
    config.insert("smbios1".into(), format!("uuid={}", engine.chance.uuid()));
}

/// Copies or links one drive; gives its new line and volume.
fn copy(
    world: &mut World,
    plan: &Plan,
    key: &str,
    line: &str,
    volid: &str,
    log: &mut Log,
) -> Result<(String, String), String> {
    let source = storage::find(world, volid, &plan.source_node)
        .cloned()
        .ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let cloudinit = volid.contains("cloudinit");
    if plan.full || cloudinit {
        log.push(format!("create full clone of drive {key} ({volid})"));
        let store = plan.storage.clone().unwrap_or_else(|| source.storage.clone());
        let size_bytes = if cloudinit { CLOUDINIT_BYTES } else { source.size_bytes };
        let wanted = Wanted {
            storage: &store,
            node: &plan.target_node,
            vmid: plan.newid,
            role: if cloudinit { "cloudinit" } else { "disk" },
            content: "images",
            format: Some(plan.format.as_deref().unwrap_or(&source.format)),
            size_bytes,
        };
        let new = storage::allocate(world, &wanted)?;
        return Ok((with_size(&with_volume(line, &new), size_bytes), new));
    }
    log.push(format!("create linked clone of drive {key} ({volid})"));
    let files = world.storages.get(&source.storage).is_some_and(crate::state::Storage::holds_files);
    let kind = world.storages.get(&source.storage).map(|s| s.kind.clone()).unwrap_or_default();
    let wanted = Wanted {
        storage: &source.storage,
        node: &plan.target_node,
        vmid: plan.newid,
        role: "disk",
        content: "images",
        format: Some("qcow2"),
        size_bytes: 0,
    };
    let plain = storage::allocate(world, &wanted)?;
    let short = plain.split_once(':').map_or("", |(_, n)| n).to_owned();
    let name = if kind == "lvmthin" { short.clone() } else { format!("{}/{short}", source.name) };
    let new = format!("{}:{name}", source.storage);
    if files {
        let file = short.rsplit('/').next().unwrap_or(&short);
        log.push(format!(
            "clone {}: images, {file}, {} to {file} (base=../{})",
            source.name, plan.newid, source.name
        ));
    }
    if let Some(volume) = storage::find_mut(world, &plain, &plan.target_node) {
        *volume = Volume {
            name,
            size_bytes: source.size_bytes,
            base: Some(volid.to_owned()),
            created_at: now(),
            ..volume.clone()
        };
    }
    Ok((with_size(&with_volume(line, &new), source.size_bytes), new))
}
