//! Carrying out a run: look, record the intent, act, record the outcome, look again (I1, I2).
//!
//! Begin with [`Executor::carry_out`]: it asks the run what is next and does that, several steps at once where the run
//! says so, until there is nothing to do. All state is in the run's stream, so this can be killed on any line and started
//! again. What it needs of the world stands in [`ports`].
//!
//! Never here: choosing numbers, nodes or arguments. The plan has them all.

pub mod bugs;
mod follow;
pub mod points;
pub mod ports;
mod settle;
mod take;

use crate::log::LogError;
use bugs::{Bug, is_planted};
use chrono::Utc;
use domain::canonical::Digest;
use domain::cluster::{self, Origin};
use domain::ids::DeclarationId;
use domain::limits::ATTEMPTS_MAX;
use domain::plan::{Condition, Look, Verdict};
use domain::run::backoff::{self, Next};
use domain::run::{Action, CallNo, Event, Run, Status};
use futures::stream::{FuturesUnordered, StreamExt};
use ports::{Books, Hands};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub struct Executor<'a, H, B> {
    pub hands: &'a H,
    pub books: &'a B,
}

/// Why a call did not work out, and what a person can do.
pub(crate) struct Trouble {
    pub cause: String,
    pub advice: String,
    pub transient: bool,
}

