//! Rules, credentials, and the declarations repository.

use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::ids::{AccountId, DeclarationId};
use domain::plan::InterpreterIdentity;
use domain::repository::{Decision, Doubt, Quarantine};
use domain::settings::{Check, InterpreterScore, Rules};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CredentialRow {
    pub name: String,
    pub fingerprint: String,
    pub stored_at: DateTime<Utc>,
    pub by: Option<AccountId>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SettingsRow {
    pub rules: Option<Rules>,
    pub rules_set_at: Option<DateTime<Utc>>,
    pub credentials: Vec<CredentialRow>,
    /// The newest test of each credential.
    pub tests: Vec<TestRow>,
    /// The newest score of each interpreter, oldest first.
    #[serde(default)]
    pub scores: Vec<ScoreRow>,
}

/// How an interpreter did when it was tried last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRow {
    pub interpreter: InterpreterIdentity,
    pub score: InterpreterScore,
    pub at: DateTime<Utc>,
}

/// A test of a credential, under way or over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRow {
    pub name: String,
    pub asked_at: DateTime<Utc>,
    pub by: Option<AccountId>,
    pub checks: Vec<Check>,
    /// When it was over, and whether it passed.
    pub ended: Option<(DateTime<Utc>, bool)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommitRow {
    pub position: i64,
    pub seen_at: DateTime<Utc>,
    pub commit: String,
    pub author: String,
    pub subject: String,
    pub declaration: Option<DeclarationId>,
    pub plan: Option<Digest>,
    /// Set aside, why, and the detail.
    pub quarantine: Option<(Quarantine, String)>,
    /// Declarations drafted from its English by themselves.
    #[serde(default)]
    pub drafts: Vec<DeclarationId>,
}

/// What became of a commit that was set aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionRow {
    pub commit: String,
    /// What was decided last, by whom, when.
    pub decided: Option<(Decision, AccountId, DateTime<Utc>)>,
    /// Why that could not be done; another decision is waited for.
    pub failed: Option<String>,
    /// When it was done, with the declarations drafted and the commit that restored what was approved.
    pub settled: Option<(DateTime<Utc>, Vec<DeclarationId>, Option<String>)>,
}

impl DecisionRow {
    /// Whether an Admin is waited for.
    pub fn waits(&self) -> bool {
        self.settled.is_none() && (self.decided.is_none() || self.failed.is_some())
    }
}

/// The anchors in the repository do not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoubtRow {
    pub doubt: Doubt,
    pub position: i64,
    pub commit: String,
    pub detail: String,
    pub since: DateTime<Utc>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoryRow {
    pub commits: Vec<CommitRow>,
    /// Why looking fails, and since when.
    pub failing: Option<(String, DateTime<Utc>)>,
    pub refreshed_at: Option<DateTime<Utc>>,
    /// By the commit that was set aside.
    #[serde(default)]
    pub decisions: BTreeMap<String, DecisionRow>,
    #[serde(default)]
    pub doubt: Option<DoubtRow>,
}

impl RepositoryRow {
    /// The commits that are set aside and wait for an Admin, the newest first.
    pub fn waiting(&self) -> impl Iterator<Item = &CommitRow> {
        self.commits.iter().filter(|row| {
            row.quarantine.is_some() && self.decisions.get(&row.commit).is_none_or(DecisionRow::waits)
        })
    }
}
