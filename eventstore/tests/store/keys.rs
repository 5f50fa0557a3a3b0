//! Data keys and their wrapping.

use crate::support::{Database, all, append, stream, text};
use eventstore::{EventLog, Expected, Store, StoreConfig, StoreError, limits};
use secrets::KeyRing;

#[tokio::test(flavor = "multi_thread")]
async fn no_plaintext_reaches_the_database() {
    let database = Database::new().await;
    let store = database.store().await;
    store.append(append(stream(), Expected::New, &["CANARY-in-a-payload"])).await.unwrap();
    let owner = database.owner().await;
    for table in ["log.events", "log.keys", "log.head", "log.streams"] {
        let rows = owner.query(&format!("select t::text, * from {table} t"), &[]).await.unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let shown: String = row.get(0);
            assert!(!shown.contains("CANARY") && !shown.contains(&hex::encode("CANARY")), "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_rotation_and_rewrapping_the_old_key_is_not_needed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/ring.json");
    let database = Database::new().await;
    let old = KeyRing::create_if_missing(&path).unwrap();
    let store = Store::connect(StoreConfig::new(database.url().await, old.clone())).await.unwrap();
    let own = stream();
    for n in 0..3 {
        store.append(append(stream(), Expected::New, &[&format!("old {n}")])).await.unwrap();
    }
    store.append(append(own, Expected::New, &["old own"])).await.unwrap();
    let new = KeyRing::add_key(&path).unwrap();
    store.set_keyring(new.clone());
    store.append(append(own, Expected::Version(1), &["between"])).await.unwrap();
    store.append(append(stream(), Expected::New, &["new"])).await.unwrap();
    assert_eq!(store.rewrap_keys().await.unwrap(), 4);
    assert_eq!(store.rewrap_keys().await.unwrap(), 0, "it may be repeated");

    let wrapped_by = "select distinct kek_id from log.keys";
    let rows = database.owner().await.query(wrapped_by, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>(), [new.current_id()]);
    let again = Store::connect(StoreConfig::new(database.url().await, new)).await.unwrap();
    assert_eq!(all(&again).await.len(), 6);
    // A process that has not read the ring again looks into the file before it gives up.
    let behind = Store::connect(StoreConfig::new(database.url().await, old.clone())).await.unwrap();
    assert_eq!(all(&behind).await.len(), 6);
    // The old ring alone no longer opens anything, and says which key it lacks.
    std::fs::remove_file(&path).unwrap();
    let behind = Store::connect(StoreConfig::new(database.url().await, old)).await.unwrap();
    let refused = behind.read_from(0, 10).await.unwrap_err();
    assert!(matches!(refused, StoreError::Key { .. }) && refused.advice().contains("key"), "{refused}");
    let report = behind.verify(1, i64::MAX).await.unwrap();
    assert!(report.ok && report.unopened == 6, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ring_opens_nothing() {
    let database = Database::new().await;
    database.store().await.append(append(stream(), Expected::New, &["x"])).await.unwrap();
    let config = StoreConfig::new(database.url().await, KeyRing::ephemeral().unwrap());
    let stranger = Store::connect(config).await.unwrap();
    assert!(matches!(stranger.read_from(0, 1).await, Err(StoreError::Key { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_are_counted_ahead_and_a_key_stops_at_its_limit() {
    let database = Database::new().await;
    let store = database.store().await;
    let own = stream();
    store.append(append(own, Expected::New, &["1"])).await.unwrap();
    let owner = database.owner().await;
    let uses = || async {
        let rows = owner.query("select key_id, uses from log.keys order by key_id", &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(i64, i64)>>()
    };
    let first = uses().await[0];
    assert_eq!(first.1, limits::KEY_USES_FIRST_BLOCK);
    // A restart forfeits what was left and reserves anew.
    let again = database.store().await;
    again.append(append(own, Expected::Version(1), &["2"])).await.unwrap();
    assert_eq!(uses().await, [(first.0, limits::KEY_USES_FIRST_BLOCK + limits::KEY_USES_BLOCK)]);
    // One below the limit there is no block left: the stream goes on under another key.
    let used_up = limits::KEY_USES_MAX - 1;
    owner.execute("update log.keys set uses = $1", &[&used_up]).await.unwrap();
    let third = database.store().await;
    third.append(append(own, Expected::Version(2), &["3"])).await.unwrap();
    let keys = uses().await;
    assert_eq!((keys.len(), keys[0]), (2, (first.0, used_up)));
    let events = all(&third).await;
    assert_eq!(events.iter().map(text).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!((events[1].key_id, events[2].key_id), (first.0, keys[1].0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_longer_than_a_block_reserves_more() {
    let database = Database::new().await;
    let store = database.store().await;
    let own = stream();
    let mut version = 0;
    for _ in 0..3 {
        let texts = vec!["x"; 600];
        version = store.append(append(own, Expected::Version(version), &texts)).await.unwrap().version;
    }
    assert_eq!(
        all(&store).await.iter().map(|event| event.key_id).collect::<std::collections::HashSet<_>>().len(),
        1
    );
    let row = database.owner().await.query_one("select uses from log.keys", &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) >= 1_800);
}

/// S23: killed in every batch of wrapped keys once, and repeated, a rotation ends where it would have.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_killed_in_the_middle_is_repeated() {
    const STREAMS: usize = 1_200;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/ring.json");
    let database = Database::new().await;
    let old = KeyRing::create_if_missing(&path).unwrap();
    let store = Store::connect(StoreConfig::new(database.url().await, old)).await.unwrap();
    let writes = (0..STREAMS).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.append(append(stream(), Expected::New, &[&n.to_string()])).await })
    });
    for written in futures::future::join_all(writes).await {
        written.unwrap().unwrap();
    }
    // The backend dies in the middle of each batch of 500 rows, and again when the batch is tried once more; a sequence
    // counts rows across rollbacks.
    let owner = database.owner().await;
    owner
        .batch_execute(
            "create sequence wrapped;
             create function die() returns trigger language plpgsql security definer as $$ begin
                 if nextval('wrapped') in (250, 251, 252, 1000, 1001, 1002, 1600, 1601, 1602) then
                     perform pg_terminate_backend(pg_backend_pid());
                 end if;
                 return new;
             end $$;
             create trigger die before update on log.keys for each row execute function die()",
        )
        .await
        .unwrap();
    let new = KeyRing::add_key(&path).unwrap();
    store.set_keyring(new.clone());
    let mut left_over = Vec::new();
    loop {
        let rotated = store.rewrap_keys().await;
        let left = "select count(*) from log.keys where kek_id <> $1";
        left_over.push(owner.query_one(left, &[&new.current_id()]).await.unwrap().get::<_, i64>(0));
        // A reader may be handed the connection that just died; it asks again, as every caller does.
        let mut read = 0;
        while read < STREAMS {
            match store.read_from(read as i64, 1_000).await {
                Ok(page) => {
                    assert!(!page.is_empty(), "whatever is wrapped under which key can be read");
                    read += page.len();
                }
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
        match rotated {
            Ok(_) => break,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    left_over.dedup();
    assert_eq!(left_over, [1_200, 700, 200, 0]);
}
