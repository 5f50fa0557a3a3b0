//! Doing what an Admin decided about a commit that was set aside.
//!
//! Begin with [`Decisions::run`]. Each decision is safe to carry out again after a crash: drafts have ids that follow from
//! the commit, and a commit that restores is found again by its trailer. Nothing is applied by any of them.
//!
//! Never here: moving the branch by force. What was lost from it is not brought back; what was approved is written on top.

use crate::log::{Log, LogError};
use crate::processes::english::English;
use crate::processes::{publication::log_line, sealed};
use crate::repository::{Commit, NewCommit, Repository as Backend, RepositoryError, put_once, shown};
use domain::account::{Account, Actor, Role};
use domain::event::Category;
use domain::ids::{AccountId, DeclarationId, REPOSITORY};
use domain::repository::{Command, Decision, Quarantine, Repository, SetAside};
use eventstore::EventLog;
use std::sync::Arc;

#[derive(Clone)]
pub struct Decisions {
    pub log: Log,
    pub repository: Arc<dyn Backend>,
}

/// What came of a decision: declarations drafted, and the commit that restored.
type Done = (Vec<DeclarationId>, Option<String>);

impl Decisions {
    /// Does all that was decided and is not done; the inner error is a repository that does not answer now.
    pub async fn run(&self, state: &Repository) -> Result<Result<(), RepositoryError>, LogError> {
        for (commit, one) in &state.set_aside {
            let Some((by, decision)) = one.decided else { continue };
            let command = match self.carry_out(state, commit, one, by, decision).await? {
                Ok((drafts, restored)) => Command::Settle { commit: commit.clone(), drafts, restored },
                Err(error) if error.is_transient() => return Ok(Err(error)),
                Err(error) => {
                    tracing::warn!(%error, commit, "what was decided cannot be done");
                    let why = shown(&error.to_string(), crate::limits::SUBJECT_CHARACTERS_MAX);
                    Command::FailDecision { commit: commit.clone(), why }
                }
            };
            self.log.handle::<Repository>(Category::Repository, REPOSITORY, command, None).await?;
        }
        Ok(Ok(()))
    }

    async fn carry_out(
        &self,
        state: &Repository,
        commit: &str,
        one: &SetAside,
        by: AccountId,
        decision: Decision,
    ) -> Result<Result<Done, RepositoryError>, LogError> {
        if one.why == Quarantine::HistoryRewritten
            && let Err(error) = self.still_shows(commit).await
        {
            return Ok(Err(error));
        }
        match decision {
            Decision::Leave => Ok(Ok((vec![], None))),
            // They were drafted when it was set aside.
            Decision::Take if !one.drafts.is_empty() => Ok(Ok((one.drafts.clone(), None))),
            Decision::Take => self.take(state, commit, by).await,
            Decision::Restore => self.restore(state, commit, one, by).await,
        }
    }

    /// Whether a rewritten branch is still what the Admin saw, or goes on from there.
    async fn still_shows(&self, rewritten: &str) -> Result<(), RepositoryError> {
        let changed = || RepositoryError::Unusable("the branch was rewritten again since".into());
        match domain::repository::shown_by(rewritten) {
            Some(tip) => match self.repository.commits_since(Some(tip)).await {
                Err(RepositoryError::Rewritten(_)) => Err(changed()),
                outcome => outcome.map(drop),
            },
            None => match self.repository.tip().await? {
                None => Ok(()),
                Some(_) => Err(changed()),
            },
        }
    }

    async fn take(
        &self,
        state: &Repository,
        commit: &str,
        by: AccountId,
    ) -> Result<Result<Done, RepositoryError>, LogError> {
        let english = match self.repository.show(commit).await {
            Ok(commit) => English::of(&*self.repository, &commit).await,
            Err(error) => Err(error),
        };
        let english = match english {
            Ok(Ok(english)) => english,
            Ok(Err(why)) => return Ok(Err(RepositoryError::Unusable(why))),
            Err(error) => return Ok(Err(error)),
        };
        let drafts = english.draft(&self.log, state, commit, Actor { id: by, role: Role::Admin }).await?;
        match drafts.is_empty() {
            true => Ok(Err(RepositoryError::Unusable("the commit wrote no English".into()))),
            false => Ok(Ok((drafts, None))),
        }
    }

    async fn restore(
        &self,
        state: &Repository,
        commit: &str,
        one: &SetAside,
        by: AccountId,
    ) -> Result<Result<Done, RepositoryError>, LogError> {
        let approved = match one.why {
            Quarantine::HistoryRewritten => sealed::applied(&self.log, state, None).await?,
            _ => match self.repository.show(commit).await {
                Ok(Commit { more_files: true, .. }) => sealed::applied(&self.log, state, None).await?,
                Ok(shown) => {
                    let paths: Vec<&str> = shown.files.iter().map(|file| file.path.as_str()).collect();
                    sealed::applied(&self.log, state, Some(&paths)).await?
                }
                Err(error) => return Ok(Err(error)),
            },
        };
        let files = match self.differing(approved).await {
            Ok(files) if files.is_empty() => return Ok(Ok((vec![], None))),
            Ok(files) => files,
            Err(error) => return Ok(Err(error)),
        };
        let person: Account = self.log.load(Category::Account, by.0).await?;
        let line = format!("MycoPod-Restores: {commit}");
        let head = self.log.store.head().await?;
        let message = format!(
            "Restore what was approved\n\n{} is put back as it was approved. Nothing is applied by this.\n\n{line}\n\
             MycoPod-Approved-By: {}\n{}\n",
            match files.len() {
                1 => "One file".to_owned(),
                many => format!("Each of {many} files"),
            },
            shown(&person.name, 100),
            log_line(head),
        );
        let path = files.first().map(|(path, _)| path.clone()).unwrap_or_default();
        let new = NewCommit { files, message, author: person.name };
        Ok(put_once(&*self.repository, &new, &line, &path).await.map(|id| (vec![], Some(id))))
    }

    /// Those of the files that the branch does not have as they are.
    async fn differing(&self, files: Vec<sealed::File>) -> Result<Vec<sealed::File>, RepositoryError> {
        let Some(tip) = self.repository.tip().await? else { return Ok(files) };
        let mut differing = Vec::new();
        for (path, text) in files {
            match self.repository.file(&tip, &path).await {
                Ok(Some(now)) if now == text.as_bytes() => {}
                Err(error) if error.is_transient() => return Err(error),
                _ => differing.push((path, text)),
            }
        }
        Ok(differing)
    }
}
