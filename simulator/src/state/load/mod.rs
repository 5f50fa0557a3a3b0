//! Makes the first [`World`]: from a cluster file, from a number of nodes, or the base of the recorded conversations.
//!
//! Begin with [`from_cluster_file`].

pub mod file;
mod guests;

use super::{Bridge, Config, Guest, Kind, Node, Storage, Volume, World, now};
use crate::SimError;
use crate::chance::Chance;
use crate::limits::{CLOUDINIT_BYTES, GIB_BYTES, MIB_BYTES};
use file::{File, FileStorage, FileVmImage};
use guests::add_guest;
use serde_json::Value;
use std::collections::BTreeMap;

fn gib(amount: f64) -> u64 {
    // Sizes in the file are whole or half GiB; rounding to MiB is exact for them.
    (amount.max(0.0) * 1024.0).round() as u64 * MIB_BYTES
}

/// A world from a cluster file (format of `cluster.json`).
pub fn from_cluster_file(file: &Value, chance: &Chance) -> Result<World, SimError> {
    let file: File = serde_json::from_value(file.clone()).map_err(SimError::ClusterFile)?;
    let mut world = World { cluster: file.cluster.clone(), next_pid: 2_000, ..World::default() };
    for (index, (name, node)) in file.nodes.iter().enumerate() {
        let mut bridges = BTreeMap::new();
        for (bridge, entry) in
            file.bridges.iter().filter(|(_, b)| b.nodes.is_empty() || b.nodes.contains(name))
        {
            let main = file.network.bridge.as_deref().unwrap_or("vmbr0") == bridge;
            let prefix =
                file.network.cidr.as_deref().and_then(|c| c.split_once('/')).map_or("24", |(_, p)| p);
            bridges.insert(
                bridge.clone(),
                Bridge {
                    vlan_aware: entry.vlan_aware,
                    cidr: (main && !node.address.is_empty()).then(|| format!("{}/{prefix}", node.address)),
                    gateway: file.network.gateway.clone().filter(|_| main),
                    up: true,
                },
            );
        }
        let used =
            i64::try_from((node.memory_mib.saturating_sub(node.memory_free_mib)) * MIB_BYTES).unwrap_or(0);
        world.nodes.insert(
            name.clone(),
            Node {
                id: u32::try_from(index + 1).unwrap_or(1),
                online: node.online,
                threads: node.threads,
                memory_bytes: node.memory_mib * MIB_BYTES,
                host_used_bytes: used,
                address: node.address.clone(),
                booted_at: now() - 86_400 * 30,
                interfaces: crate::node::network::first_file(&bridges, true),
                bridges,
                settings: Config::new(),
                config: Config::new(),
                catalogue: true,
            },
        );
    }
    for (name, entry) in &file.storages {
        world.storages.insert(name.clone(), storage(name, entry, file.nodes.len()));
    }
    for (name, image) in &file.images.vm {
        template(&mut world, name, image, chance);
    }
    for image in file.images.container.values() {
        place_everywhere(
            &mut world,
            &image.storage,
            &format!("vztmpl/{}", image.file),
            "vztmpl",
            130 * MIB_BYTES,
        );
    }
    for (name, iso) in &file.isos {
        place_everywhere(&mut world, &iso.storage, &format!("iso/{name}"), "iso", 700 * MIB_BYTES);
    }
    for guest in file.guests.values() {
        add_guest(&mut world, guest, &file, chance)?;
    }
    for (name, entry) in &file.pools {
        let pool = world.pools.entry(name.clone()).or_default();
        let ids =
            file.guests.values().filter(|g| entry.members.contains(&g.name) || g.pool.as_ref() == Some(name));
        pool.guests.extend(ids.map(|g| g.vmid));
    }
    for (id, job) in &file.backups {
        let covered = file.guests.values().filter(|g| job.guests.contains(&g.name));
        let numbers: Vec<String> = covered.map(|g| g.vmid.to_string()).collect();
        crate::sections::backup::seed(&mut world, id, &numbers, &job.storage, &job.schedule, job.keep_last);
    }
    settle_sizes(&mut world, &file);
    Ok(world)
}

