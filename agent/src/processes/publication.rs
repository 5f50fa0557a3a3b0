//! Publication: an approved declaration becomes one commit, exactly once.
//!
//! The commit names the plan's digest in a trailer. After a crash the branch is searched for that trailer before
//! anything is written, so a commit whose outcome was lost is found, not repeated. Onto a branch that was rewritten or
//! emptied since it was last seen nothing is written.

use crate::log::{Log, LogError};
use crate::repository::lock_file::{Approval, LockFile, paths, slug};
use crate::repository::{NewCommit, Repository, RepositoryError, put_once};
use domain::account::Account;
use domain::canonical::Digest;
use domain::declaration::{self, Command, Declaration, Status};
use domain::event::Category;
use domain::ids::{DeclarationId, REPOSITORY};
use domain::plan::Plan;
use domain::repository::Repository as Seen;
use eventstore::{EventLog, StreamId};
use std::sync::Arc;

#[derive(Clone)]
pub struct Publication {
    pub log: Log,
    pub repository: Arc<dyn Repository>,
}

impl Publication {
    pub async fn run(&self, id: DeclarationId) -> Result<(), LogError> {
        let declaration: Declaration = self.log.load(Category::Declaration, id.0).await?;
        let (Status::Committing { .. }, Some(plan), Some(digest)) =
            (&declaration.status, &declaration.plan, &declaration.digest)
        else {
            return Ok(());
        };
        let command = match self.publish(&declaration, plan, digest).await? {
            Ok(commit) => {
                let branch = self.repository.branch().to_owned();
                Command::Committed { plan: digest.clone(), commit, branch }
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, declaration = %id, "the commit waits for the repository");
                return Err(LogError::Unavailable(error.to_string()));
            }
            Err(error) => {
                Command::FailCommit { plan: digest.clone(), why: error.to_string(), advice: error.advice() }
            }
        };
        self.log.handle::<Declaration>(Category::Declaration, id.0, command, Some(id.0)).await.map(drop)
    }

    async fn publish(
        &self,
        declaration: &Declaration,
        plan: &Plan,
        digest: &Digest,
    ) -> Result<Result<String, RepositoryError>, LogError> {
        if plan.digest() != *digest {
            return Ok(Err(RepositoryError::Unusable("the plan does not match its approved digest".into())));
        }
        let Some(approval) = approval(&self.log, plan.declaration, digest).await? else {
            return Ok(Err(RepositoryError::Unusable("the log holds no approval of this plan".into())));
        };
        let head = self.log.store.head().await?;
        let new = match commit_of(declaration, plan, &approval, head) {
            Ok(new) => new,
            Err(error) => return Ok(Err(RepositoryError::Unusable(error.to_string()))),
        };
        let line = format!("MycoPod-Plan: {digest}");
        let lock_path = new.files.last().map(|(path, _)| path.as_str()).unwrap_or_default();
        if let Err(error) = self.continues().await? {
            return Ok(Err(error));
        }
        Ok(put_once(&*self.repository, &new, &line, lock_path).await)
    }

    /// Whether the branch still goes on from the commit that was seen last. Asked only where that is in doubt: the
    /// branch is gone, or it was found rewritten.
    async fn continues(&self) -> Result<Result<(), RepositoryError>, LogError> {
        let seen: Seen = self.log.load(Category::Repository, REPOSITORY).await?;
        let Some(last) = &seen.last else { return Ok(Ok(())) };
        let doubtful = match self.repository.tip().await {
            Ok(tip) => tip.is_none() || seen.rewritten.is_some(),
            Err(error) => return Ok(Err(error)),
        };
        if !doubtful {
            return Ok(Ok(()));
        }
        Ok(self.repository.commits_since(Some(last)).await.map(drop))
    }
}

/// Who approved a plan and where that stands in the log.
pub async fn approval(log: &Log, id: DeclarationId, digest: &Digest) -> Result<Option<Approval>, LogError> {
    let history = log.store.read_stream(StreamId::new(Category::Declaration, id.0), 1).await?;
    for recorded in history.iter().rev().filter(|event| &*event.type_name == "declaration.plan_approved") {
        let Ok(declaration::Event::PlanApproved { by, plan, .. }) = eventstore::decode(recorded) else {
            continue;
        };
        if plan == *digest {
            let person: Account = log.load(Category::Account, by.0).await?;
            return Ok(Some(Approval { by: person.name, position: recorded.position }));
        }
    }
    Ok(None)
}

fn commit_of(
    declaration: &Declaration,
    plan: &Plan,
    approval: &Approval,
    head: eventstore::Head,
) -> Result<NewCommit, toml::ser::Error> {
    let (english, lock) = paths(&slug(&declaration.title, plan.declaration));
    let lock_text = LockFile::of(plan, approval.clone()).to_toml()?;
    let counts = plan.counts();
    let message = format!(
        "{}\n\n{} to create, {} to change, {} to destroy.\n\nMycoPod-Plan: {}\nMycoPod-Approved-By: {}\n{}\n",
        subject(&declaration.title),
        counts.create,
        counts.change,
        counts.destroy,
        plan.digest(),
        approval.by,
        log_line(head),
    );
    Ok(NewCommit {
        files: vec![(english, declaration.text.clone()), (lock, lock_text)],
        message,
        author: approval.by.clone(),
    })
}

/// The anchor: the end of the log as the commit is made, for everybody who has the repository.
pub fn log_line(head: eventstore::Head) -> String {
    format!("{}: {} sha256:{}", super::anchors::TRAILER, head.position, hex::encode(head.chain))
}

/// One line for the commit: control characters would end it early and forge trailers.
fn subject(title: &str) -> String {
    let line: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(72).collect();
    line.trim().to_owned()
}
