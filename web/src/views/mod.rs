//! From read models to pages: one module per page, pure functions.
//!
//! Begin with [`Viewer`]: what a page shows depends on who looks at it. A button that a person may not use is
//! absent, and one line says why; the deciders refuse all the same.

pub mod cluster;
pub mod connection;
pub mod declaration;
pub mod drift;
pub mod frame;
pub mod guest;
pub mod history;
pub mod overview;
pub mod plan;
pub mod repository;
pub mod run;
pub mod settings;
pub mod undo;

use crate::words;
use domain::account::{Actor, Role};
use domain::ids::{AccountId, REPOSITORY_AUTHOR};
use domain::settings::Rules;
use projections::model::Account;
use std::collections::BTreeMap;

/// Names of people by their ids.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<AccountId, String>);

impl Names {
    pub fn of(accounts: &[Account]) -> Self {
        Self(accounts.iter().map(|account| (account.id, account.name.clone())).collect())
    }

    pub fn name(&self, id: AccountId) -> String {
        if id == REPOSITORY_AUTHOR {
            return "somebody in the repository".into();
        }
        self.0.get(&id).cloned().unwrap_or_else(|| "somebody".into())
    }

    pub fn all(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.values().cloned().collect();
        names.sort();
        names
    }
}

/// Who looks at a page.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub actor: Actor,
    pub names: Names,
    /// Active Admins by name.
    pub admins: Vec<String>,
    /// The rules let this person approve what they wrote, though there are other Admins.
    pub trusted: bool,
}

impl Viewer {
    pub fn new(actor: Actor, accounts: &[Account]) -> Self {
        let is_admin = |account: &&Account| account.role == Role::Admin && !account.disabled;
        let admins = accounts.iter().filter(is_admin).map(|account| account.name.clone()).collect();
        Self { actor, names: Names::of(accounts), admins, trusted: false }
    }

    /// With what the rules say about approving one's own plans.
    pub fn under(mut self, rules: Option<&Rules>) -> Self {
        let name = self.names.name(self.actor.id);
        self.trusted = rules.is_some_and(|rules| rules.limits.may_approve_own(&name));
        self
    }

    /// May this person approve a plan they wrote?
    pub fn may_approve_own(&self) -> bool {
        self.alone() || self.trusted
    }

    /// One-admin mode: an author may approve their own plan, because nobody else could.
    pub fn alone(&self) -> bool {
        self.admins.len() == 1
    }

    /// "Ask one of: Ada, Bo."
    pub fn ask_an_admin(&self) -> String {
        match self.admins.as_slice() {
            [] => String::new(),
            [one] => format!("Ask {one}."),
            many => format!("Ask one of: {}.", many.join(", ")),
        }
    }

    /// The Admins but this person.
    pub fn other_admins(&self) -> Vec<String> {
        let me = self.names.name(self.actor.id);
        self.admins.iter().filter(|name| **name != me).cloned().collect()
    }

    /// May change what this author wrote.
    pub fn may_change(&self, author: AccountId) -> bool {
        self.actor.is_admin() || self.actor.id == author
    }
}

/// "none", "1 guest", "k8s-1, k8s-2 and 3 more".
pub(crate) fn some_of(names: &[String], max: usize) -> String {
    match names.len() {
        0 => "none".into(),
        n if n <= max => names.join(", "),
        n => format!(
            "{} and {} more",
            names.get(..max).unwrap_or_default().join(", "),
            words::number((n - max) as i64)
        ),
    }
}
