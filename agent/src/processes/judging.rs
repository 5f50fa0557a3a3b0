//! What one commit is: approved in every byte, harmless, or to be set aside and why.
//!
//! A commit is acted on only if its lock file is, byte for byte, what the log says was approved, and its English is the
//! text that was approved. One that only puts back what was approved before is harmless. Anything else lands in a named
//! quarantine; English alone is drafted for an Admin to look at besides.

use crate::limits::FILES_PER_COMMIT_MAX;
use crate::log::{Log, LogError};
use crate::processes::english::{English, is_english, is_lock};
use crate::processes::publication::approval;
use crate::processes::sealed::{applied, files_of};
use crate::repository::lock_file::LockFile;
use crate::repository::{ChangedFile, Commit, Repository as Backend, RepositoryError};
use domain::account::{Actor, Role};
use domain::canonical::Digest;
use domain::declaration::Declaration;
use domain::event::Category;
use domain::ids::{DeclarationId, REPOSITORY_AUTHOR};
use domain::repository::{Quarantine, Repository};
use std::sync::Arc;

/// The folder that belongs to declarations; whatever lies elsewhere is not looked at.
const FOLDER: &str = "declarations/";

pub enum Judged {
    Approved(DeclarationId, Digest),
    Quarantined {
        why: Quarantine,
        detail: String,
        drafts: Vec<DeclarationId>,
    },
    /// Nothing to carry out: a README, another folder, or what was approved before put back as it was.
    Harmless,
}

/// The outer error is the log's, the inner one the repository's.
type Outcome = Result<Result<Judged, RepositoryError>, LogError>;

pub struct Judge {
    pub log: Log,
    pub repository: Arc<dyn Backend>,
}

fn set_aside(why: Quarantine, detail: impl Into<String>) -> Outcome {
    Ok(Ok(Judged::Quarantined { why, detail: detail.into(), drafts: vec![] }))
}

