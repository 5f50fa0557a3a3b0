//! Views of the cluster: nodes, status, resources, free ids, rights, network.
//!
//! Begin with [`resources`]. Lists show only what the caller may see.

pub mod options;
pub mod pools;

use crate::api::{Call, Fail, Reply};
use crate::guests::views;
use crate::state::{Pool, World, now};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn node_entry(call: &Call, world: &World, name: &str) -> Value {
    let online = call.engine.node_online(world, name);
    let mut out = json!({
        "id": format!("node/{name}"), "type": "node", "node": name,
        "status": if online { "online" } else { "offline" },
    });
    if let Some(node) = world.nodes.get(name).filter(|_| online) {
        let root = world.storages.get("local");
        out["cpu"] = json!(0.02);
        out["maxcpu"] = json!(node.threads);
        out["mem"] = json!(world.memory_used(name));
        out["maxmem"] = json!(node.memory_bytes);
        out["disk"] = json!(root.map_or(0, |s| s.used(world, "local", name)));
        out["maxdisk"] = json!(root.map_or(0, |s| s.total(name)));
        out["uptime"] = json!((now() - node.booted_at).max(0));
        out["level"] = json!("");
    }
    out
}

/// `GET /nodes`.
pub fn nodes(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let list = world.nodes.keys().map(|name| {
        let mut entry = node_entry(call, &world, name);
        entry["ssl_fingerprint"] = json!(call.engine.fingerprint);
        entry
    });
    Ok(Reply::data(json!(list.collect::<Vec<_>>())))
}

/// The names below a folder of the API.
pub fn index(template: &str) -> Value {
    let (key, names) = match template {
        "/cluster" => (
            "name",
            "acme backup backup-info ceph config firewall ha jobs log mapping metrics notifications \
            nextid options replication resources status tasks sdn",
        ),
        "/nodes/{node}" => (
            "name",
            "aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts \
            journal lxc migrateall netstat network qemu query-url-metadata replication report rrd rrddata scan services \
            spiceshell startall status stopall storage subscription suspendall syslog tasks termproxy time version \
            vncshell vzdump wakeonlan sdn",
        ),
        _ => (
            "subdir",
            "content download-url file-restore import-metadata prunebackups rrd rrddata status upload",
        ),
    };
    json!(names.split_whitespace().map(|name| json!({key: name})).collect::<Vec<_>>())
}

/// `GET /nodes/{node}/status`.
pub fn node_status(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let name = call.node();
    let node = world.nodes.get(name).ok_or_else(|| Fail::text(format!("no such node '{name}'")))?;
    let used = world.memory_used(name);
    let root = world.storages.get("local");
    let (total, taken) = root.map_or((0, 0), |s| (s.total(name), s.used(&world, "local", name)));
    Ok(Reply::data(json!({
        "uptime": (now() - node.booted_at).max(0), "cpu": 0.02, "wait": 0.0, "idle": 0,
        "loadavg": ["0.10", "0.08", "0.05"],
        "cpuinfo": {"cpus": node.threads, "cores": (node.threads / 2).max(1), "sockets": 1, "hvm": "1", "user_hz": 100,
            "mhz": "3400.000", "model": "Simulated CPU", "flags": "fpu vme aes avx2"},
        "memory": {"total": node.memory_bytes, "used": used, "free": node.memory_bytes - used,
            "available": node.memory_bytes - used},
        "swap": {"total": 8_589_934_592_u64, "used": 0, "free": 8_589_934_592_u64},
        "rootfs": {"total": total, "used": taken, "free": total - taken.min(total), "avail": total - taken.min(total)},
        "ksm": {"shared": 0},
        "kversion": "Linux 6.8.12-9-pve #1 SMP PREEMPT_DYNAMIC PMX 6.8.12-9",
        "current-kernel": {"sysname": "Linux", "release": "6.8.12-9-pve", "machine": "x86_64",
            "version": "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-9"},
        "boot-info": {"mode": "efi", "secureboot": 0},
        "pveversion": "pve-manager/8.4.1/2a5fa54a8503f96d",
    })))
}

/// `GET /cluster/status`.
pub fn status(call: &Call) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let quorate = !call.engine.faults().no_quorum();
    let mut out = Vec::new();
    if let Some(cluster) = &world.cluster {
        out.push(json!({"id": "cluster", "type": "cluster", "name": cluster, "version": world.nodes.len(),
            "nodes": world.nodes.len(), "quorate": u8::from(quorate)}));
    }
    for (index, (name, node)) in world.nodes.iter().enumerate() {
        out.push(json!({"id": format!("node/{name}"), "type": "node", "name": name, "ip": node.address, "level": "",
            "nodeid": node.id, "local": u8::from(index == 0),
            "online": u8::from(call.engine.node_online(&world, name))}));
    }
    Ok(Reply::data(json!(out)))
}

