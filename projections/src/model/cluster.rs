//! The cluster as last seen, and what of it is ours.

use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::cluster::Origin;
use domain::drift::{Drift, LeftAlone};
use domain::ids::{AccountId, Vmid};
use domain::mark::Mark;
use domain::observation::{GuestSeen, NodeSeen, StorageSeen};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    pub by: Option<AccountId>,
    pub at: DateTime<Utc>,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterMeta {
    pub name: String,
    pub demo: bool,
    pub addresses: Vec<String>,
    pub observed_at: Option<DateTime<Utc>>,
    pub pve_version: String,
    pub quorate: bool,
    /// Calls of the last look, and how long they took in sum.
    pub reads: usize,
    pub reads_ms: u64,
    pub frozen: Option<Frozen>,
    /// Why the last look failed, what to do, and since when.
    pub failing: Option<(String, String, DateTime<Utc>)>,
    /// Guests and storages nobody can judge now, and why.
    #[serde(default)]
    pub unjudged: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    pub name: String,
    pub node: NodeSeen,
    pub seen_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageRow {
    pub id: String,
    pub storage: StorageSeen,
    pub seen_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    pub name: String,
    pub mark: Mark,
    pub origin: Origin,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestRow {
    pub vmid: Vmid,
    /// None: claimed and not seen (yet, or any more).
    pub seen: Option<GuestSeen>,
    pub changed_at: DateTime<Utc>,
    pub claim: Option<ClaimRow>,
    /// Positions of the newest events about it.
    pub history: Vec<i64>,
}

impl GuestRow {
    /// Ours: it carries the mark that the log has for its number.
    pub fn is_ours(&self) -> bool {
        let mark = self.seen.as_ref().and_then(GuestSeen::mark);
        mark.is_some() && mark == self.claim.as_ref().map(|claim| claim.mark)
    }
}

/// One field that is not as a run put it in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftRow {
    pub drift: Drift,
    /// Somebody decided to leave it as it is.
    pub left: Option<LeftAlone>,
    /// Position of the event that said it last.
    pub position: i64,
}

impl DriftRow {
    /// Whether it counts: nobody left it alone, or that is over.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        !self.left.as_ref().is_some_and(|left| left.covers(&self.drift, now))
    }
}

/// How a subject would be put back, waiting for an Admin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutBackRow {
    pub subject: String,
    pub digest: Digest,
    pub sentences: Vec<String>,
    pub calls: Vec<String>,
    pub position: i64,
}

/// Everything the cluster page needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterView {
    pub meta: ClusterMeta,
    pub nodes: Vec<NodeRow>,
    pub storages: Vec<StorageRow>,
    pub guests: Vec<GuestRow>,
    #[serde(default)]
    pub drift: Vec<DriftRow>,
    #[serde(default)]
    pub put_backs: Vec<PutBackRow>,
}

impl ClusterView {
    /// Differences of one guest that count.
    pub fn drift_of(&self, vmid: Vmid, now: DateTime<Utc>) -> impl Iterator<Item = &DriftRow> {
        self.drift.iter().filter(move |row| row.drift.vmid == Some(vmid) && row.is_open(now))
    }
}
