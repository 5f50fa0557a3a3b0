//! Drift: what our runs put in force, compared field by field with what was seen.
//!
//! [`Applied`] is what finished steps left behind: a fold of calls, so that drift means "differs from what was done",
//! never "differs from what somebody would plan today". [`judge`] compares it with one look at the cluster; both sides
//! go through the very conditions by which the executor saw that a call was done, so what was just applied never
//! differs. Fields nobody set are left alone.
//!
//! Never here: reading the cluster, clocks, deciding what to do about it.

mod applied;
mod compare;
pub mod put_back;
#[cfg(test)]
mod tests;
mod words;

pub use applied::{Applied, AppliedGuest};
pub use compare::{Judged, Sight, judge};

use crate::ids::{AccountId, DeclarationId, Vmid};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One field of one guest or storage that is not as it was put in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// `guest/110`, `storage/tank-nfs`.
    pub subject: String,
    /// The guest's or storage's name when it was put in force.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<Vmid>,
    /// The word of the page: memory, cores, VLAN, power.
    pub field: String,
    pub declared: String,
    pub observed: String,
    /// When it was changed, where the cluster's task list tells; else when it was first seen.
    pub since: DateTime<Utc>,
    /// Who changed it, where the task list tells: `root@pam`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The task that changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The declaration whose run put the field in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<DeclarationId>,
}

impl Drift {
    /// `guest/110/memory`: one row, one badge.
    pub fn key(&self) -> String {
        key(&self.subject, &self.field)
    }
}

/// The key of a field of a subject.
pub fn key(subject: &str, field: &str) -> String {
    format!("{subject}/{field}")
}

pub fn guest(vmid: Vmid) -> String {
    format!("guest/{vmid}")
}

/// A difference that a person decided to leave as it is for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftAlone {
    pub by: AccountId,
    pub why: String,
    /// None: until somebody says otherwise, or the value changes again.
    pub until: Option<DateTime<Utc>>,
    /// What it was when it was left alone; another value counts anew.
    pub observed: String,
}

impl LeftAlone {
    /// Whether it still holds for this difference at this moment.
    pub fn covers(&self, drift: &Drift, now: DateTime<Utc>) -> bool {
        self.observed == drift.observed && self.until.is_none_or(|until| now < until)
    }
}

/// What is done about a difference, by the owner's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// It is shown; a person may have it put back.
    #[default]
    Report,
    /// Putting it back is worked out and waits for an Admin's approval.
    Ask,
    /// It is put back by itself. Power and missing guests never are.
    Heal,
}

impl Choice {
    pub const ALL: [Self; 3] = [Self::Report, Self::Ask, Self::Heal];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Ask => "ask",
            Self::Heal => "heal",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == name)
    }

    pub fn is_report(&self) -> bool {
        *self == Self::Report
    }
}
