//! Long reads.

use crate::support::{Database, all, append, assert_sound, event, stream};
use eventstore::{Append, EventLog, Expected, Recorded, StoreError};

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_gives_the_same_events_as_paging() {
    let database = Database::new().await;
    let store = database.store().await;
    for _ in 0..9 {
        let events = (0..700).map(|n| event(&"x".repeat(n))).collect();
        store.append(Append::new(stream(), Expected::New, events)).await.unwrap();
    }
    let paged = all(&store).await;
    assert_sound(&paged);
    let mut replayed: Vec<Recorded> = Vec::new();
    assert_eq!(store.replay(0, i64::MAX, |event| replayed.push(event)).await.unwrap(), 6_300);
    assert!(replayed == paged);
    let mut part = Vec::new();
    store.replay(10, 4_000, |event| part.push(event.position)).await.unwrap();
    assert_eq!((part.first(), part.last(), part.len()), (Some(&11), Some(&4_000), 3_990));
    assert_eq!(store.replay(6_300, i64::MAX, |_| panic!("nothing is there")).await.unwrap(), 0);
    assert!(store.verify(1, i64::MAX).await.unwrap().ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_ends_the_replay_in_its_place() {
    let database = Database::new().await;
    let store = database.store().await;
    for _ in 0..6 {
        let events = (0..1_000).map(|_| event("x")).collect();
        store.append(Append::new(stream(), Expected::New, events)).await.unwrap();
    }
    let mut replay = store.replay_map(0, i64::MAX, |event| match event.position {
        4_500 => Err(StoreError::Malformed("here".into())),
        position => Ok(position),
    });
    let (mut last, mut failed) = (0, false);
    while let Some(chunk) = replay.next().await {
        match chunk {
            Ok(positions) => last = *positions.last().unwrap(),
            Err(error) => {
                assert!(!failed && error.to_string().contains("here"));
                failed = true;
            }
        }
    }
    assert!(failed && last < 4_500);
    // Dropped in the middle, it leaves nothing that keeps the store from working.
    let mut dropped = store.replay_map(0, i64::MAX, |event| Ok(event.position));
    dropped.next().await.unwrap().unwrap();
    drop(dropped);
    store.append(append(stream(), Expected::New, &["y"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_in_the_next_partition() {
    let database = Database::new().await;
    let owner = database.owner().await;
    let before = 9_999_995;
    owner.execute("update log.head set position = $1", &[&i64::from(before)]).await.unwrap();
    let (store, own, before) = (database.store().await, stream(), i64::from(before));
    for n in 0..5 {
        store.append(append(own, Expected::Version(n * 2), &["a", "b"])).await.unwrap();
    }
    let owned = "select tableoid::regclass::text, count(*) from log.events group by 1 order by 1";
    let rows = owner.query(owned, &[]).await.unwrap();
    let counts: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(counts, [("log.events_000000".into(), 4), ("log.events_000001".into(), 6)]);
    assert_eq!(store.read_from(before, 100).await.unwrap().len(), 10);
    assert_eq!(store.read_stream(own, 1).await.unwrap().len(), 10);
    assert_eq!(store.replay(before, i64::MAX, |_| {}).await.unwrap(), 10);
}
