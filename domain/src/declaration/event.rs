//! Facts about one declaration. Tags are for ever; a new shape takes the next number.

use crate::canonical::Digest;
use crate::ids::{AccountId, DeclarationId, RunId};
use crate::interpretation::{Interpretation, Question, QuestionAbout, RefusalReason, Span};
use crate::plan::rehearsal::Score;
use crate::plan::{InterpreterIdentity, Plan};
use serde::{Deserialize, Serialize};

/// The four words of the preview page, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    Reading,
    Interpreting,
    Checking,
    Planning,
}

impl Stage {
    pub const ALL: [Stage; 4] = [Self::Reading, Self::Interpreting, Self::Checking, Self::Planning];

    pub fn words(self) -> &'static str {
        match self {
            Self::Reading => "Reading the cluster",
            Self::Interpreting => "Reading the text",
            Self::Checking => "Checking the answer",
            Self::Planning => "Planning",
        }
    }
}

/// The author's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub about: QuestionAbout,
    pub question: String,
    pub answer: String,
    /// The words of the declaration that the question was about. None in answers of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

impl Answer {
    /// The author agreed: the answer begins with `yes`.
    pub fn is_yes(&self) -> bool {
        self.answer.trim().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("yes"))
    }

    /// True if question or answer speaks of this name as a word of its own.
    pub fn names(&self, name: &str) -> bool {
        let apart = |c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == '.');
        !name.is_empty()
            && self
                .question
                .split(apart)
                .chain(self.answer.split(apart))
                .any(|word| word.trim_matches('.') == name)
    }
}

/// Why a preview ended without a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Failure {
    /// The text was understood and refused; `reason` is of the closed vocabulary.
    Refused {
        reason: RefusalReason,
        text: String,
    },
    /// The planner found no legal plan.
    NoPlan {
        text: String,
        advice: String,
    },
    /// Something needed did not answer.
    Unavailable {
        text: String,
        advice: String,
    },
    Cancelled {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "declaration.drafted.v1")]
    Drafted {
        author: AccountId,
        title: String,
        text: String,
        /// The committed declaration whose text this is a new version of: its guests are meant by their names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follows: Option<DeclarationId>,
    },
    #[serde(rename = "declaration.revised.v1")]
    Revised { by: AccountId, title: String, text: String },
    #[serde(rename = "declaration.preview_requested.v1")]
    PreviewRequested { by: AccountId, preview: u32 },
    #[serde(rename = "declaration.preview_advanced.v1")]
    PreviewAdvanced { preview: u32, stage: Stage },
    #[serde(rename = "declaration.interpreted.v1")]
    Interpreted {
        preview: u32,
        interpreter: InterpreterIdentity,
        interpretation: Box<Interpretation>,
        took_ms: u64,
    },
    #[serde(rename = "declaration.question_asked.v1")]
    QuestionAsked { preview: u32, questions: Vec<Question> },
    #[serde(rename = "declaration.question_answered.v1")]
    QuestionAnswered { by: AccountId, answers: Vec<Answer> },
    #[serde(rename = "declaration.plan_proposed.v1")]
    PlanProposed { preview: u32, digest: Digest, plan: Box<Plan> },
    #[serde(rename = "declaration.preview_failed.v1")]
    PreviewFailed { preview: u32, failure: Failure },
    #[serde(rename = "declaration.approval_requested.v1")]
    ApprovalRequested { by: AccountId, plan: Digest },
    #[serde(rename = "declaration.commented.v1")]
    Commented { by: AccountId, text: String },
    /// `alone`: author and approver are one person, which one-admin mode allows and this records.
    #[serde(rename = "declaration.plan_approved.v1")]
    PlanApproved { by: AccountId, plan: Digest, confirmed: Vec<String>, alone: bool },
    #[serde(rename = "declaration.sent_back.v1")]
    SentBack { by: AccountId, plan: Digest, why: String },
    #[serde(rename = "declaration.approval_expired.v1")]
    ApprovalExpired { plan: Digest, why: String },
    #[serde(rename = "declaration.commit_requested.v1")]
    CommitRequested { by: AccountId, plan: Digest },
    #[serde(rename = "declaration.declaration_committed.v1")]
    DeclarationCommitted { plan: Digest, commit: String, branch: String },
    #[serde(rename = "declaration.commit_failed.v1")]
    CommitFailed { plan: Digest, why: String, advice: String },
    /// The run of a plan ended, and its prediction was held against the cluster.
    #[serde(rename = "declaration.prediction_scored.v1")]
    PredictionScored { plan: Digest, number: u32, run: RunId, score: Score },
    #[serde(rename = "declaration.withdrawn.v1")]
    Withdrawn { by: AccountId },
    #[serde(rename = "declaration.retired.v1")]
    Retired { by: AccountId, why: String },
}
