//! The declarations repository as this installation has seen it: commits in order, those set aside and what became of
//! them, and whether the anchors of the log that stand in it still hold.
//!
//! Begin with [`Event`]. Nothing that is set aside is ever applied; an Admin decides what becomes of it.
//!
//! Never here: git. What a commit holds is judged by the Agent.

use crate::account::Actor;
use crate::canonical::Digest;
use crate::decider::Decider;
use crate::ids::{AccountId, DeclarationId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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

impl Quarantine {
    /// What an Admin may decide about it, the most usual first.
    pub fn decisions(self) -> &'static [Decision] {
        match self {
            Self::EnglishEdited | Self::BothEdited | Self::UnknownApproval => {
                &[Decision::Take, Decision::Restore, Decision::Leave]
            }
            Self::LockEdited | Self::FileDeleted | Self::HistoryRewritten | Self::Unreadable => {
                &[Decision::Restore, Decision::Leave]
            }
        }
    }
}

/// What an Admin decides about a commit that was set aside. None of them applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Its English becomes a new declaration, written by who decides, with a preview.
    Take,
    /// What was approved is written back by a new commit on top. A rewritten branch is followed from then on.
    Restore,
    /// The repository stays as it is. A rewritten branch is followed from then on.
    Leave,
}

impl Decision {
    pub const ALL: [Self; 3] = [Self::Take, Self::Restore, Self::Leave];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Restore => "restore",
            Self::Leave => "leave",
        }
    }

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == word)
    }
}

/// How the anchors in the repository differ from the log. Each commit of ours names the end of the log at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// The log made commits, and the branch has none of their anchors.
    Missing,
    /// The branch ends with an older anchor than the log has written there.
    Older,
    /// An anchor names another history than that of the log: one of the two was made anew.
    Forked,
    /// An anchor lies beyond the end of the log: the log was cut short or an old copy of it was restored.
    Beyond,
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
    CommitQuarantined {
        commit: String,
        author: String,
        subject: String,
        why: Quarantine,
        detail: String,
        /// Declarations drafted from its English by themselves, for an Admin to look at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        drafts: Vec<DeclarationId>,
    },
    #[serde(rename = "repository.quarantine_decided.v1")]
    QuarantineDecided { commit: String, by: AccountId, decision: Decision },
    /// What was decided is done: the declarations drafted from it, the commit that restored what was approved. None of
    /// both where nothing was to be done.
    #[serde(rename = "repository.quarantine_settled.v1")]
    QuarantineSettled { commit: String, drafts: Vec<DeclarationId>, restored: Option<String> },
    /// What was decided cannot be done; an Admin may decide otherwise.
    #[serde(rename = "repository.decision_failed.v1")]
    DecisionFailed { commit: String, why: String },
    /// The anchors of the log in the repository do not hold. `position` and `commit` name the anchor, where there is one.
    #[serde(rename = "repository.anchors_doubted.v1")]
    AnchorsDoubted { doubt: Doubt, position: i64, commit: String, detail: String },
    /// They hold again.
    #[serde(rename = "repository.anchors_held.v1")]
    AnchorsHeld {},
    #[serde(rename = "repository.poll_failed.v1")]
    PollFailed { why: String },
    #[serde(rename = "repository.poll_recovered.v1")]
    PollRecovered {},
}

#[derive(Clone, Debug)]
pub enum Command {
    Refresh {
        by: AccountId,
    },
    Decide {
        by: Actor,
        commit: String,
        decision: Decision,
    },
    // From the Agent.
    See {
        commit: String,
        author: String,
        subject: String,
        approved: Option<(DeclarationId, Digest)>,
    },
    Quarantine {
        commit: String,
        author: String,
        subject: String,
        why: Quarantine,
        detail: String,
        drafts: Vec<DeclarationId>,
    },
    Settle {
        commit: String,
        drafts: Vec<DeclarationId>,
        restored: Option<String>,
    },
    FailDecision {
        commit: String,
        why: String,
    },
    DoubtAnchors {
        doubt: Doubt,
        position: i64,
        commit: String,
        detail: String,
    },
    TrustAnchors,
    FailPoll {
        why: String,
    },
    SucceedPoll,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("what becomes of a commit that was set aside is for Admins")]
    AdminOnly,
    #[error("no such commit is set aside, or it was decided on already")]
    NotSetAside,
    #[error("this cannot be decided about it; possible are: {0}")]
    NotPossible(String),
}

