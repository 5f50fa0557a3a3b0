//! Where each read model stands: how far, how far behind, how fast, and why not.
//!
//! A process that keeps the models asks its [`Projector`](crate::Projector::status); any other asks the tables
//! ([`Reader::status`](crate::Reader::status)).

use crate::table::Checkpoint;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// What a read model is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// No program has made it yet.
    NotMade {},
    Well {},
    /// Something failed that passes; it is tried again.
    Waiting {
        why: String,
    },
    /// An event cannot be folded.
    Stopped {
        at: i64,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    pub name: &'static str,
    pub purpose: &'static str,
    #[serde(flatten)]
    pub state: State,
    /// Of the last event that is in it.
    pub position: i64,
    /// Events of the log that are not in it.
    pub behind: i64,
    /// When it moved last.
    pub moved_at: Option<DateTime<Utc>>,
    /// How old the event it moved to was then, in microseconds: from recorded to visible.
    pub age_us: Option<i64>,
    /// Goes up with every rebuild.
    pub generation: i32,
}

impl Status {
    pub(crate) fn of(
        name: &'static str,
        purpose: &'static str,
        checkpoint: Option<&Checkpoint>,
        head: i64,
    ) -> Self {
        let position = checkpoint.map_or(0, |at| at.position);
        let state = match checkpoint.map(|at| &at.poison) {
            None => State::NotMade {},
            Some(None) => State::Well {},
            Some(Some((at, why))) => State::Stopped { at: *at, why: why.clone() },
        };
        let moved = checkpoint.and_then(|at| at.moved);
        Self {
            name,
            purpose,
            state,
            position,
            behind: (head - position).max(0),
            moved_at: moved.map(|(at, _)| at),
            age_us: moved.map(|(_, age)| age),
            generation: checkpoint.map_or(0, |at| at.generation),
        }
    }
}
