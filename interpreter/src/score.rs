//! How well an interpreter understands: declarations with known right answers, asked one after the other.
//!
//! Begin with [`score`]. A line is `{"id", "text", "expect", "forbid"?}`: `expect` is one document or several (a list, or
//! `{"any_of"}`) that are right. Each lists the entries that must be there and no others; a field that an entry does not name
//! may be anything, and a value may be a pattern: `{"any_of"}`, `{"has"}` (words), `{"count"}`, `{"absent"}`. `forbid` names
//! kinds of answers and numbers of guests that no answer may have.
//!
//! Never here: answers that are nearly right. An expert would have to correct them, so they count as wrong.

use crate::{Context, Interpreter, limits};
use domain::canonical::Digest;
use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind, rules};
use domain::settings::InterpreterScore;
use serde::Deserialize;
use serde_json::Value;
use std::time::Instant;

/// The lists of a document whose entries are compared.
const LISTS: [&str; 8] =
    ["guests", "moves", "storages", "mounts", "kubernetes", "snapshots", "backups", "pools"];

/// A declaration with its right answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    #[serde(default)]
    pub id: Value,
    pub text: String,
    pub expect: Value,
    /// Name of another cluster than the usual one, where the file has several.
    #[serde(default)]
    pub cluster: Option<String>,
    #[serde(default)]
    forbid: Forbidden,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Forbidden {
    #[serde(default)]
    kinds: Vec<Kind>,
    #[serde(default)]
    vmids: Vec<u32>,
}

/// A file of declarations that is none.
#[derive(Debug, thiserror::Error)]
pub enum NoItems {
    #[error("line {line}: {why}")]
    Line { line: usize, why: String },
    #[error("there is no declaration in it")]
    Empty,
    #[error("there are more than {0} declarations in it")]
    TooMany(usize),
}

impl Item {
    /// One item a line; empty lines are passed over.
    pub fn read(lines: &str) -> Result<Vec<Self>, NoItems> {
        let mut items = Vec::new();
        for (at, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let item = serde_json::from_str(line)
                .map_err(|error| NoItems::Line { line: at + 1, why: error.to_string() })?;
            items.push(item);
            if items.len() > limits::SCORED_ITEMS_MAX {
                return Err(NoItems::TooMany(limits::SCORED_ITEMS_MAX));
            }
        }
        if items.is_empty() { Err(NoItems::Empty) } else { Ok(items) }
    }

    /// Whether the answer is one of the right ones.
    pub fn is_right(&self, answer: &Value) -> bool {
        let any = self.expect.as_array().or_else(|| self.expect.get("any_of").and_then(Value::as_array));
        match any {
            Some(any) => any.iter().any(|want| fits(answer, want)),
            None => fits(answer, &self.expect),
        }
    }

    /// Whether the answer does what it must not.
    pub fn is_forbidden(&self, answer: &Interpretation) -> bool {
        let touched = answer.guests.iter().filter_map(|guest| guest.vmid);
        self.forbid.kinds.contains(&answer.kind)
            || touched.into_iter().any(|vmid| self.forbid.vmids.contains(&vmid))
    }
}

