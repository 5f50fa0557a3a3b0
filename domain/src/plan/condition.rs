//! How a call's outcome is recognised by looking, and what must hold before it is sent.
//!
//! The agent fetches a [`Look`] and asks; the answer is three-valued, because what could not be read is
//! neither done nor undone (I9).

use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::observation::{GuestSeen, StorageSeen};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What has to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum LookAt {
    Guest { vmid: Vmid, kind: GuestKind, node: String },
    Storage { id: String },
}

/// What was seen. `Absent` is proven absence: two different reads agreed, the node is online, the cluster
/// quorate and the rights sufficient; anything less is `CannotTell`.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    Guest(Box<GuestSeen>),
    Storage(StorageSeen),
    Absent,
    CannotTell { why: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// With what is different.
    Not(String),
    CannotTell(String),
}

/// A value a configuration key must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "value", rename_all = "kebab-case")]
pub enum Expected {
    /// Exactly this text.
    Equal(String),
    /// This whole number, however it is written.
    Number(u64),
    /// These tags and no others, in any order.
    Tags(Vec<String>),
    /// These `key=value` options among others (`net0`, `ipconfig0`).
    Options(BTreeMap<String, String>),
    /// Something is there: a cloud-init drive, a key that is stored masked.
    Present,
    Absent,
}

/// When a call is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub enum Condition {
    /// The guest exists, carries this mark and no lock of creation.
    GuestExists {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        mark: Mark,
    },
    GuestGone {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
    },
    ConfigHas {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        values: BTreeMap<String, Expected>,
    },
    DiskAtLeast {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        disk: String,
        size_gib: u64,
    },
    PowerIs {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        running: bool,
    },
    StorageIs {
        id: String,
        kind: String,
        server: String,
        export: String,
        content: Vec<String>,
        nodes: Vec<String>,
    },
    StorageGone {
        id: String,
    },
}

impl Condition {
    pub fn look_at(&self) -> LookAt {
        match self {
            Self::GuestExists { vmid, kind, node, .. }
            | Self::GuestGone { vmid, kind, node }
            | Self::ConfigHas { vmid, kind, node, .. }
            | Self::DiskAtLeast { vmid, kind, node, .. }
            | Self::PowerIs { vmid, kind, node, .. } => {
                LookAt::Guest { vmid: *vmid, kind: *kind, node: node.clone() }
            }
            Self::StorageIs { id, .. } | Self::StorageGone { id } => LookAt::Storage { id: id.clone() },
        }
    }

    pub fn judge(&self, look: &Look) -> Verdict {
        match (self, look) {
            (_, Look::CannotTell { why }) => Verdict::CannotTell(why.clone()),
            (Self::GuestGone { .. } | Self::StorageGone { .. }, Look::Absent) => Verdict::Holds,
            (Self::GuestGone { vmid, .. }, Look::Guest(_)) => {
                Verdict::Not(format!("guest {vmid} is still there"))
            }
            (Self::StorageGone { id }, Look::Storage(_)) => {
                Verdict::Not(format!("storage {id} is still there"))
            }
            (Self::GuestExists { mark, .. }, Look::Guest(guest)) => exists(guest, *mark),
            (Self::ConfigHas { values, .. }, Look::Guest(guest)) => has_values(guest, values),
            (Self::DiskAtLeast { disk, size_gib, .. }, Look::Guest(guest)) => {
                disk_at_least(guest, disk, *size_gib)
            }
            (Self::PowerIs { running, .. }, Look::Guest(guest)) if guest.running == *running => {
                Verdict::Holds
            }
            // What is not there does not run: a step that was done before its guest was destroyed stays done.
            (Self::PowerIs { running: false, .. }, Look::Absent) => Verdict::Holds,
            (Self::PowerIs { .. }, Look::Guest(guest)) => {
                Verdict::Not(format!("it is {}", if guest.running { "running" } else { "stopped" }))
            }
            (Self::StorageIs { kind, server, export, content, nodes, .. }, Look::Storage(storage)) => {
                storage_is(storage, kind, server, export, content, nodes)
            }
            (_, Look::Absent) => Verdict::Not("it does not exist".into()),
            (_, Look::Guest(_) | Look::Storage(_)) => {
                Verdict::CannotTell("something else was looked at".into())
            }
        }
    }
}

/// While it is being made a guest shows nothing but its lock; the mark comes with the end of the task.
fn exists(guest: &GuestSeen, mark: Mark) -> Verdict {
    match (guest.mark(), guest.lock.as_deref()) {
        (_, Some(lock)) => Verdict::CannotTell(format!("guest {} is still locked ({lock})", guest.vmid)),
        (Some(found), None) if found == mark => Verdict::Holds,
        (_, None) => Verdict::Not(format!("guest {} exists but does not carry our mark", guest.vmid)),
    }
}

fn has_values(guest: &GuestSeen, values: &BTreeMap<String, Expected>) -> Verdict {
    for (key, expected) in values {
        let seen = guest.config.get(key).map(String::as_str);
        if !expected.met_by(seen) {
            return Verdict::Not(format!("{key} is {}", seen.unwrap_or("not set")));
        }
    }
    Verdict::Holds
}

