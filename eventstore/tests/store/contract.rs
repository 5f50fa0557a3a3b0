//! What every event log promises; each test runs on Postgres and in memory.

use crate::support::{Database, PATIENCE, all, append, assert_sound, event, stream, text};
use eventstore::{Append, AppendError, EventLog, Expected, Head, MemoryStore, Meta, Payload};
use std::{collections::HashSet, time::Duration};
use uuid::Uuid;

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Database::new().await.store().await).await;
            })*
        }
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::MemoryStore::new()).await;
            })*
        }
    };
}

on_both! {
    what_is_appended_is_read_back,
    a_wrong_expectation_is_refused_with_the_current_version,
    the_same_idempotency_key_is_recorded_once,
    sixteen_writers_leave_no_gap_and_lose_nothing,
    a_subscriber_sees_every_position_in_order_under_load,
    a_lost_lease_fences_its_appends,
    malformed_appends_are_refused,
    destroyed_keys_shred_their_payloads_only,
    a_wait_ends_when_the_position_is_there,
}

async fn what_is_appended_is_read_back(log: impl EventLog) {
    assert_eq!(log.head().await.unwrap(), Head::EMPTY);
    let (stream, other) = (stream(), stream());
    let meta = Meta { actor: Some(Uuid::new_v4()), correlation: Some(Uuid::new_v4()), causation: Some(7) };
    let first = event("one");
    let appended = log
        .append(Append { meta, ..Append::new(stream, Expected::New, vec![first.clone(), event("two")]) })
        .await
        .unwrap();
    assert_eq!((appended.first_position, appended.last_position, appended.version), (1, 2, 2));
    log.append(append(other, Expected::Any, &["three"])).await.unwrap();
    log.append(append(stream, Expected::Version(2), &["four"])).await.unwrap();
    log.append(append(stream, Expected::Any, &["five"])).await.unwrap();

    let events = all(&log).await;
    assert_sound(&events);
    assert_eq!(events.iter().map(text).collect::<Vec<_>>(), ["one", "two", "three", "four", "five"]);
    let one = &events[0];
    assert_eq!(
        (one.event_id, &*one.type_name, one.schema_version),
        (first.event_id, "declaration.drafted", 1)
    );
    assert_eq!((one.meta, one.payload.open().unwrap()), (meta, &first.payload[..]));
    assert_eq!(one.tag(), "declaration.drafted.v1");
    assert_eq!(log.head().await.unwrap(), Head { position: 5, chain: events[4].chain });

    let of_stream = log.read_stream(stream, 2).await.unwrap();
    assert_eq!(of_stream.iter().map(text).collect::<Vec<_>>(), ["two", "four", "five"]);
    assert_eq!(of_stream[0], events[1]);
    assert_eq!(log.read_from(3, 1).await.unwrap(), events[3..4]);
    assert!(log.read_stream(crate::support::stream(), 1).await.unwrap().is_empty());
}

async fn a_wrong_expectation_is_refused_with_the_current_version(log: impl EventLog) {
    let stream = stream();
    log.append(append(stream, Expected::New, &["1", "2"])).await.unwrap();
    for wrong in [Expected::New, Expected::Version(0), Expected::Version(1), Expected::Version(3)] {
        let refused = log.append(append(stream, wrong, &["x"])).await.unwrap_err();
        assert!(matches!(refused, AppendError::Conflict { current: 2, .. }), "{wrong:?}: {refused}");
        assert!(!refused.is_transient());
    }
    let fresh = crate::support::stream();
    let refused = log.append(append(fresh, Expected::Version(1), &["x"])).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { current: 0, .. }));
    assert_eq!(log.head().await.unwrap().position, 2);
}

async fn the_same_idempotency_key_is_recorded_once(log: impl EventLog) {
    let (stream, key) = (stream(), Uuid::new_v4());
    let keyed = |expected| Append { idempotency_key: Some(key), ..append(stream, expected, &["a", "b"]) };
    let first = log.append(keyed(Expected::New)).await.unwrap();
    log.append(append(stream, Expected::Any, &["c"])).await.unwrap();
    for expected in [Expected::New, Expected::Any, Expected::Version(3)] {
        let again = log.append(keyed(expected)).await.unwrap();
        assert!(again.replayed && !first.replayed);
        assert_eq!((again.first_position, again.last_position, again.version), (1, 2, 2));
    }
    assert_eq!(log.recorded_under(key).await.unwrap().map(|appended| appended.last_position), Some(2));
    assert_eq!(log.recorded_under(Uuid::new_v4()).await.unwrap(), None);
    // Sent many times at once: still once.
    let key = Uuid::new_v4();
    let racing = (0..12).map(|_| {
        let (log, append) = (log.clone(), append(stream, Expected::Any, &["d"]));
        tokio::spawn(
            async move { log.append(Append { idempotency_key: Some(key), ..append }).await.unwrap() },
        )
    });
    let outcomes = futures::future::join_all(racing).await;
    let positions: HashSet<i64> =
        outcomes.iter().map(|outcome| outcome.as_ref().unwrap().last_position).collect();
    assert_eq!(positions, HashSet::from([4]));
    assert_eq!(log.head().await.unwrap().position, 4);
}

