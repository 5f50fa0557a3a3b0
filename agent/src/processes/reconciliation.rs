//! Reconciliation: a verified commit, an approved way back or an approved put-back starts a run; open runs go on, one at
//! a time, oldest first. Within a run several steps may be under way at once.

use crate::api::Api;
use crate::executor::Executor;
use crate::executor::ports::LogBooks;
use crate::inbox::{Open, Start};
use crate::log::{Log, LogError};
use crate::processes::scoring;
use domain::cluster::Cluster;
use domain::declaration::Declaration;
use domain::event::Category;
use domain::ids::{CLUSTER, DeclarationId, RunId};
use domain::run::{self, Cause, Run};
use std::sync::Arc;

#[derive(Clone)]
pub struct Reconciliation {
    pub log: Log,
    pub api: Arc<Api>,
}

impl Reconciliation {
    /// Does what is open: goes on with running runs, or starts the next one if none is open. Answers whether there was
    /// something to do.
    pub async fn run(&self, open: &Open) -> Result<bool, LogError> {
        if let Some(run) = open.runs.iter().next() {
            self.carry_out(*run).await?;
            return Ok(true);
        }
        // A paused run holds the cluster: what it left half done is decided by a person before anything else starts.
        if !open.paused.is_empty() {
            return Ok(false);
        }
        let first = |position: Option<&i64>| position.copied().unwrap_or(i64::MAX);
        let at = [
            first(open.starts.keys().next()),
            first(open.undos.keys().next()),
            first(open.put_backs.keys().next()),
        ];
        match at.iter().min() {
            Some(&i64::MAX) | None => return Ok(false),
            Some(position) => {
                if let Some(start) = open.starts.get(position) {
                    self.start(start).await?;
                } else if let Some((undone, run)) = open.undos.get(position) {
                    self.undo(*undone, *run).await?;
                } else if let Some((subject, run)) = open.put_backs.get(position) {
                    self.put_back(subject, *run).await?;
                }
            }
        }
        Ok(true)
    }

    async fn start(&self, start: &Start) -> Result<(), LogError> {
        let declaration: Declaration = self.log.load(Category::Declaration, start.declaration.0).await?;
        let Some((digest, plan)) = declaration.committed.filter(|(digest, _)| *digest == start.plan) else {
            return Err(LogError::Refused(format!("the log holds no plan for commit {}", start.commit)));
        };
        let command = run::Command::Start {
            declaration: start.declaration,
            digest,
            commit: start.commit.clone(),
            plan,
            cause: Cause::Commit,
        };
        self.begin(start.run(), start.declaration, command).await
    }

    /// The way back as it was approved, word for word from the run's own stream.
    async fn undo(&self, undone: RunId, run: RunId) -> Result<(), LogError> {
        let before: Run = self.log.load(Category::Run, undone.0).await?;
        let approved = before.undo.as_ref().filter(|undo| run::undo_id(undone, &undo.digest) == run);
        let (Some(undo), Some(declaration)) = (approved, before.declaration) else {
            return Err(LogError::Refused(format!("the log holds no approved way back of run {undone}")));
        };
        let command = run::Command::Start {
            declaration,
            digest: undo.digest.clone(),
            commit: before.commit.clone(),
            plan: Box::new((*undo.plan).clone()),
            cause: Cause::Undo { run: undone, by: undo.by },
        };
        self.begin(run, declaration, command).await
    }

    async fn put_back(&self, subject: &str, run: RunId) -> Result<(), LogError> {
        let cluster: Cluster = self.log.load(Category::Cluster, CLUSTER).await?;
        let Some(put_back) = cluster.approved.get(&run) else {
            return Err(LogError::Refused(format!("the log holds no approved put-back of {subject}")));
        };
        let declaration = put_back.plan.declaration;
        let command = run::Command::Start {
            declaration,
            digest: put_back.digest.clone(),
            commit: String::new(),
            plan: put_back.plan.clone(),
            cause: Cause::PutBack { subject: subject.to_owned(), by: put_back.by },
        };
        self.begin(run, declaration, command).await
    }

    async fn begin(
        &self,
        run: RunId,
        declaration: DeclarationId,
        command: run::Command,
    ) -> Result<(), LogError> {
        self.log.handle::<Run>(Category::Run, run.0, command, Some(declaration.0)).await?;
        self.carry_out(run).await
    }

    async fn carry_out(&self, run: RunId) -> Result<(), LogError> {
        let books = LogBooks { log: &self.log, run };
        Executor { hands: &*self.api, books: &books }.carry_out().await?;
        scoring::score(&self.log, &self.api, run).await
    }
}
