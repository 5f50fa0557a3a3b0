//! How guests are shown: lists, status, configuration, pending changes.

use super::disks::{disk_keys, parse_size};
use crate::api::{Call, Fail, Reply};
use crate::contract::Contract;
use crate::contract::props;
use crate::state::{Config, Guest, Kind, World, now};
use serde_json::{Map, Value, json};

const MASK: &str = "**********";

/// Size of the boot disk in bytes, as lists show it.
fn boot_disk(guest: &Guest) -> u64 {
    let size_of = |key: &str| {
        let text = guest.get(key).filter(|t| !t.contains("media=cdrom"))?;
        text.split(',').find_map(|p| p.strip_prefix("size=")).and_then(parse_size)
    };
    if guest.kind == Kind::Ct {
        return size_of("rootfs").unwrap_or(0);
    }
    let order = guest.get("boot").and_then(|b| b.split(',').find_map(|p| p.strip_prefix("order=")));
    let first = order.and_then(|o| o.split(';').find_map(size_of));
    first.or_else(|| guest.get("bootdisk").and_then(size_of)).unwrap_or(0)
}

fn cpus(world: &World, guest: &Guest) -> u64 {
    let number = |key: &str| guest.get(key).and_then(|t| t.parse::<u64>().ok());
    let threads = world.nodes.get(&guest.node).map_or(1, |n| u64::from(n.threads));
    match guest.kind {
        Kind::Vm => number("vcpus")
            .unwrap_or(number("cores").unwrap_or(1) * number("sockets").unwrap_or(1))
            .min(threads),
        Kind::Ct => number("cores").unwrap_or(threads).min(threads),
    }
}

/// The name shown in lists.
pub fn name(guest: &Guest) -> String {
    let key = if guest.kind == Kind::Vm { "name" } else { "hostname" };
    guest.get(key).map_or_else(|| format!("{} {}", guest.kind.label(), guest.vmid), str::to_owned)
}

/// One entry of a list of guests.
fn entry(world: &World, guest: &Guest, full: bool) -> Value {
    let running = guest.running();
    let memory = guest.memory_bytes();
    let mut out = json!({
        "vmid": guest.vmid, "name": name(guest), "status": if running { "running" } else { "stopped" },
        "cpus": cpus(world, guest), "maxmem": memory, "maxdisk": boot_disk(guest),
        "mem": if running { memory * 6 / 10 } else { 0 }, "cpu": if running { json!(0.01) } else { json!(0) },
        "uptime": guest.running_since.map_or(0, |since| (now() - since).max(1)),
        "disk": 0, "diskread": 0, "diskwrite": 0, "netin": 0, "netout": 0,
    });
    for key in ["tags", "lock"] {
        if let Some(text) = guest.get(key) {
            out[key] = json!(text);
        }
    }
    if guest.flag("template") {
        out["template"] = json!(1);
    }
    if running {
        out["pid"] = json!(guest.pid);
    }
    if guest.kind == Kind::Ct {
        out["type"] = json!("lxc");
        out["swap"] = json!(0);
        out["maxswap"] =
            json!(guest.get("swap").and_then(|s| s.parse::<u64>().ok()).unwrap_or(512) * 1_048_576);
    } else if full {
        out["qmpstatus"] = json!(match (running, guest.paused) {
            (true, true) => "paused",
            (true, false) => "running",
            _ => "stopped",
        });
        if let Some(balloon) = guest.get("balloon").and_then(|b| b.parse::<u64>().ok()).filter(|b| *b > 0) {
            out["balloon_min"] = json!(balloon * 1_048_576);
            out["shares"] = json!(guest.get("shares").and_then(|s| s.parse::<u64>().ok()).unwrap_or(1000));
        }
    }
    out
}

/// The entry of `/cluster/resources` and of pools.
pub fn resource(world: &World, guest: &Guest, online: bool) -> Value {
    resource_in(world, guest, online, world.pool_of(guest.vmid))
}

/// The same for a guest whose pool is known.
pub fn resource_in(world: &World, guest: &Guest, online: bool, pool: Option<&str>) -> Value {
    let kind = guest.kind.word();
    let mut out = match online {
        true => match entry(world, guest, false) {
            Value::Object(entry) => entry,
            _ => Map::new(),
        },
        false => Map::new(),
    };
    for foreign in ["pid", "swap", "maxswap"] {
        out.remove(foreign);
    }
    if let Some(cpus) = out.remove("cpus") {
        out.insert("maxcpu".into(), cpus);
    }
    let own = [
        ("id", json!(format!("{kind}/{}", guest.vmid))),
        ("type", json!(kind)),
        ("vmid", json!(guest.vmid)),
        ("node", json!(guest.node)),
        ("template", json!(u8::from(guest.flag("template")))),
    ];
    out.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
    if let Some(pool) = pool {
        out.insert("pool".into(), json!(pool));
    }
    if !online {
        out.insert("status".into(), json!("unknown"));
    }
    Value::Object(out)
}

/// `GET /nodes/{node}/qemu` and `/lxc`.
pub fn list(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.listed_world();
    let access = call.access();
    let node = call.node();
    let seen = world.guests.values().filter(|g| {
        g.kind == kind && g.node == node && access.allows(&world, &format!("/vms/{}", g.vmid), "VM.Audit")
    });
    Ok(Reply::data(json!(seen.map(|g| entry(&world, g, call.flag("full"))).collect::<Vec<_>>())))
}

