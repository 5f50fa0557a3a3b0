//! Reconciliation: a verified commit starts a run; open runs go on, one at a time, oldest first.

use crate::api::Api;
use crate::executor::Executor;
use crate::inbox::{Open, Start};
use crate::log::{Log, LogError};
use crate::processes::scoring;
use domain::declaration::Declaration;
use domain::event::Category;
use domain::ids::RunId;
use domain::run::{self, Run};
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
        let Some(start) = open.starts.values().next() else { return Ok(false) };
        self.start(start).await?;
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
        };
        let run = start.run();
        self.log.handle::<Run>(Category::Run, run.0, command, Some(start.declaration.0)).await?;
        self.carry_out(run).await
    }

    async fn carry_out(&self, run: RunId) -> Result<(), LogError> {
        Executor { log: &self.log, api: &self.api, run }.carry_out().await?;
        scoring::score(&self.log, &self.api, run).await
    }
}
