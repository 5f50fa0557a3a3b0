//! The owner's rules and what credentials exist (names and fingerprints only, never their content).
//!
//! Begin with [`Rules`]; what plans may reach at most is in [`Limits`]. No text and no model can raise either.

mod credentials;
mod limits;
mod score;

pub use credentials::{CREDENTIALS, Check, Credential, Outcome, Service, credential};
pub use limits::{AddressRange, Limits};
pub use score::InterpreterScore;

use crate::account::Actor;
use crate::decider::Decider;
use crate::drift::Choice;
use crate::facts::HouseRules;
use crate::ids::{AccountId, Vmid};
use crate::plan::InterpreterIdentity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All rules an Admin sets. A plan names the digest of the rules it was made under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// New guests get numbers from here up to and including `vmid_last`.
    pub vmid_first: Vmid,
    pub vmid_last: Vmid,
    /// Guests, by name, that must never be changed.
    pub protected: Vec<String>,
    /// How often the repository is looked at, in seconds; 0 means only on request.
    pub poll_interval_s: u32,
    /// How often the cluster is observed, in seconds.
    pub observe_interval_s: u32,
    /// What is done about guests that were changed by another hand.
    #[serde(default, skip_serializing_if = "Choice::is_report")]
    pub drift: Choice,
    pub house: HouseRules,
    /// What plans may reach at most; open where nothing is set.
    #[serde(default, skip_serializing_if = "Limits::is_open")]
    pub limits: Limits,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "settings.rules_set.v1")]
    RulesSet { rules: Box<Rules>, by: Option<AccountId> },
    /// The Agent has a credential that it did not have; the fingerprint is keyed.
    #[serde(rename = "settings.credential_stored.v1")]
    CredentialStored { name: String, fingerprint: String, by: Option<AccountId> },
    /// Another value took the place of the one with the fingerprint `replaced`.
    #[serde(rename = "settings.credential_rotated.v1")]
    CredentialRotated { name: String, fingerprint: String, replaced: String, by: Option<AccountId> },
    #[serde(rename = "settings.credential_removed.v1")]
    CredentialRemoved { name: String, by: Option<AccountId> },
    /// The Agent is to try a credential against what it is for.
    #[serde(rename = "settings.credential_test_requested.v1")]
    CredentialTestRequested { name: String, by: Option<AccountId> },
    /// One thing that a test looked at.
    #[serde(rename = "settings.credential_checked.v1")]
    CredentialChecked { name: String, check: Check },
    /// A test is over; `passed` if no check failed.
    #[serde(rename = "settings.credential_tested.v1")]
    CredentialTested { name: String, passed: bool },
    /// An interpreter was tried on declarations whose right answers are known.
    #[serde(rename = "settings.interpreter_scored.v1")]
    InterpreterScored { interpreter: InterpreterIdentity, score: InterpreterScore, by: Option<AccountId> },
}

#[derive(Clone, Debug)]
pub enum Command {
    /// `by` is none when the command line sets them up.
    SetRules {
        rules: Box<Rules>,
        by: Option<Actor>,
    },
    StoreCredential {
        name: String,
        fingerprint: String,
        by: Option<Actor>,
    },
    RemoveCredential {
        name: String,
        by: Option<Actor>,
    },
    RequestTest {
        name: String,
        by: Option<Actor>,
    },
    /// From the Agent, in the order in which it looked.
    NoteCheck {
        name: String,
        check: Check,
    },
    EndTest {
        name: String,
    },
    NoteScore {
        interpreter: InterpreterIdentity,
        score: InterpreterScore,
        by: Option<Actor>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("settings are changed by Admins")]
    AdminOnly,
    #[error("guest numbers must run from 100 to 999999999, first to last")]
    BadRange,
    #[error("an interval must be 0 (off) or 5 to 86400 seconds")]
    BadInterval,
    #[error("{0}")]
    BadLimits(String),
    #[error("there is no credential {0}")]
    NoSuchCredential(String),
    #[error("no test of {0} is under way")]
    NoTest(String),
    #[error("a test of {0} looks at too many things")]
    TooManyChecks(String),
    #[error("the numbers of this score do not add up")]
    BadScore,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub rules: Option<Box<Rules>>,
    /// Name and fingerprint of each.
    pub credentials: BTreeMap<String, String>,
    /// Tests under way: how many checks were made, and whether all of them passed.
    pub tests: BTreeMap<String, (usize, bool)>,
}

