//! How Proxmox writes what a configuration call says: options and tags sorted, volumes named, descriptions trimmed.

use crate::canonical::Digest;
use crate::interpretation::GuestKind;
use crate::observation::GuestSeen;
use crate::plan::planner::config::is_disk;
use std::collections::BTreeMap;

type Args = BTreeMap<String, String>;

/// Digits of a configuration's digest.
const DIGEST_DIGITS: usize = 40;

/// Writes the arguments of a configuration call; answers with the space that new volumes take.
pub(super) fn write(guest: &mut GuestSeen, args: &Args, imported_gib: u64) -> Vec<(String, u64)> {
    for key in args.get("delete").map(String::as_str).unwrap_or_default().split(',') {
        guest.config.remove(key);
    }
    let mut taken = Vec::new();
    for (key, value) in args.iter().filter(|(key, _)| !["digest", "delete"].contains(&key.as_str())) {
        let value = match is_disk(key) || key == "rootfs" {
            true => volume(guest, key, value, imported_gib, &mut taken),
            false => stored(guest.kind, key, value),
        };
        guest.config.insert(key.clone(), value);
    }
    let name = if guest.kind == GuestKind::Vm { "name" } else { "hostname" };
    guest.name = guest.config.get(name).cloned().unwrap_or_default();
    guest.digest = digest(guest);
    taken
}

/// Another digest for another configuration.
pub(super) fn digest(guest: &GuestSeen) -> String {
    let whole = Digest::of(&(&guest.digest, &guest.config, &guest.node));
    whole.as_str().trim_start_matches("sha256:").chars().take(DIGEST_DIGITS).collect()
}

fn volume(
    guest: &GuestSeen,
    key: &str,
    value: &str,
    imported_gib: u64,
    taken: &mut Vec<(String, u64)>,
) -> String {
    let mut parts = value.split(',');
    let Some((id, volume)) = parts.next().and_then(|volume| volume.split_once(':')) else {
        return value.to_owned();
    };
    let rest: Vec<&str> = parts.filter(|part| !part.starts_with("import-from=")).collect();
    let vmid = guest.vmid;
    let named = |gib: u64| {
        let own = [format!("{id}:vm-{vmid}-disk-{key}"), format!("size={gib}G")];
        own.into_iter().chain(rest.iter().map(|part| (*part).to_owned())).collect::<Vec<_>>().join(",")
    };
    match (volume, volume.parse::<u64>()) {
        ("cloudinit", _) => format!("{id}:vm-{vmid}-cloudinit,media=cdrom"),
        (_, Ok(gib)) => {
            let gib = if gib == 0 { imported_gib } else { gib };
            taken.push((id.to_owned(), gib));
            named(gib)
        }
        _ => value.to_owned(),
    }
}

fn stored(kind: GuestKind, key: &str, value: &str) -> String {
    match key {
        "tags" => {
            let mut tags: Vec<&str> = value.split(';').filter(|tag| !tag.is_empty()).collect();
            tags.sort_unstable();
            tags.join(";")
        }
        "description" if kind == GuestKind::Container => format!("{}\n", value.trim_end()),
        "description" => value.trim_end().to_owned(),
        "net0" if kind == GuestKind::Container => {
            let mut parts: Vec<&str> = value.split(',').chain(["type=veth"]).collect();
            parts.sort_unstable();
            parts.dedup();
            parts.join(",")
        }
        _ => value.to_owned(),
    }
}

/// Gives a copy's volumes its own number and storage; answers with the size and storage of each disk.
pub(super) fn rehomed(
    guest: &mut GuestSeen,
    model: u32,
    storage: Option<&str>,
    full: bool,
) -> Vec<(u64, String)> {
    let (old, own) = (format!("-{model}-"), format!("-{}-", guest.vmid));
    for value in guest.config.values_mut().filter(|value| value.contains(&old) && value.contains(':')) {
        let (volume, rest) = value.split_once(',').map_or((value.as_str(), ""), |(a, b)| (a, b));
        let Some((id, name)) = volume.split_once(':') else { continue };
        let end = if rest.is_empty() { String::new() } else { format!(",{rest}") };
        let renamed = name.replace(&old, &own).replace("base-", "vm-");
        // A linked copy keeps its base in the name; the cloud-init drive is always its own.
        let renamed = if full || name.contains("cloudinit") { renamed } else { format!("{name}/{renamed}") };
        *value = format!("{}:{renamed}{end}", storage.unwrap_or(id));
    }
    guest.disks().into_iter().map(|disk| (disk.size_gib.unwrap_or(0), disk.storage)).collect()
}

pub(super) fn resized(guest: &mut GuestSeen, key: &str, gib: u64) {
    if let Some(value) = guest.config.get_mut(key) {
        let parts = value.split(',').filter(|part| !part.starts_with("size="));
        *value = parts.map(str::to_owned).chain([format!("size={gib}G")]).collect::<Vec<_>>().join(",");
    }
    guest.digest = digest(guest);
}

/// The volume lies on another storage, under the number of the guest.
pub(super) fn moved(guest: &mut GuestSeen, key: &str, storage: &str) {
    let vmid = guest.vmid;
    if let Some(value) = guest.config.get_mut(key) {
        let rest = value.split_once(',').map_or(String::new(), |(_, rest)| format!(",{rest}"));
        *value = format!("{storage}:vm-{vmid}-disk-{key}{rest}");
    }
    guest.digest = digest(guest);
}

/// The old volume stays as an unused one.
pub(super) fn keep_unused(guest: &mut GuestSeen, volume: &str) {
    let free = (0..256).map(|n| format!("unused{n}")).find(|key| !guest.config.contains_key(key));
    if let Some(key) = free {
        guest.config.insert(key, volume.to_owned());
    }
    guest.digest = digest(guest);
}