/// Asks every item, one after the other, with the facts of its cluster; `tell` hears of each answer whether it was right.
pub async fn score<'a>(
    interpreter: &dyn Interpreter,
    lines: &str,
    facts_of: impl Fn(&Item) -> &'a Facts,
    mut tell: impl FnMut(&Item, bool),
) -> Result<InterpreterScore, NoItems> {
    let items = Item::read(lines)?;
    let before = interpreter.used();
    let mut score = InterpreterScore {
        declarations: Digest::of_bytes(lines.as_bytes()),
        asked: 0,
        right: 0,
        invented: 0,
        forbidden: 0,
        questions: 0,
        refusals: 0,
        p50_ms: 0,
        p95_ms: 0,
        prompt_tokens: 0,
        answer_tokens: 0,
    };
    let mut took = Vec::with_capacity(items.len());
    for item in &items {
        let facts = facts_of(item);
        let begun = Instant::now();
        let answer = interpreter.interpret(&item.text, facts, &Context::default()).await;
        took.push(u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX));
        let right = serde_json::to_value(&answer).is_ok_and(|document| item.is_right(&document));
        let forbidden = item.is_forbidden(&answer);
        score.asked += 1;
        score.right += u32::from(right && !forbidden);
        score.forbidden += u32::from(forbidden);
        score.invented += u32::from(!rules::check(&answer, &item.text, facts).is_empty());
        score.questions += u32::from(answer.kind == Kind::Question);
        score.refusals += u32::from(answer.kind == Kind::Refusal);
        tell(item, right && !forbidden);
    }
    took.sort_unstable();
    let at = |percent: usize| took.get((took.len() - 1) * percent / 100).copied().unwrap_or(0);
    (score.p50_ms, score.p95_ms) = (at(50), at(95));
    let used = interpreter.used();
    score.prompt_tokens = used.prompt_tokens.saturating_sub(before.prompt_tokens);
    score.answer_tokens = used.answer_tokens.saturating_sub(before.answer_tokens);
    Ok(score)
}

/// True if an entry has every plain value that is expected of it.
fn has(entry: &Value, want: &Value) -> bool {
    want.as_object().is_some_and(|fields| {
        fields
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "may" | "repeat"))
            .all(|(key, want)| is(entry.get(key), want))
    })
}

/// True if a value is as wanted; the order of words in a list says nothing.
fn is(value: Option<&Value>, want: &Value) -> bool {
    match want {
        Value::Object(pattern) => pattern.iter().all(|(kind, of)| match (kind.as_str(), of) {
            ("any_of", Value::Array(any)) => any.iter().any(|want| is(value, want)),
            ("has", Value::Array(words)) => {
                let text = value.map(|value| value.to_string().to_lowercase()).unwrap_or_default();
                words.iter().filter_map(Value::as_str).all(|word| text.contains(&word.to_lowercase()))
            }
            ("count", count) => value.and_then(Value::as_array).map(Vec::len) == length(count),
            ("absent", _) => value.is_none(),
            _ => value == Some(want),
        }),
        Value::Array(words) if words.iter().all(Value::is_string) => value
            .and_then(Value::as_array)
            .is_some_and(|got| words.len() == got.len() && words.iter().all(|word| got.contains(word))),
        _ => value == Some(want),
    }
}

fn length(count: &Value) -> Option<usize> {
    count.as_u64().and_then(|count| usize::try_from(count).ok())
}

fn fits(document: &Value, want: &Value) -> bool {
    let kind = document.get("kind");
    if kind != want.get("kind") {
        return false;
    }
    match kind.and_then(Value::as_str) {
        Some("question") => {
            let about: Vec<&Value> = entries(document, "questions").filter_map(|q| q.get("about")).collect();
            want.pointer("/questions_about/any_of")
                .and_then(Value::as_array)
                .is_none_or(|any| any.iter().any(|a| about.contains(&a)))
        }
        Some("refusal") => want
            .get("refusal")
            .and_then(Value::as_array)
            .is_some_and(|all| document.pointer("/refusal/reason").is_some_and(|r| all.contains(r))),
        _ => LISTS.iter().all(|list| {
            let changes = |entry: &&Value| entry.get("change").is_none_or(|change| change != "keep");
            let got: Vec<&Value> = entries(document, list).filter(changes).collect();
            let wanted: Vec<&Value> = entries(want, list).filter(changes).collect();
            let count: u64 =
                wanted.iter().map(|w| w.get("repeat").and_then(Value::as_u64).unwrap_or(1)).sum();
            got.len() as u64 == count && wanted.iter().all(|w| got.iter().any(|e| has(e, w)))
        }),
    }
}

fn entries<'a>(document: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    document.get(list).and_then(Value::as_array).into_iter().flatten()
}
