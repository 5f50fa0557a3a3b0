//! A declaration: an English text on its way from draft to commit.
//!
//! Begin with [`Declaration::decide`](crate::decider::Decider::decide). People draft, preview, ask and approve;
//! the Agent reports what it understood, planned and committed. An approval binds one digest (I1): whatever
//! changes afterwards voids it.
//!
//! Never here: interpreting, planning, git.

mod command;
mod decide;
mod event;
#[cfg(test)]
mod tests;

pub use command::{Command, Refusal};
pub use event::{Answer, Event, Failure, Stage};

use crate::canonical::Digest;
use crate::decider::Decider;
use crate::ids::{AccountId, DeclarationId, RunId};
use crate::interpretation::Question;
use crate::plan::Plan;
use chrono::{DateTime, Utc};

/// Where a declaration stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// Before the first event.
    #[default]
    None,
    Draft,
    Previewing {
        preview: u32,
        stage: Option<Stage>,
    },
    Asking {
        questions: Vec<Question>,
    },
    Failed {
        failure: Failure,
    },
    Proposed,
    AwaitingApproval {
        by: AccountId,
    },
    Approved {
        by: AccountId,
    },
    Committing {
        by: AccountId,
    },
    Committed {
        commit: String,
    },
    SentBack {
        why: String,
    },
    Withdrawn,
    Retired,
}

/// The fold of one declaration's stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    pub status: Status,
    pub author: Option<AccountId>,
    /// Everybody who wrote words of the present text; none of them may approve it alone.
    pub writers: Vec<AccountId>,
    pub title: String,
    /// The declaration that this is a new version of.
    pub follows: Option<DeclarationId>,
    pub text: String,
    /// Previews asked for so far.
    pub previews: u32,
    /// Plans proposed so far.
    pub plans: u32,
    /// The newest plan, while it may still be approved, is approved or is committed.
    pub plan: Option<Box<Plan>>,
    pub digest: Option<Digest>,
    pub made_at: Option<DateTime<Utc>>,
    /// The plan whose commit was asked for last; a later preview does not touch it.
    pub committed: Option<(Digest, Box<Plan>)>,
    /// The run whose prediction was scored last.
    pub scored: Option<RunId>,
    /// Answers to questions about the present text.
    pub answers: Vec<Answer>,
}

impl Declaration {
    fn forget_plan(&mut self) {
        self.plan = None;
        self.digest = None;
        self.made_at = None;
    }
}

impl Decider for Declaration {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Drafted { author, title, text, follows } => {
                self.follows = *follows;
                self.status = Status::Draft;
                self.author = Some(*author);
                self.writers = vec![*author];
                self.title.clone_from(title);
                self.text.clone_from(text);
            }
            Event::Revised { by, title, text } => {
                self.status = Status::Draft;
                if self.text != *text {
                    self.answers.clear();
                }
                if !self.writers.contains(by) {
                    self.writers.push(*by);
                }
                self.title.clone_from(title);
                self.text.clone_from(text);
                self.forget_plan();
            }
            Event::PreviewRequested { preview, .. } => {
                self.previews = *preview;
                self.status = Status::Previewing { preview: *preview, stage: None };
                self.forget_plan();
            }
            Event::PreviewAdvanced { preview, stage } => {
                self.status = Status::Previewing { preview: *preview, stage: Some(*stage) };
            }
            Event::QuestionAsked { questions, .. } => {
                self.status = Status::Asking { questions: questions.clone() };
            }
            Event::QuestionAnswered { by, answers } => {
                self.answers.extend(answers.iter().cloned());
                if !self.writers.contains(by) {
                    self.writers.push(*by);
                }
            }
            Event::PlanProposed { digest, plan, .. } => {
                self.plans = plan.number;
                self.made_at = Some(plan.made_at);
                self.digest = Some(digest.clone());
                self.plan = Some(plan.clone());
                self.status = Status::Proposed;
            }
            Event::PreviewFailed { failure, .. } => self.status = Status::Failed { failure: failure.clone() },
            Event::ApprovalRequested { by, .. } => self.status = Status::AwaitingApproval { by: *by },
            Event::PlanApproved { by, .. } => self.status = Status::Approved { by: *by },
            Event::SentBack { why, .. } => self.status = Status::SentBack { why: why.clone() },
            Event::ApprovalExpired { .. } => self.status = Status::Proposed,
            Event::CommitRequested { by, .. } => {
                self.committed = self.digest.clone().zip(self.plan.clone());
                self.status = Status::Committing { by: *by };
            }
            Event::DeclarationCommitted { commit, .. } => {
                self.status = Status::Committed { commit: commit.clone() };
            }
            Event::CommitFailed { .. } => {
                if let Status::Committing { by } = self.status {
                    self.status = Status::Approved { by };
                }
            }
            Event::PredictionScored { run, .. } => self.scored = Some(*run),
            Event::Withdrawn { .. } => self.status = Status::Withdrawn,
            Event::Retired { .. } => self.status = Status::Retired,
            Event::Interpreted { .. } | Event::Commented { .. } => {}
        }
        self
    }
}
