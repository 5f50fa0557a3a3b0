//! `vzdump`: the backups of guests.
//!
//! Begin with [`vzdump`]. A backup keeps the guest's configuration, so that it can be restored.

use super::Entry;
use super::backup::{CONFIGS, covers, root_only, verified};
use crate::api::{Call, Fail, Reply, words};
use crate::guests::disks::unlocked;
use crate::limits::{BACKUP_LOCK_WAIT_MS, VMID_MAX};
use crate::state::{Guest, Kind, Volume, World};
use crate::storage;
use crate::storage::prune::{self, Rule};
use crate::tasks::{Halves, Job, Log};
use serde_json::json;

/// `POST /nodes/{node}/vzdump`.
pub fn vzdump(call: &Call) -> Result<Reply, Fail> {
    root_only(call)?;
    if call.text("stdout").is_some_and(|s| s == "1") {
        return Err(Fail::param("stdout", "option is only allowed on the command line interface."));
    }
    verified(|key| call.text(key).map(str::to_owned), true)?;
    let node = call.node().to_owned();
    let store = call.text("storage").unwrap_or("local").to_owned();
    let job: Entry =
        call.params.iter().filter_map(|(k, v)| v.as_str().map(|t| (k.clone(), t.to_owned()))).collect();
    let world = call.engine.world();
    let mut wanted: Vec<u32> =
        world.guests.values().filter(|g| covers(&world, &job, g.vmid)).map(|g| g.vmid).collect();
    // A guest that is named but gone fails later, where it can be seen.
    let named = words(call, "vmid").iter().filter_map(|v| v.parse().ok()).collect::<Vec<u32>>();
    wanted.extend(named.iter().filter(|id| !world.guests.contains_key(id)));
    wanted.retain(|id| world.guests.get(id).is_none_or(|g| g.node == node));
    if wanted.is_empty() && call.text("all") != Some("1") {
        return Ok(Reply::data(json!("OK")));
    }
    call.demand(&world, &format!("/storage/{store}"), "Datastore.AllocateSpace")?;
    let allowed = |id: &u32| call.access().allows(&world, &format!("/vms/{id}"), "VM.Backup");
    if !named.is_empty()
        && let Some(id) = wanted.iter().find(|id| !allowed(id))
    {
        return Err(Fail::forbidden(format!("/vms/{id}, VM.Backup")));
    }
    wanted.retain(allowed);
    let place_of = world.nodes.keys().position(|name| *name == node).unwrap_or_default();
    let node_lock = VMID_MAX + 1 + u32::try_from(place_of).unwrap_or_default();
    drop(world);
    let mode = call.text("mode").unwrap_or("snapshot").to_owned();
    let order = Order {
        keep: call.text("protected") == Some("1"),
        notes: call.text("notes-template").map(str::to_owned),
        rule: call.text("prune-backups").map(str::to_owned),
        prune: call.text("remove") != Some("0"),
        store: store.clone(),
        node: node.clone(),
    };
    let id = if let [one] = wanted[..] { one.to_string() } else { String::new() };
    let upid = call.engine.start(
        call,
        Job {
            kind: "vzdump",
            id,
            node: node.clone(),
            duration_ms: 4_000 * wanted.len().max(1) as u64,
            // Backups of one node come one after another, by the file lock /run/vzdump.lock.
            locks: vec![(node_lock, "can't acquire lock '/var/run/vzdump.lock' - got timeout".into())],
            wait_ms: BACKUP_LOCK_WAIT_MS,
            work: Box::new(move |_, world, log| {
                place(world, &store, &node)?;
                log.push(format!(
                    "INFO: starting new backup job: vzdump {} --storage {store} --mode {mode}",
                    wanted.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
                ));
                let mut held = Vec::new();
                for id in &wanted {
                    if let Some(guest) = world.guests.get_mut(id).filter(|g| unlocked(g).is_ok()) {
                        guest.config.insert("lock".into(), "backup".into());
                        held.push(*id);
                    }
                }
                let back = held.clone();
                Ok(Halves::then(move |engine, world, log| {
                    let at = engine.now();
                    let bad = wanted.iter().filter(|id| !save(world, log, (**id, at), &held, &order)).count();
                    match bad {
                        0 => {
                            log.push("INFO: Backup job finished successfully".into());
                            Ok(())
                        }
                        _ => {
                            log.push("INFO: Backup job finished with errors".into());
                            Err("job errors".into())
                        }
                    }
                })
                .or_undo(move |_, world, _| unlock(world, &back)))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

fn unlock(world: &mut World, ids: &[u32]) {
    for id in ids {
        if let Some(guest) = world.guests.get_mut(id) {
            guest.config.remove("lock");
        }
    }
}

/// May backups lie on this storage?
fn place(world: &World, store: &str, node: &str) -> Result<(), String> {
    let wrap = |text: String| format!("could not get storage information for '{store}': {text}");
    let storage = storage::usable(world, store, node).map_err(wrap)?;
    match storage.accepts("backup") {
        true => Ok(()),
        false => Err(wrap(format!("can't use storage '{store}' for backups - wrong content type"))),
    }
}

/// How backups are to be made.
struct Order {
    store: String,
    node: String,
    /// Protect the new backup.
    keep: bool,
    notes: Option<String>,
    /// Which older ones stay; none: what the storage says.
    rule: Option<String>,
    prune: bool,
}

/// Makes one backup; false when it failed, with the reason in the log.
fn save(world: &mut World, log: &mut Log, (vmid, at): (u32, i64), held: &[u32], order: &Order) -> bool {
    let Order { store, node, .. } = order;
    let Some(guest) = world.guests.get(&vmid).cloned() else {
        log.push(format!("ERROR: Backup of VM {vmid} failed - unable to find VM '{vmid}'"));
        return false;
    };
    let label = guest.kind.label();
    log.push(format!("INFO: Starting Backup of {label} {vmid} ({})", guest.kind.word()));
    if !held.contains(&vmid) {
        let lock = guest.get("lock").unwrap_or("backup");
        log.push(format!("ERROR: Backup of {label} {vmid} failed - {label} is locked ({lock})"));
        return false;
    }
    unlock(world, &[vmid]);
    let ending = if guest.kind == Kind::Vm { "vma.zst" } else { "tar.zst" };
    let stamp = chrono::DateTime::<chrono::Utc>::from_timestamp(at, 0).unwrap_or_default();
    let stamp = stamp.format("%Y_%m_%d-%H_%M_%S");
    let name = format!("backup/vzdump-{}-{vmid}-{stamp}.{ending}", guest.kind.word());
    let size: u64 = world
        .volumes
        .iter()
        .filter(|v| v.vmid == Some(vmid) && v.content != "backup")
        .map(|v| v.size_bytes)
        .sum();
    let volid = format!("{store}:{name}");
    let shared = world.storages.get(store).is_some_and(crate::state::Storage::is_shared);
    world.volumes.push(Volume {
        storage: store.clone(),
        node: (!shared).then(|| node.clone()),
        format: ending.into(),
        name,
        content: "backup".into(),
        // A third of the disks is what compression usually leaves.
        size_bytes: size / 3 + 4096,
        vmid: Some(vmid),
        created_at: at,
        ..Volume::default()
    });
    let mut config = without_lock(&guest);
    config.insert("_kind".into(), guest.kind.word().into());
    if order.keep {
        config.insert("_protected".into(), "1".into());
    }
    config.insert("_notes".into(), filled(order.notes.as_deref(), &guest, node, world.cluster.as_deref()));
    world.sections.entry(CONFIGS.into()).or_default().insert(volid.clone(), config);
    log.push(format!("INFO: creating vzdump archive '{volid}'"));
    prune_older(world, log, vmid, order);
    log.push(format!("INFO: Finished Backup of {label} {vmid} (00:00:04)"));
    true
}

/// Removes the guest's older backups that the rule does not keep.
fn prune_older(world: &mut World, log: &mut Log, vmid: u32, order: &Order) {
    let own = || world.storages.get(&order.store)?.config.get("prune-backups").cloned();
    let rule = order.rule.clone().or_else(own).map(|text| Rule::read(&text));
    if let Some(rule) = rule.filter(|rule| order.prune && !rule.keeps_all()) {
        prune::after_backup(world, log, &order.store, &order.node, vmid, &rule);
    }
}

fn without_lock(guest: &Guest) -> Entry {
    let mut config = guest.config.clone();
    config.remove("lock");
    config
}

fn filled(notes: Option<&str>, guest: &Guest, node: &str, cluster: Option<&str>) -> String {
    notes
        .unwrap_or("{{guestname}}")
        .replace("{{guestname}}", &crate::guests::views::name(guest))
        .replace("{{vmid}}", &guest.vmid.to_string())
        .replace("{{node}}", node)
        .replace("{{cluster}}", cluster.unwrap_or("standalone node"))
        .replace("\\n", "\n")
}
