//! `mycopod runs …`: names, options and help.

use super::Person;
use clap::Subcommand;
use std::path::PathBuf;

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
