//! Two processes on one log: two stores that share nothing but the database.

use crate::support::{Database, PATIENCE, all, append, assert_sound, stream, text};
use eventstore::{Append, AppendError, EventLog, Expected};
use std::{collections::HashSet, time::Duration};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_appending_at_once_lose_and_double_nothing() {
    const EACH: usize = 40;
    let database = Database::new().await;
    let (a, b) = (database.store().await, database.store().await);
    let shared = stream();
    let writers = (0..12).map(|writer| {
        let log = if writer % 2 == 0 { a.clone() } else { b.clone() };
        tokio::spawn(async move {
            let own = stream();
            let mut written = Vec::new();
            for n in 0..EACH {
                let text = format!("{writer}/{n}");
                let (target, expected) = match n % 4 {
                    0 => (shared, Expected::Any),
                    _ => (own, Expected::Version((n - n.div_ceil(4)) as i64)),
                };
                written.push((log.append(append(target, expected, &[&text])).await.unwrap(), text));
            }
            written
        })
    });
    let written: Vec<_> =
        futures::future::join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    let events = all(&a).await;
    assert_sound(&events);
    assert_eq!(events.len(), 12 * EACH);
    for (appended, written) in written {
        assert_eq!(text(&events[appended.last_position as usize - 1]), written);
    }
    let report = b.verify(1, i64::MAX).await.unwrap();
    assert!(report.ok, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_appended_is_built_on_and_conflicts_are_seen() {
    let database = Database::new().await;
    let (a, b) = (database.store().await, database.store().await);
    let stream = stream();
    a.append(append(stream, Expected::New, &["1"])).await.unwrap();
    b.append(append(stream, Expected::Version(1), &["2"])).await.unwrap();
    // `a` remembers version 1; it must neither refuse 2 nor accept 1.
    a.append(append(stream, Expected::Version(2), &["3"])).await.unwrap();
    let refused = b.append(append(stream, Expected::Version(2), &["x"])).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { current: 3, .. }), "{refused}");
    // A stream that `a` takes for new, because it has never heard of it.
    let other = crate::support::stream();
    b.append(append(other, Expected::New, &["first"])).await.unwrap();
    let refused = a.append(append(other, Expected::New, &["x"])).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { current: 1, .. }), "{refused}");
    a.append(append(other, Expected::Any, &["second"])).await.unwrap();
    assert_eq!(all(&b).await.iter().map(text).collect::<Vec<_>>(), ["1", "2", "3", "first", "second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_or_bad_append_does_not_fail_its_neighbours() {
    let database = Database::new().await;
    let store = database.store().await;
    let taken = stream();
    database.store().await.append(append(taken, Expected::New, &["x"])).await.unwrap();
    let appends = (0..40).map(|n| {
        let (store, target) = (store.clone(), if n % 4 == 0 { taken } else { stream() });
        tokio::spawn(async move { store.append(append(target, Expected::New, &["y"])).await })
    });
    let outcomes = futures::future::join_all(appends).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().is_err(), n % 4 == 0, "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_in_another_process_is_woken() {
    let database = Database::new().await;
    let (writer, reader) = (database.store().await, database.store().await);
    let mut subscription = reader.subscribe(0);
    for n in 1..=20 {
        let appended = writer.append(append(stream(), Expected::New, &["x"])).await.unwrap();
        assert_eq!(appended.last_position, n);
        let events = tokio::time::timeout(PATIENCE, subscription.next()).await.unwrap().unwrap();
        assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [n]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_cannot_append_after_another_process_took_its_lease() {
    let database = Database::new().await;
    let (zombie, successor) = (database.store().await, database.store().await);
    let stream = stream();
    let old = zombie.acquire_lease("agent", "old", Duration::ZERO).await.unwrap().unwrap();
    let under = |token, text| Append { lease: Some(token), ..append(stream, Expected::Any, &[text]) };
    zombie.append(under(old.clone(), "1")).await.unwrap();
    let new = successor.acquire_lease("agent", "new", Duration::from_secs(60)).await.unwrap().unwrap();
    let racing = (0..20).map(|_| {
        let (zombie, append) = (zombie.clone(), under(old.clone(), "late"));
        tokio::spawn(async move { zombie.append(append).await })
    });
    successor.append(under(new, "2")).await.unwrap();
    for outcome in futures::future::join_all(racing).await {
        assert!(matches!(outcome.unwrap(), Err(AppendError::Fenced { .. })));
    }
    zombie.append(append(stream, Expected::Any, &["without a lease"])).await.unwrap();
    assert_eq!(all(&zombie).await.iter().map(text).collect::<Vec<_>>(), ["1", "2", "without a lease"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_destroyed_by_another_process_seals_nothing_more() {
    let database = Database::new().await;
    let (a, b) = (database.store().await, database.store().await);
    let stream = stream();
    a.append(append(stream, Expected::New, &["1"])).await.unwrap();
    assert_eq!(all(&a).await.len(), 1);
    assert_eq!(b.destroy_keys(stream.id).await.unwrap(), 1);
    a.append(append(stream, Expected::Version(1), &["2"])).await.unwrap();
    let events = all(&b).await;
    assert_eq!((events[0].payload.open(), text(&events[1])), (None, "2".into()));
    assert_ne!(events[0].key_id, events[1].key_id);
    // The cached key is forgotten in `a` as well.
    assert_eq!(all(&a).await[0].payload.open(), None);
    assert_eq!(b.verify(1, i64::MAX).await.unwrap().shredded, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_by_two_processes_is_recorded_once() {
    let database = Database::new().await;
    let (a, b) = (database.store().await, database.store().await);
    for round in 0..10 {
        let (key, stream) = (Uuid::new_v4(), stream());
        let sent = [&a, &b, &a, &b].map(|log| {
            let (log, append) = (log.clone(), append(stream, Expected::New, &["x", "y"]));
            tokio::spawn(
                async move { log.append(Append { idempotency_key: Some(key), ..append }).await.unwrap() },
            )
        });
        let outcomes: Vec<_> =
            futures::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
        let places: HashSet<i64> = outcomes.iter().map(|appended| appended.first_position).collect();
        assert_eq!(places, HashSet::from([round * 2 + 1]));
        assert_eq!(outcomes.iter().filter(|appended| !appended.replayed).count(), 1);
    }
}
