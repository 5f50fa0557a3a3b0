//! The declarations repository: one row for each commit, and one for its state.

use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::model::{CommitRow, DecisionRow, DoubtRow};
use chrono::{DateTime, Utc};
use domain::event::{AnyEvent, Category};
use domain::repository::Event;
use serde::{Deserialize, Serialize};

pub struct RepositoryFold;

pub const STATE: &str = "state";

/// What the repository page says besides its commits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub failing: Option<(String, DateTime<Utc>)>,
    pub refreshed_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub doubt: Option<DoubtRow>,
}

/// The row of what became of a commit that was set aside.
fn decision_key(commit: &str) -> String {
    // Ids of commits are short; whatever else claims to be one must fit a key.
    let end = commit.char_indices().nth(100).map_or(commit.len(), |(at, _)| at);
    format!("decision/{}", &commit[..end])
}

impl Projection for RepositoryFold {
    fn name(&self) -> &'static str {
        "repository"
    }

    fn version(&self) -> i32 {
        3
    }

    fn purpose(&self) -> &'static str {
        "commits seen and set aside"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Repository
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        match &event.event {
            Some(AnyEvent::Repository(
                Event::QuarantineDecided { commit, .. }
                | Event::QuarantineSettled { commit, .. }
                | Event::DecisionFailed { commit, .. },
            )) => vec![decision_key(commit)],
            Some(AnyEvent::Repository(Event::CommitQuarantined { commit, .. })) => {
                vec![format!("commit/{}", event.position), decision_key(commit)]
            }
            Some(AnyEvent::Repository(_)) => vec![format!("commit/{}", event.position), STATE.into()],
            None if is_commit(event) => vec![format!("commit/{}", event.position)],
            _ => vec![],
        }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        let fact = match &event.event {
            Some(AnyEvent::Repository(fact)) => fact,
            None if is_commit(event) => {
                let row = CommitRow {
                    position: event.position,
                    seen_at: event.at,
                    commit: String::new(),
                    author: String::new(),
                    subject: ERASED.to_owned(),
                    declaration: None,
                    plan: None,
                    quarantine: None,
                    drafts: vec![],
                };
                return rows.put(&format!("commit/{}", event.position), event.position, row);
            }
            _ => return Ok(()),
        };
        match fact {
            Event::QuarantineDecided { commit, .. }
            | Event::QuarantineSettled { commit, .. }
            | Event::DecisionFailed { commit, .. } => return decided(event, fact, commit, rows),
            Event::CommitQuarantined { commit, author, subject, why, detail, drafts } => {
                // Set aside once more: what was decided about it before is over.
                let fresh = DecisionRow { commit: commit.clone(), ..DecisionRow::default() };
                rows.put(&decision_key(commit), event.position, fresh)?;
                let row = CommitRow {
                    position: event.position,
                    seen_at: event.at,
                    commit: commit.clone(),
                    author: author.clone(),
                    subject: subject.clone(),
                    declaration: None,
                    plan: None,
                    quarantine: Some((*why, detail.clone())),
                    drafts: drafts.clone(),
                };
                return rows.put(&format!("commit/{}", event.position), event.position, row);
            }
            _ => {}
        }
        let mut state: State = rows.get(STATE)?.unwrap_or_default();
        match fact {
            Event::AnchorsDoubted { doubt, position, commit, detail } => {
                state.doubt = Some(DoubtRow {
                    doubt: *doubt,
                    position: *position,
                    commit: commit.clone(),
                    detail: detail.clone(),
                    since: event.at,
                });
            }
            Event::AnchorsHeld {} => state.doubt = None,
            Event::RefreshRequested { .. } => state.refreshed_at = Some(event.at),
            Event::PollFailed { why } => state.failing = Some((why.clone(), event.at)),
            Event::PollRecovered {} => state.failing = None,
            Event::CommitSeen { commit, author, subject, declaration, plan } => {
                let row = CommitRow {
                    position: event.position,
                    seen_at: event.at,
                    commit: commit.clone(),
                    author: author.clone(),
                    subject: subject.clone(),
                    declaration: *declaration,
                    plan: plan.clone(),
                    quarantine: None,
                    drafts: vec![],
                };
                return rows.put(&format!("commit/{}", event.position), event.position, row);
            }
            // Folded above.
            Event::CommitQuarantined { .. }
            | Event::QuarantineDecided { .. }
            | Event::QuarantineSettled { .. }
            | Event::DecisionFailed { .. } => return Ok(()),
        }
        rows.put(STATE, HIDDEN, state)
    }
}

/// What was decided about a commit, and what came of it.
fn decided(event: &Known, fact: &Event, commit: &str, rows: &mut Rows) -> Result<(), Poison> {
    let key = decision_key(commit);
    let mut row: DecisionRow = rows.get(&key)?.unwrap_or_default();
    row.commit = commit.to_owned();
    match fact {
        Event::QuarantineDecided { by, decision, .. } => {
            row.decided = Some((*decision, *by, event.at));
            row.failed = None;
        }
        Event::DecisionFailed { why, .. } => row.failed = Some(why.clone()),
        Event::QuarantineSettled { drafts, restored, .. } => {
            row.failed = None;
            row.settled = Some((event.at, drafts.clone(), restored.clone()));
        }
        _ => {}
    }
    rows.put(&key, event.position, row)
}

/// Tags are in the clear, whatever became of the rest.
fn is_commit(event: &Known) -> bool {
    event.category == Category::Repository && event.tag.starts_with("repository.commit_")
}
