//! The declarations repository of the configuration: a folder on this machine, or one at GitHub.
//!
//! Begin with [`open`]. The token of GitHub is a key file like the others: 0600 in the Agent's folder of secrets.

use crate::config::{Agent as Settings, Repository as Configured};
use crate::failure::{Code, Failure};
use agent::repository::Repository;
use agent::repository::github::{GitHub, GitHubConfig, PUBLIC_API};
use agent::repository::local::LocalGit;
use std::sync::Arc;

/// Name of the key file with the token, if the configuration names no other.
pub const TOKEN_FILE: &str = "github-token";

/// The repository, not asked for anything yet. Needs a running tokio.
pub fn open(settings: &Settings) -> Result<Arc<dyn Repository>, Failure> {
    let (repository, branch, api, token, ca) = match &settings.repository {
        Configured::Local { path, branch } => return Ok(Arc::new(LocalGit::new(path, branch))),
        Configured::GitHub { repository, branch, api, token, ca } => (repository, branch, api, token, ca),
    };
    let (owner, name) = repository.split_once('/').ok_or_else(|| {
        let what = format!("{repository} names no repository of GitHub");
        Failure::new(Code::Usage, what, "set agent.repository.repository = \"OWNER/NAME\"")
    })?;
    let file = secrets::files::path_of(&settings.secrets, token.as_deref().unwrap_or(TOKEN_FILE))
        .and_then(|path| secrets::files::read_text(&path));
    let token = file.map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    let mut config = GitHubConfig::new(owner, name, branch, token);
    config.api = api.clone().unwrap_or_else(|| PUBLIC_API.to_owned());
    if let Some(path) = ca {
        let pem = std::fs::read_to_string(path).map_err(|error| {
            let next = "name a PEM file with the certificate authority of your GitHub";
            Failure::new(Code::Unavailable, format!("{}: {error}", path.display()), next)
        })?;
        config.authority = Some(pem);
    }
    let github = GitHub::new(&config).map_err(|error| {
        let next = error.advice();
        Failure::new(Code::Usage, error, next)
    })?;
    Ok(Arc::new(github))
}
