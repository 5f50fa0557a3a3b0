//! How long one plan takes: 200 guests observed, 50 declared. `cargo run --release -p mycopod-domain --example planner`.
//!
//! Prints the median and the slowest of many plans, each with its rehearsal, limits and rights.

use domain::cluster::{Cluster, Event, Origin};
use domain::contract::Permissions;
use domain::decider::Decider;
use domain::ids::DeclarationId;
use domain::interpretation::{GuestKind, Interpretation};
use domain::mark::Mark;
use domain::observation::{GuestSeen, NodeSeen, Observation, StorageSeen};
use domain::plan::InterpreterIdentity;
use domain::plan::planner::{self, Request};
use domain::settings::Rules;
use domain::surroundings::Surroundings;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};
use uuid::Uuid;

const NODES: u32 = 6;
const OBSERVED: u32 = 200;
const DECLARED: u32 = 50;
const ROUNDS: usize = 200;

fn mark(vmid: u32) -> Mark {
    Mark(Uuid::from_u128(u128::from(vmid)))
}

fn guest(vmid: u32) -> GuestSeen {
    let template = vmid == 9000;
    let mut config: BTreeMap<String, String> = [
        ("name", format!("guest-{vmid}")),
        ("cores", "2".into()),
        ("memory", "2048".into()),
        ("boot", "order=scsi0".into()),
        ("scsi0", format!("ceph-vm:vm-{vmid}-disk-0,size=20G")),
        ("ide2", format!("ceph-vm:vm-{vmid}-cloudinit,media=cdrom")),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0".into()),
        ("ipconfig0", "ip=dhcp".into()),
        ("vmgenid", Uuid::from_u128(u128::from(vmid)).to_string()),
        ("description", mark(vmid).describe(None)),
        ("tags", "mycopod".into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    if template {
        config.insert("template".into(), "1".into());
    }
    GuestSeen {
        vmid,
        kind: GuestKind::Vm,
        name: format!("guest-{vmid}"),
        node: format!("pve{}", vmid % NODES + 1),
        running: !template,
        template,
        lock: None,
        pool: None,
        config,
        pending: vec![],
        digest: format!("{vmid:040x}"),
        snapshots: vec![],
    }
}

fn observation() -> Observation {
    let node = || NodeSeen {
        online: true,
        threads: 64,
        memory_mib: 524_288,
        address: None,
        bridges: [("vmbr0".to_owned(), true)].into(),
    };
    let names: Vec<String> = (1..=NODES).map(|n| format!("pve{n}")).collect();
    let ceph = StorageSeen {
        kind: "rbd".into(),
        shared: true,
        content: vec!["images".into(), "rootdir".into()],
        nodes: names.clone(),
        server: None,
        export: None,
        free_gib: names.iter().map(|name| (name.clone(), 100_000)).collect(),
        files: BTreeMap::new(),
    };
    let privileges = [
        "VM.Allocate",
        "VM.Clone",
        "VM.Config.CPU",
        "VM.Config.Memory",
        "VM.Config.Network",
        "VM.Config.Options",
        "VM.Config.Disk",
        "VM.Config.CDROM",
        "VM.Config.Cloudinit",
        "VM.Migrate",
        "VM.PowerMgmt",
        "Datastore.AllocateSpace",
        "SDN.Use",
    ];
    Observation {
        at: chrono::DateTime::UNIX_EPOCH,
        cluster: "bench".into(),
        pve_version: "8.4.1".into(),
        quorate: true,
        nodes: names.into_iter().map(|name| (name, node())).collect(),
        storages: [("ceph-vm".to_owned(), ceph)].into(),
        guests: (1000..1000 + OBSERVED - 1).chain([9000]).map(|vmid| (vmid, guest(vmid))).collect(),
        around: Surroundings {
            pools: Some(BTreeMap::new()),
            ha: Some(BTreeMap::new()),
            backup_jobs: Some(BTreeMap::new()),
            rights: Some(Permissions::default().grant("/", &privileges)),
            ..Surroundings::default()
        },
    }
}

fn rules() -> Result<Rules, serde_json::Error> {
    let guest = json!({ "image": "debian-12", "cores": 2, "memory_mib": 2048, "disk_gib": 20, "power": "running",
        "start_on_boot": true });
    let house = json!({
        "network": { "bridge": "vmbr0", "cidr": "10.0.0.0/16", "gateway": "10.0.0.1", "static_from": "10.0.1.0",
            "static_to": "10.0.9.0" },
        "images": { "vm": { "debian-12": { "vmid": 9000, "node": "pve1", "storage": "ceph-vm", "disk_gib": 4 } } },
        "defaults": {
            "vm": guest, "container": guest,
            "network": { "ip": "dhcp", "prefix": 16, "gateway": "10.0.0.1", "bridge": "vmbr0" },
            "kubernetes": { "distribution": "k3s", "image": "debian-12", "control_planes": 1, "cores": 2,
                "memory_mib": 4096, "disk_gib": 30 },
            "backup": { "storage": "tank-nfs", "mode": "snapshot", "keep_last": 3 }, "storage": { "type": "nfs" },
        },
        "policy": { "units": "binary", "over_threads": "refuse", "over_memory": "refuse",
            "undeclared": "ask-to-adopt", "protected": "refuse", "destroy_max": 2, "create_max": 50,
            "text_bytes_max": 65536, "languages": ["en"], "software_in_guests": "none",
            "privileged_containers": "refuse" },
    });
    serde_json::from_value(
        json!({ "vmid_first": 200, "vmid_last": 999, "protected": [], "poll_interval_s": 30,
        "observe_interval_s": 30, "house": house }),
    )
}

/// Half new guests, half existing ones that change; every tenth moves, too.
fn desired() -> Result<Interpretation, serde_json::Error> {
    let new = |n: u32| {
        json!({ "change": "create", "kind": "vm", "name": format!("new-{n}"), "cores": 4, "memory_mib": 4096,
            "disk_gib": 40, "ip": format!("10.0.1.{n}/16") })
    };
    let old = |n: u32| {
        let vmid = 1000 + n;
        json!({ "change": "update", "kind": "vm", "name": format!("guest-{vmid}"), "vmid": vmid, "memory_mib": 4096,
            "cores": 4, "tags": ["web"] })
    };
    let guests: Vec<Value> = (1..=DECLARED / 2).map(new).chain((0..DECLARED / 2).map(old)).collect();
    let moves: Vec<Value> = (0..DECLARED / 10)
        .map(|n| {
            let vmid = 1000 + n;
            json!({ "guest": format!("guest-{vmid}"), "to_node": format!("pve{}", (vmid + 1) % NODES + 1) })
        })
        .collect();
    serde_json::from_value(json!({ "version": 1, "kind": "desired", "guests": guests, "moves": moves }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (seen, rules, desired) = (observation(), rules()?, desired()?);
    let claims = seen.guests.values().filter(|guest| !guest.template).map(|guest| Event::GuestClaimed {
        vmid: guest.vmid,
        name: guest.name.clone(),
        kind: guest.kind,
        mark: mark(guest.vmid),
        origin: Origin::Fixture {},
    });
    let cluster = claims.fold(Cluster::default(), |cluster, event| cluster.evolve(&event));
    let interpreter =
        InterpreterIdentity { provider: "scripted".into(), model: "grammar".into(), version: "1".into() };
    let request = Request {
        declaration: DeclarationId(Uuid::from_u128(1)),
        number: 1,
        made_at: seen.at,
        text: "",
        desired: &desired,
        interpreter: &interpreter,
        cluster: &cluster,
        seen: &seen,
        rules: &rules,
        others: &[],
    };
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    let mut calls = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let plan = planner::plan(&request)?;
        times.push(begun.elapsed());
        calls = plan.steps.iter().map(|step| step.calls.len()).sum();
    }
    times.sort_unstable();
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    writeln!(
        std::io::stdout(),
        "{OBSERVED} guests observed, {DECLARED} declared, {calls} calls: median {:.2} ms, p95 {:.2} ms, slowest {:.2} ms of {ROUNDS}",
        ms(times.get(ROUNDS / 2)),
        ms(times.get(ROUNDS * 95 / 100)),
        ms(times.last()),
    )?;
    Ok(())
}
