//! What must be true right before a call is sent (I8).

use super::{Look, LookAt, Verdict};
use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::observation::GuestSeen;
use serde::{Deserialize, Serialize};

/// Asked right before a call; where one fails, nothing is sent.
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
    /// The guest is the one that was planned for, and nobody has taken it under management yet.
    GuestUnmarked {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<String>,
    },
    /// Nobody changed the guest since the plan was made: its configuration by its digest, and whether it runs. Asked
    /// before the plan's first call on it; later calls find what the earlier ones made.
    AsSeen {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        digest: String,
        running: bool,
    },
    /// The guest holds no volume and no snapshot besides these: what an approver saw is all that is lost.
    HoldsOnly {
        vmid: Vmid,
        kind: GuestKind,
        node: String,
        volumes: Vec<String>,
        snapshots: Vec<String>,
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
    /// The job does not exist yet.
    BackupJobFree {
        id: String,
    },
}

impl Guard {
    pub fn look_at(&self) -> LookAt {
        match self {
            Self::GuestIs { vmid, kind, node, .. }
            | Self::GuestUnmarked { vmid, kind, node, .. }
            | Self::AsSeen { vmid, kind, node, .. }
            | Self::HoldsOnly { vmid, kind, node, .. }
            | Self::VmidFree { vmid, kind, node } => {
                LookAt::Guest { vmid: *vmid, kind: *kind, node: node.clone() }
            }
            Self::StorageFree { id } => LookAt::Storage { id: id.clone() },
            Self::BackupJobFree { id } => LookAt::BackupJob { id: id.clone() },
        }
    }

    pub fn judge(&self, look: &Look) -> Verdict {
        match (self, look) {
            (_, Look::CannotTell { why }) => Verdict::CannotTell(why.clone()),
            (Self::VmidFree { .. } | Self::StorageFree { .. } | Self::BackupJobFree { .. }, Look::Absent) => {
                Verdict::Holds
            }
            (Self::VmidFree { vmid, .. }, Look::Guest(guest)) => {
                Verdict::Not(format!("number {vmid} is taken by {}", guest.name))
            }
            (Self::StorageFree { id }, Look::Storage(_)) => {
                Verdict::Not(format!("storage {id} exists already"))
            }
            (Self::BackupJobFree { id }, Look::BackupJob(_)) => {
                Verdict::Not(format!("backup job {id} exists already"))
            }
            (Self::GuestIs { name, mark, stamp, .. }, Look::Guest(guest)) => {
                if guest.mark() != Some(*mark) {
                    Verdict::Not(format!("guest {} does not carry our mark", guest.vmid))
                } else {
                    same(guest, name, stamp.as_deref())
                }
            }
            (Self::GuestUnmarked { name, stamp, .. }, Look::Guest(guest)) => match guest.mark() {
                Some(_) => Verdict::Not(format!("guest {} carries a mark already", guest.vmid)),
                None => same(guest, name, stamp.as_deref()),
            },
            (Self::AsSeen { digest, running, .. }, Look::Guest(guest)) => as_seen(guest, digest, *running),
            (Self::HoldsOnly { volumes, snapshots, .. }, Look::Guest(guest)) => {
                holds_only(guest, volumes, snapshots)
            }
            (
                Self::GuestIs { vmid, .. }
                | Self::GuestUnmarked { vmid, .. }
                | Self::AsSeen { vmid, .. }
                | Self::HoldsOnly { vmid, .. },
                Look::Absent,
            ) => Verdict::Not(format!("guest {vmid} is gone")),
            _ => Verdict::CannotTell("something else was looked at".into()),
        }
    }
}

fn same(guest: &GuestSeen, name: &str, stamp: Option<&str>) -> Verdict {
    if guest.name != name {
        Verdict::Not(format!("guest {} is called {}, not {name}", guest.vmid, guest.name))
    } else if stamp.is_some() && guest.stamp() != stamp {
        Verdict::Not(format!("guest {} was made anew since the plan", guest.vmid))
    } else {
        Verdict::Holds
    }
}

/// A lock is part of the configuration while work goes on, so under one nobody can tell.
fn as_seen(guest: &GuestSeen, digest: &str, running: bool) -> Verdict {
    let word = |running: bool| if running { "running" } else { "stopped" };
    if let Some(lock) = &guest.lock {
        Verdict::CannotTell(format!("guest {} is locked ({lock})", guest.vmid))
    } else if guest.running != running {
        Verdict::Not(format!("guest {} is {} since the plan was made", guest.vmid, word(guest.running)))
    } else if guest.digest != digest {
        Verdict::Not(format!("the configuration of guest {} changed since the plan was made", guest.vmid))
    } else {
        Verdict::Holds
    }
}

fn holds_only(guest: &GuestSeen, volumes: &[String], snapshots: &[String]) -> Verdict {
    if let Some(other) = guest.volumes().into_iter().find(|volume| !volumes.contains(volume)) {
        return Verdict::Not(format!("guest {} has a disk that the plan does not show: {other}", guest.vmid));
    }
    if let Some(other) = guest.snapshots.iter().find(|name| !snapshots.contains(name)) {
        return Verdict::Not(format!(
            "guest {} has a snapshot that the plan does not show: {other}",
            guest.vmid
        ));
    }
    Verdict::Holds
}