/// A commit that was set aside and waits.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    pub why: Quarantine,
    /// What was drafted from it by itself.
    pub drafts: Vec<DeclarationId>,
    /// What was decided and is not done yet.
    pub decided: Option<(AccountId, Decision)>,
    /// Why the last decision could not be carried out.
    pub failed: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repository {
    /// The newest commit looked at, whatever became of it.
    pub last: Option<String>,
    /// The branch was found without [`Self::last`]; what it showed then. Forgotten when it goes on from there.
    pub rewritten: Option<String>,
    pub failing: Option<String>,
    /// Plans whose commit was seen: an approval is used once.
    pub used: Vec<Digest>,
    /// Declarations whose approved commit was seen, with the newest such commit.
    pub applied: BTreeMap<DeclarationId, String>,
    /// The newest commit of ours: it carries the newest anchor.
    pub ours: Option<String>,
    /// Every commit of ours.
    made: BTreeSet<String>,
    /// What waits for an Admin, or for the Agent to do what was decided.
    pub set_aside: BTreeMap<String, SetAside>,
    /// What is wrong with the anchors, and the commit that says so.
    pub doubt: Option<(Doubt, String)>,
    seen: BTreeSet<String>,
}

/// How the branch is called that was found rewritten and showed this commit, or none.
pub fn rewritten_at(tip: Option<&str>) -> String {
    format!("rewritten:{}", tip.unwrap_or("empty"))
}

/// The commit that a rewritten branch showed; none where it was empty.
pub fn shown_by(rewritten: &str) -> Option<&str> {
    rewritten.strip_prefix("rewritten:").filter(|tip| *tip != "empty")
}

impl Repository {
    pub fn has_seen(&self, commit: &str) -> bool {
        self.seen.contains(commit)
    }

    /// Whether an anchor in this commit says something about the log: it is of ours, not judged yet, or an Admin has not
    /// decided about it. What somebody else wrote and an Admin has settled is no evidence.
    pub fn counts_as_anchor(&self, commit: &str) -> bool {
        self.made.contains(commit) || self.set_aside.contains_key(commit) || !self.has_seen(commit)
    }

    fn made(&mut self, commit: &str) {
        self.made.insert(commit.to_owned());
        self.ours = Some(commit.to_owned());
    }

    fn settled(&mut self, commit: &str) {
        if let Some(SetAside { why: Quarantine::HistoryRewritten, decided, .. }) =
            self.set_aside.remove(commit)
        {
            self.rewritten = None;
            // Without a decision the branch goes on where it was; with one, from what it showed.
            if decided.is_some() {
                self.last = shown_by(commit).map(str::to_owned);
            }
        }
    }
}

