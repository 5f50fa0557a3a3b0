//! Moving a guest to another node: what stands in the way, and the move itself with its local disks.

use super::disks::{disk_keys, unlocked, volume_of, with_volume};
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Config, Guest, Kind, Storage, World};
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job, Log};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which storage of the target takes the volumes of a storage here.
#[derive(Clone, Default)]
struct Targets {
    each: BTreeMap<String, String>,
    rest: Option<String>,
}

impl Targets {
    fn parse(text: Option<&str>) -> Self {
        let mut out = Self::default();
        for part in text.unwrap_or_default().split([',', ' ', ';']).filter(|p| !p.is_empty() && *p != "1") {
            match part.split_once(':') {
                Some((from, to)) => {
                    out.each.insert(from.into(), to.into());
                }
                None => out.rest = Some(part.to_owned()),
            }
        }
        out
    }

    fn of<'a>(&'a self, storage: &'a str) -> &'a str {
        self.each.get(storage).or(self.rest.as_ref()).map_or(storage, String::as_str)
    }
}

/// A volume that exists on one node only.
struct Local {
    key: String,
    volid: String,
    size_bytes: u64,
}

fn locals(world: &World, guest: &Guest) -> Vec<Local> {
    let mut out = Vec::new();
    for key in disk_keys(&guest.config, guest.kind) {
        let Some(volid) = guest.get(&key).and_then(volume_of) else { continue };
        let store = volid.split(':').next().unwrap_or_default();
        if world.storages.get(store).is_some_and(Storage::is_shared) {
            continue;
        }
        let size_bytes = storage::find(world, &volid, &guest.node).map_or(0, |v| v.size_bytes);
        out.push(Local { key, volid, size_bytes });
    }
    out
}

fn is_cdrom(guest: &Guest, local: &Local) -> bool {
    guest.get(&local.key).is_some_and(|l| l.contains("media=cdrom")) && !local.volid.contains("cloudinit")
}

/// Devices of the host that hold a machine where it is.
fn resources(guest: &Guest) -> Vec<String> {
    let held = guest.config.iter().filter(|(key, value)| {
        let stem = super::options::stem(key);
        (matches!(stem, "hostpci" | "parallel") || (stem == "usb" && !value.contains("spice")))
            && !value.contains("mapping=")
            && key.as_str() != stem
    });
    held.map(|(key, _)| key.clone()).collect()
}

/// Storages that a node lacks for this guest.
fn lacking(world: &World, guest: &Guest, node: &str) -> Vec<String> {
    let stores = super::views::volumes(&guest.config, guest.kind);
    let mut out: Vec<String> = stores
        .iter()
        .filter_map(|v| v.split(':').next())
        .filter(|s| world.storages.get(*s).is_none_or(|s| !s.on_node(node) || !s.enabled()))
        .map(str::to_owned)
        .collect();
    out.sort();
    out.dedup();
    out
}

/// `GET …/{vmid}/migrate`.
pub fn conditions(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    let (mut allowed, mut refused) = (Vec::new(), json!({}));
    for node in world.nodes.keys().filter(|n| n.as_str() != call.node()) {
        let lacking = lacking(&world, guest, node);
        match lacking.is_empty() {
            true => allowed.push(node),
            false => refused[node] = json!({"unavailable_storages": lacking}),
        }
    }
    let disks: Vec<Value> = locals(&world, guest)
        .iter()
        .map(|l| {
            let cdrom = guest.get(&l.key).is_some_and(|line| line.contains("media=cdrom"));
            json!({"volid": l.volid, "size": l.size_bytes, "cdrom": u8::from(cdrom), "drivename": l.key,
                "is_unused": u8::from(super::options::stem(&l.key) == "unused"), "shared": 0, "replicate": 1,
                "is_attached": u8::from(super::options::stem(&l.key) != "unused")})
        })
        .collect();
    let mut out = json!({"running": u8::from(guest.running()), "local_disks": disks});
    if kind == Kind::Vm {
        out["local_resources"] = json!(resources(guest));
        out["mapped-resources"] = json!([]);
        out["mapped-resource-info"] = json!({});
        // A running machine is not asked where it could go.
        if !guest.running() {
            out["allowed_nodes"] = json!(allowed);
            out["not_allowed_nodes"] = refused;
        }
    }
    Ok(Reply::data(out))
}