async fn sixteen_writers_leave_no_gap_and_lose_nothing(log: impl EventLog) {
    const EACH: usize = 60;
    let shared = stream();
    let writers = (0..16).map(|writer| {
        let log = log.clone();
        tokio::spawn(async move {
            let own = stream();
            let mut acknowledged = Vec::new();
            for n in 0..EACH {
                let text = format!("{writer}/{n}");
                let to_own = n % 3 != 0;
                let expected =
                    if to_own { Expected::Version((n - n.div_ceil(3)) as i64) } else { Expected::Any };
                let target = if to_own { own } else { shared };
                acknowledged.push((log.append(append(target, expected, &[&text])).await.unwrap(), text));
            }
            acknowledged
        })
    });
    let acknowledged: Vec<_> =
        futures::future::join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    let events = all(&log).await;
    assert_sound(&events);
    assert_eq!(events.len(), 16 * EACH);
    for (appended, written) in acknowledged {
        let event = &events[appended.last_position as usize - 1];
        assert_eq!((text(event), event.version), (written, appended.version));
    }
}

async fn a_subscriber_sees_every_position_in_order_under_load(log: impl EventLog) {
    const EVENTS: i64 = 1_500;
    let mut subscription = log.subscribe(0);
    let follower = tokio::spawn(async move {
        let mut last = 0;
        while last < EVENTS {
            let events = tokio::time::timeout(PATIENCE, subscription.next()).await.unwrap().unwrap();
            assert!(!events.is_empty());
            for event in events {
                assert_eq!(event.position, last + 1);
                last = event.position;
            }
            assert_eq!(subscription.position(), last);
        }
    });
    let writers = (0..10).map(|_| {
        let log = log.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                log.append(append(stream(), Expected::New, &["a", "b", "c"])).await.unwrap();
            }
        })
    });
    futures::future::join_all(writers).await;
    follower.await.unwrap();
}

async fn a_lost_lease_fences_its_appends(log: impl EventLog) {
    let (hour, stream) = (Duration::from_secs(3_600), stream());
    let under = |token: &eventstore::LeaseToken| Append {
        lease: Some(token.clone()),
        ..append(stream, Expected::Any, &["x"])
    };
    let first = log.acquire_lease("cluster", "a", hour).await.unwrap().unwrap();
    assert!(log.acquire_lease("cluster", "b", hour).await.unwrap().is_none(), "it is held");
    log.append(under(&first)).await.unwrap();
    let first = log.renew_lease(&first, Duration::ZERO).await.unwrap().unwrap();
    log.append(under(&first)).await.expect("expired, but nobody took it");
    let second = log.acquire_lease("cluster", "b", hour).await.unwrap().unwrap();
    assert!(second.epoch > first.epoch);
    let refused = log.append(under(&first)).await.unwrap_err();
    assert!(matches!(refused, AppendError::Fenced { .. }), "{refused}");
    assert!(log.renew_lease(&first, hour).await.unwrap().is_none());
    log.append(under(&second)).await.unwrap();
    // The same holder again: its earlier incarnation is fenced at once.
    let third = log.acquire_lease("cluster", "b", hour).await.unwrap().unwrap();
    assert!(matches!(log.append(under(&second)).await, Err(AppendError::Fenced { .. })));
    log.release_lease(&third).await.unwrap();
    assert!(matches!(log.append(under(&third)).await, Err(AppendError::Fenced { .. })));
    let fourth = log.acquire_lease("cluster", "c", hour).await.unwrap().unwrap();
    log.append(under(&fourth)).await.expect("a lease just taken is honoured by the first append under it");
    assert_eq!(log.head().await.unwrap().position, 4);
}

async fn malformed_appends_are_refused(log: impl EventLog) {
    let mut nameless = event("x");
    nameless.type_name = "Has Spaces".into();
    let mut unversioned = event("x");
    unversioned.schema_version = 0;
    let mut huge = event("x");
    huge.payload = vec![b' '; eventstore::limits::APPEND_BYTES_MAX + 1];
    for events in [vec![], vec![nameless], vec![unversioned], vec![huge]] {
        let refused = log.append(Append::new(stream(), Expected::Any, events)).await.unwrap_err();
        assert!(matches!(refused, AppendError::Invalid(_)), "{refused}");
    }
    assert_eq!(log.head().await.unwrap(), Head::EMPTY);
}

async fn destroyed_keys_shred_their_payloads_only(log: impl EventLog) {
    let (secret, public) = (stream(), stream());
    log.append(append(secret, Expected::New, &["gone", "soon"])).await.unwrap();
    log.append(append(public, Expected::New, &["stays"])).await.unwrap();
    let before = all(&log).await;
    assert_eq!(log.destroy_keys(secret.id).await.unwrap(), 1);
    assert_eq!(log.destroy_keys(secret.id).await.unwrap(), 0);
    log.append(append(secret, Expected::Version(2), &["new key"])).await.unwrap();
    let after = all(&log).await;
    assert_eq!((&after[0].payload, &after[1].payload), (&Payload::Shredded, &Payload::Shredded));
    assert_eq!((text(&after[2]), text(&after[3])), ("stays".into(), "new key".into()));
    assert_eq!(after[0].chain, before[0].chain);
    assert_ne!(after[3].key_id, after[0].key_id);
}

async fn a_wait_ends_when_the_position_is_there(log: impl EventLog) {
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.wait_for(2, PATIENCE).await }
    });
    log.append(append(stream(), Expected::New, &["1"])).await.unwrap();
    log.append(append(stream(), Expected::New, &["2"])).await.unwrap();
    waiting.await.unwrap().unwrap();
    let late = log.wait_for(3, Duration::from_millis(20)).await.unwrap_err();
    assert!(late.is_transient());
}
