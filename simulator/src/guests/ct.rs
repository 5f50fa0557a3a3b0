//! Creating a container.

use super::disks::{parse_size, with_size};
use super::options::{self, stem};
use super::vm_create::forget;
use crate::api::{Call, Fail, Reply};
use crate::contract::Contract;
use crate::contract::props;
use crate::engine::lock_text;
use crate::limits::CREATE_LOCK_WAIT_MS;
use crate::state::{Config, Guest, Kind, World};
use crate::storage::config::{directory_name, file_path};
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job};
use serde_json::json;

const ROOT_PATHS: &str =
    "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 606.";
const NOT_OPTIONS: &[&str] = &[
    "node",
    "vmid",
    "ostemplate",
    "storage",
    "password",
    "ssh-public-keys",
    "pool",
    "force",
    "restore",
    "bwlimit",
    "start",
    "unique",
    "ignore-unpack-errors",
    "digest",
    "delete",
    "revert",
];
/// Disk that a container gets when nothing is said.
const ROOTFS_GIB: u64 = 4;

/// The options among the parameters of a call.
pub fn given_options(call: &Call) -> Config {
    call.params
        .iter()
        .filter(|(name, _)| !NOT_OPTIONS.contains(&name.as_str()))
        .filter_map(|(name, value)| value.as_str().map(|v| (name.clone(), v.to_owned())))
        .collect()
}

/// Is this a disk of a container?
pub fn is_mount(key: &str) -> bool {
    key == "rootfs" || (stem(key) == "mp" && key != "mp")
}

/// The `volume` of a mount, its other keys, and the size when it is to be made.
fn mount(contract: &Contract, key: &str, value: &str) -> (String, props::Props, Option<u64>) {
    let mut keys = props::parse(contract, if key == "rootfs" { "rootfs" } else { "mp" }, value);
    let volume = keys.remove("volume").unwrap_or_default();
    let size = volume.split_once(':').and_then(|(_, s)| {
        let number = !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        number.then(|| parse_size(&format!("{s}G"))).flatten()
    });
    (volume, keys, size)
}

/// Checks of options that are answered at once, for create and change alike.
pub fn precheck(call: &Call, world: &World, given: &Config, unprivileged: bool) -> Result<(), Fail> {
    for (key, value) in given {
        options::demand(call, world, Kind::Ct, key, Some(value))?;
        if key == "features" {
            let features = props::parse(call.contract(), "features", value);
            let other = features.iter().any(|(name, on)| name != "nesting" && on != "0");
            if !unprivileged {
                return Err(Fail::forbidden(
                    "changing feature flags for privileged container is only allowed for root@pam",
                ));
            }
            if other {
                return Err(Fail::forbidden(
                    "changing feature flags (except nesting) is only allowed for root@pam",
                ));
            }
        }
        if stem(key) == "dev" && key != "dev" {
            return Err(Fail::forbidden("configuring device passthrough is only allowed for root@pam"));
        }
        if key == "hookscript" {
            return Err(Fail::forbidden("changing the hookscript is only allowed for root@pam"));
        }
        if !is_mount(key) {
            continue;
        }
        let (volume, _, size) = mount(call.contract(), key, value);
        if volume.starts_with('/') {
            let kind = if volume.starts_with("/dev/") { "device" } else { "bind" };
            return Err(Fail::forbidden(format!("mount point type {kind} is only allowed for root@pam")));
        }
        let (store, name) = volume.split_once(':').unwrap_or((volume.as_str(), ""));
        let storage = storage::usable(world, store, call.node())?;
        if size.is_none() && storage.holds_files() && !directory_name(name) {
            return Err(Fail::text(format!("unable to parse directory volume name '{name}'")));
        }
        if !storage.accepts("rootdir") {
            return Err(Fail::text(format!("storage '{store}' does not support container directories")));
        }
        call.demand(world, &format!("/storage/{store}"), "Datastore.AllocateSpace")?;
    }
    Ok(())
}

