//! The ledger: every change that was asked for, what came of it, and whether the asker heard.
//!
//! Begin with [`LedgerEntry`]. Reads are never in it. Passwords and keys are masked.

use crate::limits::LEDGER_ENTRIES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// One mutation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Counts from 1 since the start or the last reset.
    pub sequence: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// `user@realm!token`, or empty before authentication.
    pub who: String,
    pub method: String,
    /// Path below `/api2/json`.
    pub path: String,
    pub arguments: BTreeMap<String, Value>,
    /// HTTP status of the answer, also when it was not delivered.
    pub status: u16,
    /// `ok`, `running`, the exit status of the task, or the error text.
    pub outcome: String,
    pub upid: Option<String>,
    /// The cluster was changed. For a task: it ended well.
    pub effect: bool,
    /// The answer left this process in full.
    pub delivered: bool,
}

/// The entries, oldest first.
#[derive(Default)]
pub struct Ledger {
    entries: VecDeque<LedgerEntry>,
    last: u64,
}

impl Ledger {
    /// Adds an entry and gives its number.
    pub fn add(&mut self, mut entry: LedgerEntry) -> u64 {
        self.last += 1;
        entry.sequence = self.last;
        entry.arguments = entry.arguments.into_iter().map(masked).collect();
        if self.entries.len() >= LEDGER_ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.last
    }

    /// Changes the entry with this number, if it is still kept.
    pub fn amend(&mut self, sequence: u64, change: impl FnOnce(&mut LedgerEntry)) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|e| e.sequence == sequence) {
            change(entry);
        }
    }

    /// Writes the end of a task into the entry that started it.
    pub fn task_ended(&mut self, upid: &str, exit: &str) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|e| e.upid.as_deref() == Some(upid)) {
            entry.outcome = exit.to_owned();
            entry.effect = exit == "OK" || exit.starts_with("WARNINGS: ");
        }
    }

    pub fn all(&self) -> Vec<LedgerEntry> {
        self.entries.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.last = 0;
    }
}

fn masked((name, value): (String, Value)) -> (String, Value) {
    let secret = matches!(
        name.as_str(),
        "password"
            | "cipassword"
            | "confirmation-password"
            | "otp"
            | "tfa-challenge"
            | "keyring"
            | "encryption-key"
            | "master-pubkey"
            | "key"
    );
    let value = if secret { Value::String("**********".into()) } else { value };
    (name, value)
}
