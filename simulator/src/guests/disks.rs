//! Sizes, resizing, and turning a machine into a template.

use super::options::{is_drive, root_flags, stem};
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Config, Guest, Kind, World};
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::json;

/// A size as configurations hold it: the largest unit that divides it.
pub fn size_text(bytes: u64) -> String {
    let mut amount = bytes;
    for unit in ["", "K", "M", "G"] {
        if amount % 1024 != 0 {
            return format!("{amount}{unit}");
        }
        amount /= 1024;
    }
    format!("{amount}T")
}

/// Bytes of `10G`, `512M`, `1.5T`; without a unit the number is bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, factor) = match text.chars().last()? {
        'K' => (&text[..text.len() - 1], 1_u64 << 10),
        'M' => (&text[..text.len() - 1], 1 << 20),
        'G' => (&text[..text.len() - 1], 1 << 30),
        'T' => (&text[..text.len() - 1], 1 << 40),
        _ => (text, 1),
    };
    let amount: f64 = number.parse().ok().filter(|n: &f64| *n >= 0.0)?;
    Some((amount * factor as f64) as u64)
}

/// The volume a disk line refers to.
pub fn volume_of(line: &str) -> Option<String> {
    let first = line.split(',').next()?;
    let file = first.strip_prefix("file=").or_else(|| first.strip_prefix("volume=")).unwrap_or(first);
    (file.contains(':') && !file.starts_with('/')).then(|| file.to_owned())
}

/// The keys of a configuration that hold disks.
pub fn disk_keys(config: &Config, kind: Kind) -> Vec<String> {
    let is_disk = |key: &str| match kind {
        Kind::Vm => is_drive(key) || stem(key) == "unused" && key != "unused",
        Kind::Ct => key == "rootfs" || (matches!(stem(key), "mp" | "unused") && stem(key) != key),
    };
    config.keys().filter(|k| is_disk(k)).cloned().collect()
}

/// A disk line with another size.
pub fn with_size(line: &str, bytes: u64) -> String {
    let mut parts: Vec<String> =
        line.split(',').filter(|p| !p.starts_with("size=")).map(str::to_owned).collect();
    let first = parts.remove(0);
    parts.push(format!("size={}", size_text(bytes)));
    parts.sort();
    parts.insert(0, first);
    parts.join(",")
}

/// A disk line with another volume.
pub fn with_volume(line: &str, volid: &str) -> String {
    match line.split_once(',') {
        Some((_, rest)) => format!("{volid},{rest}"),
        None => volid.to_owned(),
    }
}

/// Puts a volume into the next free `unusedN`.
pub fn keep_unused(config: &mut Config, volid: &str) {
    let free = (0..256).map(|n| format!("unused{n}")).find(|k| !config.contains_key(k));
    if let Some(key) = free {
        config.insert(key, volid.to_owned());
    }
}

/// What a lock property means for others.
pub fn unlocked(guest: &Guest) -> Result<(), String> {
    match guest.get("lock") {
        Some(lock) => Err(format!("{} is locked ({lock})", guest.kind.label())),
        None => Ok(()),
    }
}

