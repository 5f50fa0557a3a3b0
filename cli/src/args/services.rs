//! Options of what runs until it is told to stop: the demo, the two services, the stand-ins alone.

use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Args)]
pub struct DemoArgs {
    /// Keep the data in this folder instead of a temporary one
    #[arg(long)]
    pub keep: Option<PathBuf>,
    /// Begin anew: empty the kept folder first
    #[arg(long, requires = "keep")]
    pub reset: bool,
    /// Port of the web pages on 127.0.0.1 (0: any free one)
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Play the story in this file and exit; not 0 if a step is not as told
    #[arg(long)]
    pub script: Option<PathBuf>,
    /// Facts of the simulated cluster instead of the built-in three nodes
    #[arg(long)]
    pub cluster: Option<PathBuf>,
    /// Speed of simulated tasks: 1 is about real time, 0 is at once
    #[arg(long, default_value_t = 0.2)]
    pub time_scale: f64,
    /// Seconds between looks at the repository (0: only on request)
    #[arg(long, default_value_t = 30)]
    pub poll: u32,
}

#[derive(Args)]
pub struct ServeArgs {
    /// Address to listen on, instead of the configured one
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// End when standard input closes (for a parent process)
    #[arg(long, hide = true)]
    pub with_parent: bool,
}

#[derive(Args)]
pub struct AgentArgs {
    /// Do what is open, then exit
    #[arg(long)]
    pub once: bool,
    /// End when standard input closes (for a parent process)
    #[arg(long, hide = true)]
    pub with_parent: bool,
}

#[derive(Args)]
pub struct SimArgs {
    /// Facts of the cluster to simulate
    #[arg(long, conflicts_with_all = ["nodes", "preset"])]
    pub cluster: Option<PathBuf>,
    /// Nodes of an empty cluster, where no facts are given
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16), conflicts_with = "preset")]
    pub nodes: u32,
    /// A known first state: golden is that of the recorded conversations
    #[arg(long)]
    pub preset: Option<Preset>,
    /// Name of the first node
    #[arg(long)]
    pub node: Option<String>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8006")]
    pub listen: SocketAddr,
    /// HTTP without TLS
    #[arg(long)]
    pub plain: bool,
    /// API token as USER@REALM!ID=UUID
    #[arg(long)]
    pub token: Vec<String>,
    /// Password for signing in with a ticket, as USER@REALM=PASSWORD
    #[arg(long, env = "MYCOPOD_SIM_PASSWORD", hide_env_values = true, value_delimiter = '\n')]
    pub password: Vec<String>,
    /// Speed of tasks: 1 is about real time, 0 is at once
    #[arg(long, default_value_t = 1.0)]
    pub time_scale: f64,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Load the cluster from this file if it is there, and save it there at the end
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Fault rules as JSON, or a file with them
    #[arg(long)]
    pub fault: Vec<String>,
    /// Loopback address of the control port
    #[arg(long, default_value = "127.0.0.1:0")]
    pub control: SocketAddr,
    /// Only list which methods of the API have state behind them
    #[arg(long)]
    pub coverage: bool,
}

#[derive(Args)]
pub struct SimGitHubArgs {
    /// Folder of the bare git repository behind it; made if there is none
    #[arg(long)]
    pub dir: PathBuf,
    /// What the repository is called, as OWNER/NAME
    #[arg(long, default_value = "homelab/declarations")]
    pub repository: String,
    /// The default branch
    #[arg(long, default_value = "main")]
    pub branch: String,
    /// Loopback address to listen on
    #[arg(long, default_value = "127.0.0.1:8007")]
    pub listen: SocketAddr,
    /// The only access token that is accepted; made and printed if absent
    #[arg(long, env = "MYCOPOD_SIM_GITHUB_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Fault as JSON
    #[arg(long)]
    pub fault: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Preset {
    Golden,
}
