//! The event store of MycoPod as a [`Target`], through nothing but its public API.

use anyhow::{Context, Result, ensure};
use bench_core::{
    db,
    event::{Body, Fact, KINDS, aggregate_id, fact},
    target::{FILL_SALT, LONG_STREAM, LONG_STREAM_EVENTS, Target, filled, filled_at_us},
};
use domain::decider::Decider;
use eventstore::{
    Append, AppendError, Category, EventLog, Expected, HandleError, Meta, NewEvent, Recorded, Store,
    StoreConfig, StoreError, StreamId,
};
use secrets::{KeyRing, Secret};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    convert::Infallible,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::Arc,
};
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

/// Tasks that fill, and appends that each has under way.
const FILLERS: u64 = 4;
const FILL_APPENDS_UNDER_WAY: usize = 1_000;

pub struct MycoPod {
    pub store: Store,
    /// For what is not the store's: counts, and the read model.
    pub client: Client,
}

/// Names in the log, in the order of [`KINDS`].
const TYPE_NAMES: [&str; 8] = [
    "bench.declared",
    "bench.previewed",
    "bench.approved",
    "bench.applied",
    "bench.observed",
    "bench.changed",
    "bench.paused",
    "bench.resumed",
];

impl MycoPod {
    /// Opens the store, bringing the database to the right schema. The key ring is a file, because the log is
    /// filled by one process and read by others.
    pub async fn open(url: &str, keyring: Option<PathBuf>, plain: bool) -> Result<Self> {
        let path = keyring.unwrap_or_else(|| keyring_of(url));
        let keyring = KeyRing::create_if_missing(&path).context("the key ring")?;
        eventstore::migrate(&Secret::new(url.to_owned())).await.context("the schema")?;
        let config = StoreConfig::new(Secret::new(url.to_owned()), keyring);
        let store = Store::connect(unprotected(config, plain)?).await.context("opening the store")?;
        Ok(Self { store, client: db::connect(url).await? })
    }