/// `GET /cluster/resources`.
pub fn resources(call: &Call) -> Result<Reply, Fail> {
    retell(call);
    let world = call.listed_world();
    let only = call.text("type");
    let access = call.access();
    let mut out = Vec::new();
    if only.is_none_or(|t| t == "vm") {
        let seen =
            world.guests.values().filter(|g| access.allows(&world, &format!("/vms/{}", g.vmid), "VM.Audit"));
        // Nodes and pools are looked up once, not for each of a thousand guests.
        let up: BTreeSet<&str> =
            world.nodes.keys().filter(|n| call.engine.node_online(&world, n)).map(String::as_str).collect();
        let members = |(name, pool): (&'_ String, &'_ Pool)| -> Vec<(u32, String)> {
            pool.guests.iter().map(|vmid| (*vmid, name.clone())).collect()
        };
        let pools: BTreeMap<u32, String> = world.pools.iter().rev().flat_map(members).collect();
        out.extend(seen.map(|guest| {
            let online = up.contains(guest.node.as_str());
            let fresh = |online| {
                views::resource_in(&world, guest, online, pools.get(&guest.vmid).map(String::as_str))
            };
            match (call.engine.told_for_ms, world.told.get(&guest.vmid)) {
                (None, _) => fresh(online),
                (Some(_), Some(told)) if online && told["node"] == json!(guest.node) => told.clone(),
                // Nobody has heard of it yet.
                (Some(_), _) => fresh(false),
            }
        }));
    }
    if only.is_none_or(|t| t == "node") {
        out.extend(world.nodes.keys().map(|name| node_entry(call, &world, name)));
    }
    if only.is_none_or(|t| t == "storage") {
        for node in world.nodes.keys() {
            let online = call.engine.node_online(&world, node);
            out.extend(storages_of(call, &world, node).into_iter().map(|mut entry| {
                if !online {
                    entry["status"] = json!("unknown");
                }
                entry
            }));
        }
    }
    if only.is_none_or(|t| t == "sdn") {
        out.extend(world.nodes.keys().map(|node| {
            json!({"id": format!("sdn/{node}/localnetwork"), "type": "sdn", "sdn": "localnetwork", "node": node, "status": "ok"})
        }));
    }
    Ok(Reply::data(Value::Array(out)))
}

/// Lets the nodes tell each other about their guests, when the last time is long enough ago.
fn retell(call: &Call) {
    let Some(period_ms) = call.engine.told_for_ms else { return };
    let mut world = call.engine.world();
    let now_ms = chrono::Utc::now().timestamp_millis();
    let period = i64::try_from(call.engine.scaled(period_ms).as_millis()).unwrap_or(i64::MAX);
    if now_ms - world.told_at_ms < period {
        return;
    }
    let told = world.guests.values().map(|g| (g.vmid, views::resource(&world, g, true))).collect();
    world.told = told;
    world.told_at_ms = now_ms;
}

/// The storages of a node as resources.
pub fn storages_of(call: &Call, world: &World, node: &str) -> Vec<Value> {
    let access = call.access();
    world
        .storages
        .iter()
        .filter(|(id, s)| s.on_node(node) && s.enabled() && may_see(&access, world, id))
        .map(|(id, storage)| {
            json!({"id": format!("storage/{node}/{id}"), "type": "storage", "storage": id, "node": node,
                "status": "available", "plugintype": storage.kind, "content": storage.content(),
                "shared": u8::from(storage.is_shared()), "disk": storage.used(world, id, node),
                "maxdisk": storage.total(node)})
        })
        .collect()
}

/// May the caller see this storage?
pub fn may_see(access: &crate::auth::Access, world: &World, storage: &str) -> bool {
    let path = format!("/storage/{storage}");
    access.allows(world, &path, "Datastore.Audit") || access.allows(world, &path, "Datastore.AllocateSpace")
}

/// `GET /cluster/nextid`.
pub fn next_id(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    if let Some(vmid) = call.number("vmid").and_then(|n| u32::try_from(n).ok()) {
        if world.guests.contains_key(&vmid) {
            return Err(Fail::param("vmid", format!("VM {vmid} already exists")));
        }
        return Ok(Reply::data(json!(vmid.to_string())));
    }
    let (low, end) = options::id_range(&world);
    let free = (low..end).find(|id| !world.guests.contains_key(id));
    let id =
        free.ok_or_else(|| Fail::text(format!("unable to get any free VMID in range [{low}, {end}]")))?;
    Ok(Reply::data(json!(id.to_string())))
}
