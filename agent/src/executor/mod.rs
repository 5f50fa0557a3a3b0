//! Carrying out a run: look, record the intent, act, record the outcome, look again (I1, I2).
//!
//! Begin with [`Executor::carry_out`]: it asks the run what is next and does that, until there is nothing to do. All
//! state is in the run's stream, so this can be killed on any line and started again.
//!
//! Never here: choosing numbers, nodes or arguments. The plan has them all.

mod follow;
pub mod points;
mod settle;
mod take;

use crate::api::Api;
use crate::log::{Log, LogError};
use chrono::Utc;
use domain::cluster::{self, Cluster, Origin};
use domain::event::Category;
use domain::ids::{CLUSTER, RunId};
use domain::limits::ATTEMPTS_MAX;
use domain::plan::{Condition, Look, Verdict};
use domain::run::{self, Action, CallNo, Event, Run, backoff};
use std::time::Duration;

pub struct Executor<'a> {
    pub log: &'a Log,
    pub api: &'a Api,
    pub run: RunId,
}

/// Why a call did not work out, and what a person can do.
pub(crate) struct Trouble {
    pub cause: String,
    pub advice: String,
    pub transient: bool,
}

impl Executor<'_> {
    /// Goes on with the run until it is over, paused, or this agent may not act any more.
    pub async fn carry_out(&self) -> Result<(), LogError> {
        let mut run: Run = self.log.load(Category::Run, self.run.0).await?;
        loop {
            if self.log.lease.lost().is_cancelled() {
                return Err(LogError::Fenced);
            }
            run = match run.next() {
                Action::Take { at, .. } => self.take(&run, at).await?,
                Action::Wait { at, not_before } => {
                    points::pass("during back-off", at);
                    self.wait_until(not_before).await?;
                    self.take(&run, at).await?
                }
                Action::Settle { at, why } => self.settle(&run, at, &why).await?,
                Action::Follow { at, upid, lines } => self.follow(&run, at, &upid, lines).await?,
                Action::Verify { at } => self.verify(&run, at).await?,
                Action::FinishStep { step, satisfied } => self.finish(&run, step, satisfied).await?,
                Action::Complete => {
                    let (done, already, skipped) = (run.done, run.already, run.skipped);
                    self.record(vec![Event::RunCompleted { done, already, skipped }]).await?
                }
                Action::Stop => {
                    let why = "stopped by an Admin; no step is half done".to_owned();
                    let advice = "Make a new preview to see what is left to do.".to_owned();
                    self.record(vec![Event::RunStopped { step: Some(run.at.step), why, advice }]).await?
                }
                Action::Rest => return Ok(()),
            };
        }
    }

    async fn record(&self, events: Vec<Event>) -> Result<Run, LogError> {
        self.log
            .handle::<Run>(Category::Run, self.run.0, run::Command::Record(events), Some(self.run.0))
            .await
    }

    async fn wait_until(&self, not_before: chrono::DateTime<Utc>) -> Result<(), LogError> {
        let left = (not_before - Utc::now()).to_std().unwrap_or(Duration::ZERO);
        tokio::select! {
            () = tokio::time::sleep(left) => Ok(()),
            () = self.log.lease.lost().cancelled() => Err(LogError::Fenced),
        }
    }

    /// After trouble: the next attempt with its waiting time, or a pause for a person. `before` is recorded with it.
    async fn again_or_pause(
        &self,
        run: &Run,
        at: CallNo,
        mut before: Vec<Event>,
        used: u32,
        trouble: Trouble,
    ) -> Result<Run, LogError> {
        let attempt = used + 1;
        if trouble.transient && attempt <= ATTEMPTS_MAX {
            let wait_ms = backoff::wait_ms(attempt, rand::random());
            let not_before =
                Utc::now() + chrono::TimeDelta::milliseconds(i64::try_from(wait_ms).unwrap_or(i64::MAX));
            before.push(Event::RetryScheduled { at, attempt, wait_ms, not_before, cause: trouble.cause });
        } else {
            let Trouble { cause, advice, .. } = trouble;
            let cause = if attempt > ATTEMPTS_MAX {
                format!("{ATTEMPTS_MAX} attempts failed: {cause}")
            } else {
                cause
            };
            before.push(Event::StepFailed {
                step: run.at.step,
                cause: cause.clone(),
                advice: advice.clone(),
            });
            before.push(Event::RunPaused { step: Some(run.at.step), cause, advice });
        }
        self.record(before).await
    }

    /// Looks at what a condition speaks about and judges it.
    async fn judge(&self, condition: &Condition) -> (Verdict, Look) {
        let look = self.api.look(&condition.look_at()).await;
        (condition.judge(&look), look)
    }

    /// Ends a step; guests it made become ours in the log, guests it removed cease to be. Both can be said twice.
    async fn finish(&self, run: &Run, step: usize, satisfied: bool) -> Result<Run, LogError> {
        let calls = run.steps().get(step).map_or(&[][..], |step| step.calls.as_slice());
        for (condition, name) in calls.iter().map(|call| (&call.done_when, run.steps().get(step))) {
            let name = name.map(|step| step.subject.name.clone()).unwrap_or_default();
            match condition {
                Condition::GuestExists { vmid, kind, mark, .. }
                | Condition::GuestAdopted { vmid, kind, mark, .. } => {
                    let declaration =
                        run.declaration.unwrap_or(domain::ids::DeclarationId(uuid::Uuid::nil()));
                    let origin = match condition {
                        Condition::GuestAdopted { .. } => Origin::Adopted { declaration, run: self.run },
                        _ => Origin::Made { declaration, run: self.run },
                    };
                    let claim =
                        cluster::Command::Claim { vmid: *vmid, name, kind: *kind, mark: *mark, origin };
                    self.log.handle::<Cluster>(Category::Cluster, CLUSTER, claim, Some(self.run.0)).await?;
                }
                Condition::GuestGone { vmid, .. } => {
                    let known: Cluster = self.log.load(Category::Cluster, CLUSTER).await?;
                    if let Some(claim) = known.claims.get(vmid) {
                        let release = cluster::Command::Release { vmid: *vmid, mark: claim.mark };
                        self.log
                            .handle::<Cluster>(Category::Cluster, CLUSTER, release, Some(self.run.0))
                            .await?;
                    }
                }
                _ => {}
            }
        }
        points::pass("before step end", CallNo { step, call: calls.len() });
        let event = if satisfied { Event::StepSatisfied { step } } else { Event::StepSucceeded { step } };
        self.record(vec![event]).await
    }
}
