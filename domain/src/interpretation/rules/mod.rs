//! The rules R1 to R12: what every interpretation must keep, whoever made it, before anybody sees a plan.
//!
//! Begin with [`check`]. Labels and their words are judged in `labels` and `words`, guests in `guests`,
//! everything else in `others`, numbers that nothing uses and losses nobody asked for in `text`.
//!
//! Never here: repairing a document, reading anything but the arguments. A violation is told, not mended.

mod guests;
mod labels;
mod others;
mod text;
mod words;

pub use text::number_spans;

use super::{GuestChange, Interpretation, Kind, QuestionAbout};
use crate::declaration::Answer;
use crate::facts::Facts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The lists of an interpretation by their names in pointers.
pub(crate) const LISTS: [&str; 9] =
    ["guests", "placement", "moves", "storages", "mounts", "kubernetes", "snapshots", "backups", "pools"];

/// What must hold. The numbers are those of the corpus, so that a report can be compared with its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rule {
    /// Desired has at least one entry; an update changes something.
    R1,
    /// Every value has a label; no label points at nothing.
    R2,
    /// Spans are in range and on character borders; quotes are the words at the span.
    R3,
    /// The words of a `said` label hold the value.
    R4,
    /// `default` and `observed` values equal what they name.
    R5,
    /// Existing guests agree with the facts, one entry each; new names are free.
    R6,
    /// Undeclared guests are only adopted or kept; protected ones are left alone.
    R7,
    /// Everything referred to exists and fits.
    R8,
    /// Loss and adoption are asked for in words that mean it, and the cap holds.
    R9,
    /// Limits: threads, free memory, disks, number of new guests, privileges.
    R10,
    /// Every number of the text is used or listed as unused.
    R11,
    /// Addresses are free.
    R12,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One rule that a document does not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub rule: Rule,
    /// JSON pointer to the place, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    pub why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pointer {
            Some(pointer) => write!(f, "{} {pointer}: {}", self.rule, self.why),
            None => write!(f, "{}: {}", self.rule, self.why),
        }
    }
}

/// Everything that is wrong with a document, in the order of the rules' code, not by weight. Empty: it may
/// be shown. Questions and refusals are only checked for their labels and spans, since nothing is planned.
pub fn check(interpretation: &Interpretation, text: &str, facts: &Facts) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    // Both serialise without failing: they are trees of strings and numbers with string keys.
    let document = serde_json::to_value(interpretation).unwrap_or(Value::Null);
    let picture = serde_json::to_value(facts).unwrap_or(Value::Null);
    if interpretation.kind == Kind::Desired && LISTS.iter().all(|list| entries(&document, list).is_empty()) {
        found.add(Rule::R1, None, "desired, but nothing is desired");
    }
    labels::check(interpretation, &document, text, facts, &picture, &mut found);
    if interpretation.kind == Kind::Desired {
        text::numbers(interpretation, text, &mut found);
        guests::check(interpretation, text, facts, &mut found);
        others::check(interpretation, facts, &mut found);
        text::losses(interpretation, &document, text, facts, &mut found);
    }
    found.0
}

/// As [`check`], where the author has answered questions: what was agreed to there counts as said in the text, for
/// the guest the question was about and nothing else.
pub fn check_answered(
    interpretation: &Interpretation,
    text: &str,
    facts: &Facts,
    answers: &[Answer],
) -> Vec<Violation> {
    let mut broken = check(interpretation, text, facts);
    broken.retain(|violation| violation.rule != Rule::R9 || !agreed(violation, interpretation, answers));
    broken
}

/// True if this loss or adoption, which the text does not name, was agreed to by its guest's name.
fn agreed(violation: &Violation, doc: &Interpretation, answers: &[Answer]) -> bool {
    let guest = violation
        .pointer
        .as_ref()
        .and_then(|pointer| pointer.strip_prefix("/guests/")?.parse::<usize>().ok())
        .and_then(|n| doc.guests.get(n));
    let Some(guest) = guest else { return false };
    answers.iter().any(|answer| match guest.change {
        GuestChange::Adopt => {
            answer.about == QuestionAbout::Adopt && answer.is_yes() && answer.names(&guest.name)
        }
        // The verb must still be the text's own; only which guest it means may come from an answer.
        GuestChange::Destroy => {
            answer.about == QuestionAbout::WhichGuest
                && answer.answer.trim() == guest.name
                && violation.why.ends_with("is not named in the text")
        }
        _ => false,
    })
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, pointer: Option<String>, why: impl Into<String>) {
        self.0.push(Violation { rule, pointer, why: why.into() });
    }

    fn at(&mut self, rule: Rule, pointer: &str, why: impl Into<String>) {
        self.add(rule, Some(pointer.to_owned()), why);
    }
}

fn entries<'a>(document: &'a Value, list: &str) -> &'a [Value] {
    document.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The words a label rests on: those at its span, else its quote if that stands in the text.
fn words_of<'a>(label: &super::Label, text: &'a str) -> Option<&'a str> {
    let (quote, span) = match label {
        super::Label::Said { quote, span } | super::Label::Derived { quote, span, .. } => (quote, span),
        super::Label::Default { .. } | super::Label::Observed { .. } => return None,
    };
    match (span, quote) {
        (Some(span), _) => span.of(text),
        (None, Some(quote)) => text.find(quote.as_str()).and_then(|at| text.get(at..at + quote.len())),
        (None, None) => None,
    }
}
