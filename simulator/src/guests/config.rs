//! Changing a machine: digest, deletions, drives, and what waits for the next start.
//!
//! Begin with [`put`]. Everything is first written as pending and then applied as far as it can be.

use super::disks::{keep_unused, unlocked, volume_of};
use super::drives::{self, Owner};
use super::options::{self, is_drive, live, root_flags, stem};
use super::vm_create::{given_options, precheck, stored};
use crate::api::{Call, Fail, Reply};
use crate::contract::Contract;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Config, Guest, Kind, World};
use crate::storage;
use crate::tasks::{Halves, Job, Log};
use serde_json::json;

/// One request to change a machine.
#[derive(Clone)]
struct Change {
    node: String,
    vmid: u32,
    /// Values as stored, except drives.
    set: Config,
    delete: Vec<String>,
    revert: Vec<String>,
    force: bool,
    digest: Option<String>,
}

fn words(call: &Call, name: &str) -> Vec<String> {
    call.text(name)
        .unwrap_or_default()
        .split([',', ';', ' '])
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Is this the name of an option?
pub fn known(contract: &Contract, kind: Kind, key: &str) -> bool {
    let template = match kind {
        Kind::Vm => "/nodes/{node}/qemu/{vmid}/config",
        Kind::Ct => "/nodes/{node}/lxc/{vmid}/config",
    };
    let control = matches!(
        key,
        "node" | "vmid" | "digest" | "delete" | "revert" | "force" | "skiplock" | "background_delay"
    );
    !control && (contract.method("PUT", template).is_some_and(|m| m.param(key).is_some()) || key == "meta")
}

/// Everything that is checked before the guest's lock is taken.
fn change(call: &Call) -> Result<(Change, String), Fail> {
    root_flags(call)?;
    let set = given_options(call);
    let delete = words(call, "delete");
    let revert = words(call, "revert");
    if set.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(Fail::text("no options specified"));
    }
    for key in &delete {
        if set.contains_key(key) {
            return Err(Fail::param(
                "delete",
                format!("you can't use '-{key}' and -delete {key}' at the same time"),
            ));
        }
    }
    for (list, name) in [(&delete, "delete"), (&revert, "revert")] {
        if let Some(bad) = list.iter().find(|k| !known(call.contract(), Kind::Vm, k)) {
            return Err(Fail::param(name, format!("unknown option '{bad}'")));
        }
    }
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let world = call.engine.world();
    for key in &delete {
        options::root_options(key, None)?;
        options::demand(call, &world, Kind::Vm, key, None)?;
    }
    precheck(call, &world, &set)?;
    if let Some(script) = set.get("hookscript") {
        let found = storage::find(&world, script, &node).is_some();
        let why = if found { "is not executable" } else { "does not exist" };
        return Err(Fail::param("hookscript", format!("script '{script}' {why}\n")));
    }
    let guest = world.guest(&node, Kind::Vm, vmid)?;
    let digest = call.text("digest").map(str::to_owned);
    current(guest, digest.as_deref())?;
    boot_devices(guest, &set)?;
    let line: Vec<String> = set
        .iter()
        .map(|(k, v)| format!("-{k} {v}"))
        .chain(delete.iter().map(|k| format!("-delete {k}")))
        .collect();
    let set = set.into_iter().map(|(key, value)| {
        let value = match key.as_str() {
            "tags" => options::tags(&value),
            _ => stored(call, &key, &value),
        };
        (key, value)
    });
    let change = Change { set: set.collect(), node, vmid, delete, revert, force: call.flag("force"), digest };
    Ok((change, format!("update VM {vmid}: {}", line.join(" "))))
}

fn current(guest: &Guest, digest: Option<&str>) -> Result<(), Fail> {
    match digest.is_some_and(|d| !d.is_empty() && d != guest.digest()) {
        true => Err(Fail::text("checksum mismatch (file change by other user?)")),
        false => Ok(()),
    }
}

/// Devices of a boot order must exist.
fn boot_devices(guest: &Guest, set: &Config) -> Result<(), Fail> {
    let order = set.get("boot").and_then(|b| b.split(',').find_map(|p| p.strip_prefix("order=")));
    for device in order.unwrap_or_default().split(';').filter(|d| !d.is_empty()) {
        if !set.contains_key(device)
            && !guest.config.contains_key(device)
            && !guest.pending.contains_key(device)
        {
            return Err(Fail::text(format!("invalid bootorder: device '{device}' does not exist'")));
        }
    }
    Ok(())
}

/// Writes a change into the world.
fn apply(contract: &Contract, world: &mut World, change: &Change, log: &mut Log) -> Result<(), String> {
    let (node, vmid) = (change.node.as_str(), change.vmid);
    {
        let guest = world.guest(node, Kind::Vm, vmid)?;
        unlocked(guest)?;
        if change.digest.as_ref().is_some_and(|d| !d.is_empty() && *d != guest.digest()) {
            return Err("checksum mismatch (file change by other user?)".into());
        }
    }
    let mut lines = Config::new();
    for (key, value) in &change.set {
        let value = if is_drive(key) {
            drives::realise(contract, world, &Owner { node, vmid }, key, value, log)?
        } else {
            value.clone()
        };
        lines.insert(key.clone(), value);
    }
    let mut doomed = Vec::new();
    let guest = world.guest_mut(node, Kind::Vm, vmid)?;
    for key in &change.revert {
        guest.pending.remove(key);
        guest.pending_delete.remove(key);
    }
    for key in &change.delete {
        guest.pending.remove(key);
        guest.pending_delete.insert(key.clone());
    }
    for (key, value) in lines {
        guest.pending_delete.remove(&key);
        guest.pending.insert(key, value);
    }
    let running = guest.running();
    settle(guest, running, change.force, &mut doomed);
    for volid in doomed {
        storage::remove(world, &volid, node);
    }
    Ok(())
}

