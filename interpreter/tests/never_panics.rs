//! Whatever is typed, an answer comes back that keeps the rules.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{facts, read_with};
use interpreter::{Context, judge_model_output};
use proptest::prelude::*;

const WORDS: [&str; 60] = [
    "web-old",
    "db-1",
    "build",
    "grafana",
    "vault",
    "haos",
    "VM",
    "VMs",
    "container",
    "three",
    "2",
    "8",
    "GB",
    "cores",
    "memory",
    "disk",
    "called",
    "x1",
    "to",
    "from",
    "on",
    "pve1",
    "ceph-vm",
    "tank-nfs",
    "and",
    ",",
    ".",
    ":",
    "-",
    "\n",
    "delete",
    "snapshot",
    "before-upgrade",
    "move",
    "k3s",
    "cluster",
    "workers",
    "home",
    "each",
    "first",
    "last",
    "VLAN",
    "30",
    "10.0.20.91",
    "10.0.20.101-103",
    ".7",
    "/mnt/a",
    "10.0.20.5:/tank/x",
    "mount",
    "back up",
    "nightly",
    "at",
    "3",
    "double",
    "half a",
    "password",
    "tag",
    "pool",
    "same as",
    "\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_any_characters(text in "\\PC{0,200}") {
        read_with(&text, &facts(), &Context::default());
    }

    #[test]
    fn of_any_words_of_the_trade(picks in prop::collection::vec(0..WORDS.len(), 0..24)) {
        let text = picks.iter().map(|n| WORDS[*n]).collect::<Vec<_>>().join(" ");
        read_with(&text, &facts(), &Context::default());
    }

    #[test]
    fn of_any_answer_of_a_model(raw in "[\\[\\]{}\":,a-z0-9 ]{0,200}") {
        let text = "A VM called a with 2 cores.";
        let answer = judge_model_output(&raw, text, &facts());
        prop_assert!(domain::interpretation::rules::check(&answer, text, &facts()).is_empty());
    }
}
