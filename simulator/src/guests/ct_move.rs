//! Moving a volume of a container to another storage, or to another container.

use super::disks::{keep_unused, unlocked, volume_of, with_volume};
use super::options::stem;
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Guest, Kind};
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job};
use serde_json::json;
use std::collections::BTreeMap;

/// The line of a mount; what is not configured reads as a mount without anything in it.
pub fn mount_line<'g>(guest: &'g Guest, key: &str) -> Result<&'g str, Fail> {
    guest.get(key).ok_or_else(|| {
        let missing = "property is missing and it is not optional".to_owned();
        let mut errors = BTreeMap::from([("volume".to_owned(), missing.clone())]);
        if stem(key) == "mp" {
            errors.insert("mp".into(), missing);
        }
        Fail { status: 500, message: "format error\n".into(), errors }
    })
}

/// `POST …/lxc/{vmid}/move_volume`.
pub fn move_volume(call: &Call) -> Result<Reply, Fail> {
    match (call.text("storage"), call.number("target-vmid")) {
        (Some(_), Some(_)) => Err(Fail::text("either set storage or target-vmid, but not both")),
        (Some(store), None) => relocate(call, store.to_owned()),
        (None, Some(target)) => reassign(call, u32::try_from(target).unwrap_or_default()),
        (None, None) => {
            let text = "both 'storage' and 'target-vmid' missing, either needs to be set".to_owned();
            Err(Fail::params([("storage".to_owned(), text.clone()), ("target-vmid".to_owned(), text)].into()))
        }
    }
}

fn current(call: &Call, name: &str, guest: &Guest) -> Result<(), Fail> {
    match call.text(name).is_some_and(|d| !d.is_empty() && d != guest.digest()) {
        true => Err(Fail::text("detected modified configuration - file changed by other user? Try again.")),
        false => Ok(()),
    }
}

