//! Making a guest again out of one of its backups.

use super::disks::{disk_keys, parse_size, volume_of, with_volume};
use super::options;
use super::vm_create::forget;
use crate::api::{Call, Fail, Reply};
use crate::contract::props;
use crate::engine::{Engine, lock_text};
use crate::limits::{CLOUDINIT_BYTES, CREATE_LOCK_WAIT_MS};
use crate::sections::backup::CONFIGS;
use crate::state::{Config, Guest, Kind, World};
use crate::storage::{self, Wanted};
use crate::tasks::{Halves, Job, Log};
use serde_json::json;

/// `POST /nodes/{node}/qemu` with `archive`, `POST /nodes/{node}/lxc` with `restore`.
pub fn restore(call: &Call, kind: Kind, archive: &str) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let label = kind.label();
    let pool;
    {
        let world = call.engine.world();
        pool = options::pool(call, &world)?;
        options::may_allocate(call, &world, vmid, pool.as_deref())?;
        let store = archive.split(':').next().unwrap_or_default();
        storage::usable(&world, store, &node)?;
        if let Some(target) = call.text("storage") {
            storage::usable(&world, target, &node)?;
            call.demand(&world, &format!("/storage/{target}"), "Datastore.AllocateSpace")?;
        }
    }
    {
        let mut world = call.engine.world();
        let force = call.flag("force");
        match world.guests.get(&vmid) {
            Some(old) if force && old.kind == kind && old.node == node => {
                if old.running() {
                    return Err(Fail::text(format!("unable to restore {label} {vmid} - {label} is running")));
                }
                if old.flag("protection") {
                    return Err(Fail::text(format!(
                        "unable to restore {label} {vmid} - protection mode enabled"
                    )));
                }
            }
            Some(_) => {
                let text = world.taken(vmid).unwrap_or_default();
                return Err(Fail::text(format!("unable to restore {label} {vmid} - {text}")));
            }
            None => {
                let mut guest = Guest::new(vmid, kind, &node);
                guest.config.insert("lock".into(), "create".into());
                world.guests.insert(vmid, guest);
            }
        }
        if let Some(pool) = pool.as_ref().and_then(|p| world.pools.get_mut(p)) {
            pool.guests.insert(vmid);
        }
    }
    let plan = Plan {
        archive: archive.to_owned(),
        node: node.clone(),
        vmid,
        kind,
        storage: call.text("storage").map(str::to_owned),
        unique: call.flag("unique"),
        start: call.flag("start"),
    };
    let job = Job {
        kind: if kind == Kind::Vm { "qmrestore" } else { "vzrestore" },
        id: vmid.to_string(),
        node,
        duration_ms: 5_000,
        locks: vec![(vmid, lock_text(kind, vmid))],
        wait_ms: CREATE_LOCK_WAIT_MS,
        work: Box::new(move |_, _, _| {
            Ok(Halves::then(move |engine, world, log| {
                let result = plan.carry(engine, world, log);
                if result.is_err() && world.guests.get(&vmid).is_some_and(|g| g.get("lock") == Some("create"))
                {
                    forget(world, vmid);
                }
                result
            })
            .or_undo(move |_, world, _| forget(world, vmid)))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

struct Plan {
    archive: String,
    node: String,
    vmid: u32,
    kind: Kind,
    storage: Option<String>,
    unique: bool,
    start: bool,
}

impl Plan {
    fn carry(&self, engine: &Engine, world: &mut World, log: &mut Log) -> Result<(), String> {
        let wrap = |text: String| format!("unable to restore {} {} - {text}", self.kind.label(), self.vmid);
        if storage::find(world, &self.archive, &self.node).is_none() {
            return Err(wrap(format!("volume '{}' does not exist", self.archive)));
        }
        let saved =
            world.sections.get(CONFIGS).and_then(|s| s.get(&self.archive)).cloned().unwrap_or_default();
        if saved.get("_kind").is_some_and(|k| k != self.kind.word()) {
            return Err(wrap("archive holds a guest of the other kind".into()));
        }
        let mut config: Config = saved.into_iter().filter(|(key, _)| !key.starts_with('_')).collect();
        // The old disks go, those of the backup come.
        let old = world
            .guests
            .get(&self.vmid)
            .map(|g| super::views::volumes(&g.config, self.kind))
            .unwrap_or_default();
        for volid in old.iter().filter(|v| v.contains(&format!("-{}-", self.vmid))) {
            storage::remove(world, volid, &self.node);
        }
        for key in disk_keys(&config, self.kind) {
            let Some(line) = config.get(&key).cloned() else { continue };
            let Some(volid) = volume_of(&line).filter(|v| v.contains("-disk-") || v.contains("cloudinit"))
            else {
                continue;
            };
            if options::stem(&key) == "unused" {
                config.remove(&key);
                continue;
            }
            let store = volid.split(':').next().unwrap_or_default();
            let cloudinit = volid.contains("cloudinit");
            let size = line.split(',').find_map(|p| p.strip_prefix("size=")).and_then(parse_size);
            let wanted = Wanted {
                storage: self.storage.as_deref().unwrap_or(store),
                node: &self.node,
                vmid: self.vmid,
                role: if cloudinit { "cloudinit" } else { "disk" },
                content: if self.kind == Kind::Vm { "images" } else { "rootdir" },
                format: None,
                size_bytes: size.unwrap_or(CLOUDINIT_BYTES),
            };
            let new = storage::allocate(world, &wanted).map_err(wrap)?;
            log.push(format!("new volume ID is '{new}'"));
            config.insert(key, with_volume(&line, &new));
        }
        if self.unique {
            self.refresh(engine, &mut config);
        }
        config.remove("parent");
        if let Some(guest) = world.guests.get_mut(&self.vmid) {
            guest.config = config;
            guest.pending.clear();
            guest.snapshots.clear();
        }
        if self.start
            && let Err(text) = super::power::boot(world, &self.node, self.kind, self.vmid)
        {
            log.push(text);
        }
        Ok(())
    }

    fn refresh(&self, engine: &Engine, config: &mut Config) {
        let (format, key) = if self.kind == Kind::Vm { ("net-2", "macaddr") } else { ("net", "hwaddr") };
        for (_, line) in config.iter_mut().filter(|(k, _)| options::stem(k) == "net" && k.as_str() != "net") {
            let mut card = props::parse(&engine.contract, format, line);
            card.insert(key.into(), engine.chance.mac());
            *line = match self.kind {
                Kind::Vm => props::print_vm_net(&card),
                Kind::Ct => props::print_ct_net(&card),
            };
        }
        if self.kind == Kind::Vm {
            config.insert("vmgenid".into(), engine.chance.uuid());
        }
    }
}
