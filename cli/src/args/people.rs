//! `mycopod user …`, and who acts where that matters.

use clap::{Args, Subcommand, ValueEnum};

/// Who acts. The command line holds the database already, so it asks for a name, not a password.
#[derive(Args, Clone)]
pub struct Person {
    /// Account to act as
    #[arg(id = "acting_as", long = "as", value_name = "NAME", env = "MYCOPOD_USER")]
    pub name: Option<String>,
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