impl Judge {
    pub async fn judge(&self, state: &Repository, commit: &Commit) -> Outcome {
        let is_ours =
            |file: &&ChangedFile| file.path.starts_with(FOLDER) || file.path == FOLDER.trim_end_matches('/');
        let ours: Vec<_> = commit.files.iter().filter(is_ours).collect();
        if commit.more_files {
            let detail = format!("it changes more than {FILES_PER_COMMIT_MAX} files");
            return set_aside(Quarantine::Unreadable, detail);
        }
        if ours.is_empty() {
            return Ok(Ok(Judged::Harmless));
        }
        let digest = commit.trailer("MycoPod-Plan").and_then(Digest::parse);
        let fresh = digest.as_ref().is_some_and(|digest| !state.used.contains(digest));
        if !fresh {
            match self.puts_back(state, commit, &ours).await? {
                Ok(true) => return Ok(Ok(Judged::Harmless)),
                Ok(false) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        if let Some(gone) = ours.iter().find(|file| file.deleted) {
            let detail = format!("{} was deleted; nothing is destroyed by that", gone.path);
            return set_aside(Quarantine::FileDeleted, detail);
        }
        if let Some(odd) = ours.iter().find(|file| !is_english(&file.path) && !is_lock(&file.path)) {
            let detail = format!("{} is neither the English of a declaration nor a lock file", odd.path);
            return set_aside(Quarantine::Unreadable, detail);
        }
        match digest {
            Some(digest) => self.judge_approved(state, commit, &ours, digest).await,
            None => self.judge_edited(state, commit, &ours).await,
        }
    }

    /// Whether each file of the commit is now what was approved before, byte for byte.
    async fn puts_back(
        &self,
        state: &Repository,
        commit: &Commit,
        ours: &[&ChangedFile],
    ) -> Result<Result<bool, RepositoryError>, LogError> {
        if ours.iter().any(|file| file.deleted) {
            return Ok(Ok(false));
        }
        let paths: Vec<&str> = ours.iter().map(|file| file.path.as_str()).collect();
        let approved = applied(&self.log, state, Some(&paths)).await?;
        for path in paths {
            let Some((_, text)) = approved.iter().find(|(known, _)| known == path) else {
                return Ok(Ok(false));
            };
            match self.repository.file(&commit.id, path).await {
                Ok(Some(bytes)) if bytes == text.as_bytes() => {}
                Err(error) if error.is_transient() => return Ok(Err(error)),
                _ => return Ok(Ok(false)),
            }
        }
        Ok(Ok(true))
    }

    /// A commit that names no approval.
    async fn judge_edited(&self, state: &Repository, commit: &Commit, ours: &[&ChangedFile]) -> Outcome {
        let lock = ours.iter().find(|file| is_lock(&file.path));
        let english = ours.iter().find(|file| is_english(&file.path));
        let read = match English::of(&*self.repository, commit).await {
            Ok(Ok(english)) => english,
            Ok(Err(why)) => return set_aside(Quarantine::Unreadable, why),
            Err(error) => return Ok(Err(error)),
        };
        match (english, lock) {
            (Some(_), Some(lock)) => {
                let detail =
                    format!("{} and its English changed; the commit names no approved plan", lock.path);
                set_aside(Quarantine::BothEdited, detail)
            }
            (None, Some(lock)) => {
                let detail = format!("{} changed; the commit names no approved plan", lock.path);
                set_aside(Quarantine::LockEdited, detail)
            }
            _ => {
                let read = match read.still_there(&*self.repository).await {
                    Ok(read) => read,
                    Err(error) => return Ok(Err(error)),
                };
                let by = Actor { id: REPOSITORY_AUTHOR, role: Role::User };
                let drafts = read.draft(&self.log, state, &commit.id, by).await?;
                let detail = match drafts.is_empty() {
                    true => "the commit names no approved plan; a later one changed the text again",
                    false => "the commit names no approved plan; its English waits as a draft with a preview",
                };
                Ok(Ok(Judged::Quarantined { why: Quarantine::EnglishEdited, detail: detail.into(), drafts }))
            }
        }
    }

    /// A commit that names an approval: everything that was approved is written anew from the log, and a commit that
    /// differs in one byte is not it.
    async fn judge_approved(
        &self,
        state: &Repository,
        commit: &Commit,
        ours: &[&ChangedFile],
        digest: Digest,
    ) -> Outcome {
        let Some(lock_path) = ours.iter().map(|file| file.path.as_str()).find(|path| is_lock(path)) else {
            return set_aside(Quarantine::EnglishEdited, "the English changed without its lock file");
        };
        let lock = match self.repository.file(&commit.id, lock_path).await {
            Ok(lock) => lock.unwrap_or_default(),
            Err(error) if error.is_transient() => return Ok(Err(error)),
            Err(error) => return set_aside(Quarantine::Unreadable, error.to_string()),
        };
        let Some(parsed) = std::str::from_utf8(&lock).ok().and_then(|text| LockFile::parse(text).ok()) else {
            return set_aside(Quarantine::Unreadable, format!("{lock_path} is not a lock file"));
        };
        if state.used.contains(&digest) {
            let detail = "this approval was used by an earlier commit";
            return set_aside(Quarantine::UnknownApproval, detail);
        }
        let unknown = || {
            set_aside(Quarantine::UnknownApproval, format!("the log knows no approval of {}", digest.short()))
        };
        let declaration: Declaration = self.log.load(Category::Declaration, parsed.declaration.0).await?;
        let Some((_, plan)) = declaration.committed.as_ref().filter(|(committed, _)| *committed == digest)
        else {
            return unknown();
        };
        let Some(approval) = approval(&self.log, parsed.declaration, &digest).await? else {
            return unknown();
        };
        let (english_path, expected_path) = files_of(&declaration, parsed.declaration);
        let expected = LockFile::of(plan, approval).to_toml().unwrap_or_default();
        if plan.digest() != digest || lock_path != expected_path || lock != expected.as_bytes() {
            return set_aside(Quarantine::LockEdited, format!("{lock_path} is not what was approved"));
        }
        let english = match self.repository.file(&commit.id, &english_path).await {
            Ok(english) => english.unwrap_or_default(),
            Err(error) if error.is_transient() => return Ok(Err(error)),
            Err(error) => return set_aside(Quarantine::Unreadable, error.to_string()),
        };
        if Digest::of_bytes(&english) != plan.text {
            let detail = format!("{english_path} is not the text that was approved");
            return set_aside(Quarantine::EnglishEdited, detail);
        }
        if ours.iter().any(|file| file.path != english_path && file.path != expected_path) {
            return set_aside(Quarantine::BothEdited, "the commit changes other declarations too");
        }
        Ok(Ok(Judged::Approved(parsed.declaration, digest)))
    }
}