    /// The log that is read, by ordinary appends, many under way at once.
    pub async fn fill(self: &Arc<Self>, events: u64) -> Result<()> {
        ensure!(events > LONG_STREAM_EVENTS, "a log of fewer than {LONG_STREAM_EVENTS} events is of no use");
        ensure!(self.count().await? == 0, "the database has events already");
        let mut fillers = JoinSet::new();
        for filler in 0..FILLERS {
            let store = self.store.clone();
            fillers.spawn(async move {
                let mut under_way = VecDeque::new();
                // An aggregate belongs to one filler, so its events stay in order.
                let mine = (0..events - LONG_STREAM_EVENTS).filter(|n| n % FILLERS == filler);
                for n in mine {
                    let (aggregate, sequence) = filled(n, events);
                    let event = new_event(&fact(aggregate, sequence, filled_at_us(n)))?;
                    let stream = stream_of(aggregate_id(FILL_SALT, aggregate));
                    let append = Append::new(stream, Expected::Version(sequence as i64), vec![event]);
                    under_way.push_back(store.submit(append, None).await?);
                    if under_way.len() >= FILL_APPENDS_UNDER_WAY
                        && let Some(first) = under_way.pop_front()
                    {
                        first.outcome().await?;
                    }
                }
                for append in under_way {
                    append.outcome().await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = fillers.join_next().await {
            done.context("a filler broke off")??;
        }
        let long = (events - LONG_STREAM_EVENTS..events)
            .map(|n| fact(LONG_STREAM, filled(n, events).1, filled_at_us(n)));
        let appended = self.append(aggregate_id(FILL_SALT, LONG_STREAM), &mut 0, long.collect()).await?;
        ensure!(appended, "the long stream exists already");
        ensure!(self.count().await? == events, "not all events are there");
        db::settle(&self.client, "log.events").await?;
        db::settle(&self.client, "log.keys").await
    }
}

/// Switches sealing and the chain off, which only a build of the store for this bench can do.
#[cfg(feature = "plain")]
fn unprotected(mut config: StoreConfig, plain: bool) -> Result<StoreConfig> {
    config.unprotected = plain;
    Ok(config)
}

#[cfg(not(feature = "plain"))]
fn unprotected(config: StoreConfig, plain: bool) -> Result<StoreConfig> {
    ensure!(!plain, "this build cannot switch encryption and chain off: build with --features plain");
    Ok(config)
}

/// A file of its own for each database, in a private folder for what may be thrown away.
fn keyring_of(url: &str) -> PathBuf {
    let mut hash = DefaultHasher::new();
    url.hash(&mut hash);
    std::env::temp_dir().join("mycopod-bench").join(format!("{:016x}.keyring", hash.finish()))
}

fn stream_of(id: Uuid) -> StreamId {
    StreamId::new(Category::Declaration, id)
}

fn new_event(fact: &Fact) -> Result<NewEvent> {
    Ok(NewEvent {
        event_id: Uuid::now_v7(),
        type_name: TYPE_NAMES[fact.kind()].into(),
        schema_version: 1,
        payload: serde_json::to_vec(fact.body())?,
    })
}

/// The index of a recorded event's type in [`KINDS`].
pub fn kind_of(recorded: &Recorded) -> Result<usize, StoreError> {
    TYPE_NAMES
        .iter()
        .position(|name| **name == *recorded.type_name)
        .ok_or_else(|| undecodable(recorded, "its type is none of this bench".into()))
}

/// A recorded event's body, wholly decoded.
pub fn decode<'a, T: Deserialize<'a>>(recorded: &'a Recorded) -> Result<T, StoreError> {
    let payload =
        recorded.payload.open().ok_or_else(|| undecodable(recorded, "its key was destroyed".into()))?;
    serde_json::from_slice(payload).map_err(|error| undecodable(recorded, error.to_string()))
}

fn undecodable(recorded: &Recorded, why: String) -> StoreError {
    StoreError::Undecodable { tag: recorded.tag(), position: recorded.position, why }
}

impl Target for MycoPod {
    /// The stream's version.
    type Cursor = i64;

    async fn append(&self, stream: Uuid, cursor: &mut i64, facts: Vec<Fact>) -> Result<bool> {
        let events = facts.iter().map(new_event).collect::<Result<Vec<_>>>()?;
        match self.store.append(Append::new(stream_of(stream), Expected::Version(*cursor), events)).await {
            Ok(appended) => {
                *cursor = appended.version;
                Ok(true)
            }
            Err(AppendError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn look(&self, stream: Uuid) -> Result<i64> {
        let sql = "select version from log.streams where stream_id = $1";
        Ok(self.client.query_opt(sql, &[&stream]).await?.map_or(0, |row| row.get(0)))
    }

    /// As the program does it: a command, decided in the stream's mailbox.
    async fn insist(&self, stream: Uuid, _: &mut i64, fact: Fact) -> Result<u64> {
        let mut tries = 1;
        loop {
            let command = Stored::of(fact.clone());
            match self.store.handle::<Machine>(stream_of(stream), command, Meta::default(), None).await {
                Ok(_) => return Ok(tries),
                Err(HandleError::Append(AppendError::Conflict { .. })) => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn load(&self, stream: Uuid) -> Result<u64> {
        let events = self.store.read_stream(stream_of(stream), 1).await?;
        let bodies = events.iter().map(decode).collect::<Result<Vec<Body>, _>>()?;
        Ok(std::hint::black_box(bodies).len() as u64)
    }

    async fn replay(&self) -> Result<[u64; 8]> {
        let mut counts = [0; KINDS.len()];
        let mut replay = self.store.replay_map(0, i64::MAX, |recorded| {
            std::hint::black_box(decode::<Body>(&recorded)?);
            kind_of(&recorded)
        });
        while let Some(chunk) = replay.next().await {
            chunk?.into_iter().for_each(|kind| counts[kind] += 1);
        }
        Ok(counts)
    }

    async fn count(&self) -> Result<u64> {
        let row = self.client.query_one("select count(*) from log.events", &[]).await?;
        Ok(row.get::<_, i64>(0) as u64)
    }
}

/// The aggregate of W4: it accepts every command.
#[derive(Clone, Default)]
pub struct Machine {
    revision: i64,
}

/// A fact as the typed layer of the store writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Stored {
    #[serde(rename = "bench.declared.v1")]
    Declared(Body),
    #[serde(rename = "bench.previewed.v1")]
    Previewed(Body),
    #[serde(rename = "bench.approved.v1")]
    Approved(Body),
    #[serde(rename = "bench.applied.v1")]
    Applied(Body),
    #[serde(rename = "bench.observed.v1")]
    Observed(Body),
    #[serde(rename = "bench.changed.v1")]
    Changed(Body),
    #[serde(rename = "bench.paused.v1")]
    Paused(Body),
    #[serde(rename = "bench.resumed.v1")]
    Resumed(Body),
}

impl Stored {
    fn of(fact: Fact) -> Self {
        match fact {
            Fact::Declared(body) => Self::Declared(body),
            Fact::Previewed(body) => Self::Previewed(body),
            Fact::Approved(body) => Self::Approved(body),
            Fact::Applied(body) => Self::Applied(body),
            Fact::Observed(body) => Self::Observed(body),
            Fact::Changed(body) => Self::Changed(body),
            Fact::Paused(body) => Self::Paused(body),
            Fact::Resumed(body) => Self::Resumed(body),
        }
    }

    fn body_mut(&mut self) -> &mut Body {
        match self {
            Self::Declared(body)
            | Self::Previewed(body)
            | Self::Approved(body)
            | Self::Applied(body)
            | Self::Observed(body)
            | Self::Changed(body)
            | Self::Paused(body)
            | Self::Resumed(body) => body,
        }
    }
}

impl Decider for Machine {
    type Command = Stored;
    type Event = Stored;
    type Refusal = Infallible;

    fn decide(&self, mut command: Stored) -> Result<Vec<Stored>, Infallible> {
        // What is decided depends on the state, as in real life.
        command.body_mut().revision = self.revision + 1;
        Ok(vec![command])
    }

    fn evolve(self, _: &Stored) -> Self {
        Self { revision: self.revision + 1 }
    }
}
