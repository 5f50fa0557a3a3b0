//! One private Postgres per test process, a fresh database per test.

use eventstore::{
    Append, Category, EventLog, Expected, NewEvent, Recorded, Store, StoreConfig, StreamId,
    embedded::{APP_ROLE, Cluster, OWNER_ROLE},
};
use secrets::{KeyRing, Secret};
use std::time::Duration;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// How long any wait in a test may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The shared server. Its runtime is its own, because each test's runtime ends with the test.
pub async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(|| async { Cluster::start(None).await.unwrap() }).await
}

/// A database of its own with the ring its payloads are sealed by.
pub struct Database {
    name: String,
    pub ring: KeyRing,
}

impl Database {
    pub async fn new() -> Self {
        Self { name: cluster().await.fresh_database().await.unwrap(), ring: KeyRing::ephemeral().unwrap() }
    }

    pub async fn url(&self) -> Secret<String> {
        cluster().await.url_of(&self.name, APP_ROLE)
    }

    pub async fn owner_url(&self) -> Secret<String> {
        cluster().await.url_of(&self.name, OWNER_ROLE)
    }

    /// Another process's worth of store on this database.
    pub async fn store(&self) -> Store {
        Store::connect(StoreConfig::new(self.url().await, self.ring.clone())).await.unwrap()
    }

    /// A plain connection as the owner, who may do what the application may not.
    pub async fn owner(&self) -> tokio_postgres::Client {
        connect(&self.owner_url().await).await
    }

    pub async fn app(&self) -> tokio_postgres::Client {
        connect(&self.url().await).await
    }
}

pub async fn connect(url: &Secret<String>) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url.expose(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub fn stream() -> StreamId {
    StreamId::new(Category::Declaration, Uuid::new_v4())
}

pub fn event(text: &str) -> NewEvent {
    NewEvent {
        event_id: Uuid::new_v4(),
        type_name: "declaration.drafted".into(),
        schema_version: 1,
        payload: serde_json::to_vec(&serde_json::json!({ "text": text })).unwrap(),
    }
}

pub fn append(stream: StreamId, expected: Expected, texts: &[&str]) -> Append {
    Append::new(stream, expected, texts.iter().map(|text| event(text)).collect())
}

pub fn text(recorded: &Recorded) -> String {
    let json: serde_json::Value = serde_json::from_slice(recorded.payload.open().unwrap()).unwrap();
    json["text"].as_str().unwrap().to_owned()
}

/// Everything in the log, page by page.
pub async fn all(log: &impl EventLog) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let page = log.read_from(events.last().map_or(0, |last| last.position), 1_000).await.unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

/// Positions from 1 without gaps, each stream's versions too, and one chain through all of it.
pub fn assert_sound(events: &[Recorded]) {
    let mut versions = std::collections::HashMap::new();
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event.position, n as i64 + 1);
        let version = versions.entry(event.stream).or_insert(0);
        *version += 1;
        assert_eq!(event.version, *version, "{} at {}", event.stream, event.position);
    }
}
