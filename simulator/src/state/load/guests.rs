//! Guests of a cluster file.

use super::file::{File, FileGuest};
use super::{gib, image_name, put};
use crate::SimError;
use crate::chance::Chance;
use crate::limits::CLOUDINIT_BYTES;
use crate::state::{Guest, Kind, World, now};
use serde_json::Value;

/// Adds one guest with its disks, address, mark, snapshots and pool.
pub fn add_guest(world: &mut World, entry: &FileGuest, file: &File, chance: &Chance) -> Result<(), SimError> {
    let kind = match entry.kind.as_str() {
        "vm" => Kind::Vm,
        "container" => Kind::Ct,
        other => return Err(SimError::Guest { vmid: entry.vmid, text: format!("unknown kind '{other}'") }),
    };
    if !file.nodes.contains_key(&entry.node) || !file.storages.contains_key(&entry.storage) {
        return Err(SimError::Guest {
            vmid: entry.vmid,
            text: "its node or storage is not in the file".into(),
        });
    }
    let mut guest = Guest::new(entry.vmid, kind, &entry.node);
    let content = if kind == Kind::Vm { "images" } else { "rootdir" };
    let mut sizes = vec![gib(entry.disk_gib)];
    sizes.extend(
        entry
            .extra_disks
            .iter()
            .filter_map(|d| {
                d.as_f64()
                    .or_else(|| d.get("size_gib").and_then(Value::as_f64))
                    .or_else(|| d.get("disk_gib").and_then(Value::as_f64))
            })
            .map(gib),
    );
    for (index, size) in sizes.iter().enumerate() {
        let store = entry
            .extra_disks
            .get(index.wrapping_sub(1))
            .and_then(|d| d.get("storage"))
            .and_then(Value::as_str);
        let store = store.unwrap_or(&entry.storage);
        let name = image_name(world, store, entry.vmid, &format!("vm-{}-disk-{index}", entry.vmid));
        let volid = put(world, store, &entry.node, entry.vmid, name, content, *size);
        let size = crate::guests::disks::size_text(*size);
        match (kind, index) {
            (Kind::Vm, _) => guest.config.insert(format!("scsi{index}"), format!("{volid},size={size}")),
            (Kind::Ct, 0) => guest.config.insert("rootfs".into(), format!("{volid},size={size}")),
            (Kind::Ct, _) => guest
                .config
                .insert(format!("mp{}", index - 1), format!("{volid},mp=/mnt/data{index},size={size}")),
        };
    }
    address(&mut guest, entry, file, chance);
    let mut tags = entry.tags.clone();
    let mut notes = entry.notes.clone();
    if entry.managed {
        tags.push("mycopod".into());
        let mark =
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("fixture/{}", entry.vmid).as_bytes());
        notes = format!("mycopod mark={mark}\n{}", entry.notes);
    }
    tags.sort();
    let set = &mut guest.config;
    set.insert("cores".into(), entry.cores.to_string());
    set.insert("memory".into(), entry.memory_mib.to_string());
    let startup = entry.start_order.map(|order| format!("order={order}"));
    for (key, value) in [
        ("tags", Some(tags.join(";")).filter(|t| !t.is_empty())),
        ("description", Some(notes).filter(|n| !n.is_empty())),
        ("onboot", entry.start_on_boot.then(|| "1".to_owned())),
        ("protection", entry.protected.then(|| "1".to_owned())),
        ("startup", startup),
    ] {
        if let Some(value) = value {
            set.insert(key.into(), value);
        }
    }
    if kind == Kind::Vm {
        set.insert("name".into(), entry.name.clone());
        for (key, value) in
            [("agent", "1"), ("ostype", "l26"), ("scsihw", "virtio-scsi-pci"), ("boot", "order=scsi0")]
        {
            set.insert(key.into(), value.into());
        }
        if entry.image.is_some() {
            let stem = format!("vm-{}-cloudinit", entry.vmid);
            let name = image_name(world, &entry.storage, entry.vmid, &stem);
            let volid = put(world, &entry.storage, &entry.node, entry.vmid, name, "images", CLOUDINIT_BYTES);
            guest.config.insert("ide2".into(), format!("{volid},media=cdrom,size=4M"));
        }
        crate::guests::vm_create::identity(&mut guest, chance);
    } else {
        let ostype = entry.image.as_deref().and_then(|i| i.split('-').next()).unwrap_or("debian").to_owned();
        for (key, value) in [
            ("hostname", entry.name.clone()),
            ("arch", "amd64".into()),
            ("ostype", ostype),
            ("swap", "512".into()),
            ("unprivileged", "1".into()),
        ] {
            set.insert(key.into(), value);
        }
    }
    for name in
        entry.snapshots.iter().filter_map(|s| s.as_str().or_else(|| s.get("name").and_then(Value::as_str)))
    {
        let mut snapshot = guest.config.clone();
        snapshot.insert("snaptime".into(), now().to_string());
        if let Some(parent) = guest.config.get("parent") {
            snapshot.insert("parent".into(), parent.clone());
        }
        guest.snapshots.insert(name.to_owned(), snapshot);
        guest.config.insert("parent".into(), name.to_owned());
    }
    if entry.status == "running" {
        guest.running_since = Some(now() - 86_400);
        guest.pid = world.next_pid;
        world.next_pid += 1;
    }
    if let Some(pool) = &entry.pool {
        world.pools.entry(pool.clone()).or_default().guests.insert(entry.vmid);
    }
    world.guests.insert(entry.vmid, guest);
    Ok(())
}

fn address(guest: &mut Guest, entry: &FileGuest, file: &File, chance: &Chance) {
    let bridge = file.network.bridge.as_deref().unwrap_or("vmbr0");
    let vlan = entry.vlan.map(|v| v.to_string());
    let gateway = match &vlan {
        Some(tag) => file.vlans.get(tag).and_then(|v| v.gateway.clone()),
        None => file.network.gateway.clone(),
    };
    let ip = entry.ip.as_deref().unwrap_or("dhcp");
    let ip = match gateway.filter(|_| ip != "dhcp") {
        Some(gateway) => (ip.to_owned(), Some(gateway)),
        None => (ip.to_owned(), None),
    };
    let tag = vlan.map(|v| format!(",tag={v}")).unwrap_or_default();
    let mac = chance.mac();
    if guest.kind == Kind::Vm {
        guest.config.insert("net0".into(), format!("virtio={mac},bridge={bridge}{tag}"));
        let gateway = ip.1.map(|g| format!(",gw={g}")).unwrap_or_default();
        guest.config.insert("ipconfig0".into(), format!("ip={}{gateway}", ip.0));
    } else {
        let gateway = ip.1.map(|g| format!("gw={g},")).unwrap_or_default();
        guest.config.insert(
            "net0".into(),
            format!("name=eth0,bridge={bridge},{gateway}hwaddr={mac},ip={}{tag},type=veth", ip.0),
        );
    }
}
