//! What surrounds the guests of the cluster: pools, high availability, backups, and what our token may do.
//!
//! Begin with [`Surroundings`]. A part that could not be read is none: "no pool" and "pools cannot be read" are
//! different things, and the planner treats them so (I9).

use crate::contract::Permissions;
use crate::ids::Vmid;
use crate::interpretation::GuestKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Everything of the cluster that belongs to no single node, storage or guest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surroundings {
    /// By name. Only pools that our token may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pools: Option<BTreeMap<String, PoolSeen>>,
    /// By service id: `vm:110`, `ct:112`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ha: Option<BTreeMap<String, HaSeen>>,
    /// By job id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_jobs: Option<BTreeMap<String, BackupJobSeen>>,
    /// Backups that a plan of ours made, by the key in their notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backups: BTreeMap<BackupKey, BackupSeen>,
    /// What our token may do, as `GET /access/permissions` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<Permissions>,
    /// Our token's name, such as `mycopod@pve!agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Surroundings {
    /// The high availability of a guest: none where it is not managed or cannot be read.
    pub fn ha_of(&self, kind: GuestKind, vmid: Vmid) -> Option<&HaSeen> {
        self.ha.as_ref()?.get(&sid(kind, vmid))
    }
}

/// The service id of a guest in the high availability manager.
pub fn sid(kind: GuestKind, vmid: Vmid) -> String {
    match kind {
        GuestKind::Vm => format!("vm:{vmid}"),
        GuestKind::Container => format!("ct:{vmid}"),
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSeen {
    pub guests: BTreeSet<Vmid>,
    pub storages: BTreeSet<String>,
}

impl PoolSeen {
    pub fn is_empty(&self) -> bool {
        self.guests.is_empty() && self.storages.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaSeen {
    /// What is wanted: `started`, `stopped`, `disabled`, `ignored`.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl HaSeen {
    /// Does the manager act on it?
    pub fn acts(&self) -> bool {
        self.state != "ignored"
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupJobSeen {
    /// Guests by number, sorted; empty where it covers a pool or everything.
    pub guests: Vec<Vmid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// A calendar event of Proxmox, such as `02:30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
    pub enabled: bool,
    /// It covers everything, or a pool.
    #[serde(default)]
    pub wide: bool,
}

/// Names one backup of one guest for one declaration, so that the same text makes it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackupKey(pub Uuid);

const BACKUP_PREFIX: &str = "mycopod backup=";

impl BackupKey {
    pub fn derive(declaration: Uuid, vmid: Vmid) -> Self {
        Self(Uuid::new_v5(&declaration, format!("backup/{vmid}").as_bytes()))
    }

    /// What the notes of the backup say.
    pub fn notes(self) -> String {
        format!("{BACKUP_PREFIX}{}", self.0)
    }

    /// The key in a backup's notes.
    pub fn find(notes: &str) -> Option<Self> {
        notes.lines().find_map(|line| line.trim().strip_prefix(BACKUP_PREFIX)?.parse().ok()).map(Self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSeen {
    pub vmid: Vmid,
    pub storage: String,
    /// Volume id.
    pub volume: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_the_notes_it_wrote() {
        let key = BackupKey::derive(Uuid::from_u128(14), 110);
        assert_eq!(BackupKey::find(&key.notes()), Some(key));
        assert_eq!(BackupKey::find(&format!("web-old\n{}", key.notes())), Some(key));
        assert_eq!(BackupKey::find("mycopod backup=no"), None);
    }
}
