//! Rules and credentials: one row.

use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::limits::SCORES_KEPT;
use crate::model::{CredentialRow, ScoreRow, SettingsRow, TestRow};
use domain::event::{AnyEvent, Category};
use domain::settings::Event;

pub struct SettingsFold;

pub const KEY: &str = "settings";

impl Projection for SettingsFold {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn version(&self) -> i32 {
        4
    }

    fn purpose(&self) -> &'static str {
        "rules, names and fingerprints of credentials, and how their tests went"
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
            None if event.tag.starts_with("settings.credential_stored")
                || event.tag.starts_with("settings.credential_rotated") =>
            {
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
            Event::CredentialStored { name, fingerprint, by }
            | Event::CredentialRotated { name, fingerprint, by, .. } => {
                // What was found with the value before says nothing about this one.
                row.tests.retain(|test| test.name != *name || test.ended.is_none());
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
                row.credentials.retain(|credential| credential.name != *name);
                row.tests.retain(|test| test.name != *name || test.ended.is_none());
            }
            Event::CredentialTestRequested { name, by } => {
                row.tests.retain(|test| test.name != *name);
                row.tests.push(TestRow {
                    name: name.clone(),
                    asked_at: event.at,
                    by: *by,
                    checks: Vec::new(),
                    ended: None,
                });
                row.tests.sort_by(|a, b| a.name.cmp(&b.name));
            }
            Event::CredentialChecked { name, check } => {
                if let Some(test) = row.tests.iter_mut().find(|test| test.name == *name) {
                    test.checks.push(check.clone());
                }
            }
            Event::CredentialTested { name, passed } => {
                if let Some(test) = row.tests.iter_mut().find(|test| test.name == *name) {
                    test.ended = Some((event.at, *passed));
                }
            }
            Event::InterpreterScored { interpreter, score, .. } => {
                row.scores.retain(|known| known.interpreter != *interpreter);
                row.scores.push(ScoreRow {
                    interpreter: interpreter.clone(),
                    score: score.clone(),
                    at: event.at,
                });
                let surplus = row.scores.len().saturating_sub(SCORES_KEPT);
                row.scores.drain(..surplus);
            }
        }
        rows.put(KEY, HIDDEN, row)
    }
}
