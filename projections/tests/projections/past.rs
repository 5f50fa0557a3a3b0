//! Every question can be asked as of any position, and the answer is what it was then.

use crate::story::{self, ADA, FIRST, RUN};
use crate::support::{Lab, reached};
use domain::event::Category;
use projections::model::{DeclarationStatus, RunStatus};
use projections::{DeclarationFilter, HistoryFilter, Reader, RunFilter};
use serde_json::{Value, json};

/// Everything pages ask.
async fn answers(reader: &Reader) -> Value {
    let declarations = DeclarationFilter::default();
    let of_bo =
        DeclarationFilter { author: Some(story::BO), word: Some("DEBIAN".into()), ..Default::default() };
    let committed = DeclarationFilter { status: Some(DeclarationStatus::Committed), ..Default::default() };
    let completed = RunFilter { status: Some(RunStatus::Completed), declaration: Some(FIRST), since: None };
    let by_ada = HistoryFilter { person: Some("Ada".into()), ..Default::default() };
    let of_guest = HistoryFilter { guest: Some(200), category: Some(Category::Run), ..Default::default() };
    let failed =
        HistoryFilter { failed: true, run_no: Some(1), declaration_no: Some(1), ..Default::default() };
    let early = HistoryFilter { before: Some(5), ..Default::default() };
    json!([
        reader.accounts().await.unwrap(),
        reader.account(ADA).await.unwrap(),
        reader.active_admins().await.unwrap(),
        reader.declarations(&declarations, 0, 1).await.unwrap(),
        reader.declarations(&of_bo, 0, 10).await.unwrap(),
        reader.declarations(&committed, 0, 10).await.unwrap(),
        reader.declaration_no(2).await.unwrap(),
        reader.approvals_waiting().await.unwrap(),
        reader.plans_of(FIRST).await.unwrap(),
        reader.plan(FIRST, 2).await.unwrap(),
        reader.runs(0, 10).await.unwrap(),
        reader.runs_where(&completed, 0, 10).await.unwrap(),
        reader.run_by_id(RUN).await.unwrap(),
        reader.run(1).await.unwrap(),
        reader.cluster().await.unwrap(),
        reader.guest(200).await.unwrap(),
        reader.repository().await.unwrap(),
        reader.settings().await.unwrap(),
        reader.state().await.unwrap(),
        reader.history(&HistoryFilter::default(), 200).await.unwrap(),
        reader.history(&by_ada, 200).await.unwrap(),
        reader.history(&of_guest, 200).await.unwrap(),
        reader.history(&failed, 3).await.unwrap(),
        reader.history(&early, 200).await.unwrap(),
        reader.history_at(8).await.unwrap(),
        reader.documents("runs", None, 100).await.unwrap(),
        reader.documents("accounts", Some(&ADA.to_string()), 100).await.unwrap(),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_into_the_past_answers_what_was_answered_then() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let mut then = Vec::new();
    for part in story::whole().chunks(7) {
        let last = lab.record(part).await;
        reached(&projector, last).await;
        then.push((last, answers(&lab.reader).await));
    }
    // Later and earlier ones in turn, so that some go on from what is kept and some cannot.
    let order = (0..then.len()).step_by(2).chain((0..then.len()).skip(1).step_by(2));
    for (position, was) in order.map(|n| &then[n]) {
        let past = lab.reader.at(&lab.store, *position);
        assert_eq!(past.position(), Some(*position));
        let seen = answers(&past).await;
        for (n, (seen, was)) in seen.as_array().unwrap().iter().zip(was.as_array().unwrap()).enumerate() {
            assert_eq!(seen, was, "answer {n} at {position}");
        }
    }
    let shown = lab.reader.documents("accounts", None, 10).await.unwrap();
    assert!(shown.len() == 2 && !json!(shown).to_string().contains("argon2"), "{shown:?}");
    let (_, end) = &then[then.len() - 1];
    assert_eq!(answers(&lab.reader.at(&lab.store, i64::MAX - 1)).await, *end, "beyond the end is the end");
    projector.stop().await;

    // Without a live history that has come so far, it is folded like the others.
    lab.owner().await.batch_execute("update read.checkpoints set position = 0").await.unwrap();
    let (position, was) = &then[2];
    assert_eq!(answers(&lab.reader.at(&lab.store, *position)).await, *was);
}
