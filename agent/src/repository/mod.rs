//! The declarations repository: where what was approved is written down for everybody to read.
//!
//! Begin with [`Repository`], what any backend can do; [`local::LocalGit`] is a bare repository on disk.
//! [`lock_file`] is the form of what stands beside the English.
//!
//! Never here: deciding what a commit means. The watcher does that.

pub mod local;
pub mod lock_file;

use std::future::Future;
use std::pin::Pin;

/// A future that can be kept in a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A commit as the watcher sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub id: String,
    pub author: String,
    pub message: String,
    /// Paths changed against its first parent, with what became of them.
    pub files: Vec<ChangedFile>,
}

impl Commit {
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The value of a trailer such as `MycoPod-Plan`.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        let last = self.message.trim_end().rsplit("\n\n").next()?;
        last.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: String,
    pub deleted: bool,
}

/// One commit to be made: files with their whole content.
#[derive(Clone, Debug)]
pub struct NewCommit {
    pub files: Vec<(String, String)>,
    pub message: String,
    pub author: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It does not answer; it may later.
    #[error("the declarations repository does not answer: {0}")]
    Unavailable(String),
    /// It answered with something unusable.
    #[error("the declarations repository is not usable: {0}")]
    Unusable(String),
    /// Somebody else moved the branch first.
    #[error("the branch moved while the commit was made")]
    Moved,
    /// Commits that were seen are no longer part of the branch.
    #[error("the branch was rewritten: {0} is no longer part of it")]
    Rewritten(String),
}

impl RepositoryError {
    pub fn advice(&self) -> String {
        match self {
            Self::Unavailable(_) => {
                "Check that the repository exists and can be reached; it is tried again by itself."
            }
            Self::Unusable(_) => "Check the repository's address and branch in the settings.",
            Self::Moved => "It is tried again by itself.",
            Self::Rewritten(_) => "Nothing is applied from a rewritten history. Restore the branch.",
        }
        .into()
    }
}

/// What the Agent needs of a repository. All methods are safe to repeat.
pub trait Repository: Send + Sync {
    /// For pages and messages: `local:/var/lib/…`, `github:owner/name`.
    fn describe(&self) -> String;

    fn branch(&self) -> &str;

    /// The newest commit, none in an empty repository.
    fn tip(&self) -> Boxed<'_, Result<Option<String>, RepositoryError>>;

    /// Commits after `since` (none: from the beginning), oldest first, bounded.
    fn commits_since<'a>(&'a self, since: Option<&'a str>)
    -> Boxed<'a, Result<Vec<Commit>, RepositoryError>>;

    /// A file at a commit; none if it is not there. Larger files than the bound are [`RepositoryError::Unusable`].
    fn file<'a>(
        &'a self,
        commit: &'a str,
        path: &'a str,
    ) -> Boxed<'a, Result<Option<Vec<u8>>, RepositoryError>>;

    /// A commit on the branch whose message has this line, newest first; how a commit whose outcome is unknown is
    /// found again.
    fn find_line<'a>(&'a self, line: &'a str) -> Boxed<'a, Result<Option<String>, RepositoryError>>;

    /// Puts one commit on top of the branch, never by force; answers with its id.
    fn commit<'a>(&'a self, new: &'a NewCommit) -> Boxed<'a, Result<String, RepositoryError>>;
}
