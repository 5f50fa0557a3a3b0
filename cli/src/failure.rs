//! How a command ends badly: three lines and an exit code with a fixed meaning.

use std::fmt;

/// Exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Failed = 1,
    Usage = 2,
    /// Differences or steps waiting; only where asked for.
    Differences = 3,
    NotFound = 4,
    Refused = 5,
    /// Something needed is missing or does not answer.
    Unavailable = 6,
    /// A chain, a backup or a contract does not hold.
    CheckFailed = 7,
    /// A person said stop.
    Interrupted = 130,
}

#[derive(Debug)]
pub struct Failure {
    pub code: Code,
    /// What happened.
    pub what: String,
    /// What it means; empty where there is nothing to add.
    pub means: String,
    /// What to do next.
    pub next: String,
}

impl Failure {
    pub fn new(code: Code, what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self { code, what: what.to_string(), means: String::new(), next: next.to_string() }
    }

    pub fn means(mut self, means: impl fmt::Display) -> Self {
        self.means = means.to_string();
        self
    }

    /// The end of a command that found what it was asked to report, such as differences.
    pub fn quiet(code: Code) -> Self {
        Self { code, what: String::new(), means: String::new(), next: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what.is_empty() {
            return Ok(());
        }
        write!(f, "error: {}", self.what)?;
        if !self.means.is_empty() {
            write!(f, "\n  {}", self.means)?;
        }
        if !self.next.is_empty() {
            write!(f, "\n  next: {}", self.next)?;
        }
        Ok(())
    }
}

pub type Outcome = Result<(), Failure>;
