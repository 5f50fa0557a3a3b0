//! What readers see while others write: every position once, in order, at once, whatever else goes on in the server.

use crate::support::{Database, PATIENCE, all, append, assert_sound, event, stream};
use eventstore::{Append, AppendError, EventLog, Expected, Recorded};
use std::collections::HashMap;
use uuid::Uuid;

/// Somebody's forgotten transaction, open from before the first event to after the last, that has written in the same
/// database; meanwhile others roll back after having touched the log, and the committer's backend is ended now and then.
#[tokio::test(flavor = "multi_thread")]
async fn open_and_undone_transactions_of_others_hide_and_delay_nothing() {
    const WRITERS: usize = 16;
    const EACH: usize = 60;
    let database = Database::new().await;
    let store = database.store().await;
    let forgotten = database.owner().await;
    forgotten
        .batch_execute(
            "create table others (n int); begin; insert into others values (1);
             insert into log.event_types (name) values ('of a forgotten transaction')",
        )
        .await
        .unwrap();

    let mut subscription = database.store().await.subscribe(0);
    let reader = tokio::spawn(async move {
        let mut seen: Vec<Recorded> = Vec::new();
        while seen.len() < WRITERS * EACH {
            seen.extend(tokio::time::timeout(PATIENCE, subscription.next()).await.unwrap().unwrap());
            assert!(seen.iter().enumerate().all(|(n, event)| event.position == n as i64 + 1), "a hole");
        }
        seen
    });
    let undone = [
        "begin; select from log.head for update; rollback",
        "begin; update log.head set epoch = epoch; savepoint a; rollback to a; rollback",
    ];
    let mut disturbers = tokio::task::JoinSet::new();
    for sql in undone {
        let client = database.owner().await;
        disturbers.spawn(async move {
            loop {
                client.batch_execute(sql).await.unwrap();
            }
        });
    }
    let (client, other) = (database.owner().await, database.store().await);
    let killer = tokio::spawn(async move {
        const KILL: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
                            where datname = current_database() and query like 'select log.append(%'";
        for position in (40..(WRITERS * EACH) as i64).step_by(40) {
            other.wait_for(position, PATIENCE).await.unwrap();
            client.batch_execute(KILL).await.unwrap();
        }
    });

    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let own = stream();
                let mut acknowledged = Vec::new();
                while acknowledged.len() < EACH {
                    let (event, key) = (event("x"), Some(Uuid::new_v4()));
                    let (id, expected) = (event.event_id, Expected::Version(acknowledged.len() as i64));
                    let append = Append { idempotency_key: key, ..Append::new(own, expected, vec![event]) };
                    // The same append, sent until its outcome is known.
                    let appended = loop {
                        match store.append(append.clone()).await {
                            Ok(appended) => break appended,
                            Err(error) => assert!(error.is_transient(), "{error}"),
                        }
                    };
                    acknowledged.push((id, appended.last_position));
                }
                acknowledged
            })
        })
        .collect();
    let acknowledged: HashMap<Uuid, i64> =
        futures::future::join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    let seen = tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap();
    killer.await.unwrap();
    disturbers.abort_all();

    assert_sound(&seen);
    assert_eq!(acknowledged.len(), WRITERS * EACH);
    for event in &seen {
        assert_eq!(acknowledged[&event.event_id], event.position, "acknowledged is where it was said to be");
    }
    forgotten.batch_execute("rollback").await.unwrap();
    assert_eq!(all(&store).await.len(), WRITERS * EACH, "the forgotten transaction was open all the time");
    let report = store.verify(1, i64::MAX).await.unwrap();
    assert!(report.ok, "{report:?}");
}

/// A success is only ever told of what is there: racing for one version, one wins, and its event is read at once.
#[tokio::test(flavor = "multi_thread")]
async fn racing_appends_succeed_only_with_their_row() {
    let database = Database::new().await;
    let stores = [database.store().await, database.store().await];
    let shared = stream();
    for version in 0..40 {
        let racers = (0..8).map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let text = format!("{version}/{n}");
                let outcome = store.append(append(shared, Expected::Version(version), &[&text])).await;
                (store, text, outcome)
            })
        });
        let mut won = 0;
        for raced in futures::future::join_all(racers).await {
            let (store, text, outcome) = raced.unwrap();
            match outcome {
                Ok(appended) => {
                    won += 1;
                    let read = store.read_from(appended.last_position - 1, 1).await.unwrap();
                    assert_eq!(crate::support::text(&read[0]), text);
                }
                Err(AppendError::Conflict { current, .. }) => assert!(current > version),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "at version {version}");
    }
    assert_sound(&all(&stores[0]).await);
}
