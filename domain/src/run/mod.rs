//! A run: carrying out one approved plan, call by call.
//!
//! A run is the fold of its stream, so a restarted agent goes on where the last one stopped: [`Run::next`]
//! says what to do, whatever happened before. Begin there; the waiting times are in [`backoff`], which facts
//! may follow which state is in `legal`.
//!
//! Never here: calls, clocks, sleeping. The agent does those and tells this module what happened.

pub mod backoff;
mod event;
mod legal;
#[cfg(test)]
mod tests;

pub use event::{CallNo, Event, TaskEnd};

use crate::account::Actor;
use crate::canonical::Digest;
use crate::decider::Decider;
use crate::ids::{DeclarationId, RunId};
use crate::plan::{Call, Plan, Step};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The id of the run that a commit starts: always the same, so that one commit starts one run however often it is tried.
pub fn id_for(declaration: DeclarationId, commit: &str, plan: &Digest) -> RunId {
    RunId(Uuid::new_v5(&declaration.0, format!("{commit}/{plan}").as_bytes()))
}

/// What a run is doing with the call it is at.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// Nothing sent in this attempt.
    #[default]
    Ready,
    /// The intent is recorded; the answer is not.
    Issued,
    /// Bytes left, no answer came.
    Unknown { why: String },
    /// Accepted; a task does the work.
    Task { upid: String, lines: u32 },
    /// Answered or the task ended well; the outcome still has to be seen.
    Verify,
    /// The next attempt is due then.
    Waiting { not_before: DateTime<Utc> },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    #[default]
    None,
    Running,
    Paused {
        cause: String,
        advice: String,
    },
    Completed,
    Stopped,
}

/// The fold of one run's stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    pub status: Status,
    pub declaration: Option<DeclarationId>,
    pub digest: Option<Digest>,
    pub plan: Option<Box<Plan>>,
    /// The call the run is at.
    pub at: CallNo,
    pub phase: Phase,
    /// Attempts of the present call that were used up since the run started or was resumed.
    pub attempt: u32,
    /// Calls of the present step that were really sent.
    sent: bool,
    pub stop_requested: bool,
    pub done: usize,
    pub already: usize,
    pub skipped: usize,
}

/// What the agent does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Look whether the outcome holds; if not, check the guards, record the intent, send.
    Take {
        at: CallNo,
        attempt: u32,
    },
    /// An intent without an outcome: find out by looking, never by sending again.
    Settle {
        at: CallNo,
        why: String,
    },
    Follow {
        at: CallNo,
        upid: String,
        lines: u32,
    },
    /// Look whether the outcome really holds now.
    Verify {
        at: CallNo,
    },
    Wait {
        at: CallNo,
        not_before: DateTime<Utc>,
    },
    /// All calls of the step are through.
    FinishStep {
        step: usize,
        satisfied: bool,
    },
    Complete,
    /// A person asked to stop, and no step is half done.
    Stop,
    /// Nothing until a person says so, or nothing ever again.
    Rest,
}

impl Run {
    pub fn steps(&self) -> &[Step] {
        self.plan.as_ref().map_or(&[], |plan| plan.steps.as_slice())
    }

    pub fn call(&self, at: CallNo) -> Option<&Call> {
        self.steps().get(at.step)?.calls.get(at.call)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Completed | Status::Stopped)
    }

    /// What to do next: a function of what happened, so a restart changes nothing.
    pub fn next(&self) -> Action {
        if self.status != Status::Running {
            return Action::Rest;
        }
        let at = self.at;
        match &self.phase {
            Phase::Issued => {
                return Action::Settle { at, why: "the agent stopped before the answer was recorded".into() };
            }
            Phase::Unknown { why } => return Action::Settle { at, why: why.clone() },
            Phase::Task { upid, lines } => return Action::Follow { at, upid: upid.clone(), lines: *lines },
            Phase::Verify => return Action::Verify { at },
            Phase::Ready | Phase::Waiting { .. } => {}
        }
        let Some(step) = self.steps().get(at.step) else { return Action::Complete };
        if self.stop_requested && at.call == 0 && !self.sent {
            return Action::Stop;
        }
        if at.call >= step.calls.len() {
            return Action::FinishStep { step: at.step, satisfied: !self.sent };
        }
        match &self.phase {
            Phase::Waiting { not_before } => Action::Wait { at, not_before: *not_before },
            _ => Action::Take { at, attempt: self.attempt + 1 },
        }
    }

    fn next_call(&mut self) {
        self.at.call += 1;
        self.phase = Phase::Ready;
        self.attempt = 0;
    }

    fn next_step(&mut self) {
        self.at = CallNo { step: self.at.step + 1, call: 0 };
        self.phase = Phase::Ready;
        self.attempt = 0;
        self.sent = false;
    }
}