/// Turns pending changes into current ones: all of them on a stopped machine, the live ones on a running one.
/// Volumes to be destroyed are put into `doomed`.
pub fn settle(guest: &mut Guest, running: bool, force: bool, doomed: &mut Vec<String>) {
    let hotplug = guest.pending.get("hotplug").or(guest.config.get("hotplug")).cloned();
    let now = |key: &str| !running || live(key, hotplug.as_deref());
    let delete: Vec<String> = guest.pending_delete.iter().filter(|k| now(k)).cloned().collect();
    for key in delete {
        guest.pending_delete.remove(&key);
        let Some(line) = guest.config.remove(&key) else { continue };
        let own = volume_of(&line).filter(|v| v.contains(&format!("-{}-", guest.vmid)));
        match own {
            Some(volid)
                if stem(&key) == "unused" || (is_drive(&key) && (force || volid.contains("cloudinit"))) =>
            {
                doomed.push(volid)
            }
            Some(volid) if is_drive(&key) => keep_unused(&mut guest.config, &volid),
            _ => {}
        }
    }
    let set: Vec<String> = guest.pending.keys().filter(|k| now(k)).cloned().collect();
    for key in set {
        let Some(value) = guest.pending.remove(&key) else { continue };
        // A description set to nothing is gone; other empty values stay as a blank.
        if value.is_empty() && matches!(key.as_str(), "description" | "sshkeys") {
            guest.config.remove(&key);
            continue;
        }
        let old = guest.config.insert(key.clone(), value.clone());
        if let (true, Some(old)) = (is_drive(&key), old)
            && let Some(volid) = volume_of(&old).filter(|v| v.contains(&format!("-{}-", guest.vmid)))
            && volume_of(&value).as_ref() != Some(&volid)
        {
            if volid.contains("cloudinit") {
                doomed.push(volid)
            } else {
                keep_unused(&mut guest.config, &volid)
            }
        }
    }
}

/// `PUT …/qemu/{vmid}/config`: synchronous, answers null.
pub async fn put(call: &Call) -> Result<Reply, Fail> {
    let (change, _) = change(call)?;
    call.engine.guest_free(Kind::Vm, change.vmid, GUEST_LOCK_WAIT_MS).await?;
    let mut world = call.engine.world();
    apply(call.contract(), &mut world, &change, &mut Log::new())?;
    Ok(Reply::null())
}

/// `PUT …/qemu/{vmid}/unlink`: the same as deleting the named options.
pub async fn unlink(call: &Call) -> Result<Reply, Fail> {
    let mut params = call.params.clone();
    if let Some(list) = params.remove("idlist") {
        params.insert("delete".into(), list);
    }
    let inner = Call {
        engine: call.engine.clone(),
        who: call.who.clone(),
        verb: call.verb.clone(),
        path: call.path.clone(),
        template: call.template.clone(),
        params,
        file: None,
        faults: call.faults.clone(),
    };
    put(&inner).await
}

/// `POST …/qemu/{vmid}/config`: a task, or null when it ends within `background_delay`.
pub async fn post(call: &Call) -> Result<Reply, Fail> {
    let (change, line) = change(call)?;
    let vmid = change.vmid;
    let upid = call.engine.start(
        call,
        Job {
            kind: "qmconfig",
            id: vmid.to_string(),
            node: change.node.clone(),
            duration_ms: 300,
            locks: vec![(vmid, crate::engine::lock_text(Kind::Vm, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, _, log| {
                log.push(line);
                Ok(Halves::then(move |engine, world, log| apply(&engine.contract, world, &change, log)))
            }),
        },
    );
    match call.number("background_delay") {
        Some(delay) if delay > 0 && call.engine.task_within(&upid, delay * 1_000).await => Ok(Reply::null()),
        _ => Ok(Reply::data(json!(upid))),
    }
}

/// `PUT …/qemu/{vmid}/cloudinit`: makes the cloud-init drive anew from the current options.
pub async fn cloudinit(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    {
        let world = call.engine.world();
        unlocked(world.guest(&node, Kind::Vm, vmid)?)?;
    }
    call.engine.guest_free(Kind::Vm, vmid, GUEST_LOCK_WAIT_MS).await?;
    let mut world = call.engine.world();
    let guest = world.guest_mut(&node, Kind::Vm, vmid)?;
    let is_cloudinit = |key: &String| {
        matches!(
            stem(key),
            "ipconfig"
                | "ciuser"
                | "cipassword"
                | "sshkeys"
                | "nameserver"
                | "searchdomain"
                | "citype"
                | "cicustom"
                | "ciupgrade"
        )
    };
    let waiting: Vec<String> = guest.pending.keys().filter(|k| is_cloudinit(k)).cloned().collect();
    for key in waiting {
        if let Some(value) = guest.pending.remove(&key) {
            guest.config.insert(key, value);
        }
    }
    guest.cloudinit = Some(super::cloudinit::written(guest));
    Ok(Reply::null())
}
