//! Creating a machine.

use super::drives::{self, Owner};
use super::options;
use crate::api::{Call, Fail, Reply};
use crate::chance::Chance;
use crate::engine::lock_text;
use crate::limits::CREATE_LOCK_WAIT_MS;
use crate::state::{Config, Guest, Kind, now};
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::json;

/// Parameters of the call that are no options of the machine.
const NOT_OPTIONS: &[&str] = &[
    "node",
    "vmid",
    "archive",
    "storage",
    "force",
    "unique",
    "pool",
    "bwlimit",
    "start",
    "live-restore",
    "import-working-storage",
    "skiplock",
    "digest",
    "delete",
    "revert",
    "background_delay",
];

/// What every new machine gets: UUIDs and the note of its creation.
pub fn identity(guest: &mut Guest, chance: &Chance) {
    guest.config.insert("vmgenid".into(), chance.uuid());
    guest.config.insert("smbios1".into(), format!("uuid={}", chance.uuid()));
    guest.config.entry("meta".into()).or_insert_with(|| format!("creation-qemu=9.2.0,ctime={}", now()));
}

/// The options among the parameters of a call.
pub fn given_options(call: &Call) -> Config {
    call.params
        .iter()
        .filter(|(name, _)| !NOT_OPTIONS.contains(&name.as_str()))
        .filter_map(|(name, value)| value.as_str().map(|v| (name.clone(), v.to_owned())))
        .collect()
}

/// Values as they are stored, for everything but drives.
pub fn stored(call: &Call, key: &str, value: &str) -> String {
    match options::stem(key) {
        "net" => options::vm_net(call, value),
        // The real server stores a hash; what is stored here is never shown either.
        "cipassword" => crate::state::sha1_hex(value),
        _ => value.to_owned(),
    }
}

/// Checks of values that are answered at once.
pub fn precheck(call: &Call, world: &crate::state::World, given: &Config) -> Result<(), Fail> {
    for (key, value) in given {
        options::root_options(key, Some(value))?;
        options::demand(call, world, Kind::Vm, key, Some(value))?;
    }
    if let Some(keys) = given.get("sshkeys") {
        options::public_keys(&crate::http::decode::unescape(keys))?;
    }
    given
        .iter()
        .filter(|(key, _)| options::is_drive(key))
        .try_for_each(|(key, value)| drives::precheck(call, world, key, value))
}

/// `POST /nodes/{node}/qemu`.
pub fn create(call: &Call) -> Result<Reply, Fail> {
    let vmid = call.vmid();
    let node = call.node().to_owned();
    let given = given_options(call);
    let pool;
    {
        let world = call.engine.world();
        if let Some(archive) = call.text("archive") {
            if !archive.contains(':') && archive != "-" {
                return Err(Fail::text(
                    "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 606.",
                ));
            }
            let archive = archive.to_owned();
            drop(world);
            return super::restore::restore(call, Kind::Vm, &archive);
        }
        pool = options::pool(call, &world)?;
        options::may_allocate(call, &world, vmid, pool.as_deref())?;
        precheck(call, &world, &given)?;
    }
    {
        // The name is taken under one lock, so that of two callers one loses.
        let mut world = call.engine.world();
        if let Some(text) = world.taken(vmid) {
            return Err(Fail::text(format!("unable to create VM {vmid} - {text}")));
        }
        let mut guest = Guest::new(vmid, Kind::Vm, &node);
        guest.config.insert("lock".into(), "create".into());
        world.guests.insert(vmid, guest);
        if let Some(pool) = pool.as_ref().and_then(|p| world.pools.get_mut(p)) {
            pool.guests.insert(vmid);
        }
    }
    let rest: Config = given
        .iter()
        .filter(|(k, _)| !options::is_drive(k))
        .map(|(k, v)| (k.clone(), stored(call, k, v)))
        .collect();
    let wanted: Config = given.into_iter().filter(|(k, _)| options::is_drive(k)).collect();
    let start = call.flag("start");
    let home = node.clone();
    let upid = call.engine.start(
        call,
        Job {
            kind: "qmcreate",
            id: vmid.to_string(),
            node: node.clone(),
            duration_ms: 1_500,
            locks: vec![(vmid, lock_text(Kind::Vm, vmid))],
            wait_ms: CREATE_LOCK_WAIT_MS,
            work: Box::new(move |_, _, _| {
                Ok(Halves::then(move |engine, world, log| {
                    let mut config = rest;
                    let mut made: Vec<String> = Vec::new();
                    for (key, value) in &wanted {
                        let owner = Owner { node: &home, vmid };
                        match drives::realise(&engine.contract, world, &owner, key, value, log) {
                            Ok(line) => {
                                made.extend(
                                    super::disks::volume_of(&line)
                                        .filter(|v| v.contains(&format!("-{vmid}-"))),
                                );
                                config.insert(key.clone(), line);
                            }
                            Err(text) => {
                                made.iter().for_each(|volid| {
                                    storage::remove(world, volid, &home);
                                });
                                forget(world, vmid);
                                return Err(format!("unable to create VM {vmid} - {text}"));
                            }
                        }
                    }
                    if !config.contains_key("boot") {
                        let order = drives::boot_order(&config);
                        config.insert("boot".into(), order);
                    }
                    if let Some(guest) = world.guests.get_mut(&vmid) {
                        guest.config = config;
                        identity(guest, &engine.chance);
                    }
                    if start {
                        log.push("Execute autostart".into());
                        if let Err(text) = super::power::boot(world, &home, Kind::Vm, vmid) {
                            log.push(text);
                        }
                    }
                    Ok(())
                })
                .or_undo(move |_, world, _| forget(world, vmid)))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

/// Removes a half-made guest from the world and from its pool.
pub fn forget(world: &mut crate::state::World, vmid: u32) {
    world.guests.remove(&vmid);
    world.access.acl.remove(&format!("/vms/{vmid}"));
    world.firewalls.remove(&format!("guest/{vmid}"));
    world.pools.values_mut().for_each(|pool| {
        pool.guests.remove(&vmid);
    });
}
