//! A selection of corpus items: right kind, right entries, nothing forbidden.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{facts, read_with};
use domain::facts::Facts;
use interpreter::score::{self, Item};
use interpreter::{Context, Scripted};

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
    for item in Item::read(lines).expect("items") {
        let here = if item.cluster.as_deref() == Some("attic") { &attic } else { &lab };
        let answer = read_with(&item.text, here, &Context::default());
        assert!(!item.is_forbidden(&answer), "{}", item.text);
        let document = serde_json::to_value(&answer).expect("a document");
        if !item.is_right(&document) {
            wrong.push(format!("{}\n  {document}", item.text));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_score_counts_what_was_right_and_what_was_not() {
    let lines = concat!(
        r#"{"id":"a","text":"A Debian 12 VM called scratch, 2 cores, 4 GB of memory, 30 GB disk.","expect":{"kind":"desired","guests":[{"change":"create","name":"scratch","cores":2}]}}"#,
        "\n\n",
        r#"{"id":"b","text":"A Debian 12 VM called scratch, 2 cores, 4 GB of memory, 30 GB disk.","expect":{"any_of":[{"kind":"refusal","refusal":["ceph"]},{"kind":"desired","guests":[{"name":"scratch","cores":{"any_of":[3,4]}}]}]}}"#,
        "\n",
        r#"{"id":"c","text":"A Debian 12 VM called scratch, 2 cores, 4 GB of memory, 30 GB disk.","expect":{"kind":"desired","guests":[{"name":{"has":["SCRATCH"]},"vlan":{"absent":true}}]},"forbid":{"kinds":["desired"]}}"#,
        "\n",
        r#"{"id":"d","text":"Wipe the Ceph pool.","expect":{"kind":"refusal","refusal":["ceph"]}}"#,
        "\n",
    );
    let (lab, mut told) = (facts(), Vec::new());
    let tell = |item: &Item, right| told.push((item.id.as_str().map(str::to_owned), right));
    let score = score::score(&Scripted, lines, |_| &lab, tell).await.unwrap();
    let told: Vec<bool> = told.into_iter().map(|(_, right)| right).collect();
    assert_eq!(told, [true, false, false, true]);
    assert_eq!((score.asked, score.right, score.forbidden, score.refusals), (4, 2, 1, 1));
    assert_eq!((score.invented, score.questions, score.prompt_tokens, score.percent()), (0, 0, 0, 50));
    for (broken, why) in [("", "no declaration"), ("\n{\"text\":1}", "line 2")] {
        let error = score::score(&Scripted, broken, |_| &lab, |_, _| {}).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}
