//! Which fact may follow which state: an agent that lost its way is refused by the log, not believed.

use super::{CallNo, Event, Phase, Refusal, Run, Status, StepState};
use crate::limits::ATTEMPTS_MAX;

pub(super) fn check(run: &Run, event: &Event) -> Result<(), Refusal> {
    let running = run.status == Status::Running;
    let alive = running || matches!(run.status, Status::Paused { .. });
    let here = |at: &CallNo| -> Option<&StepState> {
        run.progress.get(at.step).filter(|state| state.is_open() && state.call == at.call)
    };
    let is = |at: &CallNo, fits: fn(&Phase) -> bool| here(at).is_some_and(|state| fits(&state.phase));
    let fits = match event {
        Event::CallSatisfied { at } => {
            running && run.may_begin(at.step) && is(at, |p| matches!(p, Phase::Ready | Phase::Waiting { .. }))
        }
        Event::CallIssued { at, attempt, .. } => {
            running
                && run.may_begin(at.step)
                && run.call(*at).is_some()
                && *attempt <= ATTEMPTS_MAX
                && here(at).is_some_and(|state| {
                    *attempt == state.attempt + 1
                        && !state.held
                        && matches!(state.phase, Phase::Ready | Phase::Waiting { .. })
                })
        }
        Event::CallAnswered { at, .. } | Event::CallFailed { at, .. } | Event::CallUnknown { at, .. } => {
            is(at, |phase| *phase == Phase::Issued)
        }
        Event::CallSettled { at, .. } => {
            is(at, |phase| matches!(phase, Phase::Issued | Phase::Unknown { .. } | Phase::Verify))
        }
        Event::TaskStarted { at, .. } => {
            is(at, |phase| matches!(phase, Phase::Verify | Phase::Issued | Phase::Unknown { .. }))
        }
        Event::TaskProgressed { at, upid, from_line, .. } => here(at).is_some_and(
            |state| matches!(&state.phase, Phase::Task { upid: u, lines } if u == upid && lines == from_line),
        ),
        Event::TaskEnded { at, upid, .. } => {
            here(at).is_some_and(|state| matches!(&state.phase, Phase::Task { upid: u, .. } if u == upid))
        }
        Event::StepSatisfied { step } | Event::StepSucceeded { step } => {
            let calls = run.steps().get(*step).map_or(usize::MAX, |step| step.calls.len());
            let through = |state: &StepState| state.is_open() && state.call >= calls;
            running && run.may_begin(*step) && run.progress.get(*step).is_some_and(through)
        }
        Event::StepFailed { step, .. } => run.progress.get(*step).is_some_and(StepState::is_open),
        // It only says when the next attempt is due; while the run is paused none is made.
        Event::RetryScheduled { at, attempt, .. } => {
            alive
                && (1..=ATTEMPTS_MAX).contains(attempt)
                && here(at).is_some_and(|state| {
                    // An attempt that ended in looking, before anything was sent, counts as one too.
                    (*attempt == state.attempt + 1 || *attempt == state.attempt + 2)
                        && state.phase == Phase::Ready
                })
        }
        // A second step may fail while the run is paused by the first.
        Event::RunPaused { .. } => alive,
        Event::RunCompleted { .. } => running && run.progress.iter().all(|state| !state.is_open()),
        Event::RunStopped { .. } => alive && run.stop_requested && !run.is_under_way(),
        // Only a person's command makes these, never a report.
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::StepRetried { .. }
        | Event::StopRequested { .. }
        | Event::UndoApproved { .. }
        | Event::StepSkipped { .. } => false,
    };
    if fits { Ok(()) } else { Err(Refusal::OutOfOrder(name(event))) }
}

pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::RunStarted { .. } => "RunStarted",
        Event::CallSatisfied { .. } => "CallSatisfied",
        Event::CallIssued { .. } => "CallIssued",
        Event::CallAnswered { .. } => "CallAnswered",
        Event::CallFailed { .. } => "CallFailed",
        Event::CallUnknown { .. } => "CallUnknown",
        Event::CallSettled { .. } => "CallSettled",
        Event::TaskStarted { .. } => "TaskStarted",
        Event::TaskProgressed { .. } => "TaskProgressed",
        Event::TaskEnded { .. } => "TaskEnded",
        Event::StepSatisfied { .. } => "StepSatisfied",
        Event::StepSucceeded { .. } => "StepSucceeded",
        Event::StepFailed { .. } => "StepFailed",
        Event::RetryScheduled { .. } => "RetryScheduled",
        Event::RunPaused { .. } => "RunPaused",
        Event::RunResumed { .. } => "RunResumed",
        Event::StepRetried { .. } => "StepRetried",
        Event::StopRequested { .. } => "StopRequested",
        Event::StepSkipped { .. } => "StepSkipped",
        Event::UndoApproved { .. } => "UndoApproved",
        Event::RunCompleted { .. } => "RunCompleted",
        Event::RunStopped { .. } => "RunStopped",
    }
}
