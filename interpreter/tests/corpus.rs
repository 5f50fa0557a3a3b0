//! A selection of corpus items: right kind, right entries, nothing forbidden.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{facts, read_with};
use domain::facts::Facts;
use domain::interpretation::Kind;
use interpreter::Context;
use serde_json::Value;

const LISTS: [&str; 8] =
    ["guests", "moves", "storages", "mounts", "kubernetes", "snapshots", "backups", "pools"];

/// True if an entry has every plain value that is expected of it.
fn has(entry: &Value, want: &Value) -> bool {
    want.as_object().is_some_and(|fields| {
        fields
            .iter()
            .filter(|(key, value)| !matches!(key.as_str(), "may" | "repeat") && !value.is_object())
            .all(|(key, value)| match (value.as_array(), entry.get(key).and_then(Value::as_array)) {
                (Some(want), Some(got)) if want.iter().all(Value::is_string) => {
                    want.len() == got.len() && want.iter().all(|w| got.contains(w))
                }
                _ => entry.get(key) == Some(value),
            })
    })
}

fn fits(document: &Value, want: &Value) -> bool {
    let kind = document.get("kind");
    if kind != want.get("kind") {
        return false;
    }
    match kind.and_then(Value::as_str) {
        Some("question") => {
            let about: Vec<&Value> = document
                .get("questions")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|q| q.get("about"))
                .collect();
            want.pointer("/questions_about/any_of")
                .and_then(Value::as_array)
                .is_none_or(|any| any.iter().any(|a| about.contains(&a)))
        }
        Some("refusal") => want
            .get("refusal")
            .and_then(Value::as_array)
            .is_some_and(|all| document.pointer("/refusal/reason").is_some_and(|r| all.contains(r))),
        _ => LISTS.iter().all(|list| {
            let got: Vec<&Value> = document
                .get(*list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter(|e| e.get("change").is_none_or(|c| c != "keep"))
                .collect();
            let wants = want.get(*list).and_then(Value::as_array);
            let count: u64 = wants
                .into_iter()
                .flatten()
                .map(|w| w.get("repeat").and_then(Value::as_u64).unwrap_or(1))
                .sum();
            got.len() as u64 == count && wants.into_iter().flatten().all(|w| got.iter().any(|e| has(e, w)))
        }),
    }
}

#[test]
fn declarations_are_read_as_an_expert_reads_them() {
    all_read_rightly(include_str!("../fixtures/items.jsonl"));
}

/// Written for this project in the tone of owners, half of them before the grammar could read them.
#[test]
fn other_declarations_are_read_as_well() {
    all_read_rightly(include_str!("../fixtures/own.jsonl"));
}

fn all_read_rightly(lines: &str) {
    let attic: Facts = serde_json::from_str(include_str!("../fixtures/attic.json")).expect("a facts file");
    let lab = facts();
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let item: Value = serde_json::from_str(line).expect("a line");
        let text = item.get("text").and_then(Value::as_str).expect("a text");
        let here = if item.get("cluster").is_some_and(|c| c == "attic") { &attic } else { &lab };
        let answer = read_with(text, here, &Context::default());
        let forbidden = item
            .pointer("/forbid/kinds")
            .is_some_and(|kinds| kinds.as_array().is_some_and(|k| k.iter().any(|k| k == "desired")));
        assert!(!(forbidden && answer.kind == Kind::Desired), "{text}");
        let touched: Vec<u64> = answer.guests.iter().filter_map(|g| g.vmid.map(u64::from)).collect();
        let spared = item.pointer("/forbid/vmids").and_then(Value::as_array).cloned().unwrap_or_default();
        assert!(!spared.iter().filter_map(Value::as_u64).any(|id| touched.contains(&id)), "{text}");
        let document = serde_json::to_value(&answer).expect("a document");
        let keep = document.pointer("/guests/0/change").is_some_and(|c| c == "keep");
        let alternatives = item.get("expect").and_then(Value::as_array).expect("alternatives");
        if !keep && !alternatives.iter().any(|want| fits(&document, want)) {
            wrong.push(format!("{text}\n  {document}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
