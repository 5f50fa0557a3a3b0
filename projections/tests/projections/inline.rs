//! Inline models: the statements of a group hold or do not, and a model that missed something comes back.

use crate::engine::{Tally, stored};
use crate::story;
use crate::support::Lab;
use eventstore::EventLog;
use projections::{Inline, Statement, Value};

/// As the committer does it: in one transaction, which stands only if every statement holds.
async fn record(lab: &Lab, statements: Vec<Statement>) -> bool {
    let mut tx = lab.reader.pool().begin().await.unwrap();
    for Statement { sql, values } in &statements {
        let mut query = sqlx::query_scalar::<_, i64>(sql);
        for value in values.clone() {
            query = match value {
                Value::Int8(value) => query.bind(value),
                Value::MaybeInt8(value) => query.bind(value),
                Value::Int4(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::MaybeText(value) => query.bind(value),
                Value::Texts(value) => query.bind(value),
                Value::Int8s(value) => query.bind(value),
            };
        }
        if query.fetch_one(&mut *tx).await.unwrap() != 1 {
            return false;
        }
    }
    let durable: String = sqlx::query_scalar("show synchronous_commit").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(durable, "on", "the append's transaction waits for the disk");
    tx.commit().await.unwrap();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_model_moves_with_its_group_or_not_at_all() {
    let lab = Lab::new().await;
    let draft = |n: u128| story::drafted(domain::ids::DeclarationId(uuid::Uuid::from_u128(n)), "t", "x");
    lab.record(&[draft(1)]).await;
    let start = || async {
        let (store, pool, ring) = (&lab.store, lab.reader.pool().clone(), lab.keyring.clone());
        Inline::start(store, pool, ring, vec![Tally::steady("one"), Tally::steady("two")]).await.unwrap()
    };
    let mut inline = start().await;
    assert_eq!((inline.position(), inline.names()), (1, vec!["one", "two"]));
    assert_eq!(stored(&lab, "one", "all").await, Some(vec![1_i64]));

    // Recorded together with its events.
    let last = lab.record(&[draft(2), draft(3)]).await;
    let group = lab.store.read_from(1, 10).await.unwrap();
    let statements = inline.fold(&group).unwrap();
    assert_eq!(statements.len(), 2);
    assert!(record(&lab, statements).await);
    inline.settle(true);
    assert_eq!(inline.position(), last);
    assert_eq!(stored(&lab, "two", "all").await, Some(vec![1_i64, 2, 3]));

    // Not recorded: as if it had never been, and the next try folds the same.
    lab.record(&[draft(4)]).await;
    let group = lab.store.read_from(3, 10).await.unwrap();
    let lost = inline.fold(&group).unwrap();
    inline.settle(false);
    let again = inline.fold(&group).unwrap();
    let docs = |statements: &[Statement]| {
        statements.iter().map(|one| one.values[7..11].to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(docs(&again), docs(&lost));
    assert!(record(&lab, again).await);
    inline.settle(true);
    assert!(!record(&lab, lost).await, "the same group a second time swaps nothing");
    assert_eq!(stored(&lab, "one", "all").await, Some(vec![1_i64, 2, 3, 4]));

    // Somebody else's events came between: it takes no part until it has caught up.
    let mut other = start().await;
    lab.record(&[draft(5), draft(6)]).await;
    let late = lab.store.read_from(5, 10).await.unwrap();
    assert!(inline.fold(&late).unwrap().is_empty());
    inline.settle(true);
    inline.catch_up(&lab.store).await.unwrap();
    assert_eq!(stored(&lab, "one", "all").await, Some(vec![1_i64, 2, 3, 4, 5, 6]));
    // And one that believes it stands where another moved on writes nothing.
    let group = lab.store.read_from(4, 10).await.unwrap();
    let zombie = other.fold(&group).unwrap();
    assert_eq!(zombie.len(), 2);
    assert!(!record(&lab, zombie).await);
    other.settle(false);
    other.catch_up(&lab.store).await.unwrap();
    assert_eq!(other.position(), 6);
    assert_eq!(stored(&lab, "one", "all").await, Some(vec![1_i64, 2, 3, 4, 5, 6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_appends_reads_the_inline_model_at_once() {
    let lab = Lab::new().await;
    let draft = |n: u128| story::drafted(domain::ids::DeclarationId(uuid::Uuid::from_u128(n)), "t", "x");
    let (store, pool, ring) = (lab.store.clone(), lab.reader.pool().clone(), lab.keyring.clone());
    let inline = Inline::start(&store, pool.clone(), ring, vec![Tally::steady("one")]).await.unwrap();
    let keeping = projections::keep_inline(store, inline);
    for n in 1..=20_i64 {
        let last = lab.record(&[draft(n as u128)]).await;
        assert_eq!(stored(&lab, "one", "all").await, Some((1..=last).collect::<Vec<_>>()), "no waiting");
    }
    // Somebody moves the model away under it: the append is recorded all the same, and the model comes back.
    sqlx::query("update read.checkpoints set position = 3 where projection = 'one'")
        .execute(&pool)
        .await
        .unwrap();
    let last = lab.record(&[draft(21)]).await;
    assert_eq!(last, 21);
    let back = async {
        while stored::<Vec<i64>>(&lab, "one", "all").await.is_none_or(|seen| seen.last() != Some(&21)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, back).await.unwrap();
    keeping.abort();
}
