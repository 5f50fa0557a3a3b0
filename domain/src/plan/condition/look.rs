//! What has to be looked at, and what was seen there.

use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::observation::{GuestSeen, StorageSeen};
use crate::surroundings::{BackupJobSeen, BackupKey, BackupSeen, HaSeen, PoolSeen};
use serde::{Deserialize, Serialize};

/// What has to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case")]
pub enum LookAt {
    Guest {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
    },
    /// The guest on one of these nodes, the first one first.
    Whereabouts {
        vmid: Vmid,
        kind: GuestKind,
        nodes: Vec<String>,
    },
    Storage {
        id: String,
    },
    Pool {
        id: String,
    },
    Ha {
        sid: String,
    },
    BackupJob {
        id: String,
    },
    /// A backup of the guest with this key in its notes, as the node sees the storage.
    Backup {
        storage: String,
        node: String,
        vmid: Vmid,
        key: BackupKey,
    },
    /// The newest task of this type about the guest that began at or after `since` (seconds since 1970).
    Task {
        node: String,
        vmid: Vmid,
        task: String,
        since: i64,
    },
}

impl LookAt {
    /// The guest it is about.
    pub fn vmid(&self) -> Option<Vmid> {
        match self {
            Self::Guest { vmid, .. }
            | Self::Whereabouts { vmid, .. }
            | Self::Backup { vmid, .. }
            | Self::Task { vmid, .. } => Some(*vmid),
            Self::Ha { sid } => sid.split_once(':')?.1.parse().ok(),
            Self::Storage { .. } | Self::Pool { .. } | Self::BackupJob { .. } => None,
        }
    }
}

/// What was seen. `Absent` is proven absence: two different reads agreed, the node is online, the cluster
/// quorate and the rights sufficient; anything less is `CannotTell`.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    Guest(Box<GuestSeen>),
    Storage(StorageSeen),
    Pool(PoolSeen),
    Ha(HaSeen),
    BackupJob(BackupJobSeen),
    Backup(BackupSeen),
    /// How the task ended; none while it runs.
    Task {
        ended: Option<String>,
    },
    Absent,
    CannotTell {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// With what is different.
    Not(String),
    CannotTell(String),
}
