//! A bare repository with a backend in front of it and a hand that writes past it.

use agent::repository::github::{GitHub, GitHubConfig};
use agent::repository::local::LocalGit;
use agent::repository::{NewCommit, Repository};
use secrets::Secret;
use simulator::github::{GitHubSim, GitHubSimConfig, Hand};
use std::time::Duration;
use tempfile::TempDir;

const TOKEN: &str = "github_pat_of_the_tests";

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Local,
    GitHub,
}

/// Every rule of the contract is tried on each of these.
pub const BOTH: [Kind; 2] = [Kind::Local, Kind::GitHub];

pub struct Rig {
    pub backend: Box<dyn Repository>,
    pub hand: Hand,
    pub sim: Option<GitHubSim>,
    _dir: TempDir,
}

impl Rig {
    pub async fn new(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("declarations.git");
        let hand = Hand::new(&path, "main");
        match kind {
            Kind::Local => {
                LocalGit::create_if_missing(&path, "main").await.unwrap();
                let backend = Box::new(LocalGit::new(path, "main"));
                Self { backend, hand, sim: None, _dir: dir }
            }
            Kind::GitHub => {
                let config = GitHubSimConfig {
                    listen: "127.0.0.1:0".parse().unwrap(),
                    dir: path,
                    owner: "ada".into(),
                    name: "homelab".into(),
                    branch: "main".into(),
                    token: TOKEN.into(),
                };
                let sim = GitHubSim::start(config).await.unwrap();
                let backend = Box::new(GitHub::new(&to(&sim)).unwrap());
                Self { backend, hand, sim: Some(sim), _dir: dir }
            }
        }
    }

    /// One with a first commit, so that both kinds begin alike.
    pub async fn begun(kind: Kind) -> Self {
        let rig = Self::new(kind).await;
        rig.hand.commit(&[("README.md", file("Hello."))], "begin", "ada").await.unwrap();
        rig
    }

    pub fn sim(&self) -> &GitHubSim {
        self.sim.as_ref().unwrap()
    }
}

/// How the stand-in is reached; waits are short enough to be seen through.
pub fn to(sim: &GitHubSim) -> GitHubConfig {
    let mut config = GitHubConfig::new("ada", "homelab", "main", Secret::from(TOKEN));
    config.api = sim.base_url();
    config.call_wait = Duration::from_millis(2_000);
    config
}

pub fn file(text: &str) -> simulator::github::Entry {
    simulator::github::Entry::File(text.as_bytes().to_vec())
}

/// A commit of ours with one declaration.
pub fn ours(name: &str, text: &str) -> NewCommit {
    NewCommit {
        files: vec![
            (format!("declarations/{name}.md"), text.into()),
            (format!("declarations/{name}.lock.toml"), format!("# {text}\n")),
        ],
        message: format!("add {name}\n\nAs was said.\n\n{}\nMycoPod-Approved-By: ada\n", line(name)),
        author: "ada".into(),
    }
}

/// The trailer by which a commit of ours is found again.
pub fn line(name: &str) -> String {
    format!("MycoPod-Plan: sha256:{name}")
}

pub fn lock(name: &str) -> String {
    format!("declarations/{name}.lock.toml")
}
