//! Runs with their steps, calls and attempts.

use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::ids::{AccountId, DeclarationId, RunId};
use domain::plan::{StepVerb, Subject, TimeClass};
use domain::run::{Cause, TaskEnd};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Paused,
    Completed,
    Stopped,
}

impl RunStatus {
    /// The word in addresses, and as it stands in a row.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Pending,
    Running,
    /// The next attempt is due later.
    Waiting,
    Done,
    Already,
    Failed,
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Sent, and no answer is recorded yet.
    Sent {},
    Answered {},
    Failed {
        message: String,
        transient: bool,
        advice: String,
    },
    Unknown {
        why: String,
    },
}

/// One try of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// 1 to 3; begins again after Resume.
    pub no: u32,
    pub issued_at: DateTime<Utc>,
    /// Secrets cut.
    pub request: String,
    pub ended_at: Option<DateTime<Utc>>,
    pub status: Option<u16>,
    pub reason: String,
    pub answer: String,
    pub ms: Option<u32>,
    pub outcome: AttemptOutcome,
    /// What looking showed afterwards.
    pub settled: Option<String>,
}

/// A waiting time before the next attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    pub attempt: u32,
    pub wait_ms: u64,
    pub not_before: DateTime<Utc>,
    pub cause: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRow {
    /// Verb, path, arguments as planned; secrets cut.
    pub line: String,
    pub purpose: String,
    /// Looking showed that it was not needed.
    pub already: bool,
    pub done: bool,
    pub attempts: Vec<AttemptRow>,
    pub waits: Vec<Wait>,
    pub upid: Option<String>,
    pub task_end: Option<TaskEnd>,
    /// The last lines of the task's log.
    pub lines: Vec<String>,
    pub lines_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    pub no: u32,
    pub verb: StepVerb,
    pub subject: Subject,
    pub sentence: String,
    pub time: TimeClass,
    pub status: StepStatus,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed or was skipped.
    pub cause: Option<String>,
    pub advice: Option<String>,
    /// It waits for a person.
    #[serde(default)]
    pub held: bool,
    pub calls: Vec<CallRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: RunId,
    /// 1, 2, 3 … in the order of starting.
    pub no: i64,
    pub declaration: DeclarationId,
    pub declaration_no: i64,
    pub title: String,
    pub plan_no: u32,
    pub digest: Digest,
    pub commit: String,
    /// What it carries out: a commit, the way back of another run, or a put-back.
    #[serde(default)]
    pub carries: Cause,
    /// Its way back was approved.
    #[serde(default)]
    pub undone: bool,
    pub status: RunStatus,
    pub stop_requested: bool,
    /// Why it paused or stopped, and what to do.
    pub cause: Option<String>,
    pub advice: Option<String>,
    pub approved: Option<(AccountId, DateTime<Utc>)>,
    pub committed_at: Option<DateTime<Utc>>,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Index of the step it is at.
    pub at: usize,
    pub done: usize,
    pub already: usize,
    pub skipped: usize,
    pub position: i64,
    pub steps: Vec<StepRow>,
}
