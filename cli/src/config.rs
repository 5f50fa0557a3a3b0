//! The configuration file: where things are. Secrets are only named here, or sealed.
//!
//! One form for both services; each reads its part. The database address is sealed with the key ring's current key
//! (`mycopod secrets` and the demo write it so); a plain one is accepted only over a local socket without password.

use crate::failure::{Code, Failure};
use secrets::Secret;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What a sealed database address is bound to.
pub const DATABASE_PURPOSE: &str = "database.url";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub database: Database,
    /// File with the keys that seal events: 0600, in a folder of 0700.
    pub key_ring: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui: Option<Ui>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sealed:v1:…`, or a plain address of a local socket.
    pub url: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ui {
    pub listen: SocketAddr,
    /// How people reach it, such as `https://mycopod.lan`.
    pub public_url: String,
    /// Everything here is demonstration data; said on every page.
    #[serde(default)]
    pub demonstration: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Folder of the key files: 0700.
    pub secrets: PathBuf,
    /// Folder of what the Agent keeps for others to read: the signed checkpoints of the log and the public key they
    /// are checked with. `state` beside the folder of the key files if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PathBuf>,
    pub proxmox: Proxmox,
    pub repository: Repository,
    /// `scripted` is the offline grammar; `openai`, `claude` and `ollama` ask the model that `model` names.
    pub interpreter: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<LanguageModel>,
}

/// A language model. Its key is the key file `openai-key`, `claude-key` or `ollama-key`, 0600; a server that asks for
/// none needs no file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModel {
    pub name: String,
    /// Where the API begins. The provider's own address if absent; for `openai` any compatible server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// For one call, 60 if absent. A declaration takes at most two calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
    /// Most tokens of one answer, 16000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_tokens_max: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxmox {
    /// `https://host:8006`, one for each node that may be asked.
    pub addresses: Vec<String>,
    /// SHA-256 of the certificate, as Proxmox shows it; with several addresses one for each, joined by commas.
    /// Either this or `ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// File with the cluster's own certificate authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// `user@realm!name`; its secret is the key file `proxmox-token`. Or, where there is to be no token, `user@realm`;
    /// its password is the key file `proxmox-password`.
    pub token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// A bare git repository on this machine.
    pub path: PathBuf,
    pub branch: String,
}

impl Agent {
    pub fn state_folder(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.secrets.with_file_name("state"))
    }
}

impl Config {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Code::Unavailable,
                format!("the configuration {} cannot be read: {error}", path.display()),
                "name it with --config FILE; `mycopod demo` needs none",
            )
        })?;
        toml::from_str(&text).map_err(|error| {
            let place = error.to_string().lines().next().unwrap_or_default().to_owned();
            Failure::new(
                Code::Usage,
                format!("the configuration {} is not valid: {}", path.display(), error.message()),
                format!("mend it ({place}) and run `mycopod config check`"),
            )
        })
    }

    pub fn open_key_ring(&self) -> Result<secrets::KeyRing, Failure> {
        secrets::KeyRing::load(&self.key_ring)
            .map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))
    }

    /// The database's address, opened if it is sealed.
    pub fn database_url(&self, ring: &secrets::KeyRing) -> Result<Secret<String>, Failure> {
        if !secrets::boxed::is_sealed(&self.database.url) {
            return Ok(Secret::new(self.database.url.clone()));
        }
        secrets::boxed::open(ring, DATABASE_PURPOSE, &self.database.url).map_err(|error| {
            Failure::new(
                Code::Unavailable,
                format!("the database address cannot be opened: {error}"),
                "check that the key ring is the one it was sealed with",
            )
        })
    }

    pub fn ui(&self) -> Result<&Ui, Failure> {
        self.ui.as_ref().ok_or_else(|| missing("ui"))
    }

    pub fn agent(&self) -> Result<&Agent, Failure> {
        self.agent.as_ref().ok_or_else(|| missing("agent"))
    }
}

fn missing(part: &str) -> Failure {
    Failure::new(
        Code::Usage,
        format!("the configuration has no part [{part}]"),
        "add it, or use the other service's file",
    )
}
