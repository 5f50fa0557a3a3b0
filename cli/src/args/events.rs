//! `mycopod events …`: names, options and help.

use super::StreamRef;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What stands for the configured repository where a folder could be named.
pub const CONFIGURED: &str = "configured";

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
