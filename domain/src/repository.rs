//! The declarations repository as this installation has seen it: commits in order, and those set aside.

use crate::canonical::Digest;
use crate::decider::Decider;
use crate::ids::{AccountId, DeclarationId};
use serde::{Deserialize, Serialize};

/// Why a commit is not acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quarantine {
    /// The English changed without a new approval.
    EnglishEdited,
    /// The lock file changed without a new approval.
    LockEdited,
    BothEdited,
    FileDeleted,
    /// It names an approval that the log does not know, or that was used before.
    UnknownApproval,
    /// Commits seen before are no longer part of the branch.
    HistoryRewritten,
    /// A file that cannot be read as what it claims to be.
    Unreadable,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    #[serde(rename = "repository.refresh_requested.v1")]
    RefreshRequested { by: AccountId },
    #[serde(rename = "repository.commit_seen.v1")]
    CommitSeen {
        commit: String,
        author: String,
        subject: String,
        /// Set when the commit carries an approved plan that matches the log in every byte.
        declaration: Option<DeclarationId>,
        plan: Option<Digest>,
    },
    #[serde(rename = "repository.commit_quarantined.v1")]
    CommitQuarantined { commit: String, author: String, subject: String, why: Quarantine, detail: String },
    #[serde(rename = "repository.poll_failed.v1")]
    PollFailed { why: String },
    #[serde(rename = "repository.poll_recovered.v1")]
    PollRecovered {},
}

#[derive(Clone, Debug)]
pub enum Command {
    Refresh { by: AccountId },
    See { commit: String, author: String, subject: String, approved: Option<(DeclarationId, Digest)> },
    Quarantine { commit: String, author: String, subject: String, why: Quarantine, detail: String },
    FailPoll { why: String },
    SucceedPoll,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repository {
    /// The newest commit looked at, whatever became of it.
    pub last: Option<String>,
    /// The branch was found without [`Self::last`]; what it showed then. Forgotten when it goes on from there.
    pub rewritten: Option<String>,
    pub failing: Option<String>,
    /// Plans whose commit was seen: an approval is used once.
    pub used: Vec<Digest>,
    seen: std::collections::BTreeSet<String>,
}

impl Repository {
    pub fn has_seen(&self, commit: &str) -> bool {
        self.seen.contains(commit)
    }
}

impl Decider for Repository {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        Ok(match command {
            Command::Refresh { by } => vec![Event::RefreshRequested { by }],
            Command::See { commit, .. } | Command::Quarantine { commit, .. } if self.has_seen(&commit) => {
                vec![]
            }
            Command::See { commit, author, subject, approved } => {
                let (declaration, plan) = approved.unzip();
                vec![Event::CommitSeen { commit, author, subject, declaration, plan }]
            }
            Command::Quarantine { commit, author, subject, why, detail } => {
                vec![Event::CommitQuarantined { commit, author, subject, why, detail }]
            }
            // Only changes of state are facts: a repository that stays away is told once.
            Command::FailPoll { why } if self.failing.as_ref() != Some(&why) => {
                vec![Event::PollFailed { why }]
            }
            Command::SucceedPoll if self.failing.is_some() => vec![Event::PollRecovered {}],
            Command::FailPoll { .. } | Command::SucceedPoll => vec![],
        })
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::CommitSeen { commit, plan, .. } => {
                self.seen.insert(commit.clone());
                self.last = Some(commit.clone());
                self.rewritten = None;
                self.used.extend(plan.clone());
            }
            // The place to go on from stays: a branch that is restored is followed again.
            Event::CommitQuarantined { commit, why: Quarantine::HistoryRewritten, .. } => {
                self.seen.insert(commit.clone());
                self.rewritten = Some(commit.clone());
            }
            Event::CommitQuarantined { commit, .. } => {
                self.seen.insert(commit.clone());
                self.last = Some(commit.clone());
                self.rewritten = None;
            }
            Event::PollFailed { why } => self.failing = Some(why.clone()),
            Event::PollRecovered {} => self.failing = None,
            Event::RefreshRequested { .. } => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decider::story::given;

    #[test]
    fn a_commit_is_judged_once() {
        let seen = Event::CommitSeen {
            commit: "c1".into(),
            author: "ada".into(),
            subject: "s".into(),
            declaration: None,
            plan: None,
        };
        given::<Repository>([seen])
            .when(Command::Quarantine {
                commit: "c1".into(),
                author: "ada".into(),
                subject: "s".into(),
                why: Quarantine::LockEdited,
                detail: String::new(),
            })
            .then([]);
    }

    #[test]
    fn a_repository_that_stays_away_is_told_once() {
        given::<Repository>([Event::PollFailed { why: "gone".into() }])
            .when(Command::FailPoll { why: "gone".into() })
            .then([]);
    }

    #[test]
    fn a_rewritten_branch_is_told_once_and_the_place_to_go_on_from_stays() {
        let seen = |commit: &str| Event::CommitSeen {
            commit: commit.into(),
            author: "ada".into(),
            subject: "s".into(),
            declaration: None,
            plan: None,
        };
        let rewritten = Event::CommitQuarantined {
            commit: "rewritten:empty".into(),
            author: String::new(),
            subject: "the branch was rewritten".into(),
            why: Quarantine::HistoryRewritten,
            detail: String::new(),
        };
        let fold = |events: &[Event]| events.iter().fold(Repository::default(), Repository::evolve);
        let state = fold(&[seen("c1"), rewritten.clone()]);
        assert_eq!(
            (state.last.as_deref(), state.rewritten.as_deref()),
            (Some("c1"), Some("rewritten:empty"))
        );
        let again = Command::Quarantine {
            commit: "rewritten:empty".into(),
            author: String::new(),
            subject: String::new(),
            why: Quarantine::HistoryRewritten,
            detail: String::new(),
        };
        assert_eq!(state.decide(again), Ok(vec![]));
        assert_eq!(fold(&[seen("c1"), rewritten, seen("c2")]).rewritten, None);
    }
}