/// `POST …/{vmid}/migrate`.
pub fn migrate(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let target = call.text("target").unwrap_or_default().to_owned();
    let targets = Targets::parse(call.text("targetstorage").or_else(|| call.text("target-storage")));
    let (online, with_disks) = (call.flag("online"), call.flag("with-local-disks"));
    let world = call.engine.world();
    if target == node {
        return Err(Fail::param("target", "target is local node."));
    }
    if !world.nodes.contains_key(&target) {
        return Err(Fail::text(format!("no such cluster node '{target}'")));
    }
    for option in ["force", "migration_type", "migration_network"] {
        if call.text(option).is_some() && !call.access().is_root() {
            return Err(Fail::param(option, "Only root may use this option."));
        }
    }
    let guest = world.guest(&node, kind, vmid)?;
    unlocked(guest)?;
    let running = guest.running();
    match kind {
        Kind::Vm if running && !online => {
            return Err(Fail::text("can't migrate running VM without --online"));
        }
        Kind::Ct if running && !online && !call.flag("restart") => {
            return Err(Fail::text("can't migrate running container without --online or --restart"));
        }
        _ => {}
    }
    if targets.rest.is_some() || !targets.each.is_empty() {
        call.demand(&world, &format!("/vms/{vmid}"), "VM.Config.Disk")?;
        for store in targets.each.values().chain(&targets.rest) {
            call.demand(&world, &format!("/storage/{store}"), "Datastore.AllocateSpace")?;
            storage::usable(&world, store, &target)?;
        }
    } else if let Some(store) = lacking(&world, guest, &target).first() {
        return Err(Fail::text(format!("storage '{store}' is not available on node '{target}'")));
    }
    if !call.engine.node_online(&world, &target) {
        return Err(Fail::text(format!("no such cluster node '{target}'")));
    }
    let bytes: u64 = locals(&world, guest).iter().map(|l| l.size_bytes).sum();
    let managed = crate::sections::ha::state_of(&world, kind, vmid).is_some();
    drop(world);
    if managed {
        return Ok(crate::sections::ha::request(call, kind, "migrate", &target));
    }
    // About two seconds, and one for every 100 MiB of local disks.
    let duration_ms = 2_000 + bytes / (100 * crate::limits::MIB_BYTES) * 1_000;
    let work = Move { node: node.clone(), target, vmid, kind, targets, running, with_disks };
    let job = Job {
        kind: if kind == Kind::Vm { "qmigrate" } else { "vzmigrate" },
        id: vmid.to_string(),
        node,
        duration_ms: duration_ms.min(600_000),
        locks: vec![(vmid, lock_text(kind, vmid))],
        wait_ms: GUEST_LOCK_WAIT_MS,
        work: Box::new(move |_, world, log| {
            work.begin(world, log)?;
            let back = work.clone();
            Ok(Halves::then(move |_, world, log| work.finish(world, log))
                .or_undo(move |_, world, _| back.unlock(world)))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

#[derive(Clone)]
struct Move {
    node: String,
    target: String,
    vmid: u32,
    kind: Kind,
    targets: Targets,
    running: bool,
    with_disks: bool,
}

impl Move {
    fn begin(&self, world: &mut World, log: &mut Log) -> Result<(), String> {
        let address = world.nodes.get(&self.target).map(|n| n.address.clone()).unwrap_or_default();
        let label = if self.kind == Kind::Vm { "VM" } else { "CT" };
        log.push(format!(
            "starting migration of {label} {} to node '{}' ({address})",
            self.vmid, self.target
        ));
        let guest = world.guest(&self.node, self.kind, self.vmid)?;
        unlocked(guest)?;
        if let Some(held) = resources(guest).first() {
            return Err(format!("can't migrate VM which uses local devices: {held}"));
        }
        let (mut bad, found) = (false, locals(world, guest));
        for local in &found {
            log.push(format!("found local disk '{}' (attached)", local.volid));
            if is_cdrom(guest, local) {
                log.push(format!("can't migrate local disk '{}': local cdrom image", local.volid));
                bad = true;
            } else if self.running && self.kind == Kind::Vm && !self.with_disks {
                log.push(format!(
                    "can't migrate local disk '{}': can't live migrate attached local disks without with-local-disks option",
                    local.volid
                ));
                bad = true;
            } else if !guest.snapshots.is_empty() && self.moves_storage(&local.volid) {
                log.push(format!(
                    "can't migrate local disk '{}': non-migratable snapshot exists",
                    local.volid
                ));
                bad = true;
            }
        }
        if bad {
            return Err(
                "migration aborted - Problem found while scanning volumes - can't migrate VM - check log"
                    .into(),
            );
        }
        world.guest_mut(&self.node, self.kind, self.vmid)?.config.insert("lock".into(), "migrate".into());
        Ok(())
    }

    fn moves_storage(&self, volid: &str) -> bool {
        let store = volid.split(':').next().unwrap_or_default();
        self.targets.of(store) != store
    }

    fn unlock(&self, world: &mut World) {
        if let Ok(guest) = world.guest_mut(&self.node, self.kind, self.vmid) {
            guest.config.remove("lock");
        }
    }

    fn finish(&self, world: &mut World, log: &mut Log) -> Result<(), String> {
        let result = self.carry(world, log);
        self.unlock(world);
        result?;
        let guest = world.guest_mut(&self.node, self.kind, self.vmid)?;
        guest.node = self.target.clone();
        log.push("migration finished successfully (duration 00:00:02)".into());
        Ok(())
    }

    fn carry(&self, world: &mut World, log: &mut Log) -> Result<(), String> {
        let guest = world.guest(&self.node, self.kind, self.vmid)?.clone();
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        for local in locals(world, &guest) {
            let Some(volume) = storage::find(world, &local.volid, &self.node).cloned() else { continue };
            let store = self.targets.of(&volume.storage).to_owned();
            let same = store == volume.storage && storage::find(world, &local.volid, &self.target).is_none();
            if same {
                if let Some(moved) = storage::find_mut(world, &local.volid, &self.node) {
                    moved.node = Some(self.target.clone());
                }
            } else {
                let wanted = Wanted {
                    storage: &store,
                    node: &self.target,
                    vmid: self.vmid,
                    role: if volume.name.contains("cloudinit") { "cloudinit" } else { "disk" },
                    content: &volume.content,
                    format: Some(&volume.format),
                    size_bytes: volume.size_bytes,
                };
                let new = storage::allocate(world, &wanted)?;
                storage::remove(world, &local.volid, &self.node);
                renamed.insert(local.volid.clone(), new);
            }
            log.push(format!("copying local disk images: '{}'", local.volid));
        }
        let guest = world.guest_mut(&self.node, self.kind, self.vmid)?;
        rename(&mut guest.config, &renamed);
        guest.snapshots.values_mut().for_each(|snapshot| rename(snapshot, &renamed));
        Ok(())
    }
}

fn rename(config: &mut Config, renamed: &BTreeMap<String, String>) {
    for line in config.values_mut() {
        if let Some(new) = volume_of(line).and_then(|old| renamed.get(&old)) {
            *line = with_volume(line, new);
        }
    }
}
