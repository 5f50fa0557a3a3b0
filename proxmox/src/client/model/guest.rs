//! VMs and containers.

use crate::lenient::{self, flag, float, required, text, unsigned};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The two kinds of guest; they share one number space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestKind {
    Vm,
    Container,
}

impl GuestKind {
    /// The path segment and resource type: `qemu` or `lxc`.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Vm => "qemu",
            Self::Container => "lxc",
        }
    }

    /// Reads `qemu` or `lxc`.
    pub fn from_segment(segment: &str) -> Option<Self> {
        [Self::Vm, Self::Container].into_iter().find(|kind| kind.segment() == segment)
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.segment())
    }
}

/// A guest's configuration, every value as the text a form would send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestConfig {
    pub options: BTreeMap<String, String>,
    /// Of the configuration file; send it back with a change.
    pub digest: Option<String>,
}

impl GuestConfig {
    pub(in crate::client) fn from_data(data: Value) -> Option<Self> {
        let mut options = lenient::texts(data)?;
        let digest = options.remove("digest");
        Some(Self { options, digest })
    }

    pub fn get(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }
}

answer!(
    /// An option with what waits to be applied.
    PendingOption {
        key: String = "required",
        /// The value in force.
        value: Option<String> = "text",
        /// The value after the next stop and start.
        pending: Option<String> = "text",
        /// 1: will be removed; 2: by force.
        delete: Option<u64> = "unsigned",
    }
);

impl PendingOption {
    pub fn is_pending(&self) -> bool {
        self.pending.is_some() || self.delete.is_some_and(|delete| delete > 0)
    }
}

/// `GET …/status/current`. Sizes in bytes, uptime in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestStatus {
    /// `running` or `stopped`.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    /// Finer state of a VM, such as `paused`.
    #[serde(deserialize_with = "text")]
    pub qmpstatus: Option<String>,
    #[serde(deserialize_with = "text")]
    pub lock: Option<String>,
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "unsigned")]
    pub vmid: Option<u64>,
    #[serde(deserialize_with = "flag")]
    pub template: Option<bool>,
    #[serde(deserialize_with = "text")]
    pub tags: Option<String>,
    /// Is the guest agent switched on in the configuration of the running VM?
    #[serde(deserialize_with = "flag")]
    pub agent: Option<bool>,
    #[serde(deserialize_with = "float")]
    pub cpus: Option<f64>,
    #[serde(deserialize_with = "float")]
    pub cpu: Option<f64>,
    #[serde(deserialize_with = "unsigned")]
    pub mem: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub maxmem: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub maxdisk: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub uptime: Option<u64>,
    #[serde(deserialize_with = "unsigned")]
    pub pid: Option<u64>,
    /// High-availability state; `managed` is 1 when the guest is a resource.
    pub ha: Value,
}

impl GuestStatus {
    pub fn is_running(&self) -> bool {
        self.status.as_deref() == Some("running")
    }

    pub fn is_ha_managed(&self) -> bool {
        self.ha.get("managed").is_some_and(lenient::truthy)
    }
}

answer!(
    /// A snapshot; `current` is the present state. Time in seconds since 1970.
    Snapshot {
        name: String = "required",
        parent: Option<String> = "text",
        description: Option<String> = "text",
        snaptime: Option<u64> = "unsigned",
        vmstate: Option<bool> = "flag",
    }
);
