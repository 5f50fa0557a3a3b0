//! R2 to R5: every value has a true label.

use super::{Found, LISTS, Rule, entries, words, words_of};
use crate::facts::Facts;
use crate::interpretation::{Interpretation, Label, Span};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn check(
    doc: &Interpretation,
    document: &Value,
    text: &str,
    facts: &Facts,
    picture: &Value,
    found: &mut Found,
) {
    spans(doc, text, found);
    let mut used = BTreeSet::new();
    for list in LISTS {
        for (index, entry) in entries(document, list).iter().enumerate() {
            let mut leaves = Vec::new();
            collect(entry, &mut vec![list.to_owned(), index.to_string()], &mut leaves);
            for (path, value) in leaves {
                let pointer = format!("/{}", path.join("/"));
                let Some((key, label)) = label_of(doc, &path) else {
                    if path.get(2).is_none_or(|field| field != "vmid") {
                        found.at(Rule::R2, &pointer, "no label");
                    }
                    continue;
                };
                used.insert(key);
                holds(label, &path, value, &pointer, (text, facts, picture), found);
            }
        }
    }
    for key in doc.provenance.keys() {
        if !used.contains(key) && !points_at_something(document, key) {
            found.at(Rule::R2, key, "points at nothing");
        }
    }
}

fn holds(
    label: &Label,
    path: &[String],
    value: &Value,
    pointer: &str,
    (text, facts, picture): (&str, &Facts, &Value),
    found: &mut Found,
) {
    match label {
        Label::Said { .. } => {
            let field = path.iter().rev().find(|part| !part.bytes().all(|b| b.is_ascii_digit()));
            if let Some(said) = words_of(label, text)
                && !words::support(field.map_or("", String::as_str), value, said, facts)
            {
                found.at(
                    Rule::R4,
                    pointer,
                    format!("{} is not in the words \"{}\"", brief(value), cut(said)),
                );
            }
        }
        Label::Default { rule } => {
            named(rule, value, pointer, picture, rule.starts_with("/defaults/"), found)
        }
        Label::Observed { fact } => named(fact, value, pointer, picture, true, found),
        Label::Derived { .. } => {}
    }
}

fn named(name: &str, value: &Value, pointer: &str, picture: &Value, allowed: bool, found: &mut Found) {
    let Some(fact) = picture.pointer(name).filter(|_| allowed) else {
        found.at(Rule::R5, pointer, format!("there is no {name}"));
        return;
    };
    // An object is named by its key: `/vlans/30` holds 30, `/kubernetes/home` holds "home".
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let equal = fact == value
        || fact.as_array().is_some_and(|list| list.contains(value))
        || fact
            .as_object()
            .is_some_and(|map| map.contains_key(&text) || name.rsplit('/').next() == Some(&text));
    if !equal {
        found.at(
            Rule::R5,
            pointer,
            format!("{} is not the value {} that {name} has", brief(value), brief(fact)),
        );
    }
}

/// R3, for everything that carries a span.
fn spans(doc: &Interpretation, text: &str, found: &mut Found) {
    let mut one = |at: String, span: Option<Span>, quote: Option<&str>, needed: bool| {
        let good = |span: Span| span.start < span.end && span.of(text).is_some();
        match (span, quote) {
            (Some(span), _) if !good(span) => {
                found.at(Rule::R3, &at, "the span is out of range or cuts a character");
            }
            (Some(span), Some(quote)) if span.of(text) != Some(quote) => {
                found.at(Rule::R3, &at, "the quote differs from the words at the span");
            }
            (None, Some(quote)) if !text.contains(quote) => {
                found.at(Rule::R3, &at, "the quote does not stand in the text");
            }
            (None, _) if needed => found.at(Rule::R3, &at, "the span is missing"),
            _ => {}
        }
    };
    for (n, unused) in doc.unused.iter().enumerate() {
        one(format!("/unused/{n}"), unused.span, unused.text.as_deref(), true);
    }
    for (n, question) in doc.questions.iter().enumerate() {
        one(format!("/questions/{n}"), question.span, None, false);
    }
    for (n, warning) in doc.warnings.iter().enumerate() {
        one(format!("/warnings/{n}"), warning.span, None, false);
    }
    if let Some(refusal) = &doc.refusal {
        one("/refusal".into(), refusal.span, None, false);
    }
    for (key, label) in &doc.provenance {
        match label {
            Label::Said { quote, span } => one(key.clone(), *span, quote.as_deref(), true),
            Label::Derived { quote, span, .. } => one(key.clone(), *span, quote.as_deref(), false),
            Label::Default { .. } | Label::Observed { .. } => {}
        }
    }
}

/// The label of a leaf and its key: the deepest exact pointer, else the deepest with `*` for the index.
pub(super) fn label_of<'a>(doc: &'a Interpretation, path: &[String]) -> Option<(&'a String, &'a Label)> {
    let (list, index, rest) = (path.first()?, path.get(1)?, path.get(2..)?);
    for head in [index.as_str(), "*"] {
        for end in (1..=rest.len()).rev() {
            let key = format!("/{list}/{head}/{}", rest.get(..end)?.join("/"));
            if let Some(pair) = doc.provenance.get_key_value(&key) {
                return Some(pair);
            }
        }
    }
    None
}

fn points_at_something(document: &Value, key: &str) -> bool {
    let mut parts = key.split('/').skip(1);
    let (Some(list), Some(head)) = (parts.next(), parts.next()) else { return false };
    let rest: String = parts.map(|part| format!("/{part}")).collect();
    entries(document, list)
        .iter()
        .enumerate()
        .any(|(n, entry)| (head == "*" || head == n.to_string()) && entry.pointer(&rest).is_some())
}

fn collect<'a>(value: &'a Value, path: &mut Vec<String>, out: &mut Vec<(Vec<String>, &'a Value)>) {
    let mut step = |name: String, inner: &'a Value| {
        path.push(name);
        collect(inner, path, out);
        path.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| step(key.clone(), inner)),
        Value::Array(list) => list.iter().enumerate().for_each(|(n, inner)| step(n.to_string(), inner)),
        leaf => out.push((path.clone(), leaf)),
    }
}

fn brief(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(words: &str) -> String {
    words.chars().take(60).collect()
}
