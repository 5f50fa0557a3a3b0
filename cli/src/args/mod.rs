//! The command line: names, options and their help. What they do is in [`crate::commands`].
//!
//! Begin with [`Command`]; the commands that have commands of their own have a file each.

mod events;
mod names;
mod people;
mod projections;
mod repository;
mod runs;
mod secrets;
mod services;

pub use events::{CONFIGURED, EventsCommand, ExportFormat, VerifyArgs, Wanted};
pub use names::{DeclarationRef, StreamRef, SubjectRef};
pub use people::{Person, RoleArg, UserCommand};
pub use projections::ProjectionsCommand;
pub use repository::{DecisionArg, RepositoryCommand};
pub use runs::RunsCommand;
pub use secrets::{KeysCommand, SecretsCommand};
pub use services::{AgentArgs, DemoArgs, Preset, ServeArgs, SimArgs, SimGitHubArgs};

use clap::{Parser, Subcommand};
use std::path::PathBuf;

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
        /// Number or id of the declaration that this is a new version of; its guests are meant by their names
        #[arg(long, value_name = "DECLARATION")]
        follows: Option<String>,
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
        /// Lines of `{id, text, expect}`: say how well the configured interpreter reads them
        #[arg(long, value_name = "FILE", conflicts_with_all = ["jsonl", "replay"])]
        bench: Option<PathBuf>,
        /// Keep the score of --bench in the log, in the name of this Admin; previews show it
        #[arg(long = "as", value_name = "NAME", requires = "bench")]
        keep_as: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Names of options that meet in one command would only be seen by whoever types it.
    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_secret_is_an_argument() {
        let command = Cli::command();
        let secrets = command.find_subcommand("secrets").unwrap();
        for one in secrets.get_subcommands() {
            let names: Vec<&str> = one.get_arguments().map(|argument| argument.get_id().as_str()).collect();
            assert!(
                !names.iter().any(|name| ["value", "secret", "token", "key"].contains(name)),
                "{names:?}"
            );
        }
        assert!(Cli::try_parse_from(["mycopod", "secrets", "set", "github-token", "ghp_x"]).is_err());
    }
}