impl<H: Hands, B: Books> Executor<'_, H, B> {
    /// Goes on with the run until it is over, paused with nothing under way, or this agent may not act any more.
    pub async fn carry_out(&self) -> Result<(), LogError> {
        let mut busy: BTreeSet<usize> = BTreeSet::new();
        let mut under_way = FuturesUnordered::new();
        let mut sealed = false;
        loop {
            if self.books.is_lost() {
                return Err(LogError::Fenced);
            }
            let run = self.books.run().await?;
            if !sealed && matches!(run.status, Status::Running) {
                if let Some(trouble) = broken_seal(&run) {
                    return self.pause(None, trouble).await;
                }
                sealed = true;
            }
            for action in run.next_beside(&busy) {
                match action.step() {
                    Some(step) => {
                        busy.insert(step);
                        let run = run.clone();
                        under_way.push(async move { (step, self.act(&run, action).await) });
                    }
                    None if !self.whole(&run, action).await? => return Ok(()),
                    None => {}
                }
            }
            match under_way.next().await {
                Some((step, outcome)) => {
                    busy.remove(&step);
                    match outcome {
                        Ok(()) => {}
                        // A person or another step paused or stopped the run meanwhile: what was to follow is decided anew.
                        Err(LogError::Refused(why)) if self.books.run().await?.status == Status::Running => {
                            return Err(LogError::Refused(why));
                        }
                        Err(LogError::Refused(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                None => {
                    let run = self.books.run().await?;
                    if run.next().is_empty() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// One action of one step.
    async fn act(&self, run: &Run, action: Action) -> Result<(), LogError> {
        match action {
            Action::Take { at, not_before, .. } => {
                if let Some(not_before) = not_before {
                    points::pass("during back-off", at);
                    self.wait_until(not_before).await?;
                }
                self.take(run, at).await
            }
            Action::Settle { at, why } => self.settle(run, at, &why).await,
            Action::Follow { at, upid, lines } => self.follow(run, at, &upid, lines).await,
            Action::Verify { at } => self.verify(run, at).await,
            Action::FinishStep { step, satisfied } => self.finish(run, step, satisfied).await,
            Action::Complete | Action::Stop | Action::Wait { .. } => Ok(()),
        }
    }

    /// What concerns the whole run and comes alone; false where nothing is left to do.
    async fn whole(&self, run: &Run, action: Action) -> Result<bool, LogError> {
        let event = match action {
            Action::Complete => {
                Event::RunCompleted { done: run.done, already: run.already, skipped: run.skipped }
            }
            Action::Stop => Event::RunStopped {
                step: Some(run.stands_at()),
                why: "stopped by an Admin; no step is half done".to_owned(),
                advice: "Make a new preview to see what is left to do.".to_owned(),
            },
            Action::Wait { step } => Event::RunPaused {
                step: Some(step),
                cause: format!("step {} still waits for a person; the others are through", step + 1),
                advice: "Try it again, skip it with a reason, or undo what was done.".to_owned(),
            },
            _ => return Ok(false),
        };
        self.books.record(vec![event]).await?;
        Ok(true)
    }

    async fn wait_until(&self, not_before: chrono::DateTime<Utc>) -> Result<(), LogError> {
        // In slices, so that a lost lease is noticed.
        while let Ok(left) = (not_before - self.books.now()).to_std() {
            if self.books.is_lost() {
                return Err(LogError::Fenced);
            }
            if left.is_zero() {
                break;
            }
            self.books.sleep(left.min(Duration::from_millis(500))).await;
        }
        Ok(())
    }

    /// After trouble: the next attempt with its waiting time, or a pause for a person. `before` is recorded with it.
    async fn again_or_pause(
        &self,
        at: CallNo,
        mut before: Vec<Event>,
        used: u32,
        trouble: Trouble,
    ) -> Result<(), LogError> {
        let Trouble { cause, advice, transient } = trouble;
        let used = if is_planted(Bug::EndlessAttempts) { used.min(1) } else { used };
        match backoff::after(used, transient) {
            Next::Attempt(attempt) => {
                let mut wait_ms = backoff::wait_ms(attempt, self.books.chance());
                if is_planted(Bug::NoBackoff) {
                    wait_ms = 0;
                }
                let not_before = self.books.now()
                    + chrono::TimeDelta::milliseconds(i64::try_from(wait_ms).unwrap_or(i64::MAX));
                before.push(Event::RetryScheduled { at, attempt, wait_ms, not_before, cause });
            }
            Next::Person => {
                let cause =
                    if transient { format!("{ATTEMPTS_MAX} attempts failed: {cause}") } else { cause };
                before.push(Event::StepFailed {
                    step: at.step,
                    cause: cause.clone(),
                    advice: advice.clone(),
                });
                before.push(Event::RunPaused { step: Some(at.step), cause, advice });
            }
        }
        self.books.record(before).await
    }

    async fn pause(&self, step: Option<usize>, trouble: Trouble) -> Result<(), LogError> {
        let Trouble { cause, advice, .. } = trouble;
        self.books.record(vec![Event::RunPaused { step, cause, advice }]).await
    }

    /// Looks at what a condition speaks about and judges it.
    async fn judge(&self, condition: &Condition) -> (Verdict, Look) {
        let look = self.hands.look(&condition.look_at()).await;
        (condition.judge(&look), look)
    }

    /// Ends a step; guests it made become ours in the log, guests it removed cease to be. Both can be said twice.
    async fn finish(&self, run: &Run, index: usize, satisfied: bool) -> Result<(), LogError> {
        let Some(step) = run.steps().get(index) else { return Ok(()) };
        for condition in step.calls.iter().map(|call| &call.done_when) {
            match condition {
                Condition::GuestExists { vmid, kind, mark, .. }
                | Condition::GuestAdopted { vmid, kind, mark, .. } => {
                    let declaration = run.declaration.unwrap_or(DeclarationId(uuid::Uuid::nil()));
                    let origin = match condition {
                        Condition::GuestAdopted { .. } => {
                            Origin::Adopted { declaration, run: self.books.id() }
                        }
                        _ => Origin::Made { declaration, run: self.books.id() },
                    };
                    let name = step.subject.name.clone();
                    let claim =
                        cluster::Command::Claim { vmid: *vmid, name, kind: *kind, mark: *mark, origin };
                    if !is_planted(Bug::LoseClaim) {
                        self.books.tell_cluster(claim).await?;
                    }
                }
                Condition::GuestGone { vmid, .. } => {
                    if let Some(claim) = self.books.cluster().await?.claims.get(vmid) {
                        let release = cluster::Command::Release { vmid: *vmid, mark: claim.mark };
                        self.books.tell_cluster(release).await?;
                    }
                }
                _ => {}
            }
        }
        points::pass("before step end", CallNo { step: index, call: step.calls.len() });
        let event = match satisfied {
            true => Event::StepSatisfied { step: index },
            false => Event::StepSucceeded { step: index },
        };
        self.books.record(vec![event]).await
    }
}

/// The plan in the run is the approved one in every byte, or nothing is sent (I1). Asked once for each plan in memory: it
/// cannot change there.
fn broken_seal(run: &Arc<Run>) -> Option<Trouble> {
    let same = run.plan.as_ref().map(|plan| Digest::of(&**plan)) == run.digest;
    (!same).then(|| Trouble {
        cause: "the plan of this run does not match its approved digest".to_owned(),
        advice: "Stop this run, verify the log, and preview again.".to_owned(),
        transient: false,
    })
}
