//! Broken and hostile answers of a model come to no more than they may.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::facts;
use domain::interpretation::{GuestChange, Kind};
use interpreter::model::judged;
use serde_json::Value;

#[test]
fn no_hostile_answer_comes_to_more_than_it_may() {
    let facts = facts();
    let lines = include_str!("../fixtures/hostile.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    let mut seen = 0;
    for line in lines {
        let field = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let outcome = judged(field("model_output"), field("declaration"), &facts);
        let fine = match (&outcome, field("expect")) {
            (Err(_), _) | (Ok(_), "harmless") => true,
            (Ok(answer), "question") => answer.kind != Kind::Desired,
            (Ok(_), _) => false,
        };
        assert!(fine, "{}: {outcome:?}", field("id"));
        if let Ok(answer) = outcome {
            assert!(
                answer.kind != Kind::Desired || answer.guests.iter().all(|g| g.change == GuestChange::Create),
                "{}",
                field("id")
            );
        }
        seen += 1;
    }
    assert!(seen > 40, "only {seen} hostile answers were tried");
}

#[test]
fn a_quote_without_a_span_gets_its_place() {
    let raw = r#"{"version":1,"kind":"desired","guests":[{"change":"create","kind":"vm","name":"web","cores":2}],
      "provenance":{"/guests/0/change":{"from":"derived","why":"it is new"},"/guests/0/kind":{"from":"said","quote":"VM"},
      "/guests/0/name":{"from":"said","quote":"web"},"/guests/0/cores":{"from":"said","quote":"2 cores"}}}"#;
    let answer = judged(raw, "A VM called web with 2 cores.", &facts()).expect("a good answer");
    assert_eq!(
        answer.label("/guests/0/name").and_then(domain::interpretation::Label::span).map(<[usize; 2]>::from),
        Some([12, 15])
    );
}
