//! The repository watch: every commit is judged once, our own like anybody's (I1).
//!
//! Begin with [`Watch::poll`]. First is done what Admins decided, then new commits are judged ([`super::judging`]), last
//! the anchors are held against the log ([`super::anchors`]). A branch that lost commits is set aside whole and goes on by
//! itself when it is restored; that commits or files are gone never destroys anything.

use crate::limits::SUBJECT_CHARACTERS_MAX;
use crate::log::{Log, LogError};
use crate::processes::anchors::Anchors;
use crate::processes::decisions::Decisions;
use crate::processes::judging::{Judge, Judged};
use crate::repository::{Commit, Repository as Backend, RepositoryError, shown};
use domain::event::Category;
use domain::ids::REPOSITORY;
use domain::repository::{Command, Quarantine, Repository, rewritten_at};
use std::sync::Arc;

pub struct Watch {
    pub log: Log,
    repository: Arc<dyn Backend>,
    judge: Judge,
    decisions: Decisions,
    anchors: Anchors,
}

/// The outer error is the log's, the inner one the repository's.
type Looked<T> = Result<Result<T, RepositoryError>, LogError>;

impl Watch {
    pub fn new(log: Log, repository: Arc<dyn Backend>) -> Self {
        Self {
            judge: Judge { log: log.clone(), repository: repository.clone() },
            decisions: Decisions { log: log.clone(), repository: repository.clone() },
            anchors: Anchors::new(log.clone(), repository.clone()),
            log,
            repository,
        }
    }

    /// Looks at all commits since the last one judged.
    pub async fn poll(&self) -> Result<(), LogError> {
        let command = match self.look().await? {
            Ok(()) => Command::SucceedPoll,
            Err(error) => Command::FailPoll { why: error.to_string() },
        };
        self.tell(command).await.map(drop)
    }

    async fn look(&self) -> Looked<()> {
        if let Err(error) = self.decisions.run(&self.state().await?).await? {
            return Ok(Err(error));
        }
        let state = self.state().await?;
        match self.repository.commits_since(state.last.as_deref()).await {
            Ok(commits) => {
                if let Err(error) = self.continued(state, commits).await? {
                    return Ok(Err(error));
                }
            }
            Err(RepositoryError::Rewritten(commit)) => match self.repository.tip().await {
                Ok(tip) => self.rewritten(&commit, tip.as_deref()).await?,
                Err(error) => return Ok(Err(error)),
            },
            Err(error) => return Ok(Err(error)),
        }
        match self.anchors.check(&self.state().await?).await? {
            Ok(found) => {
                if let Command::DoubtAnchors { doubt, detail, .. } = &found {
                    tracing::warn!(?doubt, detail, "the anchors of the log do not hold");
                }
                self.tell(found).await?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn state(&self) -> Result<Repository, LogError> {
        self.log.load(Category::Repository, REPOSITORY).await
    }

    async fn tell(&self, command: Command) -> Result<Repository, LogError> {
        self.log.handle::<Repository>(Category::Repository, REPOSITORY, command, None).await
    }

    /// The branch goes on from where it was.
    async fn continued(&self, mut state: Repository, commits: Vec<Commit>) -> Looked<()> {
        if let Some(commit) = state.rewritten.clone() {
            state = self.tell(Command::Settle { commit, drafts: vec![], restored: None }).await?;
        }
        for commit in commits.into_iter().filter(|commit| !state.has_seen(&commit.id)).collect::<Vec<_>>() {
            let judged = match self.judge.judge(&state, &commit).await? {
                Ok(judged) => judged,
                Err(error) => return Ok(Err(error)),
            };
            let subject = shown(commit.subject(), SUBJECT_CHARACTERS_MAX);
            let author = shown(&commit.author, SUBJECT_CHARACTERS_MAX);
            let id = commit.id;
            let command = match judged {
                Judged::Approved(declaration, digest) => {
                    Command::See { commit: id, author, subject, approved: Some((declaration, digest)) }
                }
                Judged::Harmless => Command::See { commit: id, author, subject, approved: None },
                Judged::Quarantined { why, detail, drafts } => {
                    tracing::warn!(commit = %id, ?why, detail, "a commit is set aside");
                    let detail = shown(&detail, 2 * SUBJECT_CHARACTERS_MAX);
                    Command::Quarantine { commit: id, author, subject, why, detail, drafts }
                }
            };
            state = self.tell(command).await?;
        }
        Ok(Ok(()))
    }

    async fn rewritten(&self, commit: &str, tip: Option<&str>) -> Result<(), LogError> {
        let command = Command::Quarantine {
            commit: rewritten_at(tip),
            author: String::new(),
            subject: match tip {
                Some(_) => "the branch was rewritten".into(),
                None => "the branch is gone".into(),
            },
            why: Quarantine::HistoryRewritten,
            detail: format!(
                "{commit} was seen before and is no longer part of the branch; nothing is destroyed by that"
            ),
            drafts: vec![],
        };
        self.tell(command).await.map(drop)
    }
}
