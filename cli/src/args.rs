//! The command line: names, options and their help. What they do is in [`crate::commands`].

use clap::{Args, Parser, Subcommand, ValueEnum};
use eventstore::{Category, StreamId};
use std::net::SocketAddr;
use std::path::PathBuf;
use uuid::Uuid;

/// Describe a Proxmox cluster in English, see exactly what would happen, approve it, watch it happen.
#[derive(Parser)]
#[command(
    name = "mycopod",
    version,
    max_term_width = 80,
    arg_required_else_help = false,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Configuration file
    #[arg(long, global = true, env = "MYCOPOD_CONFIG", default_value = "/etc/mycopod/config.toml")]
    pub config: PathBuf,
    /// Print JSON: one document for lists, one line per item for streams
    #[arg(long, global = true)]
    pub json: bool,
    /// More detail on standard error (-vv for traces)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Results only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run everything on this machine with a simulated cluster
    Demo(DemoArgs),
    /// Run the UI service
    Serve(ServeArgs),
    /// Run the Agent service
    Agent(AgentArgs),
    /// Run the simulated Proxmox VE alone
    Sim(SimArgs),
    /// Run the stand-in for GitHub alone
    SimGithub(SimGitHubArgs),
    /// Bring the database schema forward (as the owner of the database)
    Migrate {
        /// Only say whether the schema is up to date
        #[arg(long)]
        check: bool,
        /// Address of the database for its owner, instead of the configured one
        #[arg(long, env = "MYCOPOD_OWNER_URL", hide_env_values = true)]
        owner_url: Option<String>,
    },
    /// Save a draft from a file or standard input
    Declare {
        /// File with the English; standard input if absent
        file: Option<PathBuf>,
        /// Title; the first line of the text if absent
        #[arg(long)]
        title: Option<String>,
        /// Preview it at once and wait for the plan
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        person: Person,
    },
    /// Make a preview and wait for what comes of it
    Preview {
        /// Declaration: its number or id
        id: String,
        #[command(flatten)]
        person: Person,
    },
    /// Show a plan
    Plan {
        /// Declaration: its number or id
        id: String,
        /// Number of the plan; the newest if absent
        no: Option<u32>,
        /// Show the exact API calls too
        #[arg(long)]
        calls: bool,
        /// Exit with 3 if the plan has steps to do
        #[arg(long)]
        exit_code: bool,
    },
    /// Approve the plan with this digest
    Approve {
        /// Declaration: its number or id
        id: String,
        /// Digest of the plan, whole or its first 12 hex digits
        #[arg(long)]
        digest: Option<String>,
        /// Name of a guest that the plan destroys, for each one
        #[arg(long)]
        confirm: Vec<String>,
        #[command(flatten)]
        person: Person,
    },
    /// Commit the approved plan, so that the Agent carries it out
    Commit {
        /// Declaration: its number or id
        id: String,
        #[command(flatten)]
        person: Person,
    },
    /// Runs: list, show, follow, resume, retry, stop, skip, undo, export, replay
    #[command(subcommand)]
    Runs(RunsCommand),
    /// The cluster as last seen
    Cluster {
        /// As it was when the log ended at this position
        #[arg(long)]
        at: Option<i64>,
    },
    /// What differs from what was put in force: fields, since when, by whom
    #[command(after_help = "Example:\n  mycopod drift --exit-code || mail -s drift me@example.org")]
    Drift {
        /// As it was when the log ended at this position
        #[arg(long)]
        at: Option<i64>,
        /// Exit with 3 if anything differs that nobody left alone
        #[arg(long)]
        exit_code: bool,
    },
    /// The declarations repository: show, decide, refresh
    #[command(subcommand)]
    Repository(RepositoryCommand),
    /// The log: tail, show, verify, prove, export
    #[command(subcommand)]
    Events(EventsCommand),
    /// Keys that seal the log: list, rotate, shred
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Read models: list, status, show, rebuild
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Key files of the Agent, from standard input, never from arguments
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// People: add, list, role, disable, password
    #[command(subcommand)]
    User(UserCommand),
    /// Stop all writes to the cluster at once
    Freeze {
        /// Why; people read it on every page
        #[arg(long)]
        reason: String,
    },
    /// Allow writes to the cluster again
    Thaw,
    /// Check every connection and say what to do
    Doctor,
    /// Settings in effect: show, check
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Understand a declaration and print the interpretation
    Interpret {
        /// Lines of `{id, text}` on standard input
        #[arg(long)]
        jsonl: bool,
        /// Lines of `{id, declaration, model_output}`, judged as if a model had answered so
        #[arg(long)]
        replay: bool,
        /// Facts about the cluster; those of the demo cluster if absent
        #[arg(long)]
        cluster: Option<PathBuf>,
    },
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Measure this machine: previews, pages, runs (a simulated world of its own)
    Bench {
        /// Rounds of each measurement; 20, or 3 with --guests
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        rounds: Option<u32>,
        /// Make so many guests instead, and say how much longer it takes than its tasks
        #[arg(long, value_parser = clap::value_parser!(u32).range(2..=128))]
        guests: Option<u32>,
        /// Speed of simulated tasks for --guests: 1 is about real time
        #[arg(long, default_value_t = 1.0, requires = "guests")]
        time_scale: f64,
    },
}

