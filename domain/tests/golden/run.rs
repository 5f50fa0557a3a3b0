//! Samples of the facts about a run.

use crate::{BY, plan};
use domain::ids::RunId;
use domain::run::{CallNo, Cause, Event, TaskEnd};
use uuid::Uuid;

pub fn samples() -> Vec<Event> {
    let (at, attempt, ms, step) = (CallNo { step: 1, call: 2 }, 1, 40, 1);
    let (why, advice) = (|| "got timeout".to_owned(), || "Look at pve1.".to_owned());
    let upid = || "UPID:pve1:000A1B2C:00D3E4F5:6743D1A0:qmclone:200:mycopod@pve!agent:".to_owned();
    let started = |plan: Box<domain::plan::Plan>, cause| Event::RunStarted {
        declaration: plan::DECLARATION,
        digest: plan.digest(),
        commit: crate::COMMIT.into(),
        plan,
        cause,
    };
    let failed = |status, transient| Event::CallFailed {
        at,
        attempt,
        status,
        message: why(),
        transient,
        advice: advice(),
        ms,
    };
    let ended = |end, transient| Event::TaskEnded { at, upid: upid(), end, transient, advice: advice() };
    vec![
        started(plan::empty(), Cause::Commit),
        started(plan::full(), Cause::Commit),
        started(plan::empty(), Cause::Undo { run: RunId(Uuid::from_u128(0xc)), by: BY }),
        started(plan::empty(), Cause::PutBack { subject: "guest/200".into(), by: None }),
        started(plan::empty(), Cause::PutBack { subject: "guest/200".into(), by: Some(BY) }),
        Event::CallSatisfied { at },
        Event::CallIssued { at, attempt, request: "PUT /nodes/pve1/qemu/200/config cores=4".into() },
        Event::CallAnswered { at, attempt, status: 200, reason: "OK".into(), answer: "null".into(), ms },
        failed(None, true),
        failed(Some(403), false),
        Event::CallUnknown { at, attempt, why: why() },
        Event::CallSettled { at, done: true, how: "cores is 4".into() },
        Event::CallSettled { at, done: false, how: "cores is 2".into() },
        Event::TaskStarted { at, upid: upid() },
        Event::TaskProgressed { at, upid: upid(), from_line: 3, lines: vec!["drive-scsi0: 10%".into()] },
        Event::TaskProgressed { at, upid: upid(), from_line: 4, lines: vec![] },
        ended(TaskEnd::Ok {}, false),
        ended(TaskEnd::Warnings { count: 2 }, false),
        ended(TaskEnd::Failed { text: why() }, true),
        ended(TaskEnd::Unexpected {}, false),
        Event::StepSatisfied { step },
        Event::StepSucceeded { step },
        Event::StepFailed { step, cause: why(), advice: advice() },
        Event::RetryScheduled { at, attempt, wait_ms: 1_000, not_before: crate::at(), cause: why() },
        Event::RunPaused { step: Some(step), cause: why(), advice: advice() },
        Event::RunPaused { step: None, cause: why(), advice: advice() },
        Event::RunResumed { by: BY },
        Event::StopRequested { by: BY },
        Event::StepRetried { step, by: BY },
        Event::UndoApproved { by: BY, digest: plan::empty().digest(), plan: plan::empty() },
        Event::StepSkipped { step, by: BY, why: why() },
        Event::RunCompleted { done: 3, already: 2, skipped: 1 },
        Event::RunStopped { step: Some(step), why: why(), advice: advice() },
        Event::RunStopped { step: None, why: why(), advice: advice() },
    ]
}
