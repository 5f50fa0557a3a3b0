//! What may be asked of a declaration, and why it may be refused.

use super::event::{Failure, Stage};
use crate::account::Actor;
use crate::canonical::Digest;
use crate::ids::{DeclarationId, RunId};
use crate::interpretation::{Interpretation, Question};
use crate::plan::rehearsal::Score;
use crate::plan::{InterpreterIdentity, Plan};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug)]
pub enum Command {
    Draft {
        by: Actor,
        title: String,
        text: String,
        /// The declaration that this is a new version of.
        follows: Option<DeclarationId>,
    },
    Revise {
        by: Actor,
        title: String,
        text: String,
    },
    Preview {
        by: Actor,
    },
    Cancel {
        by: Actor,
    },
    /// Answers in the order of the questions.
    Answer {
        by: Actor,
        answers: Vec<String>,
    },
    AskApproval {
        by: Actor,
        plan: Digest,
    },
    Comment {
        by: Actor,
        text: String,
    },
    /// `alone`: an author may approve their own plan: there is exactly one active Admin, or the rules say so.
    Approve {
        by: Actor,
        plan: Digest,
        confirmed: Vec<String>,
        alone: bool,
        now: DateTime<Utc>,
    },
    SendBack {
        by: Actor,
        plan: Digest,
        why: String,
    },
    Commit {
        by: Actor,
        plan: Digest,
        now: DateTime<Utc>,
    },
    Withdraw {
        by: Actor,
    },
    Retire {
        by: Actor,
        why: String,
    },
    // From the Agent. A preview that is no longer the current one adds nothing.
    Advance {
        preview: u32,
        stage: Stage,
    },
    Interpreted {
        preview: u32,
        interpreter: InterpreterIdentity,
        interpretation: Box<Interpretation>,
        took_ms: u64,
    },
    Ask {
        preview: u32,
        questions: Vec<Question>,
    },
    Propose {
        preview: u32,
        plan: Box<Plan>,
    },
    Fail {
        preview: u32,
        failure: Failure,
    },
    Committed {
        plan: Digest,
        commit: String,
        branch: String,
    },
    /// What became of the prediction of the committed plan.
    Score {
        plan: Digest,
        run: RunId,
        score: Score,
    },
    FailCommit {
        plan: Digest,
        why: String,
        advice: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such declaration")]
    Unknown,
    #[error("the text is empty; say what the cluster should look like")]
    EmptyText,
    #[error("the text has {0} bytes; at most {max} are read", max = crate::limits::TEXT_BYTES_MAX)]
    TextTooLong(usize),
    #[error("words are missing: say why")]
    WordsMissing,
    #[error("this is too long")]
    TooLong,
    #[error("only its author or an Admin may change this declaration")]
    NotYours,
    #[error("approving, sending back and committing are for Admins")]
    AdminOnly,
    #[error("who wrote a declaration does not approve it; ask another Admin")]
    OwnPlan,
    #[error("a preview is being made; wait for it or cancel it")]
    Busy,
    #[error("the plan changed since it was shown; look again")]
    PlanChanged,
    #[error("there is no plan to decide on; make a preview")]
    NoPlan,
    #[error("the plan would change nothing, so there is nothing to approve")]
    EmptyPlan,
    #[error("the token lacks rights for this plan: {0}; give them and preview again")]
    RightsMissing(String),
    #[error("the plan was made from facts {0} minutes old; preview again")]
    PlanTooOld(i64),
    #[error("type the name {0} to confirm that it is destroyed")]
    ConfirmName(String),
    #[error("the plan is not approved")]
    NotApproved,
    #[error("it is committed already; write a new declaration to change things again")]
    AlreadyCommitted,
    #[error("there is no open question")]
    NoQuestion,
    #[error("there are {0} questions; answer each one")]
    AnswerEach(usize),
    #[error("the plan belongs to another text")]
    ForeignPlan,
}

impl Refusal {
    /// Whether the answer is "not allowed" rather than "not now".
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::NotYours | Self::AdminOnly | Self::OwnPlan)
    }
}