fn disk_at_least(guest: &GuestSeen, disk: &str, size_gib: u64) -> Verdict {
    match guest.disk(disk).and_then(|disk| disk.size_gib) {
        Some(size) if size >= size_gib => Verdict::Holds,
        Some(size) => Verdict::Not(format!("{disk} has {size} GiB")),
        None => Verdict::Not(format!("{disk} is not there")),
    }
}

fn storage_is(
    storage: &StorageSeen,
    kind: &str,
    server: &str,
    export: &str,
    content: &[String],
    nodes: &[String],
) -> Verdict {
    let same = |a: &[String], b: &[String]| {
        let (mut a, mut b) = (a.to_vec(), b.to_vec());
        a.sort();
        b.sort();
        a == b
    };
    if storage.kind != kind
        || storage.server.as_deref() != Some(server)
        || storage.export.as_deref() != Some(export)
    {
        return Verdict::Not("a storage of this name points elsewhere".into());
    }
    if !same(&storage.content, content) {
        return Verdict::Not(format!("its content is {}", storage.content.join(", ")));
    }
    if !nodes.is_empty() && !same(&storage.nodes, nodes) {
        return Verdict::Not(format!("it is on {}", storage.nodes.join(", ")));
    }
    Verdict::Holds
}

impl Expected {
    fn met_by(&self, seen: Option<&str>) -> bool {
        match (self, seen) {
            (Self::Absent, seen) => seen.is_none(),
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Equal(wanted), Some(seen)) => wanted == seen,
            (Self::Number(wanted), Some(seen)) => seen.trim().parse() == Ok(*wanted),
            (Self::Tags(wanted), Some(seen)) => {
                let mut seen: Vec<&str> = seen.split([';', ',', ' ']).filter(|tag| !tag.is_empty()).collect();
                let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                seen.sort_unstable();
                wanted.sort_unstable();
                seen == wanted
            }
            (Self::Options(wanted), Some(seen)) => {
                let seen: BTreeMap<&str, &str> =
                    seen.split(',').filter_map(|part| part.split_once('=')).collect();
                wanted.iter().all(|(key, value)| seen.get(key.as_str()) == Some(&value.as_str()))
            }
        }
    }
}

/// What must be true right before a call is sent (I8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "guard", rename_all = "kebab-case")]
pub enum Guard {
    /// The guest is the one that was planned for: number, name, mark and creation stamp.
    GuestIs {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        name: String,
        mark: Mark,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<String>,
    },
    /// Nothing has this number yet.
    VmidFree {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
    },
    StorageFree {
        id: String,
    },
}

impl Guard {
    pub fn look_at(&self) -> LookAt {
        match self {
            Self::GuestIs { vmid, kind, node, .. } | Self::VmidFree { vmid, kind, node } => {
                LookAt::Guest { vmid: *vmid, kind: *kind, node: node.clone() }
            }
            Self::StorageFree { id } => LookAt::Storage { id: id.clone() },
        }
    }

    pub fn judge(&self, look: &Look) -> Verdict {
        match (self, look) {
            (_, Look::CannotTell { why }) => Verdict::CannotTell(why.clone()),
            (Self::VmidFree { .. } | Self::StorageFree { .. }, Look::Absent) => Verdict::Holds,
            (Self::VmidFree { vmid, .. }, Look::Guest(guest)) => {
                Verdict::Not(format!("number {vmid} is taken by {}", guest.name))
            }
            (Self::StorageFree { id }, Look::Storage(_)) => {
                Verdict::Not(format!("storage {id} exists already"))
            }
            (Self::GuestIs { name, mark, stamp, .. }, Look::Guest(guest)) => {
                if guest.mark() != Some(*mark) {
                    Verdict::Not(format!("guest {} does not carry our mark", guest.vmid))
                } else if guest.name != *name {
                    Verdict::Not(format!("guest {} is called {}, not {name}", guest.vmid, guest.name))
                } else if stamp.is_some() && guest.stamp() != stamp.as_deref() {
                    Verdict::Not(format!("guest {} was made anew since the plan", guest.vmid))
                } else {
                    Verdict::Holds
                }
            }
            (Self::GuestIs { vmid, .. }, Look::Absent) => Verdict::Not(format!("guest {vmid} is gone")),
            _ => Verdict::CannotTell("something else was looked at".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_options_are_compared_by_meaning() {
        assert!(Expected::Tags(vec!["web".into(), "mycopod".into()]).met_by(Some("mycopod;web")));
        let options = BTreeMap::from([("bridge".to_owned(), "vmbr0".to_owned())]);
        assert!(Expected::Options(options.clone()).met_by(Some("virtio=BC:24:11:00:00:01,bridge=vmbr0")));
        assert!(!Expected::Options(options).met_by(Some("virtio=BC:24:11:00:00:01,bridge=vmbr1")));
        assert!(Expected::Number(8192).met_by(Some("8192")));
    }

    #[test]
    fn what_could_not_be_read_is_neither_done_nor_undone() {
        let gone = Condition::GuestGone { vmid: 110, kind: GuestKind::Vm, node: "pve1".into() };
        assert_eq!(gone.judge(&Look::Absent), Verdict::Holds);
        let blind = Look::CannotTell { why: "pve1 does not answer".into() };
        assert_eq!(gone.judge(&blind), Verdict::CannotTell("pve1 does not answer".into()));
    }
}
