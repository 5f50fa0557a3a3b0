//! What a node tells about itself and its surroundings: services, scans, figures over time, versions.

use crate::api::{Call, Fail, Reply};
use crate::state::{Kind, World, now};
use crate::tasks::{Halves, Job};
use serde_json::{Value, json};

const SERVICES: &[&str] = &[
    "chrony",
    "corosync",
    "cron",
    "ksmtuned",
    "postfix",
    "pve-cluster",
    "pve-firewall",
    "pve-ha-crm",
    "pve-ha-lrm",
    "pvedaemon",
    "pvefw-logger",
    "pveproxy",
    "pvescheduler",
    "pvestatd",
    "spiceproxy",
    "sshd",
    "syslog",
    "systemd-journald",
];
/// Points of a graph over time.
const POINTS: i64 = 70;

/// Sends a call to its handler; none when it is not one of these.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    let rest = call.template.strip_prefix("/nodes/{node}/")?;
    Some(match (call.verb.as_str(), rest) {
        ("GET", "services") => Ok(Reply::data(json!(SERVICES.iter().map(|s| service(s)).collect::<Vec<_>>()))),
        ("GET", "services/{service}/state") => {
            let name = call.text("service").unwrap_or_default();
            match SERVICES.contains(&name) {
                true => Ok(Reply::data(service(name))),
                false => Err(Fail::param("service", format!("value '{name}' does not have a value in the enumeration '{}'", SERVICES.join(", ")))),
            }
        }
        ("GET", "subscription") => Ok(Reply::data(json!({"status": "notfound", "serverid": "0".repeat(32),
            "message": "There is no subscription key", "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing"}))),
        ("GET", "apt/versions") => Ok(Reply::data(json!(
            [("pve-manager", "8.4.1"), ("qemu-server", "8.3.12"), ("pve-container", "5.2.6"), ("libpve-storage-perl", "8.3.6")]
                .map(|(name, version)| json!({"Package": name, "Version": version, "OldVersion": version, "CurrentState": "Installed"}))
        ))),
        ("GET", "apt/update" | "disks/list" | "disks/lvmthin" | "disks/zfs" | "disks/directory"
            | "scan/cifs" | "scan/iscsi" | "scan/glusterfs" | "replication") => {
            Ok(Reply::data(json!([])))
        }
        ("GET", "certificates/info") => Ok(Reply::data(json!([{"filename": "pve-ssl.pem", "fingerprint": call.engine.fingerprint,
            "subject": format!("/CN={}", call.node()), "issuer": "/CN=Proxmox Virtual Environment/O=PVE Cluster Manager CA",
            "notbefore": now() - 86_400, "notafter": now() + 86_400 * 730}]))),
        ("GET", "scan/nfs") => scan_nfs(call),
        ("GET", "scan/lvm") => Ok(Reply::data(json!([{"vg": "pve"}]))),
        ("GET", "scan/lvmthin") => Ok(Reply::data(json!([{"lv": "data"}]))),
        ("GET", "scan/zfs") => Ok(Reply::data(json!([]))),
        ("GET", "netstat") => Ok(Reply::data(json!([]))),
        ("GET", "capabilities/qemu/cpu") => Ok(Reply::data(json!(
            ["host", "kvm64", "qemu64", "x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "x86-64-v4", "EPYC", "Haswell"]
                .map(|name| json!({"name": name, "custom": 0, "vendor": "default"}))
        ))),
        ("GET", "capabilities/qemu/machines") => Ok(Reply::data(json!(
            ["9.2+pve1", "9.1", "9.0", "8.2"].iter().flat_map(|v| {
                [json!({"id": format!("pc-i440fx-{v}"), "type": "i440fx", "version": v}),
                    json!({"id": format!("pc-q35-{v}"), "type": "q35", "version": v})]
            }).collect::<Vec<_>>()
        ))),
        ("GET", "rrddata") => Ok(Reply::data(json!(node_points(call)))),
        ("GET", "qemu/{vmid}/rrddata" | "lxc/{vmid}/rrddata") => guest_points(call),
        ("GET", "journal") => Ok(Reply::data(json!([]))),
        ("GET", "syslog") => Ok(Reply::with_total(json!([{"n": 1, "t": "no content"}]), 1)),
        ("GET", "report") => Ok(Reply::data(json!(format!("==== general system info ====\n# hostname\n{}\n", call.node())))),
        ("POST", "startall") => many(call, "startall"),
        ("POST", "stopall") => many(call, "stopall"),
        ("POST", "status") => power(call),
        _ => return None,
    })
}

fn service(name: &str) -> Value {
    json!({"service": name, "name": name, "desc": format!("{name} service"), "state": "running",
        "active-state": "active", "unit-state": "enabled"})
}

