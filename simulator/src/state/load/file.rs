//! The form of a cluster file. What the simulator does not use is not read.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub struct File {
    pub cluster: Option<String>,
    pub nodes: BTreeMap<String, FileNode>,
    #[serde(default)]
    pub storages: BTreeMap<String, FileStorage>,
    #[serde(default)]
    pub bridges: BTreeMap<String, FileBridge>,
    #[serde(default)]
    pub network: FileNetwork,
    #[serde(default)]
    pub vlans: BTreeMap<String, FileNetwork>,
    #[serde(default)]
    pub images: FileImages,
    #[serde(default)]
    pub isos: BTreeMap<String, FileIso>,
    #[serde(default)]
    pub guests: BTreeMap<String, FileGuest>,
    #[serde(default)]
    pub pools: BTreeMap<String, FilePool>,
    #[serde(default)]
    pub backups: BTreeMap<String, FileBackup>,
}

/// A backup job; its guests by name.
#[derive(Deserialize)]
pub struct FileBackup {
    #[serde(default)]
    pub guests: Vec<String>,
    pub storage: String,
    pub schedule: String,
    pub keep_last: Option<u32>,
}

#[derive(Deserialize)]
pub struct FileNode {
    #[serde(default = "yes")]
    pub online: bool,
    pub threads: u32,
    pub memory_mib: u64,
    pub memory_free_mib: u64,
    #[serde(default)]
    pub address: String,
}

#[derive(Deserialize)]
pub struct FileStorage {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub shared: bool,
    #[serde(default)]
    pub nodes: Vec<String>,
    #[serde(default)]
    pub content: Vec<String>,
    #[serde(default)]
    pub free_gib: BTreeMap<String, f64>,
    pub server: Option<String>,
    pub export: Option<String>,
    pub path: Option<String>,
}

#[derive(Deserialize)]
pub struct FileBridge {
    #[serde(default)]
    pub vlan_aware: bool,
    #[serde(default)]
    pub nodes: Vec<String>,
}

#[derive(Default, Deserialize)]
pub struct FileNetwork {
    pub bridge: Option<String>,
    pub cidr: Option<String>,
    pub gateway: Option<String>,
}

#[derive(Default, Deserialize)]
pub struct FileImages {
    #[serde(default)]
    pub vm: BTreeMap<String, FileVmImage>,
    #[serde(default)]
    pub container: BTreeMap<String, FileCtImage>,
}

#[derive(Deserialize)]
pub struct FileVmImage {
    pub vmid: u32,
    pub node: String,
    pub storage: String,
    pub disk_gib: f64,
}

#[derive(Deserialize)]
pub struct FileCtImage {
    pub file: String,
    pub storage: String,
}

#[derive(Deserialize)]
pub struct FileIso {
    pub storage: String,
}

#[derive(Deserialize)]
pub struct FilePool {
    #[serde(default)]
    pub members: Vec<String>,
}

#[derive(Deserialize)]
pub struct FileGuest {
    pub vmid: u32,
    pub name: String,
    pub kind: String,
    pub node: String,
    pub cores: u32,
    pub memory_mib: u64,
    pub disk_gib: f64,
    pub storage: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub managed: bool,
    #[serde(default)]
    pub protected: bool,
    pub image: Option<String>,
    pub ip: Option<String>,
    pub vlan: Option<u32>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub start_on_boot: bool,
    pub start_order: Option<u32>,
    pub pool: Option<String>,
    #[serde(default)]
    pub extra_disks: Vec<Value>,
    #[serde(default)]
    pub snapshots: Vec<Value>,
    #[serde(default)]
    pub notes: String,
}

fn yes() -> bool {
    true
}
