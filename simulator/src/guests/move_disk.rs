//! Moving a disk of a machine to another storage or format, or to another machine.

use super::disks::{keep_unused, unlocked, volume_of, with_size, with_volume};
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::Kind;
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job};
use serde_json::json;

/// `POST …/qemu/{vmid}/move_disk`.
pub fn move_disk(call: &Call) -> Result<Reply, Fail> {
    match (call.text("storage"), call.text("target-vmid")) {
        (_, Some(_)) => reassign(call),
        (Some(store), None) => relocate(call, store.to_owned()),
        (None, None) => {
            let text = "both 'storage' and 'target-vmid' missing, either needs to be set".to_owned();
            Err(Fail::params([("storage".to_owned(), text.clone()), ("target-vmid".to_owned(), text)].into()))
        }
    }
}

fn relocate(call: &Call, store: String) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").unwrap_or_default().to_owned();
    let format;
    {
        let world = call.engine.world();
        let guest = world.guest(&node, Kind::Vm, vmid)?;
        let target = storage::usable(&world, &store, &node)?;
        let line = guest.get(&disk).ok_or_else(|| Fail::text(format!("disk '{disk}' does not exist")))?;
        let volid =
            volume_of(line).ok_or_else(|| Fail::text(format!("disk '{disk}' has no associated volume")))?;
        let volume = storage::find(&world, &volid, &node)
            .ok_or_else(|| Fail::text(format!("volume '{volid}' does not exist")))?;
        let wanted = call.text("format").unwrap_or(&volume.format).to_owned();
        format = if target.holds_files() { wanted } else { "raw".to_owned() };
        if volume.storage == store && volume.format == format {
            return Err(Fail::text("you can't move to the same storage with same format"));
        }
    }
    let delete = call.flag("delete");
    let upid = call.engine.start(
        call,
        Job {
            kind: "qmmove",
            id: vmid.to_string(),
            node: node.clone(),
            duration_ms: 5_000,
            locks: vec![(vmid, lock_text(Kind::Vm, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, world, _| {
                unlocked(world.guest(&node, Kind::Vm, vmid)?)?;
                Ok(Halves::then(move |_, world, log| {
                    let line = world.guest(&node, Kind::Vm, vmid)?.get(&disk).unwrap_or_default().to_owned();
                    let old =
                        volume_of(&line).ok_or_else(|| format!("disk '{disk}' has no associated volume"))?;
                    let size_bytes = storage::find(world, &old, &node).map_or(0, |v| v.size_bytes);
                    log.push(format!("create full clone of drive {disk} ({old})"));
                    let cloudinit = old.contains("cloudinit");
                    let role = if cloudinit { "cloudinit" } else { "disk" };
                    let wanted = Wanted {
                        storage: &store,
                        node: &node,
                        vmid,
                        role,
                        content: "images",
                        format: Some(&format),
                        size_bytes,
                    };
                    let new = storage::allocate(world, &wanted)
                        .map_err(|e| format!("storage migration failed: {e}"))?;
                    let guest = world.guest_mut(&node, Kind::Vm, vmid)?;
                    guest.config.insert(disk, with_size(&with_volume(&line, &new), size_bytes));
                    if cloudinit {
                        log.push(format!("found unused cloudinit disk '{old}', removing it"));
                    } else if !delete {
                        keep_unused(&mut guest.config, &old);
                    }
                    if delete || cloudinit {
                        storage::remove(world, &old, &node);
                    }
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

fn reassign(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").unwrap_or_default().to_owned();
    let key = call.text("target-disk").unwrap_or(&disk).to_owned();
    let target = call.number("target-vmid").and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    {
        let world = call.engine.world();
        let source = world.guest(&node, Kind::Vm, vmid)?;
        let into = world
            .guest(&node, Kind::Vm, target)
            .map_err(|_| Fail::text(format!("could not find target VM {target}")))?;
        unlocked(source)?;
        unlocked(into)?;
        call.demand(&world, &format!("/vms/{target}"), "VM.Config.Disk")?;
        if into.config.contains_key(&key) {
            return Err(Fail::text(format!("Target disk key '{key}' is already in use for VM '{target}'")));
        }
        if !source.config.contains_key(&disk) {
            return Err(Fail::text(format!("Disk '{disk}' for VM '{vmid}' does not exist")));
        }
    }
    let upid = call.engine.start(
        call,
        Job {
            kind: "qmmove",
            id: format!("{vmid}-{disk}>{target}-{key}"),
            node: node.clone(),
            duration_ms: 1_000,
            locks: vec![(vmid, lock_text(Kind::Vm, vmid)), (target, lock_text(Kind::Vm, target))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, _, _| {
                Ok(Halves::then(move |_, world, log| {
                    log.push(format!("moving disk '{disk}' from VM '{vmid}' to '{target}'"));
                    let line = world.guest(&node, Kind::Vm, vmid)?.get(&disk).unwrap_or_default().to_owned();
                    let old =
                        volume_of(&line).ok_or_else(|| format!("disk '{disk}' has no associated volume"))?;
                    let volume = storage::find(world, &old, &node)
                        .cloned()
                        .ok_or_else(|| format!("volume '{old}' does not exist"))?;
                    // A name of the target's own is found by making an empty image and putting this one in its place.
                    let wanted = Wanted {
                        storage: &volume.storage,
                        node: &node,
                        vmid: target,
                        role: "disk",
                        content: "images",
                        format: Some(&volume.format),
                        size_bytes: 0,
                    };
                    let new = storage::allocate(world, &wanted)?;
                    storage::remove(world, &old, &node);
                    if let Some(made) = storage::find_mut(world, &new, &node) {
                        made.size_bytes = volume.size_bytes;
                        made.base = volume.base;
                    }
                    log.push(format!("removing disk '{disk}' from VM '{vmid}' config"));
                    world.guest_mut(&node, Kind::Vm, vmid)?.config.remove(&disk);
                    let moved = with_volume(&line, &new);
                    log.push(format!("update VM {target}: -{key} {moved}"));
                    world.guest_mut(&node, Kind::Vm, target)?.config.insert(key, moved);
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}
