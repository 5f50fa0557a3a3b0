//! Nodes, quorum, resources, pools, networks.

use super::GuestKind;
use crate::lenient::{self, flag, float, required, text, unsigned};
use serde::{Deserialize, Serialize};
use serde_json::Value;

answer!(Version {
    version: Option<String> = "text",
    release: Option<String> = "text",
    repoid: Option<String> = "text",
});

answer!(
    /// An entry of `GET /nodes`. Sizes in bytes, uptime in seconds, cpu as a share of 1.
    Node {
        node: String = "required",
        /// `online`, `offline` or `unknown`.
        status: Option<String> = "text",
        ssl_fingerprint: Option<String> = "text",
        cpu: Option<f64> = "float",
        maxcpu: Option<u64> = "unsigned",
        mem: Option<u64> = "unsigned",
        maxmem: Option<u64> = "unsigned",
        disk: Option<u64> = "unsigned",
        maxdisk: Option<u64> = "unsigned",
        uptime: Option<u64> = "unsigned",
    }
);

impl Node {
    pub fn is_online(&self) -> bool {
        self.status.as_deref() == Some("online")
    }
}

answer!(Space {
    total: Option<u64> = "unsigned",
    used: Option<u64> = "unsigned",
    free: Option<u64> = "unsigned",
    avail: Option<u64> = "unsigned",
});

answer!(CpuInfo {
    model: Option<String> = "text",
    cpus: Option<u64> = "unsigned",
    cores: Option<u64> = "unsigned",
    sockets: Option<u64> = "unsigned",
});

/// `GET /nodes/{node}/status`. Sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    pub memory: Space,
    pub swap: Space,
    pub rootfs: Space,
    pub cpuinfo: CpuInfo,
    #[serde(deserialize_with = "float")]
    pub cpu: Option<f64>,
    #[serde(deserialize_with = "unsigned")]
    pub uptime: Option<u64>,
    #[serde(deserialize_with = "text")]
    pub pveversion: Option<String>,
    #[serde(deserialize_with = "text")]
    pub kversion: Option<String>,
}

answer!(
    /// A member in `GET /cluster/status`.
    Member {
        name: String = "required",
        online: Option<bool> = "flag",
        /// Is it the node that answered?
        local: Option<bool> = "flag",
        ip: Option<String> = "text",
        nodeid: Option<u64> = "unsigned",
    }
);

/// `GET /cluster/status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// None on a node without a cluster.
    pub name: Option<String>,
    /// Has the cluster a majority? None on a node without a cluster.
    pub quorate: Option<bool>,
    pub members: Vec<Member>,
}

impl ClusterStatus {
    pub(in crate::client) fn from_entries(entries: Vec<Value>) -> Self {
        let mut status = Self::default();
        for entry in entries {
            match entry.get("type").and_then(Value::as_str) {
                Some("cluster") => {
                    status.name = entry.get("name").cloned().and_then(lenient::plain);
                    status.quorate = Some(entry.get("quorate").is_some_and(lenient::truthy));
                }
                Some("node") => status.members.extend(serde_json::from_value::<Member>(entry)),
                _ => {}
            }
        }
        status
    }

    /// May the cluster take changes? A node without a cluster always may.
    pub fn is_quorate(&self) -> bool {
        self.quorate.unwrap_or(true)
    }
}

/// An entry of `GET /cluster/resources`: a guest, storage, node or SDN zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    #[serde(deserialize_with = "required")]
    pub id: String,
    /// `qemu`, `lxc`, `storage`, `node`, `sdn`.
    #[serde(rename = "type", deserialize_with = "required")]
    pub kind: String,
    #[serde(deserialize_with = "text")]
    pub node: Option<String>,
    #[serde(deserialize_with = "unsigned")]
    pub vmid: Option<u64>,
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// `unknown` right after creation and on nodes that are offline.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub template: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub pool: Option<String>,
    #[serde(deserialize_with = "text")]
    pub tags: Option<String>,
    #[serde(deserialize_with = "text")]
    pub lock: Option<String>,
    #[serde(deserialize_with = "text")]
    pub hastate: Option<String>,
    #[serde(deserialize_with = "text")]
    pub storage: Option<String>,
    #[serde(deserialize_with = "text")]
    pub plugintype: Option<String>,
    #[serde(deserialize_with = "text")]
    pub content: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub shared: Option<bool>,
    #[serde(deserialize_with = "float")]
    pub cpu: Option<f64>,
    #[serde(deserialize_with = "float")]
    pub maxcpu: Option<f64>,
    #[serde(deserialize_with = "unsigned")]
    pub mem: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub maxmem: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub disk: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub maxdisk: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub uptime: Option<u64>,
}

impl Resource {
    /// The guest's kind, when this is a guest.
    pub fn guest_kind(&self) -> Option<GuestKind> {
        GuestKind::from_segment(&self.kind)
    }
}

/// A pool; members only when it was asked for by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    #[serde(deserialize_with = "required")]
    pub poolid: String,
    #[serde(deserialize_with = "text")]
    pub comment: Option<String>,
    pub members: Vec<Resource>,
}

/// `GET /nodes/{node}/network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    pub interfaces: Vec<Interface>,
    /// The difference that waits to be applied, as text; none when nothing waits.
    pub pending: Option<String>,
}

/// A network interface of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    #[serde(deserialize_with = "required")]
    pub iface: String,
    /// `bridge`, `bond`, `eth`, `vlan` and others.
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub active: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub autostart: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub cidr: Option<String>,
    #[serde(deserialize_with = "text")]
    pub address: Option<String>,
    #[serde(deserialize_with = "text")]
    pub gateway: Option<String>,
    #[serde(deserialize_with = "text")]
    pub method: Option<String>,
    #[serde(deserialize_with = "text")]
    pub bridge_ports: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub bridge_vlan_aware: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub comments: Option<String>,
}
