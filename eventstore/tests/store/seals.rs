//! Signed checkpoints: how they are made, kept outside, and what they prove against somebody who may write anything
//! in the database but does not have the signing key.

use crate::{
    doctored::Doctored,
    support::{Database, append, stream},
};
use eventstore::{
    Checkpoint, EventLog, Evidence, Expected, Export, Proof, ProofError, Store, seal::SealError,
};
use secrets::SigningKey;
use uuid::Uuid;

async fn written(store: &Store, events: usize) {
    let texts: Vec<String> = (0..events).map(|n| format!("event {n}")).collect();
    for texts in texts.chunks(100) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        store.append(append(stream(), Expected::New, &texts)).await.unwrap();
    }
}

fn ranges(checkpoints: &[Checkpoint]) -> Vec<(i64, i64)> {
    checkpoints.iter().map(|found| (found.from, found.position)).collect()
}

#[tokio::test]
async fn sealing_makes_ranges_of_256_and_all_the_rest_too() {
    let database = Database::new().await;
    let (store, key) = (database.store().await, SigningKey::ephemeral().unwrap());
    assert_eq!(store.seal(&key, true).await.unwrap(), [], "an empty log");
    written(&store, 600).await;
    assert_eq!(ranges(&store.seal(&key, false).await.unwrap()), [(1, 256), (257, 512)]);
    assert_eq!(store.seal(&key, false).await.unwrap(), []);
    assert_eq!(ranges(&store.seal(&key, true).await.unwrap()), [(513, 600)]);
    written(&store, 300).await;
    assert_eq!(ranges(&store.seal(&key, false).await.unwrap()), [(601, 856)]);
    let stored = store.checkpoints(0, 100).await.unwrap();
    assert_eq!(ranges(&stored), [(1, 256), (257, 512), (513, 600), (601, 856)]);
    assert!(stored.iter().all(|found| found.is_signed_by(&[key.public()])));
    let evidence = Evidence { keys: vec![key.public()], ..Evidence::default() };
    let report = store.verify_with(1, i64::MAX, &evidence, |_, _| ()).await.unwrap();
    assert_eq!((report.ok, report.sealed_to), (true, 856), "{report:?}");
}

#[tokio::test]
async fn two_that_seal_at_once_make_one_checkpoint_for_each_range() {
    let database = Database::new().await;
    let (one, two) = (database.store().await, database.store().await);
    let key = SigningKey::ephemeral().unwrap();
    for _ in 0..5 {
        written(&one, 700).await;
        let (a, b) = tokio::join!(one.seal(&key, false), two.seal(&key, false));
        let mut made = ranges(&[a.unwrap(), b.unwrap()].concat());
        let count = made.len();
        made.dedup();
        assert_eq!(made.len(), count, "a range was made twice: {made:?}");
    }
    let stored = one.checkpoints(0, 100).await.unwrap();
    let expected: Vec<(i64, i64)> = (0..3_500 / 256).map(|n| (n * 256 + 1, (n + 1) * 256)).collect();
    assert_eq!(ranges(&stored), expected);
    assert!(one.verify(1, i64::MAX).await.unwrap().ok);
}

#[tokio::test]
async fn nothing_is_signed_over_events_that_were_changed() {
    let database = Database::new().await;
    let (store, key) = (database.store().await, SigningKey::ephemeral().unwrap());
    written(&store, 300).await;
    store.seal(&key, false).await.unwrap();
    let owner = database.owner().await;
    owner.batch_execute("set session_replication_role = replica").await.unwrap();
    for (change, position) in [
        ("update log.events set payload = payload || '\\x00' where position = 290", 290),
        ("delete from log.events where position = 270", 270),
    ] {
        owner.batch_execute(change).await.unwrap();
        let refused = store.seal(&key, true).await.unwrap_err();
        assert!(matches!(&refused, SealError::Broken(bad) if bad.position == position), "{refused}");
    }
    assert_eq!(ranges(&store.checkpoints(0, 10).await.unwrap()), [(1, 256)]);
}

#[tokio::test]
async fn an_export_catches_up_after_a_cut_line_and_after_it_was_deleted() {
    let database = Database::new().await;
    let (store, key) = (database.store().await, SigningKey::ephemeral().unwrap());
    written(&store, 1_100).await;
    let stored = store.seal(&key, false).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoints");
    let export = Export::to(&path);
    let exported = || -> Vec<Checkpoint> {
        std::fs::read_to_string(&path).unwrap().lines().filter_map(|line| line.parse().ok()).collect()
    };
    export.catch_up(&store).await.unwrap();
    assert_eq!(exported(), stored);
    let whole = std::fs::read(&path).unwrap();
    export.catch_up(&store).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole, "nothing new, nothing written");
    let last = stored.last().unwrap().to_string().len();
    for cut in [1, 40, 200, last - 1, last] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert_eq!(exported().len(), stored.len() - 1);
        export.catch_up(&store).await.unwrap();
        assert_eq!(exported(), stored, "{cut} bytes cut off");
    }
    std::fs::remove_file(&path).unwrap();
    export.catch_up(&store).await.unwrap();
    assert_eq!(exported(), stored);
}

