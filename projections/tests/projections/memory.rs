//! Rebuilds with little memory, aside, and beside somebody who holds the table.

use crate::support::{Lab, PATIENCE, reached};
use projections::rebuild::{Options, rebuild_with};
use projections::{ReadError, as_of, folds};

#[tokio::test(flavor = "multi_thread")]
async fn with_little_memory_rows_go_out_and_come_back_and_the_model_is_the_same() {
    let lab = Lab::new().await;
    let last = lab.record_revisions(200, 20).await;
    let projector = lab.projector().await;
    reached(&projector, last).await;
    let (store, pool) = (&lab.store, lab.reader.pool());
    for name in ["declarations", "history"] {
        let little = Options { compare: true, memory_bytes_max: 32 * 1024, ..Options::default() };
        let projection = folds::named(name).unwrap();
        let made = rebuild_with(store, pool, &lab.keyring, projection, &little, |_| {}).await.unwrap();
        assert!(made.spills >= 2, "{name} went out {} times", made.spills);
        assert_eq!((made.equal, made.position), (Some(true), last), "{name}");
        let whole = as_of(store, name, last, |_| {}).await.unwrap();
        assert_eq!((made.digest.as_ref(), made.rows), (Some(&whole.digest), whole.len()), "{name}");
    }

    // As of an earlier position, in a table aside: the live one is not touched, and both can be looked at.
    let aside = Options { to: Some(900), memory_bytes_max: 32 * 1024, ..Options::default() };
    let before = lab.reader.declarations(&Default::default(), 0, 200).await.unwrap();
    let projection = folds::named("declarations").unwrap();
    let made = rebuild_with(store, pool, &lab.keyring, projection, &aside, |_| {}).await.unwrap();
    let then = as_of(store, "declarations", 900, |_| {}).await.unwrap();
    assert_eq!((made.position, made.digest.as_ref()), (900, Some(&then.digest)));
    assert_eq!(made.table.as_deref(), Some("read_next.declarations_at"));
    let rows: i64 =
        sqlx::query_scalar("select count(*) from read_next.declarations_at").fetch_one(pool).await.unwrap();
    assert_eq!(rows as usize, made.rows);
    assert_eq!(lab.reader.declarations(&Default::default(), 0, 200).await.unwrap(), before);
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_waits_for_who_reads_and_two_rebuilds_of_one_model_never_meet() {
    let lab = Lab::new().await;
    let last = lab.record_revisions(3, 3).await;
    let projector = lab.projector().await;
    reached(&projector, last).await;
    let reading = lab.owner().await;
    reading.batch_execute("begin; select count(*) from read.plans").await.unwrap();
    let rebuild = |name: &'static str| {
        let (store, pool, ring) = (lab.store.clone(), lab.reader.pool().clone(), lab.keyring.clone());
        tokio::spawn(
            async move { projections::rebuild::rebuild(&store, &pool, &ring, name, false, |_| {}).await },
        )
    };
    let first = rebuild("plans");
    let owner = lab.owner().await;
    let waiting = async {
        let waits = "select from pg_locks where not granted and relation = 'read.plans'::regclass";
        while owner.query(waits, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it waits for the table");
    assert!(lab.reader.plans_of(crate::story::FIRST).await.is_ok(), "readers are answered meanwhile");
    let second = rebuild("plans").await.unwrap();
    assert!(matches!(second, Err(ReadError::Overtaken("plans"))), "{second:?}");
    reading.batch_execute("commit").await.unwrap();
    assert_eq!(first.await.unwrap().unwrap().position, last);
    projector.stop().await;
}
