//! Facts about one run. Every call and every waiting time is here.

use crate::canonical::Digest;
use crate::ids::{AccountId, DeclarationId, RunId};
use crate::plan::Plan;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One call of one step of the plan: both count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallNo {
    pub step: usize,
    pub call: usize,
}

/// How a Proxmox task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum TaskEnd {
    Ok {},
    Warnings {
        count: u32,
    },
    Failed {
        text: String,
    },
    /// The worker died or was killed: what it did must be looked at.
    Unexpected {},
}

/// What a run carries out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Cause {
    /// A verified commit of an approved plan.
    #[default]
    Commit,
    /// The way back of another run, approved by an Admin.
    Undo { run: RunId, by: AccountId },
    /// Drift that is put back; `by` is none where the owner's rule heals by itself.
    PutBack { subject: String, by: Option<AccountId> },
}

impl Cause {
    pub fn is_commit(&self) -> bool {
        *self == Self::Commit
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "run.started.v1")]
    RunStarted {
        declaration: DeclarationId,
        digest: Digest,
        commit: String,
        plan: Box<Plan>,
        #[serde(default, skip_serializing_if = "Cause::is_commit")]
        cause: Cause,
    },
    /// Looking showed that the call's outcome holds already: nothing is sent.
    #[serde(rename = "run.call_satisfied.v1")]
    CallSatisfied { at: CallNo },
    /// The intent: written before the first byte leaves.
    #[serde(rename = "run.call_issued.v1")]
    CallIssued { at: CallNo, attempt: u32, request: String },
    #[serde(rename = "run.call_answered.v1")]
    CallAnswered { at: CallNo, attempt: u32, status: u16, reason: String, answer: String, ms: u32 },
    /// The server said no, or the call was never delivered: nothing was done.
    #[serde(rename = "run.call_failed.v1")]
    CallFailed {
        at: CallNo,
        attempt: u32,
        status: Option<u16>,
        message: String,
        transient: bool,
        advice: String,
        ms: u32,
    },
    /// Bytes left and no answer came: only looking can tell what was done.
    #[serde(rename = "run.call_unknown.v1")]
    CallUnknown { at: CallNo, attempt: u32, why: String },
    /// What looking showed after the call was answered, or after nobody knew what became of it.
    #[serde(rename = "run.call_settled.v1")]
    CallSettled { at: CallNo, done: bool, how: String },
    #[serde(rename = "run.task_started.v1")]
    TaskStarted { at: CallNo, upid: String },
    #[serde(rename = "run.task_progressed.v1")]
    TaskProgressed { at: CallNo, upid: String, from_line: u32, lines: Vec<String> },
    #[serde(rename = "run.task_ended.v1")]
    TaskEnded { at: CallNo, upid: String, end: TaskEnd, transient: bool, advice: String },
    #[serde(rename = "run.step_satisfied.v1")]
    StepSatisfied { step: usize },
    #[serde(rename = "run.step_succeeded.v1")]
    StepSucceeded { step: usize },
    #[serde(rename = "run.step_failed.v1")]
    StepFailed { step: usize, cause: String, advice: String },
    /// The next attempt and when it is due; waiting is a fact, not a loop.
    #[serde(rename = "run.retry_scheduled.v1")]
    RetryScheduled { at: CallNo, attempt: u32, wait_ms: u64, not_before: DateTime<Utc>, cause: String },
    #[serde(rename = "run.paused.v1")]
    RunPaused { step: Option<usize>, cause: String, advice: String },
    #[serde(rename = "run.resumed.v1")]
    RunResumed { by: AccountId },
    #[serde(rename = "run.stop_requested.v1")]
    StopRequested { by: AccountId },
    #[serde(rename = "run.step_skipped.v1")]
    StepSkipped { step: usize, by: AccountId, why: String },
    /// A person said: try this step again; others that wait for somebody go on waiting.
    #[serde(rename = "run.step_retried.v1")]
    StepRetried { step: usize, by: AccountId },
    /// The way back, sealed by its digest; another run carries it out.
    #[serde(rename = "run.undo_approved.v1")]
    UndoApproved { by: AccountId, digest: Digest, plan: Box<Plan> },
    #[serde(rename = "run.completed.v1")]
    RunCompleted { done: usize, already: usize, skipped: usize },
    #[serde(rename = "run.stopped.v1")]
    RunStopped { step: Option<usize>, why: String, advice: String },
}
