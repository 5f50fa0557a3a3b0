//! `mycopod repository …`: names, options and help.

use super::Person;
use clap::{Subcommand, ValueEnum};

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
