//! The declarations repository of the configuration: a folder on this machine, or one at GitHub.
//!
//! Begin with [`open`]. The token of GitHub is a key file like the others: 0600 in the Agent's folder of secrets, or
//! handed over by systemd.

use crate::config::{Agent as Settings, Repository as Configured};
use crate::failure::{Code, Failure};
use agent::repository::Repository;
use agent::repository::github::{GitHub, GitHubConfig, GitHubError, PUBLIC_API};
use agent::repository::local::LocalGit;
use secrets::{KeyFolder, Secret};
use std::sync::Arc;

/// Name of the key file with the token, if the configuration names no other.
pub const TOKEN_FILE: &str = "github-token";

/// Name of the key file with the token; none for a repository on this machine.
pub fn key_name(settings: &Settings) -> Option<&str> {
    match &settings.repository {
        Configured::Local { .. } => None,
        Configured::GitHub { token, .. } => Some(token.as_deref().unwrap_or(TOKEN_FILE)),
    }
}

/// What it is, for messages, and its branch.
pub fn described(settings: &Settings) -> (String, String) {
    let (place, branch) = match &settings.repository {
        Configured::Local { branch, .. } => ("local git repository".to_owned(), branch),
        Configured::GitHub { repository, branch, .. } => (format!("github:{repository}"), branch),
    };
    (format!("{place}, branch {branch}"), branch.clone())
}

/// The repository, not asked for anything yet. Needs a running tokio.
pub fn open(settings: &Settings, keys: &KeyFolder) -> Result<Arc<dyn Repository>, Failure> {
    let token = match key_name(settings) {
        None => Secret::new(String::new()),
        Some(name) => keys.read_text(name).map_err(|e| Failure::new(Code::Unavailable, &e, e.advice()))?,
    };
    open_with(settings, token)
}

/// The same with a token that is not stored.
pub fn open_with(settings: &Settings, token: Secret<String>) -> Result<Arc<dyn Repository>, Failure> {
    let (repository, branch, api, ca) = match &settings.repository {
        Configured::Local { path, branch } => return Ok(Arc::new(LocalGit::new(path, branch))),
        Configured::GitHub { repository, branch, api, ca, .. } => (repository, branch, api, ca),
    };
    let (owner, name) = repository.split_once('/').ok_or_else(|| {
        let what = format!("{repository} names no repository of GitHub");
        Failure::new(Code::Usage, what, "set agent.repository.repository = \"OWNER/NAME\"")
    })?;
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
        // A token can be stored anew while the Agent runs; the configuration cannot.
        let code = if matches!(error, GitHubError::Token) { Code::Unavailable } else { Code::Usage };
        Failure::new(code, error, next)
    })?;
    Ok(Arc::new(github))
}
