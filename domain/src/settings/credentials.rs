//! Which credentials the Agent can use, and what a test of one finds.
//!
//! Begin with [`CREDENTIALS`]. Never here: their content. The Agent keeps it in files; the log knows names and keyed
//! fingerprints.

use serde::{Deserialize, Serialize};

/// What a credential opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Proxmox,
    Repository,
    Model,
}

/// A credential that the Agent uses under this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Also the name of its key file.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    pub service: Service,
}

/// Every credential that the Agent uses. Key files with other names may exist; nothing reads them.
pub const CREDENTIALS: [Credential; 6] = [
    of("proxmox-token", "Proxmox token", Service::Proxmox),
    of("proxmox-password", "Proxmox password", Service::Proxmox),
    of("github-token", "GitHub token", Service::Repository),
    of("openai-key", "OpenAI key", Service::Model),
    of("claude-key", "Claude key", Service::Model),
    of("ollama-key", "Ollama key", Service::Model),
];

const fn of(name: &'static str, title: &'static str, service: Service) -> Credential {
    Credential { name, title, service }
}

/// The credential of this name, if the Agent uses one.
pub fn credential(name: &str) -> Option<&'static Credential> {
    CREDENTIALS.iter().find(|credential| credential.name == name)
}

/// How one check of a test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    /// It works, and something should be known.
    Noted,
    Failed,
}

/// One thing that a test looked at, in words for people. Never a value of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub what: String,
    pub outcome: Outcome,
    pub found: String,
    /// What to do next; commands stand alone, one an entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}
