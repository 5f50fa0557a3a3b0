//! Each rule R1 to R12 on a document that breaks it, and on one that keeps it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::facts;
use domain::interpretation::{Interpretation, rules, rules::Rule};
use serde_json::{Value, json};

const TEXT: &str = "Create a Debian VM called web with 2 cores and 4 GB of memory.";

fn good() -> Value {
    json!({"version": 1, "kind": "desired",
        "guests": [{"change": "create", "kind": "vm", "name": "web", "image": "debian-12", "cores": 2, "memory_mib": 4096}],
        "provenance": {
            "/guests/0/change": {"from": "said", "span": [0, 6]}, "/guests/0/kind": {"from": "said", "span": [16, 18]},
            "/guests/0/name": {"from": "said", "span": [26, 29]}, "/guests/0/image": {"from": "said", "span": [9, 15]},
            "/guests/0/cores": {"from": "said", "span": [35, 42]}, "/guests/*/memory_mib": {"from": "said", "span": [47, 51]}}})
}

fn broken(document: Value, text: &str) -> Vec<Rule> {
    let document: Interpretation = serde_json::from_value(document).expect("a document");
    rules::check(&document, text, &facts()).into_iter().map(|v| v.rule).collect()
}

/// The good document with one value set, by pointer to its parent and key.
fn with(changes: &[(&str, &str, Value)]) -> Value {
    let mut document = good();
    for (parent, key, value) in changes {
        let place = document.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        place.insert((*key).to_owned(), value.clone());
    }
    document
}

/// One guest of any change with labels of one kind for all of its fields.
fn guest(fields: &Value, change: Value) -> Value {
    let mut labels = serde_json::Map::new();
    for key in fields.as_object().expect("fields").keys() {
        labels.insert(format!("/guests/0/{key}"), json!({"from": "derived", "why": "for the test"}));
    }
    labels.insert("/guests/0/change".into(), change);
    json!({"version": 1, "kind": "desired", "guests": [fields], "provenance": labels})
}

fn derived() -> Value {
    json!({"from": "derived", "why": "for the test"})
}

#[test]
fn a_document_that_keeps_all_rules_passes() {
    assert_eq!(broken(good(), TEXT), []);
}

#[test]
fn r1_nothing_desired_and_an_update_of_nothing() {
    assert_eq!(broken(json!({"version": 1, "kind": "desired"}), "Make it so."), [Rule::R1]);
    let update = guest(&json!({"change": "update", "kind": "vm", "name": "web-old", "vmid": 110}), derived());
    assert_eq!(broken(update, "web-old"), [Rule::R1]);
}

#[test]
fn r2_a_value_without_a_label_and_a_label_without_a_value() {
    assert_eq!(broken(with(&[("/guests/0", "disk_gib", json!(20))]), TEXT), [Rule::R2]);
    assert_eq!(broken(with(&[("/provenance", "/guests/0/ip", derived())]), TEXT), [Rule::R2]);
}

#[test]
fn r3_a_span_out_of_range_and_a_quote_that_differs() {
    assert!(
        broken(
            with(&[("/provenance", "/guests/0/cores", json!({"from": "said", "span": [40, 4000]}))]),
            TEXT
        )
        .contains(&Rule::R3)
    );
    let quote = json!({"from": "said", "span": [35, 42], "quote": "3 cores"});
    assert_eq!(broken(with(&[("/provenance", "/guests/0/cores", quote)]), TEXT), [Rule::R3]);
}

#[test]
fn r4_words_that_do_not_hold_the_value() {
    assert_eq!(broken(with(&[("/guests/0", "memory_mib", json!(40_960))]), TEXT), [Rule::R4]);
    assert_eq!(broken(with(&[("/guests/0", "name", json!("shop"))]), TEXT), [Rule::R4]);
}

#[test]
fn r5_a_default_with_another_value_and_a_rule_that_is_not_there() {
    let disk = |size: u64, rule: &str| {
        with(&[
            ("/guests/0", "disk_gib", json!(size)),
            ("/provenance", "/guests/0/disk_gib", json!({"from": "default", "rule": rule})),
        ])
    };
    assert_eq!(broken(disk(20, "/defaults/vm/disk_gib"), TEXT), []);
    assert_eq!(broken(disk(500, "/defaults/vm/disk_gib"), TEXT), [Rule::R5]);
    assert_eq!(broken(disk(20, "/defaults/vm/size"), TEXT), [Rule::R5]);
}

