//! What the simulated cluster consists of: nodes, storages, volumes, guests, pools, tasks.
//!
//! Begin with [`World`]. It is plain data: it can be copied, compared, saved and loaded.
//!
//! Never here: waiting, clocks of tasks, HTTP.

pub mod load;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use crate::auth::AccessDb;
use crate::node::interfaces::Interfaces;
pub use crate::sections::Entry;
use crate::sections::Sections;
use crate::tasks::Task;

/// The whole cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// Name of the cluster; none for a single node that never joined one.
    pub cluster: Option<String>,
    pub nodes: BTreeMap<String, Node>,
    pub storages: BTreeMap<String, Storage>,
    pub volumes: Vec<Volume>,
    pub guests: BTreeMap<u32, Guest>,
    pub pools: BTreeMap<String, Pool>,
    #[serde(default)]
    pub access: AccessDb,
    /// Small configurations by kind and id, see `sections`.
    #[serde(default)]
    pub sections: Sections,
    /// Firewalls: `dc`, `node/NAME`, `guest/VMID`, `vnet/NAME`.
    #[serde(default)]
    pub firewalls: BTreeMap<String, crate::sections::firewall::Firewall>,
    /// Options of the whole cluster.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    pub tasks: Vec<Task>,
    pub next_pid: u32,
    /// Guests whose file lock is held, and by which task.
    #[serde(skip)]
    pub held: BTreeMap<u32, String>,
    /// What the nodes last told each other about their guests, for `/cluster/resources`.
    #[serde(skip)]
    pub told: BTreeMap<u32, serde_json::Value>,
    /// When they did, in Unix milliseconds.
    #[serde(skip)]
    pub told_at_ms: i64,
    /// Rises at every reset, so that a task of the past does not write into the new world.
    #[serde(skip)]
    pub epoch: u64,
}

/// One node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    pub id: u32,
    pub online: bool,
    pub threads: u32,
    pub memory_bytes: u64,
    /// What the node itself uses; may be below zero when the file's numbers say so.
    pub host_used_bytes: i64,
    pub address: String,
    /// Unix seconds.
    pub booted_at: i64,
    pub bridges: BTreeMap<String, Bridge>,
    #[serde(default)]
    pub interfaces: Interfaces,
    /// Names, time zone and hosts file, where they were set.
    #[serde(default)]
    pub settings: Entry,
    /// The node's own options.
    #[serde(default)]
    pub config: Entry,
    /// The list of appliance templates was fetched.
    #[serde(default)]
    pub catalogue: bool,
}

/// A Linux bridge of a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Bridge {
    pub vlan_aware: bool,
    pub cidr: Option<String>,
    pub gateway: Option<String>,
    /// False: known to the configuration but absent in the kernel.
    pub up: bool,
}

/// One entry of the storage configuration with the sizes behind it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Storage {
    pub kind: String,
    /// Options as configured: `content`, `path`, `server`, `export`, `nodes`, `disable`, `shared` …
    pub config: BTreeMap<String, String>,
    /// Capacity per node, or under `any` when shared.
    pub total_bytes: BTreeMap<String, u64>,
}

/// A disk image, template or ISO file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Volume {
    pub storage: String,
    /// The node that holds it; none on shared storage.
    pub node: Option<String>,
    /// The part of the volume id after the colon.
    pub name: String,
    pub content: String,
    pub format: String,
    pub size_bytes: u64,
    pub vmid: Option<u32>,
    pub created_at: i64,
    /// The base image this one is linked to, as a volume id.
    pub base: Option<String>,
    /// Checksums in lower-case hex by algorithm, as far as somebody has computed or vouched for one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
}

/// Machine or container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Vm,
    Ct,
}

impl Kind {
    /// The word in paths and list entries.
    pub fn word(self) -> &'static str {
        match self {
            Self::Vm => "qemu",
            Self::Ct => "lxc",
        }
    }

    /// The word in messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vm => "VM",
            Self::Ct => "CT",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Vm => "qemu-server",
            Self::Ct => "lxc",
        }
    }
}

/// Options of a guest, all as text.
pub type Config = BTreeMap<String, String>;