#[derive(Clone, Debug)]
pub enum Command {
    Start {
        declaration: DeclarationId,
        digest: Digest,
        commit: String,
        plan: Box<Plan>,
    },
    /// What the agent saw or did, in order and all or none; refused where it cannot follow the present state.
    Record(Vec<Event>),
    Resume {
        by: Actor,
    },
    StopAfterStep {
        by: Actor,
    },
    Skip {
        by: Actor,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such run")]
    Unknown,
    #[error("runs are resumed, stopped and skipped by Admins")]
    AdminOnly,
    #[error("the plan is not the approved one")]
    PlanChanged,
    #[error("the run is not paused")]
    NotPaused,
    #[error("the run is over")]
    Over,
    #[error("say why the step is skipped")]
    ReasonNeeded,
    #[error("{0} cannot follow what the run recorded last")]
    OutOfOrder(&'static str),
}

impl Decider for Run {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Start { digest, plan, .. } if plan.digest() != digest => Err(Refusal::PlanChanged),
            Command::Start { .. } if self.status != Status::None => Ok(vec![]),
            Command::Start { declaration, digest, commit, plan } => {
                Ok(vec![Event::RunStarted { declaration, digest, commit, plan }])
            }
            _ if self.status == Status::None => Err(Refusal::Unknown),
            Command::Record(events) => {
                let mut state = self.clone();
                for event in &events {
                    legal::check(&state, event)?;
                    state = state.evolve(event);
                }
                Ok(events)
            }
            Command::Resume { by } | Command::StopAfterStep { by } | Command::Skip { by, .. }
                if !by.is_admin() =>
            {
                Err(Refusal::AdminOnly)
            }
            _ if self.is_over() => Err(Refusal::Over),
            Command::Resume { by } => match self.status {
                Status::Paused { .. } => Ok(vec![Event::RunResumed { by: by.id }]),
                _ => Err(Refusal::NotPaused),
            },
            Command::StopAfterStep { by } => {
                let mut events = Vec::new();
                if !self.stop_requested {
                    events.push(Event::StopRequested { by: by.id });
                }
                // A paused run has nothing in flight: it stops at once.
                if matches!(self.status, Status::Paused { .. }) {
                    let why = "stopped by an Admin while paused".to_owned();
                    let advice = "Make a new preview to see what is left to do.".to_owned();
                    events.push(Event::RunStopped { step: Some(self.at.step), why, advice });
                }
                Ok(events)
            }
            Command::Skip { why, .. } if why.trim().is_empty() => Err(Refusal::ReasonNeeded),
            Command::Skip { by, why } => match self.status {
                Status::Paused { .. } => Ok(vec![
                    Event::StepSkipped { step: self.at.step, by: by.id, why },
                    Event::RunResumed { by: by.id },
                ]),
                _ => Err(Refusal::NotPaused),
            },
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::RunStarted { declaration, digest, plan, .. } => {
                self.status = Status::Running;
                self.declaration = Some(*declaration);
                self.digest = Some(digest.clone());
                self.plan = Some(plan.clone());
            }
            Event::CallSatisfied { .. } => self.next_call(),
            Event::CallIssued { attempt, .. } => {
                self.attempt = *attempt;
                self.sent = true;
                self.phase = Phase::Issued;
            }
            Event::CallAnswered { .. } => self.phase = Phase::Verify,
            Event::CallFailed { .. } => self.phase = Phase::Ready,
            Event::CallUnknown { why, .. } => self.phase = Phase::Unknown { why: why.clone() },
            Event::CallSettled { done: true, .. } => self.next_call(),
            Event::CallSettled { done: false, .. } => self.phase = Phase::Ready,
            Event::TaskStarted { upid, .. } => self.phase = Phase::Task { upid: upid.clone(), lines: 0 },
            Event::TaskProgressed { from_line, lines: new, .. } => {
                if let Phase::Task { lines, .. } = &mut self.phase {
                    *lines = from_line + u32::try_from(new.len()).unwrap_or(u32::MAX);
                }
            }
            Event::TaskEnded { end, .. } => {
                self.phase = match end {
                    TaskEnd::Ok {} | TaskEnd::Warnings { .. } => Phase::Verify,
                    TaskEnd::Failed { .. } => Phase::Ready,
                    TaskEnd::Unexpected {} => {
                        Phase::Unknown { why: "the task ended without saying how".into() }
                    }
                };
            }
            Event::StepSatisfied { .. } => {
                self.already += 1;
                self.next_step();
            }
            Event::StepSucceeded { .. } => {
                self.done += 1;
                self.next_step();
            }
            Event::StepSkipped { .. } => {
                self.skipped += 1;
                self.next_step();
            }
            Event::RetryScheduled { attempt, not_before, .. } => {
                self.attempt = attempt.saturating_sub(1);
                self.phase = Phase::Waiting { not_before: *not_before };
            }
            Event::RunPaused { cause, advice, .. } => {
                self.status = Status::Paused { cause: cause.clone(), advice: advice.clone() };
            }
            Event::RunResumed { .. } => {
                self.status = Status::Running;
                self.attempt = 0;
                if matches!(self.phase, Phase::Waiting { .. }) {
                    self.phase = Phase::Ready;
                }
            }
            Event::StopRequested { .. } => self.stop_requested = true,
            Event::RunCompleted { .. } => self.status = Status::Completed,
            Event::RunStopped { .. } => self.status = Status::Stopped,
            Event::StepFailed { .. } => {}
        }
        self
    }
}
