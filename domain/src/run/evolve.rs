//! The state of a run after one more fact. Never fails: a recorded fact is true, whatever the state before.

use super::{CallNo, Event, Phase, Run, Status, StepState, StepStatus, TaskEnd, Undo};
use std::sync::Arc;

impl StepState {
    fn next_call(&mut self) {
        self.call += 1;
        self.phase = Phase::Ready;
        self.attempt = 0;
        self.interrupted = 0;
    }

    fn ends(&mut self, status: StepStatus) {
        self.status = status;
        self.phase = Phase::Ready;
        self.held = false;
    }

    /// Attempts count from the beginning again.
    fn refresh(&mut self) {
        self.attempt = 0;
        self.interrupted = 0;
        self.held = false;
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.phase = Phase::Ready;
        }
    }
}

impl Run {
    fn at(&mut self, at: &CallNo, change: impl FnOnce(&mut StepState)) {
        self.step(at.step, |state| {
            state.begun = true;
            change(state);
        });
    }

    fn step(&mut self, step: usize, change: impl FnOnce(&mut StepState)) {
        if let Some(state) = self.progress.get_mut(step) {
            change(state);
        }
    }

    pub(super) fn after(mut self, event: &Event) -> Self {
        match event {
            Event::RunStarted { declaration, digest, commit, plan, cause } => {
                self.status = Status::Running;
                self.declaration = Some(*declaration);
                self.digest = Some(digest.clone());
                self.commit.clone_from(commit);
                self.progress = vec![StepState::default(); plan.steps.len()];
                self.plan = Some(Arc::new((**plan).clone()));
                self.cause.clone_from(cause);
            }
            Event::CallSatisfied { at } => self.at(at, StepState::next_call),
            Event::CallIssued { at, attempt, .. } => self.at(at, |state| {
                state.attempt = *attempt;
                state.sent = true;
                state.phase = Phase::Issued;
            }),
            Event::CallAnswered { at, .. } => self.at(at, |state| state.phase = Phase::Verify),
            Event::CallFailed { at, .. } => self.at(at, |state| state.phase = Phase::Ready),
            Event::CallSettled { at, done: false, .. } => self.at(at, |state| {
                if state.is_cut_short() {
                    state.attempt = state.attempt.saturating_sub(1);
                    state.interrupted += 1;
                }
                state.phase = Phase::Ready;
            }),
            Event::CallUnknown { at, why, .. } => {
                self.at(at, |state| state.phase = Phase::Unknown { why: why.clone() });
            }
            Event::CallSettled { at, done: true, .. } => self.at(at, |state| {
                state.ours += 1;
                state.next_call();
            }),
            Event::TaskStarted { at, upid } => {
                self.at(at, |state| state.phase = Phase::Task { upid: upid.clone(), lines: 0 });
            }
            Event::TaskProgressed { at, from_line, lines: new, .. } => self.at(at, |state| {
                if let Phase::Task { lines, .. } = &mut state.phase {
                    *lines = from_line + u32::try_from(new.len()).unwrap_or(u32::MAX);
                }
            }),
            Event::TaskEnded { at, end, .. } => self.at(at, |state| {
                state.phase = match end {
                    TaskEnd::Ok {} | TaskEnd::Warnings { .. } => Phase::Verify,
                    TaskEnd::Failed { .. } => Phase::Ready,
                    TaskEnd::Unexpected {} => {
                        Phase::Unknown { why: "the task ended without saying how".into() }
                    }
                };
            }),
            Event::StepSatisfied { step } => {
                self.already += 1;
                self.step(*step, |state| state.ends(StepStatus::Already));
            }
            Event::StepSucceeded { step } => {
                self.done += 1;
                self.step(*step, |state| state.ends(StepStatus::Done));
            }
            Event::StepSkipped { step, .. } => {
                self.skipped += 1;
                self.step(*step, |state| state.ends(StepStatus::Skipped));
            }
            Event::RetryScheduled { at, attempt, not_before, .. } => self.at(at, |state| {
                state.attempt = attempt.saturating_sub(1);
                state.phase = Phase::Waiting { not_before: *not_before };
            }),
            Event::RunPaused { step, cause, advice } => {
                self.status = Status::Paused { cause: cause.clone(), advice: advice.clone() };
                if let Some(step) = step {
                    self.step(*step, |state| state.held = true);
                }
            }
            Event::RunResumed { .. } => {
                self.status = Status::Running;
                self.progress.iter_mut().filter(|state| state.is_open()).for_each(StepState::refresh);
            }
            Event::StepRetried { step, .. } => {
                self.status = Status::Running;
                self.step(*step, StepState::refresh);
            }
            Event::StopRequested { .. } => self.stop_requested = true,
            Event::UndoApproved { digest, plan, by } => {
                let plan = Arc::new((**plan).clone());
                self.undo = Some(Undo { digest: digest.clone(), plan, by: *by });
            }
            Event::RunCompleted { .. } => self.status = Status::Completed,
            Event::RunStopped { .. } => self.status = Status::Stopped,
            Event::StepFailed { .. } => {}
        }
        self
    }
}
