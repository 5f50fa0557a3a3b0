//! One call to the Proxmox API, as it will be sent: nothing is filled in later.

use super::condition::{Condition, Guard};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Arguments whose content is never shown.
const SECRET_ARGS: [&str; 3] = ["cipassword", "password", "secret"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub fn changes(self) -> bool {
        self != Self::Get
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub verb: Verb,
    /// Below `/api2/json`, with numbers and names filled in.
    pub path: String,
    pub args: BTreeMap<String, String>,
    /// What the call is for, in a few words: "copy the template's disk".
    pub purpose: String,
    /// Looked at before the call is sent and after it ended: where it holds, the call is not needed or done.
    pub done_when: Condition,
    /// What must be true right before sending; where one fails, nothing is sent and a new plan is needed.
    pub guards: Vec<Guard>,
}

impl Call {
    /// `PUT /nodes/pve1/qemu/110/config memory=8192`, for people, pages and the log: secrets are cut.
    pub fn shown(&self) -> String {
        let mut line = format!("{} {}", self.verb.as_str(), self.path);
        for (key, value) in self.shown_args() {
            line.push_str(&format!(" {key}={value}"));
        }
        line
    }

    /// The arguments with secrets cut.
    pub fn shown_args(&self) -> impl Iterator<Item = (&str, &str)> {
        self.args.iter().map(|(key, value)| {
            let secret = SECRET_ARGS.contains(&key.as_str());
            (key.as_str(), if secret { "••• (set)" } else { value.as_str() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_never_show() {
        let call = Call {
            verb: Verb::Put,
            path: "/nodes/pve1/qemu/200/config".into(),
            args: BTreeMap::from([("cipassword".into(), "hunter2".into()), ("cores".into(), "2".into())]),
            purpose: "set".into(),
            done_when: Condition::StorageGone { id: "x".into() },
            guards: vec![],
        };
        assert_eq!(call.shown(), "PUT /nodes/pve1/qemu/200/config cipassword=••• (set) cores=2");
    }
}