/// Exports of an NFS server: those of the storages that name it.
fn scan_nfs(call: &Call) -> Result<Reply, Fail> {
    let server = call.text("server").unwrap_or_default();
    let world = call.engine.world();
    if call.engine.unreachable.iter().any(|u| u == server) {
        return Err(Fail::text("clnt_create: RPC: Unable to receive"));
    }
    let known = world.storages.values().filter(|s| s.config.get("server").is_some_and(|own| own == server));
    let list: Vec<Value> = known
        .filter_map(|s| s.config.get("export"))
        .map(|path| json!({"path": path, "options": "*"}))
        .collect();
    Ok(Reply::data(json!(list)))
}

/// Seconds between two points of a time frame.
fn step(call: &Call) -> i64 {
    match call.text("timeframe") {
        Some("day") => 1_800,
        Some("week") => 10_800,
        Some("month") => 43_200,
        Some("year") => 604_800,
        _ => 60,
    }
}

fn points(call: &Call, of: impl Fn() -> Value) -> Vec<Value> {
    let step = step(call);
    let last = now() / step * step;
    (0..POINTS)
        .rev()
        .map(|back| {
            let mut point = of();
            point["time"] = json!(last - back * step);
            point
        })
        .collect()
}

fn node_points(call: &Call) -> Vec<Value> {
    let world = call.engine.world();
    let Some(node) = world.nodes.get(call.node()) else { return Vec::new() };
    let used = world.memory_used(call.node());
    points(
        call,
        || json!({"cpu": 0.02, "maxcpu": node.threads, "memused": used, "memtotal": node.memory_bytes, "loadavg": 0.1, "iowait": 0.0}),
    )
}

fn guest_points(call: &Call) -> Result<Reply, Fail> {
    let kind = if call.template.contains("/lxc/") { Kind::Ct } else { Kind::Vm };
    let world = call.engine.world();
    let guest = world.guest(call.node(), kind, call.vmid())?;
    let memory = guest.memory_bytes();
    let used = if guest.running() { memory * 6 / 10 } else { 0 };
    Ok(Reply::data(json!(points(call, || json!({"cpu": 0.01, "mem": used, "maxmem": memory, "disk": 0,
        "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0})))))
}

/// Guests that a call on all of a node is about.
fn chosen(call: &Call, world: &World, start: bool) -> Vec<(u32, Kind)> {
    let named = crate::api::words(call, "vms");
    let all = world.guests.values().filter(|g| g.node == call.node() && !g.flag("template"));
    all.filter(|g| g.running() != start && (named.is_empty() || named.contains(&g.vmid.to_string())))
        .filter(|g| !start || call.flag("force") || !named.is_empty() || g.flag("onboot"))
        .map(|g| (g.vmid, g.kind))
        .collect()
}

fn many(call: &Call, what: &'static str) -> Result<Reply, Fail> {
    let start = what == "startall";
    let home = call.node().to_owned();
    let guests = {
        let world = call.engine.world();
        let access = call.access();
        let mut guests = chosen(call, &world, start);
        guests.retain(|(id, _)| access.allows(&world, &format!("/vms/{id}"), "VM.PowerMgmt"));
        guests
    };
    let job = Job {
        kind: what,
        id: String::new(),
        node: home.clone(),
        duration_ms: 2_000 + 500 * guests.len() as u64,
        locks: Vec::new(),
        wait_ms: 0,
        work: Box::new(move |_, _, _| {
            Ok(Halves::then(move |_, world, log| {
                for (vmid, kind) in guests {
                    let verb = if start { "Starting" } else { "Stopping" };
                    log.push(format!("{verb} {} {vmid}", kind.label()));
                    let result = match start {
                        true => crate::guests::power::boot(world, &home, kind, vmid),
                        false => crate::guests::power::halt(world, &home, kind, vmid),
                    };
                    if let Err(text) = result {
                        log.push(text);
                    }
                }
                Ok(())
            }))
        }),
    };
    Ok(Reply::data(json!(call.engine.start(call, job))))
}

/// `POST /nodes/{node}/status`: a reboot brings the node back with what starts on boot; a shutdown leaves it off.
fn power(call: &Call) -> Result<Reply, Fail> {
    let mut world = call.engine.world();
    let name = call.node().to_owned();
    let ids: Vec<(u32, Kind, bool)> = world
        .guests
        .values()
        .filter(|g| g.node == name && g.running())
        .map(|g| (g.vmid, g.kind, g.flag("onboot")))
        .collect();
    for (vmid, kind, again) in ids {
        crate::guests::power::halt(&mut world, &name, kind, vmid)?;
        if again && call.text("command") == Some("reboot") {
            crate::guests::power::boot(&mut world, &name, kind, vmid)?;
        }
    }
    if let Some(node) = world.nodes.get_mut(&name) {
        node.booted_at = now();
        node.online = call.text("command") != Some("shutdown");
    }
    Ok(Reply::null())
}