fn relocate(call: &Call, store: String) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let key = call.text("volume").unwrap_or_default().to_owned();
    let old;
    {
        let mut world = call.engine.world();
        let guest = world.guest(&node, Kind::Ct, vmid)?;
        unlocked(guest)?;
        if guest.running() {
            return Err(Fail::text("cannot move volumes of a running container"));
        }
        if stem(&key) == "unused" {
            return Err(Fail::text(format!(
                "cannot move volume '{key}', only configured volumes can be moved to another storage"
            )));
        }
        old = volume_of(mount_line(guest, &key)?).unwrap_or_default();
        let kept =
            guest.snapshots.values().any(|s| s.values().any(|line| volume_of(line).as_ref() == Some(&old)));
        if call.flag("delete") && kept {
            return Err(Fail::text("you can't move a volume with snapshots and delete the source"));
        }
        current(call, "digest", guest)?;
        world.guest_mut(&node, Kind::Ct, vmid)?.config.insert("lock".into(), "disk".into());
    }
    let delete = call.flag("delete");
    let (home, back) = (node.clone(), node.clone());
    let job = Job {
        kind: "move_volume",
        id: vmid.to_string(),
        node,
        duration_ms: 4_000,
        locks: vec![(vmid, lock_text(Kind::Ct, vmid))],
        wait_ms: GUEST_LOCK_WAIT_MS,
        work: Box::new(move |_, _, _| {
            Ok(Halves::then(move |_, world, _| {
                world.guest_mut(&home, Kind::Ct, vmid)?.config.remove("lock");
                storage::usable(world, &store, &home)?;
                let volume = storage::find(world, &old, &home)
                    .cloned()
                    .ok_or_else(|| format!("volume '{old}' does not exist"))?;
                if !world.storages.get(&store).is_some_and(|s| s.accepts("rootdir")) {
                    return Err(format!("storage '{store}' does not support content-type 'rootdir'"));
                }
                let wanted = Wanted {
                    storage: &store,
                    node: &home,
                    vmid,
                    role: "disk",
                    content: "rootdir",
                    format: None,
                    size_bytes: volume.size_bytes,
                };
                let new = storage::allocate(world, &wanted)?;
                let guest = world.guest_mut(&home, Kind::Ct, vmid)?;
                if let Some(line) = guest.config.get_mut(&key) {
                    *line = with_volume(line, &new);
                }
                match delete {
                    true => {
                        storage::remove(world, &old, &home);
                    }
                    false => keep_unused(&mut guest.config, &old),
                }
                Ok(())
            })
            .or_undo(move |_, world, _| {
                if let Ok(guest) = world.guest_mut(&back, Kind::Ct, vmid) {
                    guest.config.remove("lock");
                }
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

fn reassign(call: &Call, target: u32) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let key = call.text("volume").unwrap_or_default().to_owned();
    let new_key = call.text("target-volume").unwrap_or(&key).to_owned();
    {
        let world = call.engine.world();
        call.demand(&world, &format!("/vms/{target}"), "VM.Config.Disk")?;
        if key == "rootfs" || new_key == "rootfs" {
            return Err(Fail::text("Cannot move to/from 'rootfs'"));
        }
        if stem(&key) == "unused" && stem(&new_key) != "unused" {
            return Err(Fail::text("Moving an unused volume to a used one is not possible"));
        }
        for id in [vmid, target] {
            if !world.guests.contains_key(&id) {
                return Err(Fail::text(format!("could not find CT {id}")));
            }
        }
        let (from, into) = (world.guest(&node, Kind::Ct, vmid)?, world.guest(&node, Kind::Ct, target)?);
        unlocked(from)?;
        unlocked(into)?;
        if from.flag("template") || into.flag("template") {
            return Err(Fail::text("Can't move volumes from or to template CT"));
        }
        if !from.config.contains_key(&key) {
            return Err(Fail::text(format!("volume '{key}' for container '{vmid}' does not exist")));
        }
        if into.config.contains_key(&new_key) {
            return Err(Fail::text(format!(
                "Target volume key '{new_key}' is already in use for container '{target}'"
            )));
        }
        if from.running() && stem(&key) != "unused" {
            return Err(Fail::text(
                "Cannot move in-use volume while the source CT is running - detach or shutdown first",
            ));
        }
    }
    let home = node.clone();
    let job = Job {
        kind: "move_volume",
        id: format!("{vmid}-{key}>{target}-{new_key}"),
        node,
        duration_ms: 1_000,
        locks: vec![(vmid, lock_text(Kind::Ct, vmid)), (target, lock_text(Kind::Ct, target))],
        wait_ms: GUEST_LOCK_WAIT_MS,
        work: Box::new(move |_, _, _| {
            Ok(Halves::then(move |_, world, log| {
                log.push(format!("moving volume '{key}' from container '{vmid}' to '{target}'"));
                let line = world.guest(&home, Kind::Ct, vmid)?.get(&key).unwrap_or_default().to_owned();
                let old =
                    volume_of(&line).ok_or_else(|| format!("Volume '{key}' has no associated image"))?;
                let volume = storage::find(world, &old, &home)
                    .cloned()
                    .ok_or_else(|| format!("volume '{old}' does not exist"))?;
                // A name of the target's own is found by making an empty image and putting this one in its place.
                let wanted = Wanted {
                    storage: &volume.storage,
                    node: &home,
                    vmid: target,
                    role: "disk",
                    content: "rootdir",
                    format: Some(&volume.format),
                    size_bytes: 0,
                };
                let new = storage::allocate(world, &wanted)?;
                storage::remove(world, &old, &home);
                if let Some(made) = storage::find_mut(world, &new, &home) {
                    made.size_bytes = volume.size_bytes;
                }
                log.push(format!("removing volume '{key}' from container '{vmid}' config"));
                world.guest_mut(&home, Kind::Ct, vmid)?.config.remove(&key);
                let moved = with_volume(&line, &new);
                log.push(format!("target container '{target}' updated with '{new_key}'"));
                world.guest_mut(&home, Kind::Ct, target)?.config.insert(new_key, moved);
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}
