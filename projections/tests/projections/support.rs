//! A private Postgres for the test process, a fresh database for each test.

use crate::story::Fact;
use domain::event::{AnyEvent, Category};
use eventstore::embedded::{APP_ROLE, Cluster, OWNER_ROLE};
use eventstore::{Append, EventLog, Expected, NewEvent, Store, StoreConfig, StreamId, encode};
use projections::fold::Projection;
use projections::{Projector, Reader};
use secrets::{KeyRing, Secret};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long any wait in a test may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(|| async { Cluster::start(None).await.unwrap() }).await
}

/// A database with an open log and a reader.
pub struct Lab {
    pub store: Store,
    pub reader: Reader,
    pub keyring: KeyRing,
    pub url: Secret<String>,
    owner: Secret<String>,
}

impl Lab {
    pub async fn new() -> Self {
        Self::with_ring(KeyRing::ephemeral().unwrap()).await
    }

    pub async fn with_ring(keyring: KeyRing) -> Self {
        let name = cluster().await.fresh_database().await.unwrap();
        let url = cluster().await.url_of(&name, APP_ROLE);
        let owner = cluster().await.url_of(&name, OWNER_ROLE);
        Self::open(url, owner, keyring).await
    }

    /// A database that is there already.
    pub async fn open(url: Secret<String>, owner: Secret<String>, keyring: KeyRing) -> Self {
        let store = Store::connect(StoreConfig::new(url.clone(), keyring.clone())).await.unwrap();
        let reader = Reader::connect(&url, keyring.clone()).await.unwrap();
        Self { store, reader, keyring, url, owner }
    }

    pub async fn projector(&self) -> Projector {
        let (store, pool) = (self.store.clone(), self.reader.pool().clone());
        Projector::start(store, pool, self.keyring.clone()).await.unwrap()
    }

    /// A projector of these only.
    pub async fn projector_of(&self, projections: Vec<Arc<dyn Projection>>) -> Projector {
        let (store, pool) = (self.store.clone(), self.reader.pool().clone());
        Projector::start_with(store, pool, self.keyring.clone(), projections).await.unwrap()
    }

    /// Records facts one by one; answers with the last position.
    pub async fn record(&self, facts: &[Fact]) -> i64 {
        let mut last = 0;
        for (category, id, event) in facts {
            let event = match event {
                AnyEvent::Declaration(event) => encode(event),
                AnyEvent::Run(event) => encode(event),
                AnyEvent::Cluster(event) => encode(event),
                AnyEvent::Account(event) => encode(event),
                AnyEvent::Settings(event) => encode(event),
                AnyEvent::Repository(event) => encode(event),
            };
            let stream = StreamId::new(*category, *id);
            let append = Append::new(stream, Expected::Any, vec![event.unwrap()]);
            last = self.store.append(append).await.unwrap().last_position;
        }
        last
    }

    /// Records many texts on a few declarations in turn, fast; answers with the last position.
    pub async fn record_revisions(&self, declarations: usize, rounds: usize) -> i64 {
        let stream =
            |n: usize| StreamId::new(Category::Declaration, uuid::Uuid::from_u128(0x5eed_0000 + n as u128));
        let text =
            |n: usize, round: usize| crate::story::revised(&format!("Guest {n}"), &format!("Text {round}."));
        let mut last = 0;
        for n in 0..declarations {
            let (_, _, first) = crate::story::drafted(crate::story::FIRST, &format!("Guest {n}"), "Text.");
            let AnyEvent::Declaration(first) = first else { panic!("a draft") };
            let append = Append::new(stream(n), Expected::New, vec![encode(&first).unwrap()]);
            last = self.store.append(append).await.unwrap().last_position;
        }
        for round in (0..rounds).step_by(10) {
            let appends = (0..declarations).map(|n| {
                let events = (round..rounds.min(round + 10)).map(|round| encode(&text(n, round)).unwrap());
                self.store.append(Append::new(stream(n), Expected::Any, events.collect()))
            });
            for appended in futures::future::join_all(appends).await {
                last = last.max(appended.unwrap().last_position);
            }
        }
        last
    }

    /// More of the same on the first few of them.
    pub async fn record_revisions_on(&self, declarations: u128) -> i64 {
        let mut last = 0;
        for n in 0..declarations {
            let stream = StreamId::new(Category::Declaration, uuid::Uuid::from_u128(0x5eed_0000 + n));
            let event = encode(&crate::story::revised("Later", "A later text.")).unwrap();
            last = self
                .store
                .append(Append::new(stream, Expected::Any, vec![event]))
                .await
                .unwrap()
                .last_position;
        }
        last
    }

    /// Records an event that no program of today understands.
    pub async fn record_nonsense(&self, category: Category, id: uuid::Uuid, type_name: &str) -> i64 {
        let event = NewEvent {
            event_id: uuid::Uuid::new_v4(),
            type_name: type_name.into(),
            schema_version: 1,
            payload: b"{}".to_vec(),
        };
        let append = Append::new(StreamId::new(category, id), Expected::Any, vec![event]);
        self.store.append(append).await.unwrap().last_position
    }

    /// Waits until the read models that are well have reached a position.
    pub async fn caught_up(&self, position: i64) {
        assert!(
            self.reader.wait_for(position, PATIENCE).await.unwrap(),
            "{:?}",
            self.reader.positions().await
        );
    }

    /// As the owner, who may do what the application may not.
    pub async fn owner(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(self.owner.expose(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// Waits until a projector reports a position.
pub async fn reached(projector: &Projector, position: i64) {
    let mut reached = projector.reached();
    let waiting = reached.wait_for(|reached| *reached >= position);
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes up").unwrap();
}
