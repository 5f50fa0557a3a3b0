//! Rules and credentials: one row.

use crate::fold::{HIDDEN, Known, Poison, Projection, Rows};
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
        1
    }

    fn purpose(&self) -> &'static str {
        "rules, and names and fingerprints of credentials"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Settings
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        match &event.event {
            Some(AnyEvent::Settings(_)) => vec![KEY.into()],
            _ => vec![],
        }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let Some(AnyEvent::Settings(fact)) = &event.event else { return Ok(()) };
        let mut row: SettingsRow = rows.get(KEY)?.unwrap_or_default();
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
