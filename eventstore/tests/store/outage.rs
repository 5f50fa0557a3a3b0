//! The server goes away: what was acknowledged is there, nothing is there twice.

use crate::support::{Database, PATIENCE, all, append, assert_sound, connect, event, stream};
use eventstore::{Append, AppendError, EventLog, Expected, Store, StoreConfig, embedded::Cluster};
use secrets::KeyRing;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::watch,
};
use uuid::Uuid;

/// Appends one event after another until told to stop; returns the ids with whether each was acknowledged.
fn writer(
    store: Store,
    mut stop: watch::Receiver<bool>,
    done: watch::Sender<usize>,
) -> tokio::task::JoinHandle<Vec<(Uuid, bool)>> {
    tokio::spawn(async move {
        let (stream, mut sent) = (stream(), Vec::new());
        while !*stop.borrow_and_update() {
            let event = event("x");
            let id = event.event_id;
            let outcome = store.append(Append::new(stream, Expected::Any, vec![event])).await;
            match &outcome {
                Ok(_) => done.send_modify(|count| *count += 1),
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            sent.push((id, outcome.is_ok()));
        }
        sent
    })
}

async fn assert_nothing_lost_or_doubled(store: &Store, sent: Vec<(Uuid, bool)>) {
    let events = all(store).await;
    assert_sound(&events);
    let mut found: HashMap<Uuid, usize> = HashMap::new();
    events.iter().for_each(|event| *found.entry(event.event_id).or_default() += 1);
    for (id, acknowledged) in sent {
        let times = found.get(&id).copied().unwrap_or(0);
        assert!(times <= 1, "{id} is there {times} times");
        assert!(times == 1 || !acknowledged, "{id} was acknowledged and is lost");
    }
    let report = store.verify(1, i64::MAX).await.unwrap();
    assert!(report.ok, "{report:?}");
}

/// R11: fifty kills. Every tenth takes the whole server, the others the backend that is appending, upon which the
/// server throws out everybody and recovers.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_survive_crashes_of_the_server() {
    let mut cluster = Cluster::start(None).await.unwrap();
    let config = StoreConfig::new(cluster.url(), KeyRing::ephemeral().unwrap());
    let store = Store::connect(config).await.unwrap();
    let mut subscription = store.subscribe(0);
    let follower = tokio::spawn(async move {
        loop {
            subscription.next().await.unwrap();
        }
    });
    let (stop, done) = (watch::Sender::new(false), watch::Sender::new(0));
    let writers: Vec<_> = (0..6).map(|_| writer(store.clone(), stop.subscribe(), done.clone())).collect();
    for kill in 1..=50 {
        let mut progress = done.subscribe();
        let goal = *progress.borrow_and_update() + 20;
        tokio::time::timeout(PATIENCE, progress.wait_for(|count| *count >= goal)).await.unwrap().unwrap();
        match kill {
            25 => cluster.restart().await.unwrap(),
            _ if kill % 10 == 0 => {
                cluster.crash().await.unwrap();
                cluster.restart().await.unwrap();
            }
            _ => kill_the_appending_backend(&cluster).await,
        }
    }
    let goal = *done.borrow() + 50;
    tokio::time::timeout(PATIENCE, done.subscribe().wait_for(|count| *count >= goal)).await.unwrap().unwrap();
    stop.send_replace(true);
    let sent = futures::future::join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    follower.abort();
    assert!(follower.await.unwrap_err().is_cancelled(), "the subscriber kept waiting through it");
    assert_nothing_lost_or_doubled(&store, sent).await;
    cluster.stop().await.unwrap();
}

