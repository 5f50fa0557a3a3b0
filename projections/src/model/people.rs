//! People.

use chrono::{DateTime, Utc};
use domain::account::Role;
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};

/// One account. Sealed at rest, because of the password hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub role: Role,
    pub password_hash: String,
    pub disabled: bool,
    pub demo: bool,
    pub registered_at: DateTime<Utc>,
    pub last_sign_in: Option<DateTime<Utc>>,
    /// Since the last sign-in that worked.
    pub failed_sign_ins: u32,
}
