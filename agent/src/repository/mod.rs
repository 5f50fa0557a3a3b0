//! The declarations repository: where what was approved is written down for everybody to read.
//!
//! Begin with [`Repository`], what any backend can do; [`local::LocalGit`] is a bare repository on disk,
//! [`github::GitHub`] one at GitHub. The same tests hold for both.
//! [`lock_file`] is the form of what stands beside the English.
//!
//! Never here: deciding what a commit means. The watcher does that.

pub mod github;
pub mod local;
pub mod lock_file;
mod once;

pub use once::put_once;

use domain::settings::Check;
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
    /// It changes more files than were looked at.
    pub more_files: bool,
}

impl Commit {
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The value of a trailer such as `MycoPod-Plan`.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        trailer(&self.message, name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: String,
    pub deleted: bool,
}

/// What one commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub commit: String,
    pub author: String,
    pub message: String,
}

/// What the newest commits of the branch say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// The branch as it was when they were read; none where there is none.
    pub tip: Option<String>,
    pub newest_first: Vec<Message>,
    /// The commit at which reading was to end was met.
    pub reached: bool,
    /// The branch was read to its beginning.
    pub whole: bool,
}

impl Messages {
    /// Those of a branch that is not there: nothing was left out.
    pub fn none() -> Self {
        Self { whole: true, ..Self::default() }
    }
}

/// The value of a trailer such as `MycoPod-Plan` in the last paragraph of a message.
pub fn trailer<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let last = message.trim_end().rsplit("\n\n").next()?;
    last.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// One commit to be made: files with their whole content.
#[derive(Clone, Debug)]
pub struct NewCommit {
    pub files: Vec<(String, String)>,
    pub message: String,
    pub author: String,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It does not answer; it may later.
    #[error("the declarations repository does not answer: {0}")]
    Unavailable(String),
    /// It answers, but not to us or not now: the token, a right, a rate limit.
    #[error("the declarations repository refuses: {0}")]
    Refused(String),
    /// It answered with something unusable.
    #[error("the declarations repository is not usable: {0}")]
    Unusable(String),
    /// The commit was not put on the branch, mostly because somebody else moved it first.
    #[error("the commit was not taken: {0}")]
    Moved(String),
    /// Commits that were seen are no longer part of the branch.
    #[error("the branch was rewritten: {0} is no longer part of it")]
    Rewritten(String),
}

impl RepositoryError {
    /// May the same call succeed later, with nothing changed by us?
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Refused(_))
    }

    pub fn advice(&self) -> String {
        match self {
            Self::Unavailable(_) => {
                "Check that the repository exists and can be reached; it is tried again by itself."
            }
            Self::Refused(_) => {
                "Check that the token is valid and may read and write the contents of the repository; it is tried \
                 again by itself."
            }
            Self::Unusable(_) => "Check the repository's address and branch in the settings.",
            Self::Moved(_) => "Try again. If it stays so, look at the rules that protect the branch.",
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

    /// A file at a commit; none if it is not there. What is larger than the bound or no plain file (a link, a folder)
    /// is [`RepositoryError::Unusable`].
    fn file<'a>(
        &'a self,
        commit: &'a str,
        path: &'a str,
    ) -> Boxed<'a, Result<Option<Vec<u8>>, RepositoryError>>;

    /// A commit on the branch that changes `path` and whose message has this line, newest first; how a commit whose
    /// outcome is unknown is found again.
    fn find_line<'a>(
        &'a self,
        line: &'a str,
        path: &'a str,
    ) -> Boxed<'a, Result<Option<String>, RepositoryError>>;

    /// One commit by its id, with the files it changes.
    fn show<'a>(&'a self, commit: &'a str) -> Boxed<'a, Result<Commit, RepositoryError>>;

    /// What the commits of the branch say, newest first, up to one that is known already; bounded.
    fn messages<'a>(&'a self, until: Option<&'a str>) -> Boxed<'a, Result<Messages, RepositoryError>>;

    /// Puts one commit on top of the branch, never by force; answers with its id.
    fn commit<'a>(&'a self, new: &'a NewCommit) -> Boxed<'a, Result<String, RepositoryError>>;

    /// Tries its credential and says what it finds, for people; nothing where it needs none. Changes nothing.
    fn examine(&self) -> Boxed<'_, Vec<Check>> {
        Box::pin(async { Vec::new() })
    }
}

/// Text out of a repository as pages and logs may show it: one line, bounded, without characters that steer a screen
/// or turn the direction of writing.
pub fn shown(text: &str, characters_max: usize) -> String {
    let plain = text.chars().map(|c| if steers(c) { ' ' } else { c });
    plain.take(characters_max).collect::<String>().trim().to_owned()
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The beginning of a text, at most this many bytes long.
fn bounded(mut text: String, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Refuses what git keeps under a file's name but is none: links, other repositories, folders.
fn plain_file(path: &str, mode: &str) -> Result<(), RepositoryError> {
    match mode {
        "100644" | "100755" => Ok(()),
        "120000" => Err(RepositoryError::Unusable(format!("{path} is a link"))),
        _ => Err(RepositoryError::Unusable(format!("{path} is no plain file"))),
    }
}
