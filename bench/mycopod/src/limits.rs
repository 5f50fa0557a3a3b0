//! What PostgreSQL and the processor can do at best, without a store: the limits that figures are held against.
//!
//! Rows are those of MycoPod's log, with the same columns, checks and indexes.

use anyhow::{Context, Result, ensure};
use bench_core::{
    db,
    event::{Body, body},
    outcome::Outcome,
};
use clap::ValueEnum;
use futures::TryStreamExt;
use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Limit {
    /// `insert … select unnest` of 1,000 rows a commit, one client.
    Unnest,
    /// One row a commit, one client.
    Commit1,
    /// One row a commit, 16 clients.
    Commit16,
    /// The log by COPY BINARY, thrown away by the client.
    Copyout,
    /// Opening payloads and decoding their JSON, without a database, on all processors.
    Decode,
}

impl Limit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unnest => "limit-unnest",
            Self::Commit1 => "limit-commit1",
            Self::Commit16 => "limit-commit16",
            Self::Copyout => "limit-copyout",
            Self::Decode => "limit-decode",
        }
    }
}

/// `amount` is seconds; of `copyout` it is not used.
pub async fn measure(limit: Limit, url: &str, time: Duration) -> Result<Outcome> {
    match limit {
        Limit::Unnest => inserts(limit, url, 1, 1_000, time).await,
        Limit::Commit1 => inserts(limit, url, 1, 1, time).await,
        Limit::Commit16 => inserts(limit, url, 16, 1, time).await,
        Limit::Copyout => copy_out(url).await,
        Limit::Decode => decode(time),
    }
}

const TABLE: &str = "
drop table if exists bare;
create table bare (position bigint not null, recorded_at timestamptz not null, stream_id uuid not null,
    category smallint not null, version bigint not null check (version >= 1), event_id uuid not null,
    type_id smallint not null, schema_version smallint not null check (schema_version >= 1),
    key_id bigint not null, correlation_id uuid, causation_position bigint, actor_id uuid,
    chain bytea not null check (length(chain) = 32), payload bytea not null,
    primary key (position), check (position >= 1));
alter table bare alter column payload set storage external;
create unique index on bare (stream_id, version)";

const INSERT: &str = "
insert into bare select u.position, $2, $3, 1::smallint, u.position, u.event_id, 1::smallint, 1::smallint, 1, null,
    null, null, u.chain, u.payload
from unnest($1::bigint[], $4::uuid[], $5::bytea[], $6::bytea[]) as u(position, event_id, chain, payload)";

async fn inserts(limit: Limit, url: &str, clients: i64, rows: i64, time: Duration) -> Result<Outcome> {
    db::connect(url).await?.batch_execute(TABLE).await?;
    let mut connections = Vec::new();
    for _ in 0..clients {
        let client = db::connect(url).await?;
        let insert = client.prepare(INSERT).await?;
        connections.push((client, insert));
    }
    let (began, until) = (Instant::now(), Instant::now() + time);
    let mut running = JoinSet::new();
    for (number, (client, insert)) in connections.into_iter().enumerate() {
        running.spawn(async move { insert_until(until, client, insert, number as i64, rows).await });
    }
    let mut inserted = 0;
    while let Some(done) = running.join_next().await {
        inserted += done.context("a client broke off")??;
    }
    let took = began.elapsed();
    let there = db::connect(url).await?.query_one("select count(*) from bare", &[]).await?;
    ensure!(there.get::<_, i64>(0) as u64 == inserted, "not all rows are there");
    Ok(Outcome::rate(limit.name(), "events", inserted, took))
}

async fn insert_until(
    until: Instant,
    client: Client,
    insert: Statement,
    number: i64,
    rows: i64,
) -> Result<u64> {
    let (chain, payload) = (vec![7u8; 32], vec![0x5au8; 628]);
    let (mut position, mut inserted) = (number << 40, 0);
    while Instant::now() < until {
        let positions: Vec<i64> = (position + 1..=position + rows).collect();
        let ids: Vec<Uuid> = positions.iter().map(|_| Uuid::now_v7()).collect();
        let chains = vec![&chain[..]; rows as usize];
        let payloads = vec![&payload[..]; rows as usize];
        let stream = Uuid::now_v7();
        inserted += client
            .execute(&insert, &[&positions, &SystemTime::now(), &stream, &ids, &chains, &payloads])
            .await?;
        position += rows;
    }
    Ok(inserted)
}

async fn copy_out(url: &str) -> Result<Outcome> {
    let client = db::connect(url).await?;
    client.batch_execute("set jit = off; set enable_sort = off").await?;
    let (began, mut bytes) = (Instant::now(), 0);
    let copy = "copy (select position, recorded_at, stream_id, category, version, event_id, type_id, schema_version, \
                key_id, correlation_id, causation_position, actor_id, chain, payload from log.events \
                order by position) to stdout (format binary)";
    let mut chunks = pin!(client.copy_out(copy).await?);
    while let Some(chunk) = chunks.try_next().await? {
        bytes += chunk.len();
    }
    let took = began.elapsed();
    let rows = client.query_one("select count(*) from log.events", &[]).await?.get::<_, i64>(0);
    ensure!(rows > 0, "the log is empty: fill it first");
    Ok(Outcome::rate("limit-copyout", "events", rows as u64, took)
        .with("bytes_per_event", bytes as f64 / rows as f64))
}

/// Payloads under different keys, as many as one chunk of a replay may hold, again and again.
fn decode(time: Duration) -> Result<Outcome> {
    let mut sealed = Vec::new();
    for n in 0..2_000 {
        let key = secrets::DataKey::generate()?;
        let payload = secrets::seal(&key, &[7; 36], &serde_json::to_vec(&body(n, n % 20, 0))?)?;
        sealed.push((key, payload));
    }
    let sealed = Arc::new(sealed);
    let run = |threads: usize| -> Result<(u64, Duration)> {
        let began = Instant::now();
        let work: Vec<_> = (0..threads)
            .map(|_| {
                let sealed = sealed.clone();
                std::thread::spawn(move || -> Result<u64> {
                    let mut decoded = 0;
                    while began.elapsed() < time {
                        for (key, payload) in sealed.iter() {
                            let clear = secrets::open(key, &[7; 36], payload)?;
                            std::hint::black_box(serde_json::from_slice::<Body>(&clear)?);
                            decoded += 1;
                        }
                    }
                    Ok(decoded)
                })
            })
            .collect();
        let mut decoded = 0;
        for thread in work {
            decoded += thread.join().map_err(|_| anyhow::anyhow!("a thread broke off"))??;
        }
        Ok((decoded, began.elapsed()))
    };
    let (alone, alone_took) = run(1)?;
    let threads = std::thread::available_parallelism()?.get();
    let (all, took) = run(threads)?;
    Ok(Outcome::rate("limit-decode", "events", all, took)
        .with("one_thread_per_second", alone as f64 / alone_took.as_secs_f64())
        .with("threads", threads as f64))
}