impl Decider for Repository {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        Ok(match command {
            Command::Refresh { by } => vec![Event::RefreshRequested { by }],
            Command::Decide { by, commit, decision } => return decide(self, by, commit, decision),
            // A branch may be rewritten to the same place twice.
            Command::Quarantine { commit, why: Quarantine::HistoryRewritten, .. }
                if self.rewritten.as_ref() == Some(&commit) =>
            {
                vec![]
            }
            Command::See { commit, .. } if self.has_seen(&commit) => vec![],
            Command::Quarantine { commit, why, .. }
                if why != Quarantine::HistoryRewritten && self.has_seen(&commit) =>
            {
                vec![]
            }
            Command::See { commit, author, subject, approved } => {
                let (declaration, plan) = approved.unzip();
                vec![Event::CommitSeen { commit, author, subject, declaration, plan }]
            }
            Command::Quarantine { commit, author, subject, why, detail, drafts } => {
                vec![Event::CommitQuarantined { commit, author, subject, why, detail, drafts }]
            }
            Command::Settle { commit, drafts, restored } if self.set_aside.contains_key(&commit) => {
                vec![Event::QuarantineSettled { commit, drafts, restored }]
            }
            Command::FailDecision { commit, why }
                if self.set_aside.get(&commit).is_some_and(|one| one.decided.is_some()) =>
            {
                vec![Event::DecisionFailed { commit, why }]
            }
            Command::Settle { .. } | Command::FailDecision { .. } => vec![],
            // Only changes of state are facts: a repository that stays away is told once.
            Command::DoubtAnchors { doubt, position, commit, detail }
                if self.doubt != Some((doubt, commit.clone())) =>
            {
                vec![Event::AnchorsDoubted { doubt, position, commit, detail }]
            }
            Command::TrustAnchors if self.doubt.is_some() => vec![Event::AnchorsHeld {}],
            Command::FailPoll { why } if self.failing.as_ref() != Some(&why) => {
                vec![Event::PollFailed { why }]
            }
            Command::SucceedPoll if self.failing.is_some() => vec![Event::PollRecovered {}],
            Command::FailPoll { .. }
            | Command::SucceedPoll
            | Command::DoubtAnchors { .. }
            | Command::TrustAnchors => vec![],
        })
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::CommitSeen { commit, declaration, plan, .. } => {
                self.seen.insert(commit.clone());
                self.last = Some(commit.clone());
                self.rewritten = None;
                self.used.extend(plan.clone());
                if let Some(declaration) = declaration {
                    self.applied.insert(*declaration, commit.clone());
                    self.made(commit);
                }
            }
            Event::CommitQuarantined { commit, why, drafts, .. } => {
                self.seen.insert(commit.clone());
                // The place to go on from stays: a branch that is restored is followed again.
                match why {
                    Quarantine::HistoryRewritten => self.rewritten = Some(commit.clone()),
                    _ => {
                        self.last = Some(commit.clone());
                        self.rewritten = None;
                    }
                }
                let one = SetAside { why: *why, drafts: drafts.clone(), decided: None, failed: None };
                self.set_aside.insert(commit.clone(), one);
            }
            Event::QuarantineDecided { commit, by, decision } => {
                if let Some(one) = self.set_aside.get_mut(commit) {
                    one.decided = Some((*by, *decision));
                    one.failed = None;
                }
            }
            Event::QuarantineSettled { commit, restored, .. } => {
                self.settled(commit);
                if let Some(restored) = restored {
                    self.made(restored);
                }
            }
            Event::DecisionFailed { commit, why } => {
                if let Some(one) = self.set_aside.get_mut(commit) {
                    one.decided = None;
                    one.failed = Some(why.clone());
                }
            }
            Event::AnchorsDoubted { doubt, commit, .. } => self.doubt = Some((*doubt, commit.clone())),
            Event::AnchorsHeld {} => self.doubt = None,
            Event::PollFailed { why } => self.failing = Some(why.clone()),
            Event::PollRecovered {} => self.failing = None,
            Event::RefreshRequested { .. } => {}
        }
        self
    }
}

fn decide(state: &Repository, by: Actor, commit: String, decision: Decision) -> Result<Vec<Event>, Refusal> {
    if !by.is_admin() {
        return Err(Refusal::AdminOnly);
    }
    let one = state.set_aside.get(&commit).ok_or(Refusal::NotSetAside)?;
    match one.decided {
        // Said twice, done once.
        Some((_, before)) if before == decision => return Ok(vec![]),
        Some(_) => return Err(Refusal::NotSetAside),
        None => {}
    }
    let possible = one.why.decisions();
    if !possible.contains(&decision) {
        let named: Vec<&str> = possible.iter().map(|decision| decision.as_str()).collect();
        return Err(Refusal::NotPossible(named.join(", ")));
    }
    Ok(vec![Event::QuarantineDecided { commit, by: by.id, decision }])
}

#[cfg(test)]
mod tests;