/// One guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Guest {
    pub vmid: u32,
    pub kind: Kind,
    pub node: String,
    pub config: Config,
    /// Changes that wait for the next start.
    pub pending: Config,
    pub pending_delete: BTreeSet<String>,
    pub snapshots: BTreeMap<String, Config>,
    /// Since when it runs, unix seconds.
    pub running_since: Option<i64>,
    pub paused: bool,
    pub pid: u32,
    /// What the cloud-init drive says; none: it was never made.
    #[serde(default)]
    pub cloudinit: Option<Config>,
    /// What happens inside, as the guest agent tells it.
    #[serde(default)]
    pub script: crate::guests::agent::Script,
    /// False: `shutdown` finds no guest that reacts.
    pub reacts: bool,
}

impl Guest {
    /// A stopped guest with nothing configured.
    pub fn new(vmid: u32, kind: Kind, node: &str) -> Self {
        Self {
            vmid,
            kind,
            node: node.to_owned(),
            config: Config::new(),
            pending: Config::new(),
            pending_delete: BTreeSet::new(),
            snapshots: BTreeMap::new(),
            running_since: None,
            paused: false,
            pid: 0,
            cloudinit: None,
            script: crate::guests::agent::Script::default(),
            reacts: true,
        }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.config.get(key).map(String::as_str)
    }

    pub fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    pub fn running(&self) -> bool {
        self.running_since.is_some()
    }

    /// Configured memory in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let text = self.get("memory").unwrap_or("512");
        text.trim_start_matches("current=").parse::<u64>().unwrap_or(512) * crate::limits::MIB_BYTES
    }

    /// SHA-1 of the configuration, as the server computes it over its file.
    pub fn digest(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.config {
            text.push_str(&format!("{key}: {value}\n"));
        }
        text.push_str("[PENDING]\n");
        for (key, value) in &self.pending {
            text.push_str(&format!("{key}: {value}\n"));
        }
        for key in &self.pending_delete {
            text.push_str(&format!("delete: {key}\n"));
        }
        for (name, snapshot) in &self.snapshots {
            text.push_str(&format!("[{name}] {snapshot:?}\n"));
        }
        sha1_hex(&text)
    }
}

/// A pool of guests and storages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pool {
    pub comment: Option<String>,
    pub guests: BTreeSet<u32>,
    pub storages: BTreeSet<String>,
}

/// SHA-1 as 40 hex digits: what the server calls a digest.
pub fn sha1_hex(text: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// Unix seconds now.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

impl World {
    /// The guest `vmid` of `kind` on `node`, or the server's text for its absence.
    pub fn guest(&self, node: &str, kind: Kind, vmid: u32) -> Result<&Guest, String> {
        self.guests
            .get(&vmid)
            .filter(|g| g.kind == kind && g.node == node)
            .ok_or_else(|| absent(node, kind, vmid))
    }

    /// As [`World::guest`], to be changed.
    pub fn guest_mut(&mut self, node: &str, kind: Kind, vmid: u32) -> Result<&mut Guest, String> {
        let found = self.guests.get_mut(&vmid).filter(|g| g.kind == kind && g.node == node);
        found.ok_or_else(|| absent(node, kind, vmid))
    }

    /// Text for a VMID that is taken, without the closing newline.
    pub fn taken(&self, vmid: u32) -> Option<String> {
        let guest = self.guests.get(&vmid)?;
        Some(format!("{} {vmid} already exists on node '{}'", guest.kind.label(), guest.node))
    }

    /// The pool that holds a guest.
    pub fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.pools.iter().find(|(_, pool)| pool.guests.contains(&vmid)).map(|(name, _)| name.as_str())
    }

    /// Memory in use on a node, in bytes: its own share and that of its running guests.
    pub fn memory_used(&self, node: &str) -> u64 {
        let Some(entry) = self.nodes.get(node) else { return 0 };
        let guests: u64 =
            self.guests.values().filter(|g| g.node == node && g.running()).map(Guest::memory_bytes).sum();
        let used = i128::from(entry.host_used_bytes) + i128::from(guests);
        u64::try_from(used.max(0)).unwrap_or(0).min(entry.memory_bytes)
    }
}

/// The server's text for a guest that is not on a node.
pub fn absent(node: &str, kind: Kind, vmid: u32) -> String {
    format!("Configuration file 'nodes/{node}/{}/{vmid}.conf' does not exist", kind.folder())
}
