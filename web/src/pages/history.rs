//! "Who did what, when, why?": sentences with filters, and one event in full.

use super::Pager;
use crate::frame::Frame;
use crate::parts::{Ago, Copy, Moment};
use crate::words;
use askama::Template;

#[derive(Template)]
#[template(path = "pages/history.html")]
pub struct HistoryPage {
    pub f: Frame,
    pub filter: Filter,
    pub people: Vec<String>,
    pub lines: Vec<Line>,
    pub pager: Pager,
    /// The query of the address that gives all of it as a file.
    pub export: String,
}

/// As it stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub person: String,
    pub kind: String,
    pub declaration: String,
    pub failed: bool,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Value and word of each kind of thing that history can be filtered by.
pub const KINDS: [(&str, &str); 6] = [
    ("declaration", "declarations"),
    ("run", "runs"),
    ("cluster", "cluster"),
    ("account", "people"),
    ("settings", "settings"),
    ("repository", "repository"),
];

/// One event in words.
pub struct Line {
    pub position: i64,
    pub at: Ago,
    pub sentence: String,
    pub bad: bool,
}

#[derive(Template)]
#[template(path = "pages/event.html")]
pub struct EventPage {
    pub f: Frame,
    pub position: i64,
    pub sentence: String,
    pub at: Moment,
    pub ago: Ago,
    pub id: String,
    pub tag: String,
    pub stream: String,
    pub version: i64,
    pub actor: String,
    pub correlation: Option<String>,
    /// Position of the event that led to this one.
    pub causation: Option<i64>,
    /// Events of the same correlation, in order: the small tree.
    pub chain: Vec<Line>,
    /// None where it was erased on purpose.
    pub payload: Option<String>,
    pub hash: String,
    pub copy: Copy,
    pub before: Option<i64>,
    pub after: Option<i64>,
}
