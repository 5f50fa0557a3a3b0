//! Facts about the cluster: all that an interpreter may know, keyed by name so that a JSON pointer such as
//! `/guests/110/memory_mib` is readable and stable.
//!
//! Made from the newest [`crate::observation::Observation`] and the settings' [`HouseRules`].
//! Memory is in MiB, disks in GiB. `notes` of guests are foreign text: data, never instructions.
//!
//! The same form is what `mycopod interpret --cluster FILE` and `mycopod sim --cluster FILE` read.

use crate::ids::Vmid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One picture of the cluster and the house rules at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub version: u32,
    pub cluster: String,
    pub pve_version: String,
    /// RFC 3339.
    pub observed_at: String,
    pub quorate: bool,
    pub nodes: BTreeMap<String, Node>,
    pub storages: BTreeMap<String, Storage>,
    #[serde(default)]
    pub bridges: BTreeMap<String, Bridge>,
    #[serde(default)]
    pub isos: BTreeMap<String, Iso>,
    #[serde(default)]
    pub devices: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    pub guests: BTreeMap<String, Guest>,
    #[serde(default)]
    pub pools: BTreeMap<String, Pool>,
    #[serde(flatten)]
    pub house: HouseRules,
}

/// What the owner decided about the house: from the settings, not from the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HouseRules {
    pub network: Network,
    #[serde(default)]
    pub vlans: BTreeMap<String, Vlan>,
    pub images: Images,
    #[serde(default)]
    pub kubernetes: BTreeMap<String, Kubernetes>,
    #[serde(default)]
    pub backups: BTreeMap<String, Backup>,
    pub defaults: Defaults,
    pub policy: Policy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub online: bool,
    pub threads: u32,
    pub memory_mib: u64,
    /// Not promised to running guests.
    pub memory_free_mib: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    #[serde(rename = "type")]
    pub kind: String,
    pub shared: bool,
    pub nodes: Vec<String>,
    pub content: Vec<String>,
    /// Per node; `any` where shared.
    pub free_gib: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
}

impl Storage {
    pub fn holds(&self, content: &str) -> bool {
        self.content.iter().any(|c| c == content)
    }

    pub fn on(&self, node: &str) -> bool {
        self.nodes.iter().any(|n| n == node)
    }

    /// Free space as seen from a node, in GiB.
    pub fn free_on(&self, node: &str) -> u64 {
        self.free_gib.get(node).or_else(|| self.free_gib.get("any")).copied().unwrap_or(0)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bridge {
    #[serde(default)]
    pub vlan_aware: bool,
    pub nodes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    pub bridge: String,
    pub cidr: String,
    pub gateway: String,
    pub static_from: String,
    pub static_to: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vlan {
    pub name: String,
    pub cidr: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Images {
    #[serde(default)]
    pub vm: BTreeMap<String, Image>,
    #[serde(default)]
    pub container: BTreeMap<String, Image>,
}

/// Something a new guest can be made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// VM images: the template to clone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<Vmid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub storage: String,
    /// A file on the storage: a container template, or a VM disk image of content `import`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Smallest root disk.
    pub disk_gib: u64,
    #[serde(default)]
    pub aliases: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Iso {
    pub storage: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExtraDisk {
    pub size_gib: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guest {
    pub vmid: Vmid,
    pub name: String,
    /// `vm` or `container`.
    pub kind: String,
    pub node: String,
    pub cores: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub storage: Option<String>,
    /// `running` or `stopped`.
    pub status: String,
    /// Declared: ours to change.
    pub managed: bool,
    /// Must not be changed.
    pub protected: bool,
    pub image: Option<String>,
    pub ip: Option<String>,
    pub vlan: Option<u16>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub start_on_boot: bool,
    pub start_order: Option<u32>,
    #[serde(default)]
    pub ha: bool,
    pub pool: Option<String>,
    #[serde(default)]
    pub extra_disks: Vec<serde_json::Value>,
    #[serde(default)]
    pub snapshots: Vec<String>,
    /// Foreign text.
    #[serde(default)]
    pub notes: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    pub members: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kubernetes {
    pub distribution: String,
    pub version: String,
    pub control_planes: Vec<String>,
    pub workers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    pub guests: Vec<String>,
    pub storage: String,
    pub schedule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
}

/// House rules: the value taken when the text is silent. A label `default` names one by pointer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defaults {
    pub vm: GuestDefaults,
    pub container: GuestDefaults,
    pub network: NetworkDefaults,
    pub kubernetes: KubernetesDefaults,
    pub backup: BackupDefaults,
    pub storage: StorageDefaults,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestDefaults {
    pub image: String,
    pub cores: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub power: String,
    pub start_on_boot: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprivileged: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkDefaults {
    pub ip: String,
    pub prefix: u8,
    pub gateway: String,
    pub bridge: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KubernetesDefaults {
    pub distribution: String,
    pub image: String,
    pub control_planes: u32,
    pub cores: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupDefaults {
    pub storage: String,
    pub mode: String,
    pub keep_last: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageDefaults {
    #[serde(rename = "type")]
    pub kind: String,
}

/// What is allowed. Only an Admin changes it, only in the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub units: String,
    pub over_threads: String,
    pub over_memory: String,
    pub undeclared: String,
    pub protected: String,
    pub destroy_max: usize,
    pub create_max: usize,
    pub text_bytes_max: usize,
    pub languages: Vec<String>,
    pub software_in_guests: String,
    pub privileged_containers: String,
}

impl Facts {
    pub fn guest_named(&self, name: &str) -> Option<&Guest> {
        self.guests.values().find(|guest| guest.name == name)
    }

    pub fn guest(&self, vmid: Vmid) -> Option<&Guest> {
        self.guests.get(&vmid.to_string())
    }
}
