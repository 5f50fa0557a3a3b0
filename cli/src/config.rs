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
    /// How the Agent is handed a new secret; without it the pages name the command instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intake: Option<UiIntake>,
}

/// The UI's end of the channel for secrets. `mycopod secrets channel` prints what each end is to be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UiIntake {
    /// `host:port` of the Agent.
    pub address: String,
    /// Fingerprint of the Agent's certificate.
    pub agent: String,
    /// File of the UI's own certificate and key; `intake-ui` beside the key ring if absent. Made at the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// The Agent's end of the channel for secrets; its certificate and key are the key file `intake-agent`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentIntake {
    pub listen: SocketAddr,
    /// Fingerprint of the UI's certificate: nobody else is listened to.
    pub ui: String,
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
    /// Where the UI hands over new secrets; without it they come by command only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intake: Option<AgentIntake>,
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

/// Where what was approved is written down. `kind` is `local` if it is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "AnyRepository", tag = "kind", rename_all = "lowercase")]
pub enum Repository {
    /// A bare git repository on this machine.
    Local { path: PathBuf, branch: String },
    /// A repository at GitHub or GitHub Enterprise.
    GitHub {
        /// `OWNER/NAME`.
        repository: String,
        branch: String,
        /// Base address of the API: `https://HOST/api/v3` for GitHub Enterprise.
        #[serde(skip_serializing_if = "Option::is_none")]
        api: Option<String>,
        /// Name of the key file with the access token; `github-token` if absent. One of another name is not stored from
        /// the pages, and a change of it needs a restart.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// File with the certificate authority of GitHub Enterprise, where it is an own one.
        #[serde(skip_serializing_if = "Option::is_none")]
        ca: Option<PathBuf>,
    },
}

/// As it stands in the file: every field of every kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyRepository {
    #[serde(default)]
    kind: RepositoryKind,
    branch: String,
    path: Option<PathBuf>,
    repository: Option<String>,
    api: Option<String>,
    token: Option<String>,
    ca: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RepositoryKind {
    #[default]
    Local,
    GitHub,
}

impl TryFrom<AnyRepository> for Repository {
    type Error = &'static str;

    fn try_from(any: AnyRepository) -> Result<Self, &'static str> {
        let AnyRepository { kind, branch, path, repository, api, token, ca } = any;
        match kind {
            RepositoryKind::Local
                if repository.is_some() || api.is_some() || token.is_some() || ca.is_some() =>
            {
                Err("a local repository has only path and branch; set kind = \"github\" for one at GitHub")
            }
            RepositoryKind::Local => {
                Ok(Self::Local { path: path.ok_or("the local repository needs a path")?, branch })
            }
            RepositoryKind::GitHub if path.is_some() => Err("a repository at GitHub has no path"),
            RepositoryKind::GitHub => {
                let repository = repository.ok_or("set repository = \"OWNER/NAME\"")?;
                Ok(Self::GitHub { repository, branch, api, token, ca })
            }
        }
    }
}

impl Agent {
    pub fn state_folder(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.secrets.with_file_name("state"))
    }
}

impl Config {
    /// File of the UI's certificate and key for the channel to the Agent.
    pub fn ui_identity(&self) -> PathBuf {
        let named = self.ui.as_ref().and_then(|ui| ui.intake.as_ref()?.key.clone());
        named.unwrap_or_else(|| self.key_ring.with_file_name("intake-ui"))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(text: &str) -> Result<Repository, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn a_repository_without_a_kind_is_local_as_it_always_was() {
        let read = repository("path = \"/srv/declarations.git\"\nbranch = \"main\"").unwrap();
        assert!(matches!(&read, Repository::Local { branch, .. } if branch == "main"));
        let text = toml::to_string(&read).unwrap();
        assert!(matches!(repository(&text).unwrap(), Repository::Local { .. }), "{text}");
    }

    #[test]
    fn a_repository_at_github_is_written_as_it_was_read() {
        let text = "kind = \"github\"\nrepository = \"ada/homelab\"\nbranch = \"main\"\napi = \"https://git.lan/api/v3\"\n";
        let read = repository(text).unwrap();
        assert_eq!(toml::to_string(&read).unwrap(), text);
    }

    #[test]
    fn fields_of_the_other_kind_are_refused() {
        assert!(repository("kind = \"github\"\nbranch = \"main\"").unwrap_err().contains("OWNER/NAME"));
        assert!(repository("branch = \"main\"").unwrap_err().contains("path"));
        assert!(repository("branch = \"main\"\npath = \"x\"\ntoken = \"t\"").is_err());
        assert!(repository("branch = \"main\"\npath = \"x\"\nnonsense = 1").is_err());
    }
}