/// `PUT …/{vmid}/resize`.
pub fn resize(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    root_flags(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").unwrap_or_default().to_owned();
    let size = call.text("size").unwrap_or_default().to_owned();
    let digest = call.text("digest").map(str::to_owned);
    if kind == Kind::Ct {
        let world = call.engine.world();
        let guest = world.guest(&node, kind, vmid)?;
        if digest.as_deref().is_some_and(|d| d != guest.digest()) {
            return Err(Fail::text(
                "detected modified configuration - file changed by other user? Try again.",
            ));
        }
        unlocked(guest)?;
        super::ct_move::mount_line(guest, &disk)?;
        let (_, old, new) = target(guest, &world, &disk, &size)?;
        if new == old {
            return Err(Fail::text("disk is already at specified size"));
        }
        if new < old {
            return Err(Fail::text("unable to shrink disk size"));
        }
    }
    let upid = call.engine.start(
        call,
        Job {
            kind: "resize",
            id: vmid.to_string(),
            node: node.clone(),
            duration_ms: 1_000,
            locks: vec![(vmid, lock_text(kind, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, world, _| {
                let guest = world.guest(&node, kind, vmid)?;
                if kind == Kind::Vm && digest.as_deref().is_some_and(|d| d != guest.digest()) {
                    return Err("checksum mismatch (file change by other user?)".into());
                }
                unlocked(guest)?;
                let (volid, old, new) = target(guest, world, &disk, &size)?;
                if new < old {
                    return Err("shrinking disks is not supported".into());
                }
                Ok(Halves::then(move |_, world, _| {
                    let free = storage_left(world, &volid, &node);
                    if new - old > free {
                        return Err("unable to resize disk: No space left on device".into());
                    }
                    if let Some(volume) = storage::find_mut(world, &volid, &node) {
                        volume.size_bytes = new;
                    }
                    let guest = world.guest_mut(&node, kind, vmid)?;
                    if let Some(line) = guest.config.get_mut(&disk) {
                        *line = with_size(line, new);
                    }
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

fn storage_left(world: &World, volid: &str, node: &str) -> u64 {
    let id = volid.split(':').next().unwrap_or_default();
    world.storages.get(id).map_or(0, |s| s.total(node).saturating_sub(s.used(world, id, node)))
}

/// The volume of a disk with its size now and its size wanted.
fn target(guest: &Guest, world: &World, disk: &str, size: &str) -> Result<(String, u64, u64), String> {
    let line = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    if line.contains("media=cdrom") {
        return Err("you can't resize a cdrom".into());
    }
    let volid = volume_of(line).ok_or_else(|| format!("disk '{disk}' has no associated volume"))?;
    let old = storage::find(world, &volid, &guest.node)
        .map(|v| v.size_bytes)
        .ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    let new = match size.strip_prefix('+') {
        Some(more) => old + parse_size(more).unwrap_or(0),
        None => parse_size(size).unwrap_or(0),
    };
    Ok((volid, old, new))
}

/// `POST …/qemu/{vmid}/template`.
pub fn template(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let disk = call.text("disk").map(str::to_owned);
    {
        let world = call.engine.world();
        let guest = world.guest(&node, Kind::Vm, vmid)?;
        unlocked(guest)?;
        if !guest.snapshots.is_empty() {
            return Err(Fail::text("unable to create template, because VM contains snapshots"));
        }
        if guest.flag("template") && disk.is_none() {
            return Err(Fail::text("you can't convert a template to a template"));
        }
        if guest.running() {
            return Err(Fail::text("you can't convert a VM to template if VM is running"));
        }
    }
    let upid = call.engine.start(
        call,
        Job {
            kind: "qmtemplate",
            id: vmid.to_string(),
            node: node.clone(),
            duration_ms: 1_000,
            locks: vec![(vmid, lock_text(Kind::Vm, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, world, _| {
                world.guest_mut(&node, Kind::Vm, vmid)?.config.insert("template".into(), "1".into());
                Ok(Halves::then(move |_, world, _| {
                    let config = world.guest(&node, Kind::Vm, vmid)?.config.clone();
                    for key in disk_keys(&config, Kind::Vm)
                        .iter()
                        .filter(|k| disk.is_none() || disk.as_ref() == Some(k))
                    {
                        let Some(volid) = config.get(key).and_then(|line| volume_of(line)) else { continue };
                        let Some(volume) =
                            storage::find_mut(world, &volid, &node).filter(|v| v.vmid == Some(vmid))
                        else {
                            continue;
                        };
                        if volume.name.contains("cloudinit") || volume.name.contains("base-") {
                            continue;
                        }
                        volume.name = volume.name.replace(&format!("vm-{vmid}-"), &format!("base-{vmid}-"));
                        let renamed = storage::volid(volume);
                        if let Some(line) = world.guest_mut(&node, Kind::Vm, vmid)?.config.get_mut(key) {
                            *line = with_volume(line, &renamed);
                        }
                    }
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

#[cfg(test)]
mod tests {
    use super::{parse_size, size_text};

    #[test]
    fn sizes_are_written_in_the_largest_unit_that_divides_them() {
        for (bytes, text) in [(1 << 30, "1G"), (512 << 20, "512M"), (1536 << 20, "1536M"), (0, "0T")] {
            assert_eq!(size_text(bytes), text);
        }
        assert_eq!(parse_size("0.5G"), Some(512 << 20));
        assert_eq!(parse_size("1024"), Some(1024));
    }
}
