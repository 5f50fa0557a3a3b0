//! `esrs`: an insert per event, read models by handlers inside the transaction.

use crate::{
    peer::{Bulk, Peer},
    pool::{self, Progress},
};
use anyhow::Result;
use async_trait::async_trait;
use bench_core::{
    event::{Fact, aggregate_id, fact},
    target::Target,
};
use esrs::{
    Aggregate, AggregateState,
    handler::TransactionalEventHandler,
    rebuilder::{PgRebuilder, Rebuilder},
    store::{
        EventStore, StoreEvent,
        postgres::{PgStore, PgStoreBuilder, PgStoreError, UuidFormat},
    },
};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use std::{convert::Infallible, sync::Arc};
use uuid::Uuid;

pub struct Esrs {
    pool: PgPool,
    store: PgStore<Machine>,
}

pub struct Machine;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entry(Fact);

impl Aggregate for Machine {
    const NAME: &'static str = "machine";
    type State = ();
    type Command = Entry;
    type Event = Entry;
    type Error = Infallible;

    fn handle_command((): &(), command: Entry) -> Result<Vec<Entry>, Infallible> {
        Ok(vec![command])
    }

    fn apply_event((): (), _: Entry) {}
}

/// Keeps the read model, one statement per event, in the transaction that appends it.
struct Upsert {
    progress: Arc<Progress>,
}

#[async_trait]
impl TransactionalEventHandler<Machine, PgStoreError, PgConnection> for Upsert {
    async fn handle(
        &self,
        event: &StoreEvent<Entry>,
        executor: &mut PgConnection,
    ) -> Result<(), PgStoreError> {
        self.progress.begin();
        pool::upsert(executor, event.aggregate_id, &event.payload.0).await?;
        self.progress.done();
        Ok(())
    }

    async fn delete(&self, aggregate: Uuid, executor: &mut PgConnection) -> Result<(), PgStoreError> {
        self.progress.begin();
        sqlx::query("delete from read_model where id = $1").bind(aggregate).execute(executor).await?;
        Ok(())
    }
}

impl Target for Esrs {
    /// The stream's last sequence number.
    type Cursor = i32;

    async fn append(&self, stream: Uuid, cursor: &mut i32, facts: Vec<Fact>) -> Result<bool> {
        let mut state = AggregateState::<()>::with_id(stream);
        for _ in 0..*cursor {
            state.next_sequence_number();
        }
        let events: Vec<Entry> = facts.into_iter().map(Entry).collect();
        let count = events.len() as i32;
        match self.store.persist(&mut state, events).await {
            Ok(_) => {
                *cursor += count;
                Ok(true)
            }
            Err(PgStoreError::Sqlx(sqlx::Error::Database(error))) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn look(&self, stream: Uuid) -> Result<i32> {
        let sql = "select coalesce(max(sequence_number), 0) from machine_events where aggregate_id = $1";
        Ok(sqlx::query_scalar(sql).bind(stream).fetch_one(&self.pool).await?)
    }

    async fn load(&self, stream: Uuid) -> Result<u64> {
        Ok(std::hint::black_box(self.store.by_aggregate_id(stream).await?).len() as u64)
    }

    async fn replay(&self) -> Result<[u64; 8]> {
        let mut counts = [0; 8];
        let mut events = self.store.stream_events(&self.pool);
        while let Some(event) = events.next().await {
            counts[event?.payload.0.kind()] += 1;
        }
        Ok(counts)
    }

    async fn count(&self) -> Result<u64> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from machine_events").fetch_one(&self.pool).await?;
        Ok(count as u64)
    }
}

/// Ids in the order of time: the index on them grows at its end, which is faster.
fn builder(pool: &PgPool) -> PgStoreBuilder<Machine> {
    PgStoreBuilder::new(pool.clone()).with_event_id_format(UuidFormat::V7)
}

impl Peer for Esrs {
    const NAME: &'static str = "esrs";
    const TABLE: &'static str = "machine_events";

    async fn open(pool: PgPool) -> Result<Self> {
        Ok(Self { store: builder(&pool).try_build().await?, pool })
    }

    async fn live(&mut self) -> Result<()> {
        let upsert = Upsert { progress: Arc::default() };
        self.store = builder(&self.pool).add_transactional_event_handler(upsert).try_build().await?;
        Ok(())
    }

    /// Aggregate by aggregate: its other way holds the whole table in memory, and empties a row before every event.
    async fn rebuild(&self, progress: Arc<Progress>) -> Result<()> {
        let rebuilder = PgRebuilder::<Machine>::new()
            .with_transactional_event_handlers(vec![Box::new(Upsert { progress })]);
        Ok(rebuilder.by_aggregate_id(self.pool.clone()).await?)
    }
}

impl Bulk for Esrs {
    const COPY: &'static str =
        "copy machine_events (id, aggregate_id, payload, occurred_on, sequence_number, version) from stdin";
    const SHAPE: &'static str = "select (to_jsonb(e) - 'id' - 'aggregate_id' - 'occurred_on')::text \
                                 from machine_events e where aggregate_id = $1";
    const FORGET: &'static str = "delete from machine_events where aggregate_id = $1";

    fn line(salt: u64, aggregate: u64, sequence: u64, at_us: i64, n: u64) -> Result<String> {
        let (id, payload) = (Uuid::now_v7(), serde_json::to_string(&fact(aggregate, sequence, at_us))?);
        let stream = aggregate_id(salt, aggregate);
        let at =
            chrono::DateTime::from_timestamp_micros(bench_core::target::filled_at_us(n)).unwrap_or_default();
        Ok(format!("{id}\t{stream}\t{payload}\t{}\t{}\t\\N\n", at.to_rfc3339(), sequence + 1))
    }
}
