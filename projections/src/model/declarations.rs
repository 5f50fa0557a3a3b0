//! Declarations, their previews and their plans.

use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::declaration::{Answer, Failure, Stage};
use domain::ids::{AccountId, DeclarationId};
use domain::interpretation::{Interpretation, Question};
use domain::plan::rehearsal::Score;
use domain::plan::{InterpreterIdentity, Plan};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclarationStatus {
    Draft,
    Previewing,
    /// Questions wait for the author.
    Question,
    /// The preview ended without a plan.
    Failed,
    Proposed,
    AwaitingApproval,
    Approved,
    Committing,
    Committed,
    SentBack,
    Withdrawn,
    Retired,
}

impl DeclarationStatus {
    pub const ALL: [Self; 12] = [
        Self::Draft,
        Self::Previewing,
        Self::Question,
        Self::Failed,
        Self::Proposed,
        Self::AwaitingApproval,
        Self::Approved,
        Self::Committing,
        Self::Committed,
        Self::SentBack,
        Self::Withdrawn,
        Self::Retired,
    ];

    /// The word in addresses.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Previewing => "previewing",
            Self::Question => "question",
            Self::Failed => "failed",
            Self::Proposed => "proposed",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Approved => "approved",
            Self::Committing => "committing",
            Self::Committed => "committed",
            Self::SentBack => "sent_back",
            Self::Withdrawn => "withdrawn",
            Self::Retired => "retired",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PreviewOutcome {
    Plan {
        no: u32,
    },
    Questions {
        count: usize,
    },
    Failed {
        failure: Failure,
    },
    /// Another preview or text came first.
    Overtaken {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreviewInfo {
    pub no: u32,
    pub by: AccountId,
    pub requested_at: DateTime<Utc>,
    /// When each stage began.
    pub stages: Vec<(Stage, DateTime<Utc>)>,
    pub ended_at: Option<DateTime<Utc>>,
    pub interpreter: Option<InterpreterIdentity>,
    pub took_ms: Option<u64>,
    pub outcome: Option<PreviewOutcome>,
}

/// What an interpreter understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub interpreter: InterpreterIdentity,
    pub interpretation: Interpretation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approved {
    pub by: AccountId,
    pub at: DateTime<Utc>,
    /// Author and approver are one person (one-admin mode).
    pub alone: bool,
    pub digest: Digest,
}

/// Somebody asked for approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub by: AccountId,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    pub by: AccountId,
    pub requested_at: DateTime<Utc>,
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub at: Option<DateTime<Utc>>,
    /// Why the last try failed, and what to do.
    pub failed: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentBack {
    pub by: AccountId,
    pub at: DateTime<Utc>,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    pub by: AccountId,
    pub at: DateTime<Utc>,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeclarationRow {
    pub id: DeclarationId,
    /// 1, 2, 3 … in the order of drafting.
    pub no: i64,
    pub title: String,
    pub text: String,
    pub author: AccountId,
    pub writers: Vec<AccountId>,
    pub status: DeclarationStatus,
    pub drafted_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    /// Position of the newest event.
    pub position: i64,
    pub previews: Vec<PreviewInfo>,
    /// Open ones; empty unless the status is `Question`.
    pub questions: Vec<Question>,
    pub answers: Vec<Answer>,
    pub failure: Option<Failure>,
    /// What the newest preview understood, plan or not.
    pub interpretation: Option<Interpretation>,
    /// The last reading of the same text by another interpreter than the newest: another model, prompt or version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_before: Option<Reading>,
    /// The newest plan, while it can still be decided on or is committed.
    pub plan_no: Option<u32>,
    pub digest: Option<Digest>,
    pub asked: Option<Asked>,
    pub approved: Option<Approved>,
    pub committed: Option<Committed>,
    pub sent_back: Option<SentBack>,
    pub comments: Vec<Comment>,
    /// Numbers of its runs, oldest first.
    pub runs: Vec<i64>,
    /// Names of the things its newest plan is about.
    pub subjects: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRow {
    pub declaration: DeclarationId,
    pub no: u32,
    pub digest: Digest,
    pub plan: Plan,
    pub proposed_at: DateTime<Utc>,
    pub position: i64,
    /// How the prediction did, once a run carried the plan out.
    #[serde(default)]
    pub score: Option<Score>,
}
