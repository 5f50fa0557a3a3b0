//! "Does the repository say what was approved?": commits that were set aside, what is decided about them, the anchors of
//! the log. Admins only.

use super::settings::Tab;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Guard, Kind};
use askama::Template;
use domain::repository::{Decision, Doubt};

#[derive(Template)]
#[template(path = "pages/repository.html")]
pub struct RepositoryPage {
    pub f: Frame,
    pub tab: Tab,
    pub badge: Badge,
    pub words: String,
    pub refresh: Guard,
    pub doubt: Option<DoubtNote>,
    /// Waits for an Admin, the newest first.
    pub waiting: Vec<SetAside>,
    /// Decided on lately.
    pub settled: Vec<SetAside>,
}

/// What is wrong with the anchors.
pub struct DoubtNote {
    pub what: &'static str,
    pub detail: String,
    pub commit: String,
    pub since: Ago,
    pub advice: &'static str,
}

pub struct SetAside {
    pub commit: String,
    pub subject: String,
    pub author: String,
    pub why: &'static str,
    pub detail: String,
    pub seen: Ago,
    pub badge: Badge,
    /// What was decided and what came of it.
    pub outcome: String,
    /// Ids of declarations drafted from it.
    pub drafts: Vec<String>,
    /// What may be decided, with its words; empty where nothing is waited for.
    pub choices: Vec<Choice>,
    pub guard: Guard,
}

pub struct Choice {
    pub value: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
}

/// What a decision does, on its button and beside it.
pub fn choice(decision: Decision, has_drafts: bool, rewritten: bool) -> Choice {
    let (label, hint) = match (decision, rewritten) {
        (Decision::Take, _) if has_drafts => {
            ("Keep the draft", "Its English stays a draft; approve it like any other.")
        }
        (Decision::Take, _) => {
            ("Take its English as a draft", "You become its author, and it gets a preview.")
        }
        (Decision::Restore, true) => (
            "Follow it and restore",
            "What was approved and is missing is written on top of the branch as it is now.",
        ),
        (Decision::Restore, false) => {
            ("Restore what was approved", "A new commit puts the approved files back.")
        }
        (Decision::Leave, true) => {
            ("Follow it as it is", "New commits are judged from here on. Nothing is applied.")
        }
        (Decision::Leave, false) => ("Leave it as it is", "The files stay. Nothing is applied."),
    };
    Choice { value: decision.as_str(), label, hint }
}

pub fn doubt_words(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Missing => "The repository has no anchor of the log any more",
        Doubt::Older => "The repository ends with an older anchor than the log has written",
        Doubt::Forked => "The repository and the log tell different histories",
        Doubt::Beyond => "The repository knows of events that the log does not have",
    }
}

pub fn doubt_advice(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Missing | Doubt::Older => {
            "Somebody rewrote or replaced the branch. Restore it from a clone, or decide below to follow it as it is."
        }
        Doubt::Forked => {
            "Keep a copy of the database and of the repository: one of them was made anew. `mycopod events verify \
             --anchors` names the first event that differs."
        }
        Doubt::Beyond => {
            "Was an older copy of the database restored? Then events are lost, and what the cluster did since is not in \
             this log. If the commit is by somebody else, decide about it below."
        }
    }
}
