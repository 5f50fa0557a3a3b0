//! A repository at GitHub (or GitHub Enterprise), by octocrab and the git data routes.
//!
//! Begin with [`GitHub::new`]. Looking is in [`read`], putting a commit on the branch in [`write`], one request and
//! the waits that GitHub asks for in [`call`], a test of the token in [`examine`]. A branch is moved only from the commit it was read at, never by force.
//!
//! Never here: cloning, following a link out of the repository, sending the token anywhere but to the base address.

mod call;
mod examine;
mod read;
mod wire;
mod write;

use super::{Boxed, Commit, Messages, NewCommit, Repository, RepositoryError};
use crate::limits::{GITHUB_CALL_WAIT_MAX, GITHUB_REFUSED_PAUSE};
use call::Caller;
use domain::settings::Check;
use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrets::Secret;
use std::sync::Mutex;
use std::time::Duration;

type Outcome<T> = Result<T, RepositoryError>;

/// The address of github.com's own API.
pub const PUBLIC_API: &str = "https://api.github.com";

/// What may stand unescaped in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where the repository is and how it is reached.
#[derive(Clone, Debug)]
pub struct GitHubConfig {
    /// Base address of the API: [`PUBLIC_API`], or `https://host/api/v3` of GitHub Enterprise. Plain `http` only to
    /// this machine itself.
    pub api: String,
    pub owner: String,
    pub name: String,
    pub branch: String,
    /// A personal access token that may read and write the contents of this repository.
    pub token: Secret<String>,
    /// Certificate authority (PEM) trusted instead of those of this machine.
    pub authority: Option<String>,
    /// One call, at most.
    pub call_wait: Duration,
    /// Nothing is sent for this long after the token or a right was refused.
    pub refused_pause: Duration,
}

impl GitHubConfig {
    /// A repository of github.com with the usual waits.
    pub fn new(owner: &str, name: &str, branch: &str, token: Secret<String>) -> Self {
        Self {
            api: PUBLIC_API.into(),
            owner: owner.into(),
            name: name.into(),
            branch: branch.into(),
            token,
            authority: None,
            call_wait: GITHUB_CALL_WAIT_MAX,
            refused_pause: GITHUB_REFUSED_PAUSE,
        }
    }
}

/// Why a configuration of GitHub cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GitHubError {
    #[error("{0} is no address of GitHub's API")]
    Address(String),
    #[error("{0} is not encrypted")]
    NotEncrypted(String),
    #[error("{0:?} cannot be the name of an owner, a repository or a branch")]
    Name(String),
    #[error("the token is empty or holds characters that no token has")]
    Token,
    #[error("the encrypted connection cannot be prepared: {0}")]
    Tls(String),
}

impl GitHubError {
    pub fn advice(&self) -> String {
        match self {
            Self::Address(_) | Self::NotEncrypted(_) => {
                "write https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise"
            }
            Self::Name(_) => "write them as in the repository's address",
            Self::Token => "mint a fine-grained token with the right Contents: read and write, and store it",
            Self::Tls(_) => "name a readable PEM file, or none",
        }
        .into()
    }
}

pub struct GitHub {
    caller: Caller,
    /// `/repos/owner/name`.
    place: String,
    owner: String,
    name: String,
    branch: String,
    shown: String,
    /// Where people make tokens: `https://github.com`.
    web: String,
    /// What the branch was when last looked at, with the mark to ask whether it still is.
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    etag: String,
    tip: String,
}

impl GitHub {
    /// Checks the configuration; opens no connection yet. Needs a running tokio.
    pub fn new(config: &GitHubConfig) -> Result<Self, GitHubError> {
        let api = address(&config.api)?;
        for part in [&config.owner, &config.name] {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if part.is_empty() || part.len() > 100 || !part.chars().all(plain) || part.starts_with('.') {
                return Err(GitHubError::Name(super::shown(part, 100)));
            }
        }
        if !branch_is_plain(&config.branch) {
            return Err(GitHubError::Name(super::shown(&config.branch, 100)));
        }
        let token = config.token.expose().trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(GitHubError::Token);
        }
        let octocrab = wire::octocrab(&api, &config.token, config.authority.as_deref(), config.call_wait)?;
        let host = api.host().unwrap_or_default();
        let elsewhere = if config.api == PUBLIC_API { String::new() } else { format!(" at {host}") };
        Ok(Self {
            caller: Caller::new(octocrab, config.refused_pause),
            place: format!("/repos/{}/{}", part(&config.owner), part(&config.name)),
            owner: config.owner.clone(),
            name: config.name.clone(),
            branch: config.branch.clone(),
            web: if config.api == PUBLIC_API {
                "https://github.com".into()
            } else {
                format!("https://{host}")
            },
            shown: format!("github:{}/{}{elsewhere}, branch {}", config.owner, config.name, config.branch),
            known: Mutex::new(None),
        })
    }

    /// The branch as it stands in an address.
    fn reference(&self) -> String {
        let parts: Vec<String> = self.branch.split('/').map(part).collect();
        format!("heads/{}", parts.join("/"))
    }
}

