//! What a simulator is made from, and why it may not start.

use crate::auth::Grant;
use crate::faults::FaultRule;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The cluster at the first moment.
#[derive(Clone, Debug)]
pub enum Base {
    /// The content of a cluster file.
    Cluster(Value),
    /// So many equal nodes, `pve1` and on.
    Nodes(usize),
    /// The base state of the recorded conversations: one node, one directory storage, no guests.
    Golden,
}

/// How a simulator is to run. `SimConfig::default()` is one cluster of three nodes on a free port.
#[derive(Clone)]
pub struct SimConfig {
    pub base: Base,
    /// Full token ids (`user@realm!name`) with their secrets.
    pub tokens: Vec<(String, String)>,
    /// Users (`user@realm`) with their passwords, for signing in with tickets.
    pub passwords: Vec<(String, String)>,
    /// Rights of tokens that are no administrators.
    pub grants: Vec<Grant>,
    /// Durations of tasks and waits are multiplied by this; 0 is at once.
    pub time_scale: f64,
    /// Seed of all chance: MAC addresses, UUIDs, fault lots.
    pub seed: u64,
    pub listen: SocketAddr,
    /// Loaded at the start when it exists, written at shutdown.
    pub state_file: Option<PathBuf>,
    /// Loopback address of the control interface; port 0 is any free one.
    pub control: SocketAddr,
    /// True: `/cluster/resources` shows guests as the nodes last told each other, up to ten (scaled) seconds ago.
    pub stale_resources: bool,
    /// True: HTTP without TLS.
    pub plain: bool,
    /// Name of the first node, instead of that of the base.
    pub node_name: Option<String>,
    /// Rules that hold from the first moment, also after a reset.
    pub faults: Vec<FaultRule>,
    /// Addresses on which no storage server answers, besides the loopback ones.
    pub unreachable: Vec<String>,
}

impl std::fmt::Debug for SimConfig {
    // Token secrets stay out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tokens: Vec<&String> = self.tokens.iter().map(|(id, _)| id).collect();
        f.debug_struct("SimConfig")
            .field("tokens", &tokens)
            .field("time_scale", &self.time_scale)
            .field("seed", &self.seed)
            .field("listen", &self.listen)
            .field("state_file", &self.state_file)
            .finish_non_exhaustive()
    }
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            base: Base::Nodes(3),
            tokens: Vec::new(),
            passwords: Vec::new(),
            grants: Vec::new(),
            time_scale: 1.0,
            seed: 1,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state_file: None,
            control: SocketAddr::from(([127, 0, 0, 1], 0)),
            stale_resources: false,
            plain: false,
            node_name: None,
            faults: Vec::new(),
            unreachable: Vec::new(),
        }
    }
}

impl SimConfig {
    /// Starts from the text of a cluster file.
    pub fn from_cluster_json(text: &str) -> Result<Self, SimError> {
        let base = Base::Cluster(serde_json::from_str(text).map_err(SimError::ClusterFile)?);
        Ok(Self { base, ..Self::default() })
    }

    /// Adds a token with all rights that a token can have.
    pub fn with_token(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.tokens.push((id.into(), secret.into()));
        self
    }

    pub fn with_time_scale(mut self, scale: f64) -> Self {
        self.time_scale = scale;
        self
    }
}

/// Why a simulator did not start or stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("the embedded API contract cannot be read: {0}")]
    Contract(serde_json::Error),
    #[error("the cluster file cannot be read: {0}")]
    ClusterFile(serde_json::Error),
    #[error("guest {vmid} of the cluster file cannot be made: {text}")]
    Guest { vmid: u32, text: String },
    #[error("the state file {path} cannot be read or written: {source}")]
    StateFile { path: PathBuf, source: std::io::Error },
    #[error("the address cannot be listened on: {0}")]
    Listen(std::io::Error),
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl SimError {
    /// The next move, for a person.
    pub fn advice(&self) -> String {
        match self {
            Self::ClusterFile(_) | Self::Guest { .. } => "Check the cluster file.".into(),
            Self::StateFile { path, .. } => format!("Check or remove {}.", path.display()),
            Self::Listen(_) => "Choose another port.".into(),
            _ => "This is a fault in the simulator. Please report it.".into(),
        }
    }
}
