//! Whatever is changed in the database, `verify` finds it and names the first bad event. The tests act as the
//! superuser, who can switch the triggers off.

use crate::support::{Database, append, stream};
use eventstore::{Append, EventLog, Evidence, Expected, Head, Meta, Store, StreamId};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;
use uuid::Uuid;

/// Events: 1-3 in one stream, 4-6 in another, 7-10 in the first.
async fn written() -> (Database, Store, Client, StreamId) {
    let database = Database::new().await;
    let store = database.store().await;
    let (one, two) = (stream(), stream());
    let meta = Meta { actor: Some(Uuid::new_v4()), correlation: Some(Uuid::new_v4()), causation: Some(1) };
    store.append(append(one, Expected::New, &["a", "b", "c"])).await.unwrap();
    store.append(Append { meta, ..append(two, Expected::New, &["d", "e", "f"]) }).await.unwrap();
    store.append(append(one, Expected::Version(3), &["g", "h", "i", "j"])).await.unwrap();
    let report = store.verify(1, i64::MAX).await.unwrap();
    assert!(report.ok, "{report:?}");
    assert_eq!((report.events, report.opened), (10, 10));
    let owner = database.owner().await;
    owner.batch_execute("set session_replication_role = replica").await.unwrap();
    (database, store, owner, one)
}

async fn first_bad(store: &Store) -> Option<(i64, String)> {
    let report = store.verify(1, i64::MAX).await.unwrap();
    assert_eq!(report.ok, report.first_bad.is_none());
    report.first_bad.map(|bad| (bad.position, bad.why))
}