/// `POST /nodes/{node}/lxc`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let mut given = given_options(call);
    let template = call.text("ostemplate").unwrap_or_default().to_owned();
    if call.flag("restore") && template.contains(":backup/") {
        return super::restore::restore(call, Kind::Ct, &template);
    }
    let pool;
    let archive;
    {
        let world = call.engine.world();
        pool = options::pool(call, &world)?;
        options::may_allocate(call, &world, vmid, pool.as_deref())?;
        if let Some(keys) = call.text("ssh-public-keys") {
            options::public_keys(keys)?;
        }
        archive = template_path(call, &world, &template)?;
        let store = call.text("storage").unwrap_or("local");
        given.entry("rootfs".into()).or_insert_with(|| format!("{store}:{ROOTFS_GIB}"));
        precheck(call, &world, &given, call.flag("unprivileged"))?;
    }
    {
        // The name is taken under one lock, so that of two callers one loses.
        let mut world = call.engine.world();
        if let Some(text) = world.taken(vmid) {
            return Err(Fail::text(text));
        }
        let mut guest = Guest::new(vmid, Kind::Ct, &node);
        guest.config.insert("lock".into(), "create".into());
        world.guests.insert(vmid, guest);
        if let Some(pool) = pool.as_ref().and_then(|p| world.pools.get_mut(p)) {
            pool.guests.insert(vmid);
        }
    }
    for (key, value) in &mut given {
        if stem(key) == "net" && key != "net" {
            *value = options::ct_net(call, value);
        }
    }
    let start = call.flag("start");
    let home = node.clone();
    let upid = call.engine.start(
        call,
        Job {
            kind: "vzcreate",
            id: vmid.to_string(),
            node,
            duration_ms: 4_000,
            locks: vec![(vmid, lock_text(Kind::Ct, vmid))],
            wait_ms: CREATE_LOCK_WAIT_MS,
            work: Box::new(move |_, _, _| {
                Ok(Halves::then(move |engine, world, log| {
                    if storage::find(world, &template, &home).is_none() {
                        forget(world, vmid);
                        return Err(format!(
                            "unable to create CT {vmid} - volume '{template}' does not exist"
                        ));
                    }
                    let mut config = given;
                    if let Err(text) = mounts(&engine.contract, world, &home, vmid, &mut config) {
                        forget(world, vmid);
                        return Err(format!("unable to create CT {vmid} - {text}"));
                    }
                    log.push(format!("extracting archive '{archive}'"));
                    log.push("Detected container architecture: amd64".into());
                    defaults(&mut config, vmid, &template);
                    if let Some(guest) = world.guests.get_mut(&vmid) {
                        guest.config = config;
                    }
                    if start && let Err(text) = super::power::boot(world, &home, Kind::Ct, vmid) {
                        log.push(text);
                    }
                    Ok(())
                })
                .or_undo(move |_, world, _| forget(world, vmid)))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

/// The template's path; its storage and its kind are checked, its presence is the task's matter.
fn template_path(call: &Call, world: &World, template: &str) -> Result<String, Fail> {
    let Some((store, name)) = template.split_once(':') else { return Err(Fail::text(ROOT_PATHS)) };
    let storage = storage::usable(world, store, call.node())?;
    let needed = if call.flag("restore") { "backup" } else { "vztmpl" };
    if name.split('/').next() != Some(needed) {
        return Err(Fail::text(format!(
            "unable to use volume {template} - content type needs to be '{needed}'"
        )));
    }
    let access = call.access();
    let path = format!("/storage/{store}");
    if !access.allows(world, &path, "Datastore.Audit")
        && !access.allows(world, &path, "Datastore.AllocateSpace")
    {
        return Err(Fail::forbidden(format!("{path}, Datastore.AllocateSpace|Datastore.Audit")));
    }
    Ok(file_path(storage, name))
}

/// Makes the volumes of a container's mounts, the root first; on failure nothing stays.
pub fn mounts(
    contract: &Contract,
    world: &mut World,
    node: &str,
    vmid: u32,
    config: &mut Config,
) -> Result<(), String> {
    let mut keys: Vec<String> = config.keys().filter(|k| is_mount(k)).cloned().collect();
    keys.sort_by_key(|k| (k != "rootfs", k.trim_start_matches("mp").parse::<u32>().unwrap_or(0)));
    let mut made = Vec::new();
    for key in keys {
        let Some(value) = config.get(&key).cloned() else { continue };
        let (volume, keys, size) = mount(contract, &key, &value);
        let Some(size_bytes) = size else {
            if storage::find(world, &volume, node).is_none() {
                return Err(format!("volume '{volume}' does not exist"));
            }
            continue;
        };
        let store = volume.split(':').next().unwrap_or_default();
        let wanted = Wanted {
            storage: store,
            node,
            vmid,
            role: "disk",
            content: "rootdir",
            format: Some("raw"),
            size_bytes,
        };
        match storage::allocate(world, &wanted) {
            Ok(volid) => {
                let line = std::iter::once(volid.clone()).chain(keys.iter().map(|(k, v)| format!("{k}={v}")));
                config.insert(key, with_size(&line.collect::<Vec<_>>().join(","), size_bytes));
                made.push(volid);
            }
            Err(text) => {
                for volid in made {
                    storage::remove(world, &volid, node);
                }
                return Err(text);
            }
        }
    }
    Ok(())
}

/// What the server writes when nothing was said.
fn defaults(config: &mut Config, vmid: u32, template: &str) {
    let file = template.rsplit('/').next().unwrap_or(template);
    let known = [
        "debian",
        "ubuntu",
        "alpine",
        "archlinux",
        "centos",
        "fedora",
        "devuan",
        "gentoo",
        "nixos",
        "opensuse",
    ];
    let ostype = known.iter().find(|os| file.starts_with(**os)).copied().unwrap_or("unmanaged");
    for (key, value) in [
        ("arch", "amd64".to_owned()),
        ("hostname", format!("CT{vmid}")),
        ("memory", "512".to_owned()),
        ("swap", "512".to_owned()),
        ("ostype", ostype.to_owned()),
    ] {
        config.entry(key.into()).or_insert(value);
    }
}
