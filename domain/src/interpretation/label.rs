//! Where a value comes from.

use serde::{Deserialize, Serialize};

/// Half-open range of UTF-8 bytes of the declaration as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "[usize; 2]", into = "[usize; 2]")]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<[usize; 2]> for Span {
    fn from([start, end]: [usize; 2]) -> Self {
        Self { start, end }
    }
}

impl From<Span> for [usize; 2] {
    fn from(span: Span) -> Self {
        [span.start, span.end]
    }
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The words at the span; none if it is out of range or cuts a character.
    pub fn of<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.get(self.start..self.end)
    }

    pub fn covers(&self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    pub fn join(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// The origin of one value. A printed document has spans; a model may give only the quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase", deny_unknown_fields)]
pub enum Label {
    /// The text says it.
    Said {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quote: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<Span>,
    },
    /// A house rule says it; the pointer leads into the facts, below `/defaults`.
    Default { rule: String },
    /// Worked out from the text or the facts.
    Derived {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quote: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<Span>,
    },
    /// Read from the cluster; the pointer leads into the facts.
    Observed { fact: String },
}

impl Label {
    pub fn said(start: usize, end: usize) -> Self {
        Self::Said { quote: None, span: Some(Span { start, end }) }
    }

    pub fn derived(why: impl Into<String>, span: Option<Span>) -> Self {
        Self::Derived { why: why.into(), quote: None, span }
    }

    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Said { span, .. } | Self::Derived { span, .. } => *span,
            Self::Default { .. } | Self::Observed { .. } => None,
        }
    }
}
