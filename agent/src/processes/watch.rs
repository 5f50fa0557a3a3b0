//! The repository watch: every commit is judged once, our own like anybody's (I1).
//!
//! A commit is acted on only if its lock file is, byte for byte, what the log says was approved, and its English is the
//! text that was approved. Anything else lands in a named quarantine. A branch that lost commits is set aside whole and
//! goes on by itself when it is restored; that commits or files are gone never destroys anything.

use crate::limits::{FILES_PER_COMMIT_MAX, SUBJECT_CHARACTERS_MAX};
use crate::log::{Log, LogError};
use crate::processes::publication::approval;
use crate::repository::lock_file::{LockFile, paths, slug};
use crate::repository::{Commit, Repository as Backend, RepositoryError, shown};
use domain::canonical::Digest;
use domain::declaration::Declaration;
use domain::event::Category;
use domain::ids::{DeclarationId, REPOSITORY};
use domain::repository::{Command, Quarantine, Repository};
use std::sync::Arc;

#[derive(Clone)]
pub struct Watch {
    pub log: Log,
    pub repository: Arc<dyn Backend>,
}

enum Judged {
    Approved(DeclarationId, Digest),
    Quarantined(Quarantine, String),
    /// Nothing of ours in it: a README, another folder.
    Foreign,
}

impl Watch {
    /// Looks at all commits since the last one judged.
    pub async fn poll(&self) -> Result<(), LogError> {
        let mut state: Repository = self.log.load(Category::Repository, REPOSITORY).await?;
        let commits = match self.repository.commits_since(state.last.as_deref()).await {
            Ok(commits) => commits,
            Err(RepositoryError::Rewritten(commit)) => return self.rewritten(&commit).await,
            Err(error) => return self.tell(Command::FailPoll { why: error.to_string() }).await.map(drop),
        };
        self.tell(Command::SucceedPoll).await?;
        for commit in commits.into_iter().filter(|commit| !state.has_seen(&commit.id)).collect::<Vec<_>>() {
            let judged = match self.judge(&state, &commit).await? {
                Ok(judged) => judged,
                Err(error) => return self.tell(Command::FailPoll { why: error.to_string() }).await.map(drop),
            };
            let subject = shown(commit.subject(), SUBJECT_CHARACTERS_MAX);
            let author = shown(&commit.author, SUBJECT_CHARACTERS_MAX);
            let id = commit.id;
            let command = match judged {
                Judged::Approved(declaration, digest) => {
                    Command::See { commit: id, author, subject, approved: Some((declaration, digest)) }
                }
                Judged::Foreign => Command::See { commit: id, author, subject, approved: None },
                Judged::Quarantined(why, detail) => {
                    tracing::warn!(commit = %id, ?why, detail, "a commit is set aside");
                    let detail = shown(&detail, 2 * SUBJECT_CHARACTERS_MAX);
                    Command::Quarantine { commit: id, author, subject, why, detail }
                }
            };
            state = self.tell(command).await?;
        }
        Ok(())
    }

    async fn tell(&self, command: Command) -> Result<Repository, LogError> {
        self.log.handle::<Repository>(Category::Repository, REPOSITORY, command, None).await
    }

    async fn rewritten(&self, commit: &str) -> Result<(), LogError> {
        let tip = match self.repository.tip().await {
            Ok(tip) => tip.unwrap_or_else(|| "empty".into()),
            Err(error) => return self.tell(Command::FailPoll { why: error.to_string() }).await.map(drop),
        };
        self.tell(Command::SucceedPoll).await?;
        let command = Command::Quarantine {
            commit: format!("rewritten:{tip}"),
            author: String::new(),
            subject: "the branch was rewritten".into(),
            why: Quarantine::HistoryRewritten,
            detail: format!("{commit} was seen before and is no longer part of the branch"),
        };
        self.tell(command).await.map(drop)
    }

    async fn judge(
        &self,
        state: &Repository,
        commit: &Commit,
    ) -> Result<Result<Judged, RepositoryError>, LogError> {
        let ours: Vec<_> =
            commit.files.iter().filter(|file| file.path.starts_with("declarations/")).collect();
        let set_aside = |why, detail: String| Ok(Ok(Judged::Quarantined(why, detail)));
        if commit.more_files {
            let detail = format!("it changes more than {FILES_PER_COMMIT_MAX} files");
            return set_aside(Quarantine::Unreadable, detail);
        }
        if ours.is_empty() {
            return Ok(Ok(Judged::Foreign));
        }
        if let Some(gone) = ours.iter().find(|file| file.deleted) {
            return set_aside(
                Quarantine::FileDeleted,
                format!("{} was deleted; nothing is destroyed by that", gone.path),
            );
        }
        let Some(digest) = commit.trailer("MycoPod-Plan").and_then(Digest::parse) else {
            return set_aside(edited(&ours), "the commit names no approved plan".into());
        };
        let lock_path = ours.iter().map(|file| file.path.as_str()).find(|path| path.ends_with(".lock.toml"));
        let Some(lock_path) = lock_path else {
            return set_aside(Quarantine::EnglishEdited, "the English changed without its lock file".into());
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
            return set_aside(
                Quarantine::UnknownApproval,
                "this approval was used by an earlier commit".into(),
            );
        }
        let declaration: Declaration = self.log.load(Category::Declaration, parsed.declaration.0).await?;
        let Some((_, plan)) = declaration.committed.as_ref().filter(|(committed, _)| *committed == digest)
        else {
            return set_aside(
                Quarantine::UnknownApproval,
                format!("the log knows no approval of {}", digest.short()),
            );
        };
        let Some(approval) = approval(&self.log, parsed.declaration, &digest).await? else {
            return set_aside(
                Quarantine::UnknownApproval,
                format!("the log knows no approval of {}", digest.short()),
            );
        };
        // Everything that was approved is written anew from the log; a commit that differs in one byte is not it.
        let (english_path, expected_path) = paths(&slug(&declaration.title, parsed.declaration));
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
            return set_aside(
                Quarantine::EnglishEdited,
                format!("{english_path} is not the text that was approved"),
            );
        }
        if ours.iter().any(|file| file.path != english_path && file.path != expected_path) {
            return set_aside(Quarantine::BothEdited, "the commit changes other declarations too".into());
        }
        Ok(Ok(Judged::Approved(parsed.declaration, digest)))
    }
}

fn edited(files: &[&crate::repository::ChangedFile]) -> Quarantine {
    let lock = files.iter().any(|file| file.path.ends_with(".lock.toml"));
    let english = files.iter().any(|file| !file.path.ends_with(".lock.toml"));
    match (english, lock) {
        (true, true) => Quarantine::BothEdited,
        (false, true) => Quarantine::LockEdited,
        _ => Quarantine::EnglishEdited,
    }
}
