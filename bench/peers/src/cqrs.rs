//! `cqrs-es` with `postgres-es`: an insert per event, a query after the commit for each read model.

use crate::{
    peer::{Bulk, Peer},
    pool::{self, Progress},
};
use anyhow::Result;
use async_trait::async_trait;
use bench_core::{
    event::{Fact, KINDS, aggregate_id, fact},
    target::Target,
};
use cqrs_es::{
    Aggregate, AggregateError, DomainEvent, EventEnvelope, EventStore, Query, View,
    event_sink::EventSink,
    persist::{EventStoreAggregateContext, PersistedEventStore, QueryReplay},
};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use uuid::Uuid;

/// Events that wait between the reader of a replay and its handler; the default is 200.
const REPLAY_EVENTS_WAITING: usize = 2_000;

pub struct Cqrs {
    pool: PgPool,
    store: PersistedEventStore<PostgresEventRepository, Machine>,
    /// Runs after each commit, as `CqrsFramework::execute` does it.
    inline: Option<Upsert>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Machine;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entry(Fact);

impl DomainEvent for Entry {
    fn event_type(&self) -> String {
        KINDS[self.0.kind()].into()
    }

    fn event_version(&self) -> String {
        "1.0".into()
    }
}

impl Aggregate for Machine {
    const TYPE: &'static str = "machine";
    type Command = Entry;
    type Event = Entry;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, command: Entry, (): &(), sink: &EventSink<Self>) -> Result<(), Infallible> {
        sink.write(command, self).await;
        Ok(())
    }

    fn apply(&mut self, _: Entry) {}
}

impl View<Machine> for Machine {
    fn update(&mut self, _: &EventEnvelope<Machine>) {}
}

/// Keeps the read model, one statement per event.
struct Upsert {
    pool: PgPool,
    progress: Arc<Progress>,
}

#[async_trait]
impl Query<Machine> for Upsert {
    async fn dispatch(&self, aggregate_id: &str, events: &[EventEnvelope<Machine>]) {
        for event in events {
            self.progress.begin();
            let id = Uuid::parse_str(aggregate_id).unwrap_or_default();
            match pool::upsert(&self.pool, id, &event.payload.0).await {
                Ok(()) => self.progress.done(),
                // The trait has no way to say so; the check of the rows afterwards fails.
                Err(error) => eprintln!("a row was not written: {error}"),
            }
        }
    }
}

#[derive(Default)]
struct Counted([AtomicU64; 8]);

#[async_trait]
impl Query<Machine> for Arc<Counted> {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Machine>]) {
        for event in events {
            self.0[event.payload.0.kind()].fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn repository(pool: &PgPool) -> PostgresEventRepository {
    PostgresEventRepository::new(pool.clone()).with_streaming_channel_size(REPLAY_EVENTS_WAITING)
}

impl Target for Cqrs {
    /// The stream's last sequence.
    type Cursor = usize;

    async fn append(&self, stream: Uuid, cursor: &mut usize, facts: Vec<Fact>) -> Result<bool> {
        let id = stream.to_string();
        let context = EventStoreAggregateContext {
            aggregate_id: id.clone(),
            aggregate: Machine,
            current_sequence: *cursor,
            current_snapshot: None,
        };
        let events: Vec<Entry> = facts.into_iter().map(Entry).collect();
        let count = events.len();
        match self.store.commit(events, context, HashMap::new()).await {
            Ok(committed) => {
                if let Some(inline) = &self.inline {
                    inline.dispatch(&id, &committed).await;
                }
                *cursor += count;
                Ok(true)
            }
            Err(AggregateError::AggregateConflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn look(&self, stream: Uuid) -> Result<usize> {
        let sql =
            "select coalesce(max(sequence), 0) from events where aggregate_type = $1 and aggregate_id = $2";
        let last: i64 = sqlx::query_scalar(sql)
            .bind(Machine::TYPE)
            .bind(stream.to_string())
            .fetch_one(&self.pool)
            .await?;
        Ok(last as usize)
    }

    async fn load(&self, stream: Uuid) -> Result<u64> {
        let events = self.store.load_events(&stream.to_string()).await?;
        Ok(std::hint::black_box(events).len() as u64)
    }

    async fn replay(&self) -> Result<[u64; 8]> {
        let counted = Arc::new(Counted::default());
        QueryReplay::<_, _, Machine>::new(repository(&self.pool), counted.clone()).replay_all().await?;
        Ok(std::array::from_fn(|kind| counted.0[kind].load(Ordering::Relaxed)))
    }

    async fn count(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("select count(*) from events").fetch_one(&self.pool).await?;
        Ok(count as u64)
    }
}

impl Peer for Cqrs {
    const NAME: &'static str = "cqrs-es";
    const TABLE: &'static str = "events";

    async fn open(pool: PgPool) -> Result<Self> {
        // As db/init.sql of postgres-es has it.
        sqlx::raw_sql(
            "create table if not exists events (aggregate_type text not null, aggregate_id text not null, \
             sequence bigint check (sequence >= 0) not null, event_type text not null, event_version text not null, \
             payload json not null, metadata json not null, \
             primary key (aggregate_type, aggregate_id, sequence))",
        )
        .execute(&pool)
        .await?;
        Ok(Self { store: PersistedEventStore::new_event_store(repository(&pool)), pool, inline: None })
    }

    async fn live(&mut self) -> Result<()> {
        self.inline = Some(Upsert { pool: self.pool.clone(), progress: Arc::default() });
        Ok(())
    }

    async fn rebuild(&self, progress: Arc<Progress>) -> Result<()> {
        let upsert = Upsert { pool: self.pool.clone(), progress };
        Ok(QueryReplay::<_, _, Machine>::new(repository(&self.pool), upsert).replay_all().await?)
    }
}

impl Bulk for Cqrs {
    const BEFORE: &'static str = "create temporary table if not exists incoming (aggregate_type text, aggregate_id text, \
                                  sequence bigint, event_type text, event_version text, payload jsonb, metadata jsonb)";
    const COPY: &'static str = "copy incoming from stdin";
    /// The crate sends jsonb to columns of type json, so what is stored is jsonb's text.
    const AFTERWARDS: &'static str = "insert into events select aggregate_type, aggregate_id, sequence, event_type, event_version, payload::json, \
         metadata::json from incoming; truncate incoming";
    const SHAPE: &'static str = "select (to_jsonb(e) - 'aggregate_id' - 'payload')::text || e.payload::text from events e where aggregate_id = $1::uuid::text";
    const FORGET: &'static str = "delete from events where aggregate_id = $1::uuid::text";

    fn line(salt: u64, aggregate: u64, sequence: u64, at_us: i64, _: u64) -> Result<String> {
        let fact = Entry(fact(aggregate, sequence, at_us));
        let id = aggregate_id(salt, aggregate);
        let payload = serde_json::to_string(&fact)?;
        Ok(format!("machine\t{id}\t{}\t{}\t1.0\t{payload}\t{{}}\n", sequence + 1, fact.event_type()))
    }
}
