//! Every refusal that was recorded from the real server, as the client reads it.

use proxmox::{CallError, Kind, TaskOutcome};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const RECORDINGS: &str = include_str!("../../recordings/golden.jsonl");

/// Recorded refusals that mean nothing more than their text: nothing is retried, the text is shown.
const ONLY_A_TEXT: &str = include_str!("only_a_text.txt");

/// The answers of all conversations that have a status of 400 or more.
fn refusals() -> Vec<CallError> {
    let mut out = Vec::new();
    for line in RECORDINGS.lines() {
        let conversation: Value = serde_json::from_str(line).unwrap();
        for step in conversation["steps"].as_array().unwrap() {
            let answer = &step[1];
            let status = answer["status"].as_u64().unwrap_or(200);
            let json = answer["message"].is_string() || answer["errors"].is_object();
            if status < 400 || step[0]["path"].as_str().is_some_and(|path| path.starts_with("/api2/extjs")) {
                continue;
            }
            let errors = answer["errors"].as_object().into_iter().flatten();
            out.push(CallError::Answered {
                status: u16::try_from(status).unwrap(),
                reason: answer["reason"].as_str().unwrap_or_default().to_owned(),
                message: json.then(|| answer["message"].as_str().unwrap_or_default().trim().to_owned()),
                errors: errors
                    .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().trim().to_owned()))
                    .collect(),
            });
        }
    }
    out
}

/// The ends of recorded tasks.
fn ends() -> BTreeSet<String> {
    fn walk(value: &Value, out: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(end) = map.get("exitstatus").and_then(Value::as_str) {
                    out.insert(end.to_owned());
                }
                map.values().for_each(|value| walk(value, out));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, out)),
            _ => {}
        }
    }
    let mut out = BTreeSet::new();
    for line in RECORDINGS.lines() {
        walk(&serde_json::from_str(line).unwrap(), &mut out);
    }
    out
}

#[test]
fn every_recorded_refusal_has_its_class() {
    let all = refusals();
    assert!(all.len() > 150, "only {} refusals are recorded", all.len());
    let mut only_text = BTreeSet::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for error in &all {
        assert!(!error.outcome_unknown(), "an answer is an answer: {error}");
        assert!(!error.advice().is_empty());
        let CallError::Answered { status, errors, .. } = error else { continue };
        let name = match error.kind() {
            Kind::AlreadyExists => "exists",
            Kind::DoesNotExist => "absent",
            Kind::LockTimeout | Kind::GuestLocked | Kind::NoQuorum => "busy",
            Kind::DigestMismatch => "changed",
            Kind::Unauthorised => "who",
            Kind::Forbidden { .. } => "rights",
            Kind::Invalid { .. } => "values",
            Kind::AlreadyRunning | Kind::NotRunning => "power",
            Kind::NotImplemented => "no method",
            Kind::NodeUnreachable => "node",
            Kind::Other => "text",
        };
        *kinds.entry(name).or_default() += 1;
        assert_eq!(error.is_transient(), name == "busy", "{error}");
        let fits = match status {
            401 => name == "who",
            403 => matches!(name, "rights" | "absent"),
            400 => matches!(name, "values" | "exists" | "absent" | "rights"),
            501 => matches!(name, "no method" | "text"),
            _ => errors.is_empty() || name != "text",
        };
        assert!(fits, "{name}: {error}");
        if name == "text" {
            only_text.insert(error.text().lines().next().unwrap_or_default().to_owned());
        }
    }
    for name in
        ["exists", "absent", "busy", "changed", "who", "rights", "values", "power", "no method", "node"]
    {
        assert!(kinds.contains_key(name), "no {name} among {kinds:?}");
    }
    let listed: BTreeSet<String> = ONLY_A_TEXT.lines().map(str::to_owned).collect();
    let new: Vec<&String> = only_text.difference(&listed).collect();
    assert!(new.is_empty(), "these say nothing to the client yet: {new:#?}");
}

#[test]
fn every_recorded_end_of_a_task_has_its_class() {
    let all = ends();
    assert!(all.len() > 10, "{all:?}");
    for end in &all {
        match TaskOutcome::of(Some(end)) {
            TaskOutcome::Ok => assert_eq!(end, "OK"),
            TaskOutcome::Warnings(_) => assert!(end.starts_with("WARNINGS: ")),
            TaskOutcome::Unexpected => panic!("nothing was cut off while recording: {end}"),
            TaskOutcome::Failed(text) => {
                let busy = text.contains("is locked") || text.contains("got timeout");
                assert_eq!(Kind::of_text(&text).is_transient(), busy, "{text}");
            }
        }
    }
}
