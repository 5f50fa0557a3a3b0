//! `mycopod projections …`: names, options and help.

use clap::Subcommand;

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