impl Decider for Settings {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let by = match &command {
            Command::SetRules { by, .. }
            | Command::StoreCredential { by, .. }
            | Command::RemoveCredential { by, .. }
            | Command::RequestTest { by, .. }
            | Command::NoteScore { by, .. } => *by,
            Command::NoteCheck { .. } | Command::EndTest { .. } => None,
        };
        if by.is_some_and(|actor| !actor.is_admin()) {
            return Err(Refusal::AdminOnly);
        }
        let by = by.map(|actor| actor.id);
        match command {
            Command::SetRules { rules, .. } => {
                if rules.vmid_first < 100
                    || rules.vmid_last > 999_999_999
                    || rules.vmid_first > rules.vmid_last
                {
                    return Err(Refusal::BadRange);
                }
                if ![rules.poll_interval_s, rules.observe_interval_s]
                    .iter()
                    .all(|s| *s == 0 || (5..=86_400).contains(s))
                {
                    return Err(Refusal::BadInterval);
                }
                rules.limits.check().map_err(Refusal::BadLimits)?;
                if self.rules.as_ref() == Some(&rules) {
                    return Ok(vec![]);
                }
                Ok(vec![Event::RulesSet { rules, by }])
            }
            Command::StoreCredential { name, fingerprint, .. } => match self.credentials.get(&name) {
                Some(known) if *known == fingerprint => Ok(vec![]),
                Some(known) => {
                    let replaced = known.clone();
                    Ok(vec![Event::CredentialRotated { name, fingerprint, replaced, by }])
                }
                None => Ok(vec![Event::CredentialStored { name, fingerprint, by }]),
            },
            Command::RemoveCredential { name, .. } if self.credentials.contains_key(&name) => {
                Ok(vec![Event::CredentialRemoved { name, by }])
            }
            Command::RequestTest { name, .. } if self.tests.contains_key(&name) => Ok(vec![]),
            Command::RequestTest { name, .. } if self.credentials.contains_key(&name) => {
                Ok(vec![Event::CredentialTestRequested { name, by }])
            }
            Command::RemoveCredential { name, .. } | Command::RequestTest { name, .. } => {
                Err(Refusal::NoSuchCredential(name))
            }
            Command::NoteCheck { name, check } => match self.tests.get(&name) {
                None => Err(Refusal::NoTest(name)),
                Some((made, _)) if *made >= crate::limits::CREDENTIAL_CHECKS_MAX => {
                    Err(Refusal::TooManyChecks(name))
                }
                Some(_) => Ok(vec![Event::CredentialChecked { name, check }]),
            },
            Command::EndTest { name } => match self.tests.get(&name) {
                None => Err(Refusal::NoTest(name)),
                Some((_, passed)) => Ok(vec![Event::CredentialTested { name, passed: *passed }]),
            },
            Command::NoteScore { score, .. } if !score.adds_up() => Err(Refusal::BadScore),
            Command::NoteScore { interpreter, score, .. } => {
                Ok(vec![Event::InterpreterScored { interpreter, score, by }])
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::RulesSet { rules, .. } => self.rules = Some(rules.clone()),
            Event::CredentialStored { name, fingerprint, .. }
            | Event::CredentialRotated { name, fingerprint, .. } => {
                self.credentials.insert(name.clone(), fingerprint.clone());
            }
            Event::CredentialRemoved { name, .. } => {
                self.credentials.remove(name);
            }
            Event::CredentialTestRequested { name, .. } => {
                self.tests.insert(name.clone(), (0, true));
            }
            Event::CredentialChecked { name, check } => {
                if let Some((made, passed)) = self.tests.get_mut(name) {
                    *made += 1;
                    *passed &= check.outcome != Outcome::Failed;
                }
            }
            Event::CredentialTested { name, .. } => {
                self.tests.remove(name);
            }
            Event::InterpreterScored { .. } => {}
        }
        self
    }
}
