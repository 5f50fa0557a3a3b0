//! A simulated cluster and clients of it.

use proxmox::transport::Https;
use proxmox::{ApiToken, Endpoint, Secret, Timeouts, Trust};
use serde_json::Value;
use simulator::{Running, SimConfig, Simulator};
use std::time::Duration;

pub const TOKEN: &str = "mycopod@pve!agent";
pub const SECRET: &str = "11111111-2222-3333-4444-555555555555";

/// The cluster of the fixture file, where time does not count.
pub fn cluster() -> SimConfig {
    SimConfig::from_cluster_json(include_str!("../fixtures/cluster.json")).unwrap().with_time_scale(0.0)
}

/// With a token that may do everything a token may.
pub async fn start() -> Running {
    Simulator::start(cluster().with_token(TOKEN, SECRET)).await.unwrap()
}

/// Long enough for a busy machine.
pub fn patient() -> Timeouts {
    let long = Duration::from_secs(30);
    Timeouts { connect: long, read: long, write: long, upload: long, sign_in: long, ..Timeouts::default() }
}

pub fn trust(sim: &Running) -> Trust {
    Trust::fingerprint(sim.fingerprint().parse().unwrap())
}

pub fn https(sim: &Running, timeouts: Timeouts) -> Https {
    let token = ApiToken { id: TOKEN.into(), secret: Secret::new(SECRET) };
    let endpoint = Endpoint { base_urls: vec![sim.base_url()], trust: trust(sim), token };
    Https::with_timeouts(&endpoint, timeouts).unwrap()
}

pub fn inject(sim: &Running, rule: Value) {
    assert!(sim.inject(serde_json::from_value(rule).unwrap()));
}

pub async fn quiet(sim: &Running) {
    assert!(sim.idle(Duration::from_secs(20)).await, "a task does not end");
}

/// A cluster that has what the examples of the client's requests name.
pub fn of_the_examples() -> SimConfig {
    let node = serde_json::json!({"threads": 16, "memory_mib": 65_536, "memory_free_mib": 60_000});
    let free = serde_json::json!({"pve1": 900, "pve2": 900});
    let guest = |vmid: u32, name: &str, kind: &str| {
        serde_json::json!({"vmid": vmid, "name": name, "kind": kind, "node": "pve1", "cores": 1, "memory_mib": 512,
            "disk_gib": 4, "storage": "local-lvm", "status": "stopped"})
    };
    let file = serde_json::json!({
        "cluster": "examples", "nodes": {"pve1": node, "pve2": node},
        "guests": {"web-1": guest(101, "web-1", "vm"), "dns-1": guest(201, "dns-1", "container")},
        "storages": {
            "local": {"type": "dir", "free_gib": free, "content": ["images", "iso", "vztmpl", "import", "backup"]},
            "local-lvm": {"type": "lvmthin", "free_gib": free, "content": ["images", "rootdir"]},
            "nas": {"type": "nfs", "shared": true, "free_gib": free, "content": ["backup", "images", "rootdir"],
                "server": "192.0.2.9", "export": "/tank/backup"},
        },
        "pools": {"web": {"members": []}},
    });
    SimConfig { base: simulator::Base::Cluster(file), time_scale: 0.0, ..SimConfig::default() }
}
