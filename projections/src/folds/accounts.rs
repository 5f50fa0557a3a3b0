//! People: one row each, by id.

use crate::fold::{ERASED, Known, Poison, Projection, Rows};
use crate::model::Account;
use domain::account::{Event, Role};
use domain::event::{AnyEvent, Category};
use domain::ids::AccountId;

pub struct Accounts;

impl Projection for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn version(&self) -> i32 {
        3
    }

    fn purpose(&self) -> &'static str {
        "people, their roles and password hashes (sealed)"
    }

    fn sealed(&self) -> bool {
        true
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Account
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        vec![event.id.to_string()]
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let key = event.id.to_string();
        let fact = match &event.event {
            Some(AnyEvent::Account(fact)) => fact,
            None if event.version == 1 => return rows.put(&key, event.position, erased(event)),
            _ => return Ok(()),
        };
        if let Event::Registered { name, role, password_hash, demo } = fact {
            let account = Account {
                id: AccountId(event.id),
                name: name.clone(),
                role: *role,
                password_hash: password_hash.clone(),
                disabled: false,
                demo: *demo,
                registered_at: event.at,
                last_sign_in: None,
                failed_sign_ins: 0,
            };
            return rows.put(&key, event.position, account);
        }
        let Some(mut account) = rows.get::<Account>(&key)? else { return Ok(()) };
        match fact {
            Event::SignedIn {} => {
                account.last_sign_in = Some(event.at);
                account.failed_sign_ins = 0;
            }
            Event::SignInFailed {} => account.failed_sign_ins += 1,
            Event::PasswordChanged { password_hash, .. } => account.password_hash.clone_from(password_hash),
            Event::RoleChanged { role, .. } => account.role = *role,
            Event::Disabled { .. } => account.disabled = true,
            Event::Enabled { .. } => account.disabled = false,
            Event::SignedOut {} | Event::Registered { .. } => {}
        }
        rows.put(&key, event.position, account)
    }
}

/// That there was an account stands in the log; nobody signs in with it.
fn erased(event: &Known) -> Account {
    Account {
        id: AccountId(event.id),
        name: ERASED.to_owned(),
        role: Role::User,
        password_hash: String::new(),
        disabled: true,
        demo: false,
        registered_at: event.at,
        last_sign_in: None,
        failed_sign_ins: 0,
    }
}
