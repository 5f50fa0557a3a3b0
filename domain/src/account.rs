//! A person with an account: name, role, password hash.
//!
//! Never here: hashing and sessions; the web service does those. The hash is a fact, the password never is.

use crate::decider::Decider;
use crate::ids::AccountId;
use serde::{Deserialize, Serialize};

/// Admins review, approve and apply; Users draft, preview and ask for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    User,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "admin" => Ok(Self::Admin),
            "user" => Ok(Self::User),
            other => Err(format!("there is no role {other}; use admin or user")),
        }
    }
}

/// Who does something, with the role proved at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub id: AccountId,
    pub role: Role,
}

impl Actor {
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "account.registered.v1")]
    Registered { name: String, role: Role, password_hash: String, demo: bool },
    #[serde(rename = "account.signed_in.v1")]
    SignedIn {},
    #[serde(rename = "account.sign_in_failed.v1")]
    SignInFailed {},
    #[serde(rename = "account.signed_out.v1")]
    SignedOut {},
    #[serde(rename = "account.password_changed.v1")]
    PasswordChanged { password_hash: String, by: AccountId },
    #[serde(rename = "account.role_changed.v1")]
    RoleChanged { role: Role, by: AccountId },
    #[serde(rename = "account.disabled.v1")]
    Disabled { by: AccountId },
    #[serde(rename = "account.enabled.v1")]
    Enabled { by: AccountId },
}

#[derive(Clone)]
pub enum Command {
    /// `by` is none for the first account and for the command line, which already holds the database.
    Register {
        name: String,
        role: Role,
        password_hash: String,
        by: Option<Actor>,
        demo: bool,
    },
    SignIn,
    FailSignIn,
    SignOut,
    ChangePassword {
        password_hash: String,
        by: Actor,
    },
    /// `other_admins`: active Admins besides this account, so that the last one is never lost.
    ChangeRole {
        role: Role,
        by: Actor,
        other_admins: usize,
    },
    Disable {
        by: Actor,
        other_admins: usize,
    },
    Enable {
        by: Actor,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("people are managed by Admins")]
    AdminOnly,
    #[error("the name must be 1 to 40 letters, digits, dots, dashes or underscores")]
    BadName,
    #[error("this account exists already")]
    Exists,
    #[error("there is no such account")]
    Unknown,
    #[error("this account is disabled; an Admin can enable it again")]
    Disabled,
    #[error("this is the last Admin; make somebody else an Admin first")]
    LastAdmin,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    pub name: String,
    pub role: Option<Role>,
    pub password_hash: String,
    pub disabled: bool,
}

impl Decider for Account {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        if let Command::Register { name, role, password_hash, by, demo } = command {
            return match by {
                _ if self.role.is_some() => Err(Refusal::Exists),
                Some(actor) if !actor.is_admin() => Err(Refusal::AdminOnly),
                _ if !is_name(&name) => Err(Refusal::BadName),
                _ => Ok(vec![Event::Registered { name, role, password_hash, demo }]),
            };
        }
        let role = self.role.ok_or(Refusal::Unknown)?;
        Ok(match command {
            Command::SignIn if self.disabled => return Err(Refusal::Disabled),
            Command::SignIn => vec![Event::SignedIn {}],
            Command::FailSignIn => vec![Event::SignInFailed {}],
            Command::SignOut => vec![Event::SignedOut {}],
            Command::ChangePassword { password_hash, by } => {
                vec![Event::PasswordChanged { password_hash, by: by.id }]
            }
            Command::ChangeRole { by, .. } | Command::Disable { by, .. } | Command::Enable { by }
                if !by.is_admin() =>
            {
                return Err(Refusal::AdminOnly);
            }
            Command::ChangeRole { role: wanted, .. } if wanted == role => vec![],
            Command::ChangeRole { role: Role::User, other_admins: 0, .. } => return Err(Refusal::LastAdmin),
            Command::ChangeRole { role, by, .. } => vec![Event::RoleChanged { role, by: by.id }],
            Command::Disable { .. } if self.disabled => vec![],
            Command::Disable { other_admins: 0, .. } if role == Role::Admin => {
                return Err(Refusal::LastAdmin);
            }
            Command::Disable { by, .. } => vec![Event::Disabled { by: by.id }],
            Command::Enable { .. } if !self.disabled => vec![],
            Command::Enable { by } => vec![Event::Enabled { by: by.id }],
            Command::Register { .. } => return Err(Refusal::Exists),
        })
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Registered { name, role, password_hash, .. } => {
                self.name.clone_from(name);
                self.role = Some(*role);
                self.password_hash.clone_from(password_hash);
            }
            Event::PasswordChanged { password_hash, .. } => self.password_hash.clone_from(password_hash),
            Event::RoleChanged { role, .. } => self.role = Some(*role),
            Event::Disabled { .. } => self.disabled = true,
            Event::Enabled { .. } => self.disabled = false,
            Event::SignedIn {} | Event::SignInFailed {} | Event::SignedOut {} => {}
        }
        self
    }
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decider::story::given;
    use uuid::Uuid;

    const ADA: Actor = Actor { id: AccountId(Uuid::from_u128(1)), role: Role::Admin };
    const BO: Actor = Actor { id: AccountId(Uuid::from_u128(2)), role: Role::User };

    fn registered(role: Role) -> Event {
        Event::Registered { name: "ada".into(), role, password_hash: "h".into(), demo: false }
    }

    #[test]
    fn the_last_admin_cannot_be_disabled_or_demoted() {
        given::<Account>([registered(Role::Admin)])
            .when(Command::Disable { by: ADA, other_admins: 0 })
            .then_refused(Refusal::LastAdmin);
        given::<Account>([registered(Role::Admin)])
            .when(Command::ChangeRole { role: Role::User, by: ADA, other_admins: 0 })
            .then_refused(Refusal::LastAdmin);
    }

    #[test]
    fn a_user_does_not_make_accounts() {
        given::<Account>([])
            .when(Command::Register {
                name: "eve".into(),
                role: Role::Admin,
                password_hash: "h".into(),
                by: Some(BO),
                demo: false,
            })
            .then_refused(Refusal::AdminOnly);
    }

    #[test]
    fn a_disabled_account_does_not_sign_in() {
        given::<Account>([registered(Role::User), Event::Disabled { by: ADA.id }])
            .when(Command::SignIn)
            .then_refused(Refusal::Disabled);
    }
}