/// One part of a path, escaped.
fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// A name that git takes for a branch and that means nothing else in an address.
fn branch_is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let odd = |part: &str| part.is_empty() || part.starts_with('.') || part.starts_with('-');
    name.len() <= 200
        && name.chars().all(plain)
        && !name.contains("..")
        && !name.split('/').any(odd)
        && !name.ends_with(".lock")
}

fn address(text: &str) -> Result<Uri, GitHubError> {
    let wrong = || GitHubError::Address(super::shown(text, 200));
    let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?;
    // A name and password in the address would be written to logs.
    if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong());
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if matches!(host, "127.0.0.1" | "[::1]" | "localhost") => Ok(uri),
        Some("http") => Err(GitHubError::NotEncrypted(super::shown(text, 200))),
        _ => Err(wrong()),
    }
}

impl Repository for GitHub {
    fn describe(&self) -> String {
        self.shown.clone()
    }

    fn branch(&self) -> &str {
        &self.branch
    }

    fn tip(&self) -> Boxed<'_, Outcome<Option<String>>> {
        Box::pin(async { Ok(self.read_tip().await?.commit()) })
    }

    fn commits_since<'a>(&'a self, since: Option<&'a str>) -> Boxed<'a, Outcome<Vec<Commit>>> {
        Box::pin(self.read_commits(since))
    }

    fn file<'a>(&'a self, commit: &'a str, path: &'a str) -> Boxed<'a, Outcome<Option<Vec<u8>>>> {
        Box::pin(self.read_file(commit, path))
    }

    fn find_line<'a>(&'a self, line: &'a str, path: &'a str) -> Boxed<'a, Outcome<Option<String>>> {
        Box::pin(self.search(line, path))
    }

    fn show<'a>(&'a self, commit: &'a str) -> Boxed<'a, Outcome<Commit>> {
        Box::pin(async move {
            let id = read::checked(commit.to_owned());
            self.read_commit(&id.map_err(|_| RepositoryError::Unusable("that is no commit".into()))?).await
        })
    }

    fn messages<'a>(&'a self, until: Option<&'a str>) -> Boxed<'a, Outcome<Messages>> {
        Box::pin(self.read_messages(until))
    }

    fn commit<'a>(&'a self, new: &'a NewCommit) -> Boxed<'a, Outcome<String>> {
        Box::pin(self.write_commit(new))
    }

    fn examine(&self) -> Boxed<'_, Vec<Check>> {
        Box::pin(self.checks())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_usable_configuration_is_taken() {
        let with = |change: fn(&mut GitHubConfig)| {
            let mut config = GitHubConfig::new("ada", "homelab", "main", Secret::from("github_pat_x"));
            change(&mut config);
            GitHub::new(&config).map(|github| github.describe())
        };
        assert_eq!(with(|_| {}).unwrap(), "github:ada/homelab, branch main");
        let enterprise = with(|config| config.api = "https://git.lan/api/v3/".into()).unwrap();
        assert_eq!(enterprise, "github:ada/homelab at git.lan, branch main");
        assert!(with(|config| config.api = "http://127.0.0.1:1".into()).is_ok());
        for api in ["http://git.lan/api/v3", "ftp://git.lan", "git.lan", "https://ada:pw@git.lan", ""] {
            let mut config = GitHubConfig::new("ada", "homelab", "main", Secret::from("x"));
            config.api = api.into();
            assert!(GitHub::new(&config).is_err(), "{api}");
        }
        assert!(matches!(with(|config| config.name = "a/b".into()), Err(GitHubError::Name(_))));
        assert!(matches!(with(|config| config.owner = "..".into()), Err(GitHubError::Name(_))));
        assert!(matches!(with(|config| config.branch = "a/../b".into()), Err(GitHubError::Name(_))));
        assert!(matches!(with(|config| config.token = Secret::from(" \n")), Err(GitHubError::Token)));
        assert!(matches!(with(|config| config.token = Secret::from("a\nb")), Err(GitHubError::Token)));
    }

    #[tokio::test]
    async fn the_token_is_not_in_what_is_printed() {
        let config = GitHubConfig::new("ada", "homelab", "main", Secret::from("github_pat_secret"));
        assert!(!format!("{config:?}").contains("secret\""), "{config:?}");
        assert!(!format!("{config:?}").contains("github_pat"));
    }
}
