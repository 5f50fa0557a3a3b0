//! How a call's outcome is recognised by looking, and what must hold before it is sent.
//!
//! Begin with [`Condition::judge`]. The agent fetches a [`Look`] and asks; the answer is three-valued, because what
//! could not be read is neither done nor undone (I9).

mod expected;
mod guard;
mod look;

pub use expected::Expected;
pub use guard::Guard;
pub use look::{Look, LookAt, Verdict};

use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::observation::{GuestSeen, StorageSeen};
use crate::surroundings::{BackupJobSeen, BackupKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The guest, which was there before us, carries this mark.
    GuestAdopted {
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
    /// The guest moved from one node to another and is not locked any more.
    GuestOn {
        vmid: Vmid,
        kind: GuestKind,
        from: String,
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
    /// The disk lies on this storage.
    DiskOn {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        disk: String,
        storage: String,
    },
    PowerIs {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        running: bool,
    },
    SnapshotIs {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        name: String,
        present: bool,
    },
    /// A task of this type about the guest began at or after `since` (seconds since 1970) and ended well. For what
    /// leaves no other trace: going back to a snapshot. Agent and nodes must share the time to the second.
    TaskDone {
        vmid: Vmid,
        node: String,
        task: String,
        since: i64,
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
    PoolExists {
        id: String,
    },
    PoolHas {
        id: String,
        vmid: Vmid,
        member: bool,
    },
    PoolGone {
        id: String,
    },
    HaIs {
        sid: String,
        state: String,
    },
    HaGone {
        sid: String,
    },
    BackupJobIs {
        id: String,
        job: BackupJobSeen,
    },
    BackupJobGone {
        id: String,
    },
    BackupMade {
        vmid: Vmid,
        node: String,
        storage: String,
        key: BackupKey,
    },
}

impl Condition {
    pub fn look_at(&self) -> LookAt {
        match self {
            Self::GuestExists { vmid, kind, node, .. }
            | Self::GuestAdopted { vmid, kind, node, .. }
            | Self::GuestGone { vmid, kind, node }
            | Self::ConfigHas { vmid, kind, node, .. }
            | Self::DiskAtLeast { vmid, kind, node, .. }
            | Self::DiskOn { vmid, kind, node, .. }
            | Self::SnapshotIs { vmid, kind, node, .. }
            | Self::PowerIs { vmid, kind, node, .. } => {
                LookAt::Guest { vmid: *vmid, kind: *kind, node: node.clone() }
            }
            Self::GuestOn { vmid, kind, from, node } => {
                LookAt::Whereabouts { vmid: *vmid, kind: *kind, nodes: vec![node.clone(), from.clone()] }
            }
            Self::TaskDone { vmid, node, task, since } => {
                LookAt::Task { node: node.clone(), vmid: *vmid, task: task.clone(), since: *since }
            }
            Self::StorageIs { id, .. } | Self::StorageGone { id } => LookAt::Storage { id: id.clone() },
            Self::PoolExists { id } | Self::PoolHas { id, .. } | Self::PoolGone { id } => {
                LookAt::Pool { id: id.clone() }
            }
            Self::HaIs { sid, .. } | Self::HaGone { sid } => LookAt::Ha { sid: sid.clone() },
            Self::BackupJobIs { id, .. } | Self::BackupJobGone { id } => LookAt::BackupJob { id: id.clone() },
            Self::BackupMade { vmid, node, storage, key } => {
                LookAt::Backup { storage: storage.clone(), node: node.clone(), vmid: *vmid, key: *key }
            }
        }
    }

    pub fn judge(&self, look: &Look) -> Verdict {
        match (self, look) {
            (_, Look::CannotTell { why }) => Verdict::CannotTell(why.clone()),
            (
                Self::GuestGone { .. }
                | Self::StorageGone { .. }
                | Self::PoolGone { .. }
                | Self::HaGone { .. }
                | Self::BackupJobGone { .. },
                Look::Absent,
            ) => Verdict::Holds,
            (Self::GuestGone { vmid, .. }, Look::Guest(_)) => {
                Verdict::Not(format!("guest {vmid} is still there"))
            }
            (Self::GuestExists { mark, .. } | Self::GuestAdopted { mark, .. }, Look::Guest(guest)) => {
                exists(guest, *mark)
            }
            (_, Look::Guest(guest)) => self.guest(guest),
            (Self::TaskDone { .. }, Look::Task { ended }) => match ended.as_deref() {
                Some(end) if end == "OK" || end.starts_with("WARNINGS") => Verdict::Holds,
                Some(end) => Verdict::Not(format!("its task ended with: {end}")),
                None => Verdict::CannotTell("its task still runs".into()),
            },
            (Self::StorageGone { id }, Look::Storage(_)) => {
                Verdict::Not(format!("storage {id} is still there"))
            }
            (Self::StorageIs { kind, server, export, content, nodes, .. }, Look::Storage(storage)) => {
                storage_is(storage, kind, server, export, content, nodes)
            }
            (Self::PoolExists { .. }, Look::Pool(_)) => Verdict::Holds,
            (Self::PoolGone { id }, Look::Pool(_)) => Verdict::Not(format!("pool {id} is still there")),
            (Self::PoolHas { id, vmid, member }, Look::Pool(pool)) => {
                match (pool.guests.contains(vmid), member) {
                    (there, wanted) if there == *wanted => Verdict::Holds,
                    (true, _) => Verdict::Not(format!("guest {vmid} is still in pool {id}")),
                    (false, _) => Verdict::Not(format!("guest {vmid} is not in pool {id}")),
                }
            }
            (Self::HaIs { state, .. }, Look::Ha(ha)) if ha.state == *state => Verdict::Holds,
            (Self::HaIs { .. }, Look::Ha(ha)) => Verdict::Not(format!("its state is {}", ha.state)),
            (Self::HaGone { sid }, Look::Ha(_)) => Verdict::Not(format!("{sid} is still managed")),
            (Self::BackupJobIs { job, .. }, Look::BackupJob(seen)) if job == seen => Verdict::Holds,
            (Self::BackupJobIs { id, .. }, Look::BackupJob(_)) => {
                Verdict::Not(format!("backup job {id} is set otherwise"))
            }
            (Self::BackupJobGone { id }, Look::BackupJob(_)) => {
                Verdict::Not(format!("backup job {id} is still there"))
            }
            (Self::BackupMade { .. }, Look::Backup(_)) => Verdict::Holds,
            // What is not there does not run: a step that was done before its guest was destroyed stays done.
            (Self::PowerIs { running: false, .. }, Look::Absent) => Verdict::Holds,
            (_, Look::Absent) => Verdict::Not("it does not exist".into()),
            _ => Verdict::CannotTell("something else was looked at".into()),
        }
    }

    /// Conditions that one guest answers.
    fn guest(&self, guest: &GuestSeen) -> Verdict {
        match self {
            Self::ConfigHas { values, .. } => has_values(guest, values),
            Self::DiskAtLeast { disk, size_gib, .. } => disk_at_least(guest, disk, *size_gib),
            Self::DiskOn { disk, storage, .. } => match guest.disk(disk) {
                Some(seen) if seen.storage == *storage && guest.lock.is_none() => Verdict::Holds,
                Some(seen) => Verdict::Not(format!("{disk} lies on {}", seen.storage)),
                None => Verdict::Not(format!("{disk} is not there")),
            },
            Self::PowerIs { running, .. } if guest.running == *running => Verdict::Holds,
            Self::PowerIs { .. } => {
                Verdict::Not(format!("it is {}", if guest.running { "running" } else { "stopped" }))
            }
            Self::GuestOn { node, .. } => match guest.lock.as_deref() {
                Some(lock) => Verdict::CannotTell(format!("guest {} is still locked ({lock})", guest.vmid)),
                None if guest.node == *node => Verdict::Holds,
                None => Verdict::Not(format!("it is on {}", guest.node)),
            },
            Self::SnapshotIs { name, present, .. } => match guest.lock.as_deref() {
                Some(lock @ ("snapshot" | "snapshot-delete")) => {
                    Verdict::CannotTell(format!("guest {} is still locked ({lock})", guest.vmid))
                }
                _ if guest.snapshots.contains(name) == *present => Verdict::Holds,
                _ if *present => Verdict::Not(format!("there is no snapshot {name}")),
                _ => Verdict::Not(format!("snapshot {name} is still there")),
            },
            _ => Verdict::CannotTell("something else was looked at".into()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_is_neither_done_nor_undone() {
        let gone = Condition::GuestGone { vmid: 110, kind: GuestKind::Vm, node: "pve1".into() };
        assert_eq!(gone.judge(&Look::Absent), Verdict::Holds);
        let blind = Look::CannotTell { why: "pve1 does not answer".into() };
        assert_eq!(gone.judge(&blind), Verdict::CannotTell("pve1 does not answer".into()));
    }

    #[test]
    fn a_task_counts_only_when_it_ended_well() {
        let back =
            Condition::TaskDone { vmid: 110, node: "pve1".into(), task: "qmrollback".into(), since: 1 };
        let ended = |end: &str| back.judge(&Look::Task { ended: Some(end.into()) });
        assert_eq!(ended("OK"), Verdict::Holds);
        assert_eq!(ended("WARNINGS: 2"), Verdict::Holds);
        assert!(matches!(ended("no space left"), Verdict::Not(_)));
        assert!(matches!(back.judge(&Look::Task { ended: None }), Verdict::CannotTell(_)));
        assert!(matches!(back.judge(&Look::Absent), Verdict::Not(_)));
    }
}
