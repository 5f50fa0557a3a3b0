//! Which fact may follow which state: an agent that lost its way is refused by the log, not believed.

use super::{Event, Phase, Refusal, Run, Status};
use crate::limits::ATTEMPTS_MAX;

pub(super) fn check(run: &Run, event: &Event) -> Result<(), Refusal> {
    let running = run.status == Status::Running;
    let here = |at: &super::CallNo| *at == run.at;
    let fits = match event {
        Event::CallSatisfied { at } => {
            running && here(at) && matches!(run.phase, Phase::Ready | Phase::Waiting { .. })
        }
        Event::CallIssued { at, attempt, .. } => {
            running
                && here(at)
                && run.call(*at).is_some()
                && *attempt == run.attempt + 1
                && *attempt <= ATTEMPTS_MAX
                && matches!(run.phase, Phase::Ready | Phase::Waiting { .. })
        }
        Event::CallAnswered { at, .. } | Event::CallFailed { at, .. } | Event::CallUnknown { at, .. } => {
            here(at) && run.phase == Phase::Issued
        }
        Event::CallSettled { at, .. } => {
            here(at) && matches!(run.phase, Phase::Issued | Phase::Unknown { .. } | Phase::Verify)
        }
        Event::TaskStarted { at, .. } => {
            here(at) && matches!(run.phase, Phase::Verify | Phase::Issued | Phase::Unknown { .. })
        }
        Event::TaskProgressed { at, upid, from_line, .. } => {
            here(at)
                && matches!(&run.phase, Phase::Task { upid: u, lines } if u == upid && lines == from_line)
        }
        Event::TaskEnded { at, upid, .. } => {
            here(at) && matches!(&run.phase, Phase::Task { upid: u, .. } if u == upid)
        }
        Event::StepSatisfied { step } | Event::StepSucceeded { step } => {
            let all = run.steps().get(*step).is_some_and(|s| run.at.call >= s.calls.len());
            running && run.at.step == *step && all
        }
        Event::StepFailed { step, .. } => run.at.step == *step,
        Event::RetryScheduled { at, attempt, .. } => {
            running
                && here(at)
                // An attempt that ended in looking, before anything was sent, counts as one too.
                && (*attempt == run.attempt + 1 || *attempt == run.attempt + 2)
                && (2..=ATTEMPTS_MAX).contains(attempt)
                && run.phase == Phase::Ready
        }
        Event::RunPaused { .. } => running,
        Event::RunCompleted { .. } => running && run.at.step >= run.steps().len(),
        Event::RunStopped { .. } => running && run.stop_requested,
        // Only a person's command makes these, never a report.
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::StopRequested { .. }
        | Event::StepSkipped { .. } => false,
    };
    if fits { Ok(()) } else { Err(Refusal::OutOfOrder(name(event))) }
}

fn name(event: &Event) -> &'static str {
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
        Event::StopRequested { .. } => "StopRequested",
        Event::StepSkipped { .. } => "StepSkipped",
        Event::RunCompleted { .. } => "RunCompleted",
        Event::RunStopped { .. } => "RunStopped",
    }
}
