//! Storages and the volumes on them.

use crate::lenient::{flag, required, text, unsigned};
use serde::{Deserialize, Serialize};

/// An entry of `GET /storage`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageConfig {
    #[serde(deserialize_with = "required")]
    pub storage: String,
    /// `dir`, `nfs`, `lvmthin`, `zfspool` and others.
    #[serde(rename = "type", deserialize_with = "required")]
    pub kind: String,
    /// Comma list in any order.
    #[serde(deserialize_with = "text")]
    pub content: Option<String>,
    /// Comma list of nodes; none means all.
    #[serde(deserialize_with = "text")]
    pub nodes: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub shared: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub disable: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub path: Option<String>,
    #[serde(deserialize_with = "text")]
    pub server: Option<String>,
    #[serde(deserialize_with = "text")]
    pub export: Option<String>,
    #[serde(deserialize_with = "text")]
    pub options: Option<String>,
    #[serde(deserialize_with = "text")]
    pub digest: Option<String>,
}

/// An entry of `GET /nodes/{node}/storage`. Sizes in bytes; zero when not active.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStorage {
    #[serde(deserialize_with = "required")]
    pub storage: String,
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub content: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub active: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub enabled: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub shared: Option<bool>,
    #[serde(deserialize_with = "unsigned")]
    pub total: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub used: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub avail: Option<u64>,
}

answer!(
    /// A volume on a storage. Size in bytes, ctime in seconds since 1970.
    Volume {
        volid: String = "required",
        format: Option<String> = "text",
        content: Option<String> = "text",
        size: Option<u64> = "unsigned",
        used: Option<u64> = "unsigned",
        ctime: Option<u64> = "unsigned",
        vmid: Option<u64> = "unsigned",
        parent: Option<String> = "text",
        notes: Option<String> = "text",
    }
);
