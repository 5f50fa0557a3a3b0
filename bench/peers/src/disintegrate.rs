//! `disintegrate` with `disintegrate-postgres`: one insert per append under SERIALIZABLE, read models by a listener.

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
use disintegrate::{
    DomainIdInfo, DomainIdSet, Event, EventInfo, EventListener, EventSchema, EventStore, IdentifierType,
    PersistedEvent, StreamItem, StreamQuery, domain_ids, ident, query, serde::json::Json,
};
use disintegrate_postgres::{Error, PgEventId, PgEventListener, PgEventListenerConfig, PgEventStore};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// The net under notifications.
const POLL: Duration = Duration::from_millis(50);

pub struct Disintegrate {
    pool: PgPool,
    store: PgEventStore<Entry, Json<Entry>>,
}

/// An event of one aggregate, which is its only domain id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    aggregate: Uuid,
    fact: Fact,
}

macro_rules! info {
    ($kind:expr) => {
        &EventInfo { name: KINDS[$kind], domain_ids: &[&ident!(#aggregate)] }
    };
}

impl Event for Entry {
    const SCHEMA: EventSchema = EventSchema {
        events: &KINDS,
        events_info: &[info!(0), info!(1), info!(2), info!(3), info!(4), info!(5), info!(6), info!(7)],
        domain_ids: &[&DomainIdInfo { ident: ident!(#aggregate), type_info: IdentifierType::Uuid }],
    };

    fn domain_ids(&self) -> DomainIdSet {
        domain_ids! { aggregate: self.aggregate }
    }

    fn name(&self) -> &'static str {
        KINDS[self.fact.kind()]
    }
}

/// Keeps the read model, one statement per event.
struct Upsert {
    pool: PgPool,
    query: StreamQuery<PgEventId, Entry>,
    progress: Arc<Progress>,
}

#[async_trait]
impl EventListener<PgEventId, Entry> for Upsert {
    type Error = sqlx::Error;

    fn id(&self) -> &'static str {
        "read_model"
    }

    fn query(&self) -> &StreamQuery<PgEventId, Entry> {
        &self.query
    }

    async fn handle(&self, event: PersistedEvent<PgEventId, Entry>) -> Result<(), sqlx::Error> {
        self.progress.begin();
        let entry = event.into_inner();
        pool::upsert(&self.pool, entry.aggregate, &entry.fact).await?;
        self.progress.done();
        Ok(())
    }
}

/// SERIALIZABLE refuses writers of other streams too, now and then, and not only at the commit.
fn is_conflict(error: &Error) -> bool {
    match error {
        Error::Concurrency => true,
        Error::Database(sqlx::Error::Database(error)) => error.code().as_deref() == Some("40001"),
        _ => false,
    }
}

impl Target for Disintegrate {
    /// Id of the stream's last event.
    type Cursor = PgEventId;

    async fn append(&self, stream: Uuid, cursor: &mut PgEventId, facts: Vec<Fact>) -> Result<bool> {
        let events = facts.into_iter().map(|fact| Entry { aggregate: stream, fact }).collect();
        match self.store.append(events, query!(Entry; aggregate == stream), *cursor).await {
            Ok(persisted) => {
                *cursor = persisted.last().map_or(*cursor, PersistedEvent::id);
                Ok(true)
            }
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn look(&self, stream: Uuid) -> Result<PgEventId> {
        let sql = "select coalesce(max(event_id), 0) from event where aggregate = $1";
        Ok(sqlx::query_scalar(sql).bind(stream).fetch_one(&self.pool).await?)
    }

    async fn load(&self, stream: Uuid) -> Result<u64> {
        let query = query!(Entry; aggregate == stream);
        let (mut items, mut events) = (self.store.stream(&query), Vec::new());
        while let Some(item) = items.next().await {
            match item? {
                StreamItem::Event(event) => events.push(event),
                StreamItem::End(_) => break,
            }
        }
        Ok(std::hint::black_box(events).len() as u64)
    }

    async fn replay(&self) -> Result<[u64; 8]> {
        let query = query!(Entry);
        let (mut items, mut counts) = (self.store.stream(&query), [0; 8]);
        while let Some(item) = items.next().await {
            match item? {
                StreamItem::Event(event) => counts[event.fact.kind()] += 1,
                StreamItem::End(_) => break,
            }
        }
        Ok(counts)
    }

    async fn count(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("select count(*) from event").fetch_one(&self.pool).await?;
        Ok(count as u64)
    }
}

impl Disintegrate {
    async fn listen(&self, progress: Arc<Progress>) -> Result<()> {
        let upsert = Upsert { pool: self.pool.clone(), query: query!(Entry), progress };
        let config = PgEventListenerConfig::poller(POLL).with_notifier();
        Ok(PgEventListener::builder(self.store.clone()).register_listener(upsert, config).start().await?)
    }
}

impl Peer for Disintegrate {
    const NAME: &'static str = "disintegrate";
    const TABLE: &'static str = "event";

    /// The tables, indexes and functions of the crate's own migrator. That fails on PostgreSQL 15, which does not
    /// know the hexadecimal literal in one of its functions; here it is decimal.
    async fn open(pool: PgPool) -> Result<Self> {
        sqlx::raw_sql(include_str!("disintegrate.sql")).execute(&pool).await?;
        Ok(Self { store: PgEventStore::new_uninitialized(pool.clone(), Json::default()), pool })
    }

    async fn live(&mut self) -> Result<()> {
        // The position from which it goes on: what is in the log already is not its task here.
        sqlx::raw_sql(
            "create table if not exists event_listener (id text primary key, last_processed_event_id bigint, \
             updated_at timestamp default now()); delete from event_listener; \
             insert into event_listener (id, last_processed_event_id) \
             select 'read_model', coalesce(max(event_id), 0) from event",
        )
        .execute(&self.pool)
        .await?;
        let peer = Self { pool: self.pool.clone(), store: self.store.clone() };
        tokio::spawn(async move {
            if let Err(error) = peer.listen(Arc::default()).await {
                eprintln!("the listener ended: {error}");
            }
        });
        Ok(())
    }

    async fn rebuild(&self, progress: Arc<Progress>) -> Result<()> {
        sqlx::raw_sql("drop table if exists event_listener").execute(&self.pool).await?;
        self.listen(progress).await
    }
}

impl Bulk for Disintegrate {
    const COPY: &'static str = "copy event (event_id, event_type, payload, aggregate) from stdin";
    const SHAPE: &'static str = "select event_type || replace(convert_from(payload, 'UTF8'), aggregate::text, '') || \
                                 pg_typeof(inserted_at) from event where aggregate = $1";
    const FORGET: &'static str = "delete from event where aggregate = $1";
    const AFTERWARDS: &'static str =
        "select setval('seq_event_event_id', greatest((select max(event_id) from event), 1))";

    fn line(salt: u64, aggregate: u64, sequence: u64, at_us: i64, n: u64) -> Result<String> {
        let entry =
            Entry { aggregate: aggregate_id(salt, aggregate), fact: fact(aggregate, sequence, at_us) };
        let payload: String = serde_json::to_vec(&entry)?.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{}\t{}\t\\\\x{payload}\t{}\n", n + 1, entry.name(), entry.aggregate))
    }
}