#[test]
fn r6_a_taken_name_and_a_guest_that_is_another() {
    assert!(broken(with(&[("/guests/0", "name", json!("db-1"))]), TEXT).contains(&Rule::R6));
    let update =
        guest(&json!({"change": "update", "kind": "vm", "name": "db-1", "vmid": 110, "cores": 2}), derived());
    assert_eq!(broken(update, "the database"), [Rule::R6]);
}

#[test]
fn r7_an_undeclared_and_a_protected_guest() {
    let undeclared =
        guest(&json!({"change": "update", "kind": "vm", "name": "haos", "vmid": 102, "cores": 1}), derived());
    assert_eq!(broken(undeclared, "haos"), [Rule::R7]);
    let protected = guest(
        &json!({"change": "update", "kind": "container", "name": "vault", "vmid": 114, "cores": 2}),
        derived(),
    );
    assert_eq!(broken(protected, "vault"), [Rule::R7]);
}

#[test]
fn r8_what_is_not_there_or_does_not_fit() {
    let store = |id: &str| {
        with(&[("/guests/0", "storage", json!(id)), ("/provenance", "/guests/0/storage", derived())])
    };
    assert_eq!(broken(store("ceph-vm"), TEXT), []);
    assert_eq!(broken(store("gold"), TEXT), [Rule::R8]);
    let mount = json!({"version": 1, "kind": "desired", "mounts": [{"change": "create", "guest": "grafana", "source": "nas:/a", "path": "/a"}],
        "provenance": {"/mounts/0/change": derived(), "/mounts/0/guest": derived(), "/mounts/0/source": derived(), "/mounts/0/path": derived()}});
    assert_eq!(broken(mount, "grafana"), [Rule::R8]);
}

#[test]
fn r9_loss_is_said_in_words_that_mean_it() {
    let destroy = |change: Value| {
        guest(&json!({"change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110}), change)
    };
    assert_eq!(broken(destroy(json!({"from": "said", "span": [0, 6]})), "Delete web-old."), []);
    assert_eq!(broken(destroy(derived()), "Delete web-old."), [Rule::R9]);
    assert_eq!(broken(destroy(json!({"from": "said", "span": [0, 4]})), "Look at web-old."), [Rule::R9]);
    assert_eq!(broken(destroy(json!({"from": "said", "span": [0, 6]})), "Delete db."), [Rule::R9]);
}

#[test]
fn r10_more_cores_than_threads_and_less_disk_than_there_is() {
    let cores = guest(
        &json!({"change": "update", "kind": "vm", "name": "build", "vmid": 113, "cores": 16}),
        derived(),
    );
    assert_eq!(broken(cores, "build"), [Rule::R10]);
    let disk = guest(
        &json!({"change": "update", "kind": "vm", "name": "build", "vmid": 113, "disk_gib": 10}),
        derived(),
    );
    assert_eq!(broken(disk, "build"), [Rule::R10]);
    let memory = guest(
        &json!({"change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "memory_mib": 65_536}),
        derived(),
    );
    assert_eq!(broken(memory, "web-old"), [Rule::R10]);
}

#[test]
fn r11_a_number_that_nothing_uses() {
    let text = format!("{TEXT} It has 7 friends.");
    assert_eq!(broken(good(), &text), [Rule::R11]);
    let listed =
        with(&[("", "unused", json!([{"text": "7 friends", "span": [TEXT.len() + 8, TEXT.len() + 17]}]))]);
    assert_eq!(broken(listed, &text), []);
}

#[test]
fn r12_an_address_of_another() {
    let at = |ip: &str| with(&[("/guests/0", "ip", json!(ip)), ("/provenance", "/guests/0/ip", derived())]);
    assert_eq!(broken(at("10.0.20.90/24"), TEXT), []);
    assert_eq!(broken(at("10.0.20.53/24"), TEXT), [Rule::R12]);
    assert_eq!(broken(at("10.0.20.1/24"), TEXT), [Rule::R12]);
}
