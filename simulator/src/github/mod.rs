//! A stand-in for GitHub: one real bare git repository behind just the routes that the Agent uses.
//!
//! Begin with [`GitHubSim::start`]. What a commit, a tree or a fast forward is decides git itself, so the stand-in cannot
//! be kinder than it; [`GitHubFault`] brings the troubles of the network and of GitHub, [`Hand`] those of people.
//!
//! Never here: anything but loopback, accounts, webhooks, routes nobody calls.

mod faults;
mod git;
mod looking;
mod routes;
mod server;
mod shapes;
mod writing;

pub use faults::{GitHubFault, GitHubTrouble};
pub use git::{Entry, GitSaid, Hand};
pub use server::GitHubCall;

use faults::Faults;
use git::Git;
use routes::Place;
use server::Shared;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the stand-in serves.
#[derive(Clone)]
pub struct GitHubSimConfig {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bare repository; made if there is none.
    pub dir: PathBuf,
    pub owner: String,
    pub name: String,
    /// The default branch.
    pub branch: String,
    /// The only token that is accepted.
    pub token: String,
}

#[derive(Debug, thiserror::Error)]
pub enum GitHubSimError {
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    #[error("{listen}: {why}")]
    Listen { listen: SocketAddr, why: std::io::Error },
    #[error(transparent)]
    Git(#[from] GitSaid),
}

impl GitHubSimError {
    pub fn advice(&self) -> String {
        match self {
            Self::NotLoopback(_) => "name an address of this machine itself, such as 127.0.0.1:0",
            Self::Listen { .. } => "name a free port",
            Self::Git(_) => "check that git is installed and the folder can be written",
        }
        .into()
    }
}

/// A running stand-in; it ends when dropped.
pub struct GitHubSim {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

impl GitHubSim {
    pub async fn start(config: GitHubSimConfig) -> Result<Self, GitHubSimError> {
        if !config.listen.ip().is_loopback() {
            return Err(GitHubSimError::NotLoopback(config.listen));
        }
        Git::create_if_missing(&config.dir, &config.branch).await?;
        let taken = |why| GitHubSimError::Listen { listen: config.listen, why };
        let listener = TcpListener::bind(config.listen).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let shared = Arc::new(Shared {
            hand: Hand::new(&config.dir, &config.branch),
            place: Place {
                owner: config.owner,
                name: config.name,
                branch: config.branch,
                git: Git::new(&config.dir),
                base: format!("http://{address}"),
            },
            token: config.token,
            faults: Faults::default(),
            calls: Mutex::default(),
            used: AtomicU64::new(0),
            base_url: format!("http://{address}"),
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(shared.clone(), listener, stopped));
        Ok(Self { shared, stop })
    }

    /// Base address of the API.
    pub fn base_url(&self) -> String {
        self.shared.base_url.clone()
    }

    pub fn inject(&self, fault: GitHubFault) {
        self.shared.faults.add(fault);
    }

    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Somebody else with access to the same repository.
    pub fn hand(&self) -> Hand {
        self.shared.hand.clone()
    }

    /// All requests so far, in the order of their answers.
    pub fn calls(&self) -> Vec<GitHubCall> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls that counted against the rate limit.
    pub fn used(&self) -> u64 {
        self.shared.used.load(Ordering::SeqCst)
    }

    pub fn shutdown(self) {
        let _ = self.stop.send(true);
    }
}

impl Drop for GitHubSim {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