/// `GET …/{vmid}`.
pub fn index(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let names: &[&str] = match kind {
        Kind::Vm => &[
            "config",
            "cloudinit",
            "pending",
            "status",
            "unlink",
            "vncproxy",
            "termproxy",
            "migrate",
            "resize",
            "move",
            "rrd",
            "rrddata",
            "monitor",
            "agent",
            "snapshot",
            "spiceproxy",
            "sendkey",
            "firewall",
            "mtunnel",
            "remote_migrate",
        ],
        Kind::Ct => &[
            "config",
            "pending",
            "status",
            "vncproxy",
            "termproxy",
            "vncwebsocket",
            "spiceproxy",
            "migrate",
            "clone",
            "rrd",
            "rrddata",
            "firewall",
            "snapshot",
            "resize",
            "interfaces",
        ],
    };
    call.engine.world().guest(call.node(), kind, call.vmid())?;
    Ok(Reply::data(json!(names.iter().map(|n| json!({"subdir": n})).collect::<Vec<_>>())))
}

/// `GET …/status/current`.
pub fn current(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    let mut out = entry(&world, guest, true);
    out["ha"] = crate::sections::ha::shown(&world, kind, guest.vmid);
    if guest.running() && kind == Kind::Vm {
        out["running-machine"] = json!("pc-i440fx-9.2+pve1");
        out["running-qemu"] = json!("9.2.0");
        if agent_on(call.contract(), guest) {
            out["agent"] = json!(1);
        }
    }
    Ok(Reply::data(out))
}

fn agent_on(contract: &Contract, guest: &Guest) -> bool {
    let agent = guest.get("agent").map(|a| props::parse(contract, "agent", a));
    agent.is_some_and(|a| a.get("enabled").is_some_and(|e| e == "1"))
}

/// The value of an option with the type that the server gives it: numbers for integers and flags, else text.
pub fn typed(contract: &Contract, kind: Kind, key: &str, value: &str) -> Value {
    let method = match kind {
        Kind::Vm => contract.method("PUT", "/nodes/{node}/qemu/{vmid}/config"),
        Kind::Ct => contract.method("POST", "/nodes/{node}/lxc"),
    };
    let declared = method.and_then(|m| m.param(key)).map(|p| p.kind.as_str());
    let number = matches!(declared, Some("integer" | "boolean")) || matches!(key, "template" | "snaptime");
    match value.parse::<i64>() {
        Ok(parsed) if number => json!(parsed),
        _ if key == "cipassword" => json!(MASK),
        // A value that was set to nothing is a blank in the file.
        _ if value.is_empty() => json!(" "),
        _ => json!(value),
    }
}

fn shown(contract: &Contract, kind: Kind, config: &Config) -> Map<String, Value> {
    config.iter().map(|(key, value)| (key.clone(), described(contract, kind, key, value))).collect()
}

/// Containers give their description back with a closing newline.
fn described(contract: &Contract, kind: Kind, key: &str, value: &str) -> Value {
    if kind == Kind::Ct && key == "description" && !value.ends_with('\n') {
        return json!(format!("{value}\n"));
    }
    typed(contract, kind, key, value)
}

/// `GET …/config`.
pub fn config(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    if let Some(name) = call.text("snapshot") {
        if call.flag("current") {
            let text = "cannot use 'snapshot' parameter with 'current'".to_owned();
            return Err(Fail::params(
                [("snapshot".to_owned(), text.clone()), ("current".to_owned(), text)].into(),
            ));
        }
        let snapshot = guest
            .snapshots
            .get(name)
            .ok_or_else(|| Fail::text(format!("snapshot '{name}' does not exist")))?;
        let mut out = shown(call.contract(), kind, snapshot);
        out.insert("digest".into(), json!(guest.digest()));
        return Ok(Reply::data(Value::Object(out)));
    }
    let mut config = guest.config.clone();
    if !call.flag("current") {
        config.retain(|key, _| !guest.pending_delete.contains(key));
        config.extend(guest.pending.clone());
    }
    let mut out = shown(call.contract(), kind, &config);
    out.insert("digest".into(), json!(guest.digest()));
    Ok(Reply::data(Value::Object(out)))
}

/// `GET …/pending`.
pub fn pending(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    let contract = call.contract();
    let mut out = Vec::new();
    for (key, value) in &guest.config {
        let mut entry = json!({"key": key, "value": described(contract, kind, key, value)});
        if let Some(waiting) = guest.pending.get(key) {
            entry["pending"] = described(contract, kind, key, waiting);
        }
        if guest.pending_delete.contains(key) {
            entry["delete"] = json!(1);
        }
        out.push(entry);
    }
    for (key, waiting) in guest.pending.iter().filter(|(key, _)| !guest.config.contains_key(*key)) {
        out.push(json!({"key": key, "pending": described(contract, kind, key, waiting)}));
    }
    out.push(json!({"key": "digest", "value": guest.digest()}));
    Ok(Reply::data(json!(out)))
}

/// Volumes that a configuration refers to.
pub fn volumes(config: &Config, kind: Kind) -> Vec<String> {
    disk_keys(config, kind)
        .iter()
        .filter_map(|key| config.get(key))
        .filter_map(|v| super::disks::volume_of(v))
        .collect()
}
