//! Facts for an interpreter, made from what was seen and what the owner decided.
//!
//! Begin with [`facts`]. Only what was really seen becomes a fact: an image whose template or file is not there is
//! left out, and what an observation does not hold (Kubernetes) stays as the house rules have it.

use crate::cluster::Cluster;
use crate::facts::{Backup, Bridge, Facts, Guest, HouseRules, Image, Images, Iso, Node, Pool, Storage};
use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::mark::TAG;
use crate::observation::{GuestSeen, NodeSeen, Observation, StorageSeen};
use crate::settings::Rules;
use crate::surroundings::BackupJobSeen;
use chrono::SecondsFormat;
use serde_json::json;
use std::collections::BTreeMap;

/// Format of the facts.
const VERSION: u32 = 1;
/// The key of a shared storage's free space.
const ANY: &str = "any";

/// The picture an interpreter is given.
pub fn facts(seen: &Observation, cluster: &Cluster, rules: &Rules) -> Facts {
    let house = HouseRules {
        images: images(seen, &rules.house.images),
        backups: backups(seen).unwrap_or_else(|| rules.house.backups.clone()),
        ..rules.house.clone()
    };
    let guests = seen.guests.values().filter(|guest| !guest.template);
    Facts {
        version: VERSION,
        cluster: if seen.cluster.is_empty() { cluster.name.clone() } else { seen.cluster.clone() },
        pve_version: seen.pve_version.clone(),
        observed_at: seen.at.to_rfc3339_opts(SecondsFormat::Secs, true),
        quorate: seen.quorate,
        nodes: seen.nodes.iter().map(|(name, node)| (name.clone(), self::node(seen, name, node))).collect(),
        storages: seen.storages.iter().map(|(id, storage)| (id.clone(), self::storage(storage))).collect(),
        bridges: bridges(seen),
        isos: isos(seen),
        devices: BTreeMap::new(),
        guests: guests
            .map(|guest| (guest.vmid.to_string(), self::guest(seen, guest, cluster, rules, &house.images)))
            .collect(),
        pools: pools(seen),
        house,
    }
}

fn node(seen: &Observation, name: &str, node: &NodeSeen) -> Node {
    Node {
        online: node.online,
        threads: node.threads,
        memory_mib: node.memory_mib,
        memory_free_mib: memory_free_mib(seen, name, node),
        address: node.address.clone(),
    }
}

/// Memory of a node that no running guest was promised, in MiB.
pub fn memory_free_mib(seen: &Observation, name: &str, node: &NodeSeen) -> u64 {
    let running = seen.guests.values().filter(|guest| guest.running && guest.node == name);
    node.memory_mib.saturating_sub(running.map(GuestSeen::memory_mib).sum())
}

fn storage(storage: &StorageSeen) -> Storage {
    let free = &storage.free_gib;
    let most = free.get(ANY).or_else(|| free.values().max()).copied().unwrap_or(0);
    Storage {
        kind: storage.kind.clone(),
        shared: storage.shared,
        nodes: storage.nodes.clone(),
        content: storage.content.clone(),
        free_gib: if storage.shared { BTreeMap::from([(ANY.to_owned(), most)]) } else { free.clone() },
        server: storage.server.clone(),
        export: storage.export.clone(),
    }
}

/// A bridge knows VLANs if it does so on every node that has it.
fn bridges(seen: &Observation) -> BTreeMap<String, Bridge> {
    let mut all: BTreeMap<String, Bridge> = BTreeMap::new();
    for (name, node) in &seen.nodes {
        for (id, aware) in &node.bridges {
            let bridge =
                all.entry(id.clone()).or_insert_with(|| Bridge { vlan_aware: true, nodes: Vec::new() });
            bridge.vlan_aware &= aware;
            bridge.nodes.push(name.clone());
        }
    }
    all
}

/// ISO files by name; one that lies on several storages is named with the first.
fn isos(seen: &Observation) -> BTreeMap<String, Iso> {
    let mut all = BTreeMap::new();
    for (id, storage) in &seen.storages {
        let prefix = format!("{id}:iso/");
        for file in storage.files.values().flatten().filter_map(|volume| volume.strip_prefix(&prefix)) {
            all.entry(file.to_owned()).or_insert_with(|| Iso { storage: id.clone() });
        }
    }
    all
}

fn pools(seen: &Observation) -> BTreeMap<String, Pool> {
    let named =
        seen.around.pools.iter().flatten().map(|(name, _)| (name.clone(), Pool { members: Vec::new() }));
    let mut all: BTreeMap<String, Pool> = named.collect();
    for guest in seen.guests.values().filter(|guest| !guest.template) {
        if let Some(pool) = &guest.pool {
            all.entry(pool.clone())
                .or_insert_with(|| Pool { members: Vec::new() })
                .members
                .push(guest.name.clone());
        }
    }
    all
}

