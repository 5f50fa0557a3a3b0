//! R9 and R11: what the text as a whole must say. No number is dropped, nothing is lost that was not asked for.

use super::{Found, Rule, entries, labels, words, words_of};
use crate::facts::Facts;
use crate::interpretation::{GuestChange, Interpretation, Label, Span};
use serde_json::Value;

/// Beginnings of words that mean taking something away. Whole words end with a space.
const LOSS: [&str; 45] = [
    "delet",
    "destroy",
    "remov",
    "rid ",
    "bin ",
    "drop",
    "kill",
    "tear",
    "wipe ",
    "wiped ",
    "wiping ",
    "eras",
    "trash",
    "scrap",
    "nuke",
    "decommission",
    "retire",
    "throw",
    "purg",
    "no longer need",
    "not need",
    "gone ",
    "roll",
    "revert",
    "restor",
    "go back ",
    "back to ",
    "undo ",
    "unmount",
    "detach",
    "stop",
    "end",
    "cancel",
    "disable",
    "lösch",
    "loesch",
    "entfern",
    "weg ",
    "supprim",
    "elimin",
    "borra",
    "take away ",
    "taking away ",
    "get rid",
    "gets rid",
];

/// Beginnings of words that mean taking something under management.
const ADOPT: [&str; 14] = [
    "adopt",
    "manag",
    "take",
    "taking",
    "import",
    "declar",
    "own",
    "control",
    "under ",
    "übern",
    "uebern",
    "verwalt",
    "bring under",
    "look after",
];

/// R11: every number is used by a label, question, warning or refusal, or listed as unused.
pub(super) fn numbers(doc: &Interpretation, text: &str, found: &mut Found) {
    let mut covered: Vec<Span> = doc
        .provenance
        .values()
        .filter_map(|label| label.span().or_else(|| quoted(label, text)))
        .chain(doc.questions.iter().filter_map(|q| q.span))
        .chain(doc.warnings.iter().filter_map(|w| w.span))
        .chain(doc.refusal.iter().filter_map(|r| r.span))
        .collect();
    for unused in &doc.unused {
        let whole =
            unused.text.as_ref().and_then(|t| text.find(t.as_str()).map(|at| Span::new(at, at + t.len())));
        covered.extend(unused.span.or(whole));
    }
    for span in number_spans(text) {
        if !covered.iter().any(|c| c.start < span.end && span.start < c.end) {
            let number = span.of(text).unwrap_or_default();
            found.add(Rule::R11, None, format!("the number {number} is neither used nor listed as unused"));
        }
    }
}

fn quoted(label: &Label, text: &str) -> Option<Span> {
    let words = words_of(label, text)?;
    let at = text.find(words)?;
    Some(Span::new(at, at + words.len()))
}

/// Numbers in a text, dates, addresses and times as one; list markers at a line's start do not count.
pub fn number_spans(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let (mut spans, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if !digit(at) {
            at += 1;
            continue;
        }
        let start = at;
        while digit(at) || (matches!(bytes.get(at), Some(b'.' | b',' | b':' | b'/')) && digit(at + 1)) {
            at += 1;
        }
        let line = text.get(..start).map_or("", |before| before.rsplit('\n').next().unwrap_or(""));
        let marker = line.trim().is_empty()
            && matches!(bytes.get(at), Some(b'.' | b')'))
            && bytes.get(at + 1).is_some_and(u8::is_ascii_whitespace);
        if !marker {
            spans.push(Span::new(start, at));
        }
    }
    spans
}

/// R9: losses are said, in words that mean it, about something the text names, and not too many at once.
pub(super) fn losses(doc: &Interpretation, document: &Value, text: &str, facts: &Facts, found: &mut Found) {
    let here = words::plain(text);
    for list in super::LISTS {
        for (n, entry) in entries(document, list).iter().enumerate() {
            let field = |name: &str| entry.get(name).and_then(Value::as_str);
            if !matches!(field("change"), Some("destroy" | "remove" | "rollback")) {
                continue;
            }
            let at = format!("/{list}/{n}");
            if !said_with(doc, &[list.into(), n.to_string(), "change".into()], text, &LOSS) {
                found.at(Rule::R9, &at, "this loss is not asked for in the text");
            }
            let target = match list {
                "mounts" | "moves" => field("guest"),
                "storages" => field("id"),
                _ => field("name"),
            };
            let vmid = entry.get("vmid").and_then(Value::as_u64).map(|id| id.to_string());
            let numbered =
                vmid.is_some_and(|id| text.split(|c: char| !c.is_ascii_digit()).any(|run| run == id));
            let target = target.unwrap_or_default();
            let named = here.contains(&words::plain(target))
                || words::letters(target)
                    .iter()
                    .any(|word| word.chars().count() > 2 && here.contains(word.as_str()));
            if list != "snapshots" && !numbered && !named {
                found.at(Rule::R9, &at, format!("{target} is not named in the text"));
            }
        }
    }
    let destroyed = doc.guests.iter().filter(|g| g.change == GuestChange::Destroy).count();
    let cap = facts.house.policy.destroy_max;
    if destroyed > cap {
        found.add(Rule::R9, None, format!("{destroyed} guests would be destroyed, the policy allows {cap}"));
    }
}

/// True if adopting guest `index` is said in words that mean it.
pub(super) fn adoption_said(doc: &Interpretation, index: usize, text: &str) -> bool {
    said_with(doc, &["guests".into(), index.to_string(), "change".into()], text, &ADOPT)
}

fn said_with(doc: &Interpretation, path: &[String], text: &str, beginnings: &[&str]) -> bool {
    let Some((_, label @ Label::Said { .. })) = labels::label_of(doc, path) else { return false };
    let Some(words) = words_of(label, text) else { return false };
    let folded: String = words
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|word| format!(" {word}"))
        .collect::<String>()
        + " ";
    beginnings.iter().any(|start| folded.contains(&format!(" {start}")))
}
