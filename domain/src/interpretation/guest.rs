//! What is declared about one guest.

use crate::ids::Vmid;
use serde::{Deserialize, Serialize};

/// `create`: must not exist yet · `update`: set the fields given, touch nothing else · `destroy`: remove
/// guest and disks · `keep`: left alone on purpose · `adopt`: take under management, changing nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestChange {
    Create,
    Update,
    Destroy,
    Keep,
    Adopt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    Vm,
    Container,
}

impl GuestKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Container => "container",
        }
    }

    /// The word in API paths: `qemu` or `lxc`.
    pub fn api(self) -> &'static str {
        match self {
            Self::Vm => "qemu",
            Self::Container => "lxc",
        }
    }

    /// The word in sentences.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Vm => "VM",
            Self::Container => "container",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    Running,
    Stopped,
}

/// One guest; a field that is absent is not spoken of. Memory in MiB, disks in GiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestWish {
    pub change: GuestChange,
    pub kind: GuestKind,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<Vmid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iso: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<Vmid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap_mib: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_gib: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_disks: Vec<DiskWish>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// `dhcp` or an address with its prefix length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_on_boot: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_order: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_delay_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ha: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprivileged: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_user: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uefi: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl GuestWish {
    /// A wish that says nothing yet but what is changed and what it is called.
    pub fn new(change: GuestChange, kind: GuestKind, name: impl Into<String>) -> Self {
        Self {
            change,
            kind,
            name: name.into(),
            vmid: None,
            new_name: None,
            image: None,
            iso: None,
            copy_of: None,
            cores: None,
            memory_mib: None,
            swap_mib: None,
            disk_gib: None,
            storage: None,
            extra_disks: Vec::new(),
            node: None,
            bridge: None,
            vlan: None,
            ip: None,
            gateway: None,
            nameservers: Vec::new(),
            start_on_boot: None,
            start_order: None,
            start_delay_s: None,
            power: None,
            tags: Vec::new(),
            remove_tags: Vec::new(),
            pool: None,
            ha: None,
            protected: None,
            unprivileged: None,
            login_user: None,
            ssh_keys: Vec::new(),
            uefi: None,
            tpm: None,
            description: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskWish {
    pub size_gib: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Mount point inside a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
