//! Looking at a repository of GitHub: the branch, its commits, files at a commit.
//!
//! The branch is asked for with the mark of the last answer, which costs nothing of the rate limit while nothing
//! changes. Files are found through the trees, where links and folders show what they are before anything is read.

use super::{GitHub, Known, Outcome, part};
use crate::limits::{
    COMMITS_PER_POLL_MAX, FILE_BYTES_MAX, FILES_PER_COMMIT_MAX, GITHUB_PAGE_ENTRIES, GITHUB_SEARCH_PAGES_MAX,
    MESSAGE_BYTES_MAX, MESSAGES_MAX,
};
use crate::repository::{ChangedFile, Commit, Message, Messages, RepositoryError, bounded, plain_file};
use base64::Engine;
use http::{Method, StatusCode};
use serde::Deserialize;
use std::sync::PoisonError;

/// Where the branch is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tip {
    At(String),
    /// The repository has commits, this branch does not exist.
    NoBranch,
    /// The repository has no commit at all; GitHub's git routes do not work on it.
    Empty,
}

impl Tip {
    pub fn commit(self) -> Option<String> {
        match self {
            Self::At(commit) => Some(commit),
            Self::NoBranch | Self::Empty => None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub sha: String,
}

#[derive(Deserialize)]
struct Reference {
    object: Named,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Written {
    author: Option<Person>,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Listed {
    sha: String,
    commit: Written,
    #[serde(default)]
    files: Vec<Changed>,
}

#[derive(Deserialize)]
struct Changed {
    filename: String,
    status: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Compared {
    merge_base_commit: Named,
    #[serde(default)]
    commits: Vec<Named>,
}

#[derive(Deserialize)]
pub(super) struct GitCommit {
    pub tree: Named,
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default)]
    truncated: bool,
    tree: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    sha: String,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Blob {
    content: String,
    encoding: String,
}

impl GitHub {
    /// Where the branch is, asked for with the mark of the last answer.
    pub(super) async fn read_tip(&self) -> Outcome<Tip> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.ask_tip(known).await
    }

    /// Where the branch is, whatever was known before.
    pub(super) async fn read_tip_anew(&self) -> Outcome<Tip> {
        self.ask_tip(None).await
    }

    async fn ask_tip(&self, known: Option<Known>) -> Outcome<Tip> {
        let path = format!("{}/git/ref/{}", self.place, self.reference());
        let etag = known.as_ref().map(|known| known.etag.as_str());
        let answer = self.caller.call(Method::GET, &path, None, etag).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.status, known) {
            return Ok(Tip::At(known.tip));
        }
        let tip = match answer.status {
            StatusCode::NOT_FOUND => self.without_branch().await?,
            StatusCode::CONFLICT => Tip::Empty,
            _ => Tip::At(checked(answer.read::<Reference>()?.object.sha)?),
        };
        let now = match (&tip, answer.etag()) {
            (Tip::At(tip), Some(etag)) => Some(Known { etag, tip: tip.clone() }),
            _ => None,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(tip)
    }

    /// GitHub says "not found" for a branch, for a repository, and for one that the token may not see.
    pub(super) async fn without_branch(&self) -> Outcome<Tip> {
        let answer = self.caller.get(&self.place).await?;
        if answer.status.is_success() {
            return Ok(Tip::NoBranch);
        }
        let why = format!("there is no such repository, or the token may not see it ({})", answer.message());
        Err(self.caller.refuse(RepositoryError::Refused(why)))
    }

    pub(super) async fn read_commits(&self, since: Option<&str>) -> Outcome<Vec<Commit>> {
        let rewritten = |since: &str| RepositoryError::Rewritten(since.to_owned());
        let ids = match (self.read_tip().await?, since) {
            (Tip::At(tip), Some(since)) if tip == since => vec![],
            (Tip::At(tip), Some(since)) => self.ids_between(since, &tip).await?,
            (Tip::At(tip), None) => self.first_ids(&tip).await?,
            (Tip::NoBranch | Tip::Empty, Some(since)) => return Err(rewritten(since)),
            (Tip::NoBranch | Tip::Empty, None) => vec![],
        };
        let mut commits = Vec::new();
        for id in ids.into_iter().take(COMMITS_PER_POLL_MAX) {
            commits.push(self.read_commit(&id).await?);
        }
        Ok(commits)
    }

    async fn ids_between(&self, since: &str, tip: &str) -> Outcome<Vec<String>> {
        let rewritten = || RepositoryError::Rewritten(since.to_owned());
        // What is no commit was never part of a branch.
        let since = checked(since.to_owned()).map_err(|_| rewritten())?;
        let mut ids = Vec::new();
        for page in 1.. {
            let path =
                format!("{}/compare/{since}...{tip}?per_page={GITHUB_PAGE_ENTRIES}&page={page}", self.place);
            let answer = self.caller.get(&path).await?;
            // The branch was read a moment ago: what is not there is the commit seen before, or a common past.
            if answer.status == StatusCode::NOT_FOUND {
                return Err(rewritten());
            }
            let compared: Compared = answer.read()?;
            if compared.merge_base_commit.sha != since {
                return Err(rewritten());
            }
            let more = answer.page("next").is_some() && !compared.commits.is_empty();
            for commit in compared.commits {
                ids.push(checked(commit.sha)?);
            }
            if !more || ids.len() >= COMMITS_PER_POLL_MAX {
                break;
            }
        }
        Ok(ids)
    }

    /// The oldest commits; the listing begins with the newest.
    async fn first_ids(&self, tip: &str) -> Outcome<Vec<String>> {
        let path = |page: u32| {
            format!("{}/commits?sha={tip}&per_page={GITHUB_PAGE_ENTRIES}&page={page}", self.place)
        };
        let first = self.caller.get(&path(1)).await?;
        let last = first.page("last").unwrap_or(1);
        let mut ids = Vec::new();
        for page in (1..=last).rev() {
            let listed: Vec<Named> = match page {
                1 => first.read()?,
                page => self.caller.get(&path(page)).await?.read()?,
            };
            for commit in listed.into_iter().rev() {
                ids.push(checked(commit.sha)?);
            }
            if ids.len() >= COMMITS_PER_POLL_MAX {
                break;
            }
        }
        Ok(ids)
    }

    pub(super) async fn read_commit(&self, id: &str) -> Outcome<Commit> {
        let answer = self.caller.get(&format!("{}/commits/{id}", self.place)).await?;
        let listed: Listed = answer.read()?;
        let mut files = Vec::new();
        for changed in listed.files {
            // A file that moved is one that is gone and one that is new.
            if changed.status == "renamed"
                && let Some(path) = changed.previous_filename
            {
                files.push(ChangedFile { path, deleted: true });
            }
            files.push(ChangedFile { path: changed.filename, deleted: changed.status == "removed" });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let more_files = answer.page("next").is_some() || files.len() > FILES_PER_COMMIT_MAX;
        files.truncate(FILES_PER_COMMIT_MAX);
        Ok(Commit {
            id: id.to_owned(),
            author: listed.commit.author.map(|author| author.name).unwrap_or_default(),
            message: bounded(listed.commit.message, MESSAGE_BYTES_MAX),
            files,
            more_files,
        })
    }

    pub(super) async fn search(&self, line: &str, path: &str) -> Outcome<Option<String>> {
        let Tip::At(tip) = self.read_tip_anew().await? else { return Ok(None) };
        for page in 1..=GITHUB_SEARCH_PAGES_MAX {
            // By the commit, not the branch's name: a listing must not be older than the branch was.
            let address = format!(
                "{}/commits?sha={tip}&path={}&per_page={GITHUB_PAGE_ENTRIES}&page={page}",
                self.place,
                part(path)
            );
            let answer = self.caller.get(&address).await?;
            let listed: Vec<Listed> = answer.read()?;
            let found = listed.iter().find(|listed| listed.commit.message.lines().any(|said| said == line));
            if let Some(found) = found {
                return checked(found.sha.clone()).map(Some);
            }
            if listed.is_empty() || answer.page("next").is_none() {
                return Ok(None);
            }
        }
        let why =
            format!("more than {} commits change {path}", GITHUB_SEARCH_PAGES_MAX * GITHUB_PAGE_ENTRIES);
        Err(RepositoryError::Unusable(why))
    }

    pub(super) async fn read_messages(&self, until: Option<&str>) -> Outcome<Messages> {
        let Tip::At(tip) = self.read_tip().await? else { return Ok(Messages::none()) };
        let mut found = Messages { tip: Some(tip.clone()), ..Messages::default() };
        for page in 1..=MESSAGES_MAX.div_ceil(GITHUB_PAGE_ENTRIES as usize) {
            let address =
                format!("{}/commits?sha={tip}&per_page={GITHUB_PAGE_ENTRIES}&page={page}", self.place);
            let answer = self.caller.get(&address).await?;
            let more = answer.page("next").is_some();
            let listed: Vec<Listed> = answer.read()?;
            for listed in listed {
                let commit = checked(listed.sha)?;
                if until == Some(commit.as_str()) {
                    found.reached = true;
                    return Ok(found);
                }
                let author = listed.commit.author.map(|author| author.name).unwrap_or_default();
                let message = bounded(listed.commit.message, MESSAGE_BYTES_MAX);
                found.newest_first.push(Message { commit, author, message });
            }
            if !more {
                found.whole = true;
                return Ok(found);
            }
        }
        Ok(found)
    }

    pub(super) async fn tree_of(&self, commit: &str) -> Outcome<Option<String>> {
        let answer = self.caller.get(&format!("{}/git/commits/{}", self.place, part(commit))).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => Ok(None),
            _ => checked(answer.read::<GitCommit>()?.tree.sha).map(Some),
        }
    }

    pub(super) async fn read_file(&self, commit: &str, path: &str) -> Outcome<Option<Vec<u8>>> {
        let Some(mut tree) = self.tree_of(commit).await? else { return Ok(None) };
        let mut parts = path.split('/').peekable();
        while let Some(name) = parts.next() {
            let listing: Tree = self.caller.get(&format!("{}/git/trees/{tree}", self.place)).await?.read()?;
            let Some(entry) = listing.tree.into_iter().find(|entry| entry.path == name) else {
                return match listing.truncated {
                    true => Err(RepositoryError::Unusable(format!("the folder of {path} is too large"))),
                    false => Ok(None),
                };
            };
            let sha = checked(entry.sha)?;
            match (parts.peek().is_some(), entry.mode.as_str()) {
                (true, "040000") => tree = sha,
                (true, _) => return Ok(None),
                (false, mode) => {
                    plain_file(path, mode)?;
                    if entry.size.is_none_or(|size| size > FILE_BYTES_MAX as u64) {
                        let why = format!("{path} is larger than {FILE_BYTES_MAX} bytes");
                        return Err(RepositoryError::Unusable(why));
                    }
                    return self.blob(&sha).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    async fn blob(&self, sha: &str) -> Outcome<Vec<u8>> {
        let blob: Blob = self.caller.get(&format!("{}/git/blobs/{sha}", self.place)).await?.read()?;
        let broken = || RepositoryError::Unavailable("GitHub's answer is not what was asked for".into());
        if blob.encoding != "base64" {
            return Err(broken());
        }
        let packed: String = blob.content.split_ascii_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(packed).map_err(|_| broken())
    }
}

/// A name of an object, and nothing that could lead an address elsewhere.
pub(super) fn checked(sha: String) -> Outcome<String> {
    let right = matches!(sha.len(), 40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    match right {
        true => Ok(sha),
        false => Err(RepositoryError::Unavailable("GitHub's answer names no git object".into())),
    }
}