#[tokio::test]
async fn a_proof_holds_for_its_event_only_as_it_stands() {
    let database = Database::new().await;
    let (store, key) = (database.store().await, SigningKey::ephemeral().unwrap());
    written(&store, 600).await;
    store.seal(&key, true).await.unwrap();
    written(&store, 1).await;
    let keys = [key.public()];
    for position in [1, 100, 256, 257, 400, 512, 513, 550, 600] {
        let proof = store.prove(position).await.unwrap();
        let checkpoint = proof.check(&keys).unwrap();
        assert!(checkpoint.from <= position && position <= checkpoint.position);
        let json = serde_json::to_value(&proof).unwrap();
        assert_eq!(serde_json::from_value::<Proof>(json.clone()).unwrap(), proof);
        for (field, value) in json.as_object().unwrap() {
            let mut changed = json.clone();
            changed[field] = match (field.as_str(), value.is_null()) {
                ("causation", true) => 1.into(),
                (_, true) => Uuid::nil().to_string().into(),
                _ => altered(value),
            };
            let changed: Proof = serde_json::from_value(changed).unwrap();
            assert!(changed.check(&keys).is_err(), "{field} of {position} may be changed");
        }
        let foreign = [SigningKey::ephemeral().unwrap().public()];
        assert!(matches!(proof.check(&foreign), Err(ProofError::NotSigned)));
        assert!(matches!(proof.check(&[]), Err(ProofError::NotSigned)));
    }
    assert!(matches!(store.prove(601).await, Err(ProofError::NotSealed(601))));
    assert!(matches!(store.prove(602).await, Err(ProofError::NoEvent(602))));
    assert!(matches!(store.prove(0).await, Err(ProofError::NoEvent(0))));
}

/// Another value of the same form.
fn altered(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
        serde_json::Value::String(text) => {
            // The last digit; that of a checkpoint belongs to its signature.
            let at = text.rfind(|c: char| c.is_ascii_alphanumeric()).unwrap_or(0);
            let other = if text[at..].starts_with('1') { "2" } else { "1" };
            format!("{}{other}{}", &text[..at], &text[at + 1..]).into()
        }
        serde_json::Value::Array(items) => match items.split_first() {
            Some((first, rest)) => [vec![altered(first)], rest.to_vec()].concat().into(),
            None => vec!["00".repeat(32)].into(),
        },
        other => panic!("{other}"),
    }
}

/// Rewrites the last 100 events as somebody would who knows the format and has no signing key: hashes made anew
/// by the independent verifier's code, the head moved, the newest checkpoints replaced under a key of his own.
#[tokio::test]
async fn a_tail_rewritten_and_sealed_anew_under_another_key_is_found() {
    let mut log = Doctored::new().await;
    let from = log.head - 99;
    let forger = SigningKey::ephemeral().unwrap();
    log.rewrite_tail(from, &forger).await;
    let unknowing = log.report(&Evidence::default()).await;
    assert!(unknowing.ok, "without evidence it looks good: {unknowing:?}");
    let (keys, exported) = (log.evidence.keys.clone(), log.evidence.checkpoints.clone());
    let by_key = log.report(&Evidence { keys: keys.clone(), ..Evidence::default() }).await;
    assert_eq!(
        by_key.first_bad.map(|bad| bad.position),
        Some(2_048),
        "the first forged checkpoint ends there"
    );
    let by_export = Evidence { keys, checkpoints: exported, ..Evidence::default() };
    let found = log.report(&by_export).await.first_bad.unwrap();
    assert!(found.position >= from && found.position <= 2_050, "{found:?}");
    // With everything that is known, both verifiers name the same event.
    assert!(log.first_bad("a rewritten tail").await.is_some());
    log.put_all_back().await;
    assert_eq!(log.first_bad("put back").await, None);
}

#[tokio::test]
async fn a_database_rolled_back_as_a_whole_is_found_by_an_exported_checkpoint() {
    let log = Doctored::new().await;
    let earlier = log.head;
    // What is kept is the earlier state; the log goes on and is sealed further.
    let later = log.write_and_seal(100).await;
    let exported =
        Evidence { keys: log.evidence.keys.clone(), checkpoints: vec![later.clone()], ..Evidence::default() };
    assert!(log.report(&exported).await.ok);
    log.put_all_back().await;
    let fresh = log.report(&Evidence { keys: log.evidence.keys.clone(), ..Evidence::default() }).await;
    assert!(fresh.ok, "alone the earlier state is good: {fresh:?}");
    let found = log.report(&exported).await.first_bad.unwrap();
    assert_eq!(found.position, earlier + 1);
    let mut theirs = verifier::Evidence::default();
    theirs.trust(&log.evidence.keys[0].to_string()).unwrap();
    assert_eq!(theirs.exported(&later.to_string()), verifier::Skipped::default());
    let mut auditor = log.database.app().await;
    let report = verifier::verify(&mut auditor, &theirs).await.unwrap();
    assert_eq!(report.first_bad.map(|bad| bad.position), Some(earlier + 1));
}

#[tokio::test]
async fn a_tail_cut_off_beyond_a_checkpoint_is_found_without_evidence() {
    let log = Doctored::new().await;
    for last in [2_049, 2_048, 1_000, 1] {
        log.cut_after(last).await;
        let found = log.report(&Evidence::default()).await.first_bad;
        assert_eq!(found.map(|bad| bad.position), Some(last + 1));
        log.put_all_back().await;
    }
    assert!(log.report(&Evidence::default()).await.ok);
}

#[tokio::test]
async fn the_statement_in_the_document_computes_every_hash() {
    let log = Doctored::new().await;
    let document = include_str!("../../../docs/log-format.md");
    let statement = document.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    let held =
        |rows: Vec<tokio_postgres::Row>| rows.iter().filter(|row| row.get::<_, bool>(1)).count() as i64;
    assert_eq!(held(log.owner.query(statement, &[]).await.unwrap()), log.head);
    assert!(log.change("update log.events set category = 6 where position in (7, 70)").await);
    assert_eq!(held(log.owner.query(statement, &[]).await.unwrap()), log.head - 2);
}