/// What stands for the configured repository where a folder could be named.
pub const CONFIGURED: &str = "configured";

/// Who acts. The command line holds the database already, so it asks for a name, not a password.
#[derive(Args, Clone)]
pub struct Person {
    /// Account to act as
    #[arg(long = "as", env = "MYCOPOD_USER")]
    pub name: Option<String>,
}

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

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Preset {
    Golden,
}

#[derive(Subcommand)]
pub enum RunsCommand {
    /// All runs, newest first
    List,
    /// One run with its steps
    Show { no: i64 },
    /// Follow a run to its end
    Follow { no: i64 },
    /// Go on with a paused run
    Resume {
        no: i64,
        #[command(flatten)]
        person: Person,
    },
    /// Stop a run after its present step
    Stop {
        no: i64,
        #[command(flatten)]
        person: Person,
    },
    /// Try one step again that waits for a person; others go on waiting
    Retry {
        no: i64,
        /// Number of the step; the first that waits if absent
        #[arg(long)]
        step: Option<u32>,
        #[command(flatten)]
        person: Person,
    },
    /// Show the way back of a run, or approve it with its digest
    #[command(after_help = "Example:\n  mycopod runs undo 17\n  \
                            mycopod runs undo 17 --digest 4b825dc642cb --confirm web-1")]
    Undo {
        no: i64,
        /// Digest of the way back, whole or its first 12 hex digits
        #[arg(long)]
        digest: Option<String>,
        /// Name of a guest that it destroys, for each one
        #[arg(long)]
        confirm: Vec<String>,
        #[command(flatten)]
        person: Person,
    },
    /// Write a run as a bundle without secrets, to be decided again elsewhere
    Export {
        no: i64,
        /// Write to this file instead of standard output
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Decide the runs of a bundle again with this program; 7 if it would do something else
    Replay { bundle: PathBuf },
    /// Leave out a step that waits for a person
    Skip {
        no: i64,
        /// Number of the step; the first that waits if absent
        #[arg(long)]
        step: Option<u32>,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        person: Person,
    },
}

#[derive(Subcommand)]
pub enum RepositoryCommand {
    /// Commits that were set aside and wait for an Admin, and the anchors of the log
    Show,
    /// Say what becomes of a commit that was set aside
    #[command(after_help = "Example:\n  mycopod repository decide 4b825dc6 restore")]
    Decide {
        /// The commit, or the beginning of its name
        commit: String,
        #[arg(value_enum)]
        decision: DecisionArg,
        #[command(flatten)]
        person: Person,
    },
    /// Let the Agent look at it now
    Refresh {
        #[command(flatten)]
        person: Person,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum DecisionArg {
    /// Its English becomes a draft with a preview
    Take,
    /// What was approved is written back by a new commit; a rewritten branch is followed
    Restore,
    /// It stays as it is; a rewritten branch is followed
    Leave,
}

impl From<DecisionArg> for domain::repository::Decision {
    fn from(decision: DecisionArg) -> Self {
        match decision {
            DecisionArg::Take => Self::Take,
            DecisionArg::Restore => Self::Restore,
            DecisionArg::Leave => Self::Leave,
        }
    }
}

#[derive(Subcommand)]
pub enum EventsCommand {
    /// The newest events, or those as they come
    Tail {
        /// From this position on
        #[arg(long)]
        from: Option<i64>,
        /// Go on as new ones come
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        wanted: Wanted,
        /// How many of the newest
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=10_000))]
        last: u16,
    },
    /// One event
    Show { position: i64 },
    /// Check the chain of all events, with what was kept outside the database
    #[command(
        after_help = "Example:\n  mycopod events verify --anchors /srv/declarations.git --checkpoint kept.txt"
    )]
    Verify(VerifyArgs),
    /// Make a proof that one event is in the log, to be checked without the database
    #[command(after_help = "Example:\n  mycopod events prove 42 --output event-42.json\n  \
                            mycopod events verify --proof event-42.json --key seal-key.pub")]
    Prove {
        position: i64,
        /// Write it to this file instead of standard output
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Write events out, decrypted, one after the other
    Export {
        #[arg(long, value_enum, default_value = "json")]
        format: ExportFormat,
        /// From this position on
        #[arg(long, default_value_t = 1)]
        from: i64,
        /// Up to this position; the newest if absent
        #[arg(long)]
        to: Option<i64>,
        #[command(flatten)]
        wanted: Wanted,
        /// Write to this file (0600) instead of standard output; it appears when it is whole
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

/// Which events.
#[derive(Args, Clone, Default)]
pub struct Wanted {
    /// Only this type, such as run.call_issued
    #[arg(long)]
    pub r#type: Option<String>,
    /// Only this stream, as CATEGORY/UUID
    #[arg(long)]
    pub stream: Option<StreamRef>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ExportFormat {
    /// One JSON document a line
    Json,
    /// A table with a heading, the content as JSON in its last column
    Csv,
}

#[derive(Args)]
pub struct VerifyArgs {
    /// From this position on
    #[arg(long, default_value_t = 1)]
    pub from: i64,
    /// Up to this position; the newest if absent
    #[arg(long)]
    pub to: Option<i64>,
    /// Anchors: lines `MycoPod-Log: POSITION sha256:HEX` in a text file, or a git repository with them in its
    /// commits; the configured repository if nothing is named
    #[arg(long, value_name = "FILE|REPOSITORY", num_args = 0..=1, default_missing_value = CONFIGURED)]
    pub anchors: Vec<PathBuf>,
    /// A file of signed checkpoints that was kept elsewhere
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// Public key of the signer; the one in the Agent's state folder if absent
    #[arg(long, value_name = "FILE|HEX")]
    pub key: Vec<String>,
    /// Check this proof of one event, with no database and no configuration
    #[arg(long, value_name = "FILE", requires = "key",
          conflicts_with_all = ["from", "to", "anchors", "checkpoint"])]
    pub proof: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make the key ring of a new installation; one that is there stays as it is
    Create,
    /// Keys of the ring, and what is sealed under them
    List,
    /// Make a new key-encryption key, and wrap all data keys under it
    Rotate {
        /// Make no new key: wrap what an interrupted rotation left behind
        #[arg(long)]
        finish: bool,
    },
    /// Erase what the events of one stream say, for ever
    #[command(after_help = "Example:\n  mycopod keys shred declaration/0198c7a0-0000-7000-8000-000000000001")]
    Shred {
        /// The stream: CATEGORY/UUID, or its UUID alone
        subject: SubjectRef,
        /// The UUID once more, where nobody can be asked
        #[arg(long, value_name = "UUID")]
        confirm: Option<Uuid>,
    },
}

#[derive(Subcommand)]
pub enum ProjectionsCommand {
    /// Names and what they are for
    List,
    /// Position, lag and state of each
    Status,
    /// Rows of one, as they are or as they were
    Show {
        /// Its name
        name: String,
        /// Key of one row; all rows if absent
        key: Option<String>,
        /// As of this position of the log
        #[arg(long)]
        at: Option<i64>,
    },
    /// Build one anew beside the old one, then swap
    Rebuild {
        /// Its name; all if absent
        name: Option<String>,
        /// Compare with the live one byte for byte; swap only if they are equal
        #[arg(long)]
        compare: bool,
        /// Build it as of this position in a table aside, and swap nothing
        #[arg(long, conflicts_with = "compare", requires = "name")]
        to: Option<i64>,
    },
}

#[derive(Subcommand)]
pub enum SecretsCommand {
    /// Store a secret read from standard input
    Set { name: String },
    /// Names, fingerprints and ages
    List,
    /// Remove a secret
    Remove { name: String },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    Admin,
    User,
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a person; the password is read from standard input unless generated
    Add {
        name: String,
        #[arg(long, value_enum, default_value = "user")]
        role: RoleArg,
        /// Make up a password and print it once
        #[arg(long)]
        generate: bool,
    },
    /// All people
    List,
    /// Change somebody's role
    Role {
        name: String,
        #[arg(value_enum)]
        role: RoleArg,
    },
    /// Stop somebody from signing in
    Disable { name: String },
    /// Set a new password, read from standard input unless generated
    Password {
        name: String,
        #[arg(long)]
        generate: bool,
    },
}

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print them, secrets cut
    Show,
    /// Read the file and say what is wrong with it
    Check,
    /// Rules that plans are made by: print them, or set them from a file
    #[command(
        after_help = "Example:\n  mycopod config rules > rules.json\n  mycopod config rules --set rules.json --as ada"
    )]
    Rules {
        /// JSON file in the form that is printed, to be in effect from now on
        #[arg(long, value_name = "FILE")]
        set: Option<PathBuf>,
        #[command(flatten)]
        person: Person,
    },
}

/// A declaration is named by its number or its id.
#[derive(Clone, Debug)]
pub enum DeclarationRef {
    No(i64),
    Id(Uuid),
}

impl std::str::FromStr for DeclarationRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self::No)
            .or_else(|_| text.parse().map(Self::Id))
            .map_err(|_| format!("{text} is neither a number nor an id of a declaration"))
    }
}

/// A stream, as `declaration/0198…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRef(pub StreamId);

impl std::str::FromStr for StreamRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (category, id) =
            text.split_once('/').ok_or_else(|| format!("{text} is not of the form CATEGORY/UUID"))?;
        let category = Category::named(category).ok_or_else(|| {
            let known: Vec<&str> = Category::ALL.iter().map(|category| category.name()).collect();
            format!("there is no category {category}; there are {}", known.join(", "))
        })?;
        let id = id.parse().map_err(|_| format!("{id} is no UUID"))?;
        Ok(Self(StreamId::new(category, id)))
    }
}

/// A stream whose category may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectRef {
    Stream(StreamId),
    Id(Uuid),
}

impl std::str::FromStr for SubjectRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(|StreamRef(stream)| Self::Stream(stream)),
        }
    }
}
