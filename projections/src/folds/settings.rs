//! Rules and credentials: one row.

use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::model::{CredentialRow, SettingsRow};
use domain::event::{AnyEvent, Category};
use domain::settings::Event;

pub struct SettingsFold;

pub const KEY: &str = "settings";

impl Projection for SettingsFold {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn version(&self) -> i32 {
        2
    }

    fn purpose(&self) -> &'static str {
        "rules, and names and fingerprints of credentials"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Settings
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        if event.category == Category::Settings { vec![KEY.into()] } else { vec![] }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let mut row: SettingsRow = rows.get(KEY)?.unwrap_or_default();
        let fact = match &event.event {
            Some(AnyEvent::Settings(fact)) => fact,
            // Tags are in the clear: a credential was stored, which one is gone.
            None if event.tag.starts_with("settings.credential_stored") => {
                row.credentials.retain(|credential| credential.name != ERASED);
                let (name, fingerprint) = (ERASED.to_owned(), String::new());
                row.credentials.push(CredentialRow { name, fingerprint, stored_at: event.at, by: None });
                return rows.put(KEY, HIDDEN, row);
            }
            _ => return Ok(()),
        };
        match fact {
            Event::RulesSet { rules, .. } => {
                row.rules = Some((**rules).clone());
                row.rules_set_at = Some(event.at);
            }
            Event::CredentialStored { name, fingerprint, by } => {
                row.credentials.retain(|credential| credential.name != *name);
                row.credentials.push(CredentialRow {
                    name: name.clone(),
                    fingerprint: fingerprint.clone(),
                    stored_at: event.at,
                    by: *by,
                });
                row.credentials.sort_by(|a, b| a.name.cmp(&b.name));
            }
            Event::CredentialRemoved { name, .. } => {
                row.credentials.retain(|credential| credential.name != *name)
            }
        }
        rows.put(KEY, HIDDEN, row)
    }
}