async fn kill_the_appending_backend(cluster: &Cluster) {
    const APPENDING: &str = "select pid from pg_stat_activity where query like 'select log.append(%'";
    let owner = connect(&cluster.owner_url()).await;
    // None while the committer connects again.
    let pid = loop {
        if let Some(row) = owner.query_opt(APPENDING, &[]).await.unwrap() {
            break row.get(0);
        }
    };
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    // The server ends this connection too once it has noticed, before it recovers.
    let thrown_out = async { while owner.simple_query("select 1").await.is_ok() {} };
    tokio::time::timeout(PATIENCE, thrown_out).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_in_the_middle_of_commits_lose_and_double_nothing() {
    let database = Database::new().await;
    let store = database.store().await;
    let owner = database.owner().await;
    let (stop, done) = (watch::Sender::new(false), watch::Sender::new(0));
    let writers: Vec<_> = (0..8).map(|_| writer(store.clone(), stop.subscribe(), done.clone())).collect();
    for _ in 0..25 {
        let mut progress = done.subscribe();
        let goal = *progress.borrow_and_update() + 7;
        tokio::time::timeout(PATIENCE, progress.wait_for(|count| *count >= goal)).await.unwrap().unwrap();
        owner
            .batch_execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()",
            )
            .await
            .unwrap();
    }
    stop.send_replace(true);
    let sent: Vec<_> =
        futures::future::join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    let unacknowledged = sent.iter().filter(|(_, acknowledged)| !acknowledged).count();
    assert!(unacknowledged <= 10, "{unacknowledged} of {} were given up", sent.len());
    assert_nothing_lost_or_doubled(&store, sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_calls_fail_as_unavailable_with_advice() {
    let mut cluster = Cluster::start(None).await.unwrap();
    let store = Store::connect(StoreConfig::new(cluster.url(), KeyRing::ephemeral().unwrap())).await.unwrap();
    let own = stream();
    store.append(append(own, Expected::New, &["1"])).await.unwrap();
    cluster.crash().await.unwrap();
    let refused = store.head().await.unwrap_err();
    assert!(refused.is_transient() && refused.advice().contains("PostgreSQL"), "{refused}");
    let key = Uuid::new_v4();
    let keyed = || Append { idempotency_key: Some(key), ..append(own, Expected::Version(1), &["2"]) };
    let refused = store.append(keyed()).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Store(error) if error.is_transient()), "{refused}");
    cluster.restart().await.unwrap();
    let appended = store.append(keyed()).await.unwrap();
    assert_eq!((appended.last_position, appended.replayed), (2, false));
    store.wait_for(2, Duration::from_secs(10)).await.unwrap();
    cluster.stop().await.unwrap();
}

/// Stands between a store and the server. Once armed, it lets the next large message through to the server and
/// cuts that connection instead of passing the answer back.
struct AnswerCutter {
    folder: tempfile::TempDir,
    armed: Arc<AtomicBool>,
    cut: Arc<AtomicUsize>,
}

impl AnswerCutter {
    const LARGE_BYTES: usize = 60_000;

    fn start(server: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (armed, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let relayed = (armed.clone(), cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(server.join(".s.PGSQL.5432")).await.unwrap();
                tokio::spawn(Self::relay(client, server, relayed.0.clone(), relayed.1.clone()));
            }
        });
        Self { folder, armed, cut }
    }

    async fn relay(client: UnixStream, server: UnixStream, armed: Arc<AtomicBool>, cut: Arc<AtomicUsize>) {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let doomed = AtomicBool::new(false);
        let up = async {
            let (mut buffer, mut seen) = (vec![0; 16_384], 0);
            while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                seen += if armed.load(SeqCst) { length } else { 0 };
                if seen > Self::LARGE_BYTES && armed.swap(false, SeqCst) {
                    doomed.store(true, SeqCst);
                }
                to_server.write_all(&buffer[..length]).await.unwrap();
            }
        };
        let down = async {
            let mut buffer = vec![0; 16_384];
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                if doomed.load(SeqCst) {
                    cut.fetch_add(1, SeqCst);
                    return;
                }
                if to_client.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! { () = up => {}, () = down => {} }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_answer_was_lost_is_recorded_once_and_acknowledged() {
    let database = Database::new().await;
    let direct = database.url().await;
    let (before, after) = direct.expose().split_once("host=").unwrap();
    let (socket, rest) = after.split_once('&').unwrap();
    let server = PathBuf::from(&*percent_encoding::percent_decode_str(socket).decode_utf8().unwrap());
    let cutter = AnswerCutter::start(server);
    let url = format!("{before}host={}&{rest}", cutter.folder.path().display());
    let store = Store::connect(StoreConfig::new(url.as_str().into(), database.ring.clone())).await.unwrap();
    store.append(append(stream(), Expected::New, &["so that everything is prepared"])).await.unwrap();
    let (own, large) = (stream(), "x".repeat(2 * AnswerCutter::LARGE_BYTES));
    for round in 1..=5 {
        cutter.armed.store(true, SeqCst);
        let appended = store.append(append(own, Expected::Any, &[&large])).await.unwrap();
        assert_eq!(cutter.cut.load(SeqCst), round, "the answer was cut");
        assert_eq!((appended.version, appended.replayed), (round as i64, false));
    }
    assert_sound(&all(&store).await);
    assert_eq!(store.head().await.unwrap().position, 6);
}