fn images(seen: &Observation, named: &Images) -> Images {
    let keep = |kind: GuestKind, all: &BTreeMap<String, Image>| {
        all.iter().filter_map(|(name, image)| Some((name.clone(), self::image(seen, kind, image)?))).collect()
    };
    Images { vm: keep(GuestKind::Vm, &named.vm), container: keep(GuestKind::Container, &named.container) }
}

/// The image as it is seen; none where its template or file is not.
fn image(seen: &Observation, kind: GuestKind, image: &Image) -> Option<Image> {
    if let Some(vmid) = image.vmid {
        let template = seen.guests.get(&vmid).filter(|guest| guest.template && guest.kind == kind)?;
        let disk = template.boot_disk()?;
        return Some(Image {
            node: Some(template.node.clone()),
            storage: disk.storage,
            disk_gib: disk.size_gib.unwrap_or(image.disk_gib).max(image.disk_gib),
            ..image.clone()
        });
    }
    let file = image.file.as_deref()?;
    let content = if kind == GuestKind::Vm { "import" } else { "vztmpl" };
    let holds = |id: &&String| {
        let volume = format!("{id}:{content}/{file}");
        seen.storages.get(*id).is_some_and(|storage| storage.files.values().flatten().any(|v| *v == volume))
    };
    // The named storage first, then the others by name.
    let storage = Some(&image.storage).filter(holds).or_else(|| seen.storages.keys().find(holds))?;
    Some(Image { storage: storage.clone(), ..image.clone() })
}

/// Jobs that cover named guests; none where jobs cannot be read.
fn backups(seen: &Observation) -> Option<BTreeMap<String, Backup>> {
    let name = |vmid: &Vmid| seen.guests.get(vmid).map(|guest| guest.name.clone());
    let jobs = seen.around.backup_jobs.as_ref()?.iter().filter(|(_, job)| !job.wide);
    let job = |(id, job): (&String, &BackupJobSeen)| {
        let backup = Backup {
            guests: job.guests.iter().filter_map(name).collect(),
            storage: job.storage.clone()?,
            schedule: job.schedule.clone()?,
            keep_last: job.keep_last,
        };
        Some((id.clone(), backup))
    };
    Some(jobs.filter_map(job).collect())
}

fn guest(seen: &Observation, guest: &GuestSeen, cluster: &Cluster, rules: &Rules, images: &Images) -> Guest {
    let boot = guest.boot_disk();
    let further = guest.config.keys().filter_map(|key| guest.disk(key));
    let further = further.filter(|disk| boot.as_ref().is_none_or(|boot| boot.key != disk.key));
    Guest {
        vmid: guest.vmid,
        name: guest.name.clone(),
        kind: guest.kind.as_str().to_owned(),
        node: guest.node.clone(),
        cores: guest.cores(),
        memory_mib: guest.memory_mib(),
        disk_gib: boot.as_ref().and_then(|disk| disk.size_gib).unwrap_or(0),
        storage: boot.as_ref().map(|disk| disk.storage.clone()),
        status: if guest.running { "running".into() } else { "stopped".to_owned() },
        managed: cluster.owns(guest),
        protected: guest.protection() || rules.protected.contains(&guest.name),
        image: boot.as_ref().and_then(|disk| source(&disk.volume, images)),
        ip: guest.ip(),
        vlan: guest.vlan(),
        tags: guest.tags().into_iter().filter(|tag| tag != TAG).collect(),
        start_on_boot: guest.start_on_boot(),
        start_order: start_order(guest),
        ha: seen.around.ha_of(guest.kind, guest.vmid).is_some_and(|ha| ha.acts()),
        pool: guest.pool.clone(),
        extra_disks: further
            .map(|disk| json!({ "size_gib": disk.size_gib, "storage": disk.storage }))
            .collect(),
        snapshots: guest.snapshots.clone(),
        notes: guest.notes().to_owned(),
    }
}

/// A linked clone names its template in its volume: `ceph-vm:base-9000-disk-0/vm-110-disk-0`. A full copy keeps no
/// trace of where it came from.
fn source(volume: &str, images: &Images) -> Option<String> {
    let vmid = volume.split_once("base-")?.1.split('-').next()?.parse().ok()?;
    let (name, _) = images.vm.iter().find(|(_, image)| image.vmid == Some(vmid))?;
    Some(name.clone())
}

/// `order=2,up=30`, or the number alone.
fn start_order(guest: &GuestSeen) -> Option<u32> {
    let value = guest.config.get("startup")?;
    value.split(',').find_map(|part| part.strip_prefix("order=").unwrap_or(part).parse().ok())
}
