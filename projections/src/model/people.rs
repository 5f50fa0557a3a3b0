//! People.

use chrono::{DateTime, Utc};
use domain::account::Role;
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One account. Sealed at rest, because of the password hash.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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

/// Without the password hash.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("disabled", &self.disabled)
            .field("demo", &self.demo)
            .field("registered_at", &self.registered_at)
            .field("last_sign_in", &self.last_sign_in)
            .field("failed_sign_ins", &self.failed_sign_ins)
            .finish_non_exhaustive()
    }
}