fn storage(name: &str, entry: &FileStorage, nodes: usize) -> Storage {
    let mut config = Config::from([("content".to_owned(), entry.content.join(","))]);
    match entry.kind.as_str() {
        "dir" => {
            let path = if name == "local" { "/var/lib/vz".to_owned() } else { format!("/mnt/{name}") };
            config.insert("path".into(), entry.path.clone().unwrap_or(path));
        }
        "nfs" => {
            config.insert("path".into(), format!("/mnt/pve/{name}"));
            config.insert("server".into(), entry.server.clone().unwrap_or_default());
            config.insert("export".into(), entry.export.clone().unwrap_or_default());
        }
        "lvmthin" => {
            config.insert("vgname".into(), "pve".into());
            config.insert("thinpool".into(), "data".into());
        }
        "rbd" => {
            config.insert("pool".into(), name.to_owned());
        }
        _ => {}
    }
    if entry.shared {
        config.insert("shared".into(), "1".into());
    }
    if !entry.nodes.is_empty() && entry.nodes.len() < nodes {
        config.insert("nodes".into(), entry.nodes.join(","));
    }
    // First the free space; what the volumes take is added when all of them are known.
    let total_bytes = entry.free_gib.iter().map(|(node, free)| (node.clone(), gib(*free))).collect();
    Storage { kind: entry.kind.clone(), config, total_bytes }
}

/// Capacity = the file's free space + what lies there; node memory likewise.
fn settle_sizes(world: &mut World, file: &File) {
    for volume in &world.volumes {
        let place = volume.node.clone().unwrap_or_else(|| "any".into());
        if let Some(storage) = world.storages.get_mut(&volume.storage) {
            *storage.total_bytes.entry(place).or_default() += volume.size_bytes;
        }
    }
    for name in file.nodes.keys() {
        let running: u64 =
            world.guests.values().filter(|g| &g.node == name && g.running()).map(Guest::memory_bytes).sum();
        if let Some(node) = world.nodes.get_mut(name) {
            node.host_used_bytes -= i64::try_from(running).unwrap_or(0);
        }
    }
}

fn volume_node(world: &World, storage: &str, node: &str) -> Option<String> {
    let shared = world.storages.get(storage).is_some_and(Storage::is_shared);
    (!shared).then(|| node.to_owned())
}

fn put(
    world: &mut World,
    storage: &str,
    node: &str,
    vmid: u32,
    name: String,
    content: &str,
    size_bytes: u64,
) -> String {
    let format = if name.ends_with(".qcow2") { "qcow2" } else { "raw" };
    let volid = format!("{storage}:{name}");
    let node = volume_node(world, storage, node);
    world.volumes.push(Volume {
        storage: storage.to_owned(),
        node,
        name,
        content: content.to_owned(),
        format: format.to_owned(),
        size_bytes,
        vmid: Some(vmid),
        created_at: now(),
        base: None,
        ..Volume::default()
    });
    volid
}

fn image_name(world: &World, storage: &str, vmid: u32, stem: &str) -> String {
    let files = world.storages.get(storage).is_some_and(Storage::holds_files);
    if files { format!("{vmid}/{stem}.raw") } else { stem.to_owned() }
}

fn template(world: &mut World, name: &str, image: &FileVmImage, chance: &Chance) {
    let mut guest = Guest::new(image.vmid, Kind::Vm, &image.node);
    let size = gib(image.disk_gib);
    let base = image_name(world, &image.storage, image.vmid, &format!("base-{}-disk-0", image.vmid));
    let disk = put(world, &image.storage, &image.node, image.vmid, base, "images", size);
    let cloud = image_name(world, &image.storage, image.vmid, &format!("vm-{}-cloudinit", image.vmid));
    let cloud = put(world, &image.storage, &image.node, image.vmid, cloud, "images", CLOUDINIT_BYTES);
    for (key, value) in [
        ("name", name.to_owned()),
        ("template", "1".into()),
        ("agent", "1".into()),
        ("cores", "2".into()),
        ("memory", "2048".into()),
        ("ostype", "l26".into()),
        ("scsihw", "virtio-scsi-pci".into()),
        ("serial0", "socket".into()),
        ("vga", "serial0".into()),
        ("boot", "order=scsi0".into()),
        ("scsi0", format!("{disk},discard=on,size={}", crate::guests::disks::size_text(size))),
        ("ide2", format!("{cloud},media=cdrom")),
        ("net0", format!("virtio={},bridge=vmbr0", chance.mac())),
        ("ipconfig0", "ip=dhcp".into()),
    ] {
        guest.config.insert(key.into(), value);
    }
    crate::guests::vm_create::identity(&mut guest, chance);
    world.guests.insert(image.vmid, guest);
}