/// Does to the chain what somebody would who knows how it is made: the document of the chain module is the
/// source here, not its code.
async fn rechain(owner: &Client) {
    let rows = owner
        .query(
            "select position, recorded_at, stream_id, category, version, event_id, type_id, name, schema_version,
                 key_id, correlation_id, causation_position, actor_id, payload
             from log.events join log.event_types using (type_id) order by position",
            &[],
        )
        .await
        .unwrap();
    let mut chain = vec![0; 32];
    for row in &rows {
        let mut bytes = b"myco/1".to_vec();
        bytes.extend(&chain);
        bytes.extend(row.get::<_, i64>(0).to_be_bytes());
        bytes.extend(row.get::<_, chrono::DateTime<chrono::Utc>>(1).timestamp_micros().to_be_bytes());
        bytes.extend(row.get::<_, Uuid>(2).as_bytes());
        bytes.extend(row.get::<_, i16>(3).to_be_bytes());
        bytes.extend(row.get::<_, i64>(4).to_be_bytes());
        bytes.extend(row.get::<_, Uuid>(5).as_bytes());
        bytes.extend(row.get::<_, i16>(6).to_be_bytes());
        let name: &str = row.get(7);
        bytes.extend((name.len() as u16).to_be_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend(row.get::<_, i16>(8).to_be_bytes());
        bytes.extend(row.get::<_, i64>(9).to_be_bytes());
        let optional = |value: Option<Vec<u8>>| match value {
            None => vec![0],
            Some(value) => [vec![1], value].concat(),
        };
        bytes.extend(optional(row.get::<_, Option<Uuid>>(10).map(|id| id.as_bytes().to_vec())));
        bytes.extend(optional(row.get::<_, Option<i64>>(11).map(|at| at.to_be_bytes().to_vec())));
        bytes.extend(optional(row.get::<_, Option<Uuid>>(12).map(|id| id.as_bytes().to_vec())));
        let payload: &[u8] = row.get(13);
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend(payload);
        chain = Sha256::digest(&bytes).to_vec();
        let position: i64 = row.get(0);
        owner
            .execute("update log.events set chain = $1 where position = $2", &[&chain, &position])
            .await
            .unwrap();
    }
    let position: i64 = rows.last().unwrap().get(0);
    owner.execute("update log.head set position = $1, chain = $2", &[&position, &chain]).await.unwrap();
}

#[tokio::test]
async fn the_chain_is_made_as_its_document_says() {
    let (_database, store, owner, _) = written().await;
    let before = store.head().await.unwrap();
    rechain(&owner).await;
    assert_eq!(store.head().await.unwrap(), before);
    assert_eq!(first_bad(&store).await, None);
}

#[tokio::test]
async fn a_change_to_any_column_is_found_and_named() {
    let columns = [
        ("recorded_at", "recorded_at + interval '1 microsecond'"),
        ("stream_id", "gen_random_uuid()"),
        ("category", "2"),
        ("category", "99"),
        ("version", "version + 100"),
        ("event_id", "gen_random_uuid()"),
        ("type_id", "type_id + 1"),
        ("schema_version", "schema_version + 1"),
        ("key_id", "key_id + 1"),
        ("correlation_id", "null"),
        ("correlation_id", "gen_random_uuid()"),
        ("causation_position", "2"),
        ("actor_id", "null"),
        ("chain", "set_byte(chain, 31, get_byte(chain, 31) # 1)"),
        ("payload", "set_byte(payload, 0, get_byte(payload, 0) # 128)"),
        ("payload", "set_byte(payload, 20, get_byte(payload, 20) # 1)"),
        ("payload", "payload || '\\x00'"),
        ("payload", "''"),
    ];
    let (_database, store, owner, _) = written().await;
    for (column, value) in columns {
        owner.batch_execute("create temp table kept as table log.events").await.unwrap();
        owner
            .batch_execute(&format!("update log.events set {column} = {value} where position = 5"))
            .await
            .unwrap();
        let found = first_bad(&store).await;
        assert_eq!(found.as_ref().map(|bad| bad.0), Some(5), "{column} = {value}: {found:?}");
        owner
            .batch_execute("delete from log.events; insert into log.events table kept; drop table kept")
            .await
            .unwrap();
        assert_eq!(first_bad(&store).await, None, "{column} put back");
    }
}

#[tokio::test]
async fn removed_moved_and_added_events_are_found() {
    let cases = [
        ("delete from log.events where position = 4", 4, "missing"),
        ("delete from log.events where position = 10", 10, "missing"),
        ("delete from log.events where position >= 8", 8, "missing"),
        ("delete from log.events where position = 1", 1, "missing"),
        (
            "update log.events set position = -position + 30 where position in (2, 3);
             update log.events set position = position - 25 where position in (27, 28)",
            2,
            "",
        ),
        (
            "update log.events a set payload = b.payload from log.events b
             where (a.position, b.position) in ((2, 8), (8, 2))",
            2,
            "hash",
        ),
        (
            "insert into log.events select 11, recorded_at, stream_id, category, 8, event_id, type_id, schema_version,
             key_id, null, null, null, chain, payload from log.events where position = 10",
            11,
            "beyond",
        ),
        ("update log.head set chain = sha256('x')", 10, "head"),
        ("update log.streams set version = version + 1 where version = 7", 10, "streams table"),
        ("update log.event_types set name = 'declaration.approved'", 1, "hash"),
    ];
    for (change, position, why) in cases {
        let (_database, store, owner, _) = written().await;
        owner.batch_execute(change).await.unwrap();
        // A new process: it has no names or keys from before.
        let found =
            first_bad(&_database.store().await).await.unwrap_or_else(|| panic!("not found: {change}"));
        assert_eq!(found.0, position, "{change}: {}", found.1);
        assert!(found.1.contains(why), "{change}: {}", found.1);
        drop(store);
    }
}

#[tokio::test]
async fn swapped_ciphertexts_do_not_open_even_in_a_chain_made_anew() {
    let (_database, store, owner, one) = written().await;
    owner
        .batch_execute(
            "update log.events a set payload = b.payload from log.events b
             where (a.position, b.position) in ((2, 8), (8, 2))",
        )
        .await
        .unwrap();
    rechain(&owner).await;
    let (position, why) = first_bad(&store).await.unwrap();
    assert_eq!(position, 2);
    assert!(why.contains("does not open"), "{why}");
    let refused = store.read_stream(one, 1).await.unwrap_err();
    assert!(refused.to_string().contains("the event at 2 does not open"), "{refused}");
}

#[tokio::test]
async fn a_tail_cut_or_rewritten_together_with_the_head_is_found_by_a_kept_head() {
    let (database, store, owner, _) = written().await;
    let kept: Head = store.head().await.unwrap();
    let cut = "delete from log.events where position > 8; delete from log.streams where version = 7;
               update log.streams set version = 5, last_position = 8 where last_position = 10";
    owner.batch_execute(cut).await.unwrap();
    owner
        .batch_execute("insert into log.streams select stream_id, 1, 5, 8 from log.events where position = 8")
        .await
        .unwrap();
    rechain(&owner).await;
    let later = database.store().await;
    assert_eq!(first_bad(&later).await, None, "alone it cannot be seen");
    let found = later
        .verify_with(1, i64::MAX, &Evidence { anchors: vec![kept], ..Evidence::default() }, |_, _| ())
        .await
        .unwrap()
        .first_bad
        .unwrap();
    assert_eq!(found.position, 9);
    // And the process that has seen more refuses to go on.
    let refused = store.append(append(stream(), Expected::New, &["x"])).await.unwrap_err();
    assert!(refused.to_string().contains("went back"), "{refused}");
}

#[tokio::test]
async fn a_part_of_the_log_is_verified_alone() {
    let (_database, store, owner, _) = written().await;
    owner.batch_execute("update log.events set actor_id = null where position = 4").await.unwrap();
    assert!(store.verify(5, i64::MAX).await.unwrap().ok);
    assert!(store.verify(1, 3).await.unwrap().ok);
    assert_eq!(store.verify(3, 5).await.unwrap().first_bad.unwrap().position, 4);
}

#[tokio::test]
async fn a_type_without_a_name_fails_by_its_number_and_position() {
    let (database, _store, owner, _) = written().await;
    owner.batch_execute("delete from log.event_types").await.unwrap();
    let refused = database.store().await.read_from(0, 10).await.unwrap_err();
    assert!(refused.to_string().contains("the event at 1 has type number 1"), "{refused}");
}
