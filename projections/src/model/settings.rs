//! Rules, credentials, and the declarations repository.

use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::ids::{AccountId, DeclarationId};
use domain::repository::Quarantine;
use domain::settings::{Check, Rules};
use serde::{Deserialize, Serialize};

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
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoryRow {
    pub commits: Vec<CommitRow>,
    /// Why looking fails, and since when.
    pub failing: Option<(String, DateTime<Utc>)>,
    pub refreshed_at: Option<DateTime<Utc>>,
}
