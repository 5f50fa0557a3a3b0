//! `mycopod secrets …` and `mycopod keys …`: names, options and help. No secret is ever an argument.

use super::{Person, SubjectRef};
use clap::Subcommand;
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Subcommand)]
pub enum SecretsCommand {
    /// Store a secret: from a pipe, a file, or typed without being shown
    Set {
        /// proxmox-token, github-token, openai-key, claude-key, ollama-key, …
        name: String,
        /// Read it from this file
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        person: Person,
    },
    /// Names, ages and where they come from
    List {
        /// Fingerprints too
        #[arg(long)]
        fingerprint: bool,
    },
    /// Replace a secret by a new value, after trying it against what it is for
    Rotate {
        name: String,
        /// Read it from this file
        #[arg(long)]
        file: Option<PathBuf>,
        /// Replace it without trying the new value
        #[arg(long)]
        untested: bool,
        #[command(flatten)]
        person: Person,
    },
    /// Remove a secret
    Remove {
        name: String,
        #[command(flatten)]
        person: Person,
    },
    /// What UI and Agent are to be told about each other, for secrets sent from the pages
    Channel,
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
