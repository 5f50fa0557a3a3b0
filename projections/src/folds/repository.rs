//! The declarations repository: one row for each commit, and one for its state.

use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::model::CommitRow;
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
}

impl Projection for RepositoryFold {
    fn name(&self) -> &'static str {
        "repository"
    }

    fn version(&self) -> i32 {
        2
    }

    fn purpose(&self) -> &'static str {
        "commits seen and set aside"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        category == Category::Repository
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        match &event.event {
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
                };
                return rows.put(&format!("commit/{}", event.position), event.position, row);
            }
            _ => return Ok(()),
        };
        let mut state: State = rows.get(STATE)?.unwrap_or_default();
        match fact {
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
                };
                return rows.put(&format!("commit/{}", event.position), event.position, row);
            }
            Event::CommitQuarantined { commit, author, subject, why, detail } => {
                let row = CommitRow {
                    position: event.position,
                    seen_at: event.at,
                    commit: commit.clone(),
                    author: author.clone(),
                    subject: subject.clone(),
                    declaration: None,
                    plan: None,
                    quarantine: Some((*why, detail.clone())),
                };
                return rows.put(&format!("commit/{}", event.position), event.position, row);
            }
        }
        rows.put(STATE, HIDDEN, state)
    }
}

/// Tags are in the clear, whatever became of the rest.
fn is_commit(event: &Known) -> bool {
    event.category == Category::Repository && event.tag.starts_with("repository.commit_")
}
