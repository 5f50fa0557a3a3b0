//! Rebuilt equals live byte for byte, at rest and under load; and any earlier position can be shown again.

use crate::story::{self, FIRST, RUN};
use crate::support::{Lab, PATIENCE, reached};
use domain::declaration::Event;
use projections::model::{DeclarationRow, DeclarationStatus, RunRow};
use projections::{Projector, ReadError, as_of, rebuild};

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_equals_live_byte_for_byte() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let last = lab.record(&story::whole()).await;
    reached(&projector, last).await;
    let (store, pool) = (&lab.store, lab.reader.pool());
    for (name, _) in rebuild::list() {
        let made = rebuild::rebuild(store, pool, &lab.keyring, name, true, |_| {}).await.unwrap();
        assert_eq!((made.equal, made.position), (Some(true), last), "{name}");
        let then = as_of(store, name, last, |_| {}).await.unwrap();
        assert_eq!((Some(&then.digest), then.len()), (made.digest.as_ref(), made.rows), "{name}");
    }
    // The live projector finds the swapped tables and goes on.
    let next = lab
        .record(&[story::declared(FIRST, Event::Commented { by: story::ADA, text: "Well.".into() })])
        .await;
    lab.caught_up(next).await;
    assert_eq!(lab.reader.declaration(FIRST).await.unwrap().unwrap().comments.len(), 2);
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_somebody_changed_is_found_and_a_rebuild_mends_it() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let last = lab.record(&story::whole()).await;
    reached(&projector, last).await;
    let (store, pool) = (&lab.store, lab.reader.pool());
    let change = format!("update read.runs set doc = replace(doc, 'Scratch', 'Changed') where key = '{RUN}'");
    assert_eq!(lab.owner().await.execute(&change, &[]).await.unwrap(), 1);
    match rebuild::rebuild(store, pool, &lab.keyring, "runs", true, |_| {}).await {
        Err(ReadError::Differs { name, key }) => assert_eq!((name.as_str(), key), ("runs", RUN.to_string())),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        lab.reader.run(1).await.unwrap().unwrap().title,
        "Changed",
        "the old one stays for the report"
    );
    rebuild::rebuild(store, pool, &lab.keyring, "runs", false, |_| {}).await.unwrap();
    assert_eq!(lab.reader.run(1).await.unwrap().unwrap().title, "Scratch");
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilding_while_events_come_loses_and_doubles_nothing() {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    lab.record(&story::whole()).await;
    let talk =
        |n: usize| story::declared(FIRST, Event::Commented { by: story::ADA, text: format!("word {n}") });
    let writing = async {
        let mut last = 0;
        for n in 0..150 {
            last = lab.record(&[talk(n)]).await;
        }
        last
    };
    let (store, pool) = (&lab.store, lab.reader.pool());
    let rebuilding = async {
        for n in 0..12 {
            let name = ["declarations", "history"][n % 2];
            rebuild::rebuild(store, pool, &lab.keyring, name, n % 3 == 0, |_| {}).await.unwrap();
        }
    };
    let (last, ()) = tokio::join!(writing, rebuilding);
    lab.caught_up(last).await;
    let comments = lab.reader.declaration(FIRST).await.unwrap().unwrap().comments;
    let words: Vec<_> = comments.iter().skip(1).map(|comment| comment.text.clone()).collect();
    assert_eq!(words, (0..150).map(|n| format!("word {n}")).collect::<Vec<_>>());
    for name in ["declarations", "history", "runs"] {
        let made = rebuild::rebuild(store, pool, &lab.keyring, name, true, |_| {}).await.unwrap();
        assert_eq!(made.position, last, "{name}");
    }
    projector.stop().await;
}

/// R10: a hundred thousand events; every model made anew while more come, equal to the live one byte for byte; then all
/// dropped, and what heals from event 1 is equal again.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_events_make_the_same_models_again() {
    let lab = Lab::new().await;
    lab.record(&story::whole()).await;
    lab.record_revisions(500, 200).await;
    let projector = lab.projector().await;
    let (store, pool) = (&lab.store, lab.reader.pool());
    let names: Vec<_> = rebuild::list().iter().map(|(name, _)| *name).collect();

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = async {
        let mut last = 0;
        while !*stopped.borrow() {
            last = lab.record_revisions_on(20).await;
        }
        last
    };
    let rebuilding = async {
        for name in &names {
            let made = rebuild::rebuild(store, pool, &lab.keyring, name, true, |_| {}).await.unwrap();
            assert_eq!(made.equal, Some(true), "{name}");
        }
        stop.send_replace(true);
    };
    let (last, ()) = tokio::join!(writing, rebuilding);
    assert!(last > 100_000, "{last}");
    folded(&projector, last).await;

    projector.stop().await;
    lab.owner().await.batch_execute(crate::healing::DROP).await.unwrap();
    let projector = lab.projector().await;
    folded(&projector, last).await;
    for name in &names {
        let made = rebuild::rebuild(store, pool, &lab.keyring, name, true, |_| {}).await.unwrap();
        assert_eq!((made.equal, made.position), (Some(true), last), "{name}");
    }
    projector.stop().await;
}

/// Waits as long as the models make headway.
async fn folded(projector: &Projector, position: i64) {
    let mut reached = projector.reached();
    let mut at = *reached.borrow_and_update();
    while at < position {
        let moved = reached.wait_for(|now| *now > at);
        at = *tokio::time::timeout(PATIENCE, moved).await.expect("headway").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_position_is_shown_as_it_was() {
    let lab = Lab::new().await;
    let facts = story::whole();
    lab.record(&facts).await;
    let proposed = |event: &domain::event::AnyEvent| {
        matches!(event, domain::event::AnyEvent::Declaration(Event::PlanProposed { .. }))
    };
    let position = facts.iter().position(|(_, _, event)| proposed(event)).unwrap() as i64 + 1;
    let mut told = 0;
    let then = as_of(&lab.store, "declarations", position, |at| told = at.position).await.unwrap();
    assert_eq!((then.position, told), (position, position));
    let rows: Vec<DeclarationRow> = then.list("").unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(
        (row.status, row.plan_no, row.approved.is_none()),
        (DeclarationStatus::Proposed, Some(1), true)
    );
    let runs = as_of(&lab.store, "runs", position, |_| {}).await.unwrap();
    assert_eq!(runs.get::<RunRow>(&RUN.to_string()).unwrap(), None);
    let beyond = as_of(&lab.store, "runs", i64::MAX, |_| {}).await.unwrap();
    assert_eq!(beyond.position, facts.len() as i64);
    assert!(as_of(&lab.store, "nothing", 1, |_| {}).await.is_err());
}