fn place_everywhere(world: &mut World, storage: &str, name: &str, content: &str, size_bytes: u64) {
    let shared = world.storages.get(storage).is_some_and(Storage::is_shared);
    let places: Vec<Option<String>> =
        if shared { vec![None] } else { world.nodes.keys().cloned().map(Some).collect() };
    for node in places {
        world.volumes.push(Volume {
            storage: storage.to_owned(),
            node,
            name: name.to_owned(),
            content: content.to_owned(),
            format: crate::storage::file_format(name).to_owned(),
            size_bytes,
            vmid: None,
            created_at: now(),
            base: None,
            ..Volume::default()
        });
    }
}

/// A cluster of `count` equal nodes with a local directory, a thin pool and a bridge each.
pub fn from_count(count: usize, chance: &Chance) -> Result<World, SimError> {
    let names: Vec<String> = (1..=count.max(1)).map(|n| format!("pve{n}")).collect();
    let nodes: BTreeMap<&String, Value> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let node = serde_json::json!({"threads": 8, "memory_mib": 32768, "memory_free_mib": 30720,
            "address": format!("10.0.20.{}", 11 + index)});
            (name, node)
        })
        .collect();
    let free: BTreeMap<&String, u32> = names.iter().map(|n| (n, 200)).collect();
    let file = serde_json::json!({
        "cluster": (count > 1).then_some("lab"),
        "nodes": nodes,
        "storages": {
            "local": {"type": "dir", "content": ["images", "rootdir", "iso", "vztmpl", "backup", "import", "snippets"], "free_gib": free},
            "local-lvm": {"type": "lvmthin", "content": ["images", "rootdir"], "free_gib": free},
        },
        "bridges": {"vmbr0": {"vlan_aware": true}},
        "network": {"bridge": "vmbr0", "cidr": "10.0.20.0/24", "gateway": "10.0.20.1"},
        "images": {"container": {"debian-12": {"file": "debian-12-standard_12.7-1_amd64.tar.zst", "storage": "local"}}},
    });
    from_cluster_file(&file, chance)
}

/// Gives the first node another name, with everything that lies on it.
pub fn rename_first(world: &mut World, name: &str) {
    let Some(old) = world.nodes.keys().next().cloned().filter(|old| old != name) else { return };
    if let Some(node) = world.nodes.remove(&old) {
        world.nodes.insert(name.to_owned(), node);
    }
    world.guests.values_mut().filter(|g| g.node == old).for_each(|g| g.node = name.to_owned());
    world
        .volumes
        .iter_mut()
        .filter(|v| v.node.as_ref() == Some(&old))
        .for_each(|v| v.node = Some(name.to_owned()));
    for storage in world.storages.values_mut() {
        if let Some(total) = storage.total_bytes.remove(&old) {
            storage.total_bytes.insert(name.to_owned(), total);
        }
        if let Some(list) = storage.config.get_mut("nodes") {
            let names: Vec<&str> = list.split(',').map(|n| if n == old { name } else { n }).collect();
            *list = names.join(",");
        }
    }
}

/// The base state of the recorded conversations: one node, one directory storage, four files.
pub fn golden() -> World {
    let mut world = World { next_pid: 2_000, ..World::default() };
    let bridge =
        Bridge { cidr: Some("192.0.2.2/24".into()), gateway: Some("192.0.2.1".into()), ..Bridge::default() };
    let bridges = BTreeMap::from([("vmbr0".to_owned(), bridge)]);
    world.nodes.insert(
        "pve1".into(),
        Node {
            id: 0,
            online: true,
            threads: 2,
            memory_bytes: 16 * GIB_BYTES,
            host_used_bytes: i64::try_from(2 * GIB_BYTES).unwrap_or(0),
            address: "192.0.2.2".into(),
            booted_at: now() - 3_600,
            interfaces: crate::node::network::first_file(&bridges, false),
            bridges,
            settings: Config::new(),
            config: Config::new(),
            catalogue: false,
        },
    );
    let config = Config::from([
        ("path".to_owned(), "/var/lib/vz".to_owned()),
        ("content".to_owned(), "images,rootdir,vztmpl,iso,backup,snippets,import".to_owned()),
    ]);
    let total_bytes = BTreeMap::from([("pve1".to_owned(), 500 * GIB_BYTES)]);
    world.storages.insert("local".into(), Storage { kind: "dir".into(), config, total_bytes });
    for (name, content, size) in [
        ("import/cloud.qcow2", "import", 2 * GIB_BYTES),
        ("iso/tiny.iso", "iso", MIB_BYTES),
        ("snippets/user.yml", "snippets", 14),
        ("vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "vztmpl", 120 * MIB_BYTES),
    ] {
        place_everywhere(&mut world, "local", name, content, size);
    }
    world
}
