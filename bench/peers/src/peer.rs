//! [`Peer`]: what a peer does beside being a [`Target`]; and how its log is filled.

use crate::pool::{self, Progress};
use anyhow::{Result, ensure};
use bench_core::{
    cli::{self, Verb},
    db,
    event::{aggregate_id, fact},
    live, model,
    outcome::Outcome,
    target::{FILL_SALT, LONG_STREAM_EVENTS, Target, filled, filled_at_us},
};
use bytes::Bytes;
use futures::SinkExt;
use sqlx::PgPool;
use std::{pin::pin, sync::Arc, time::Instant};
use tokio_postgres::Client;

/// Events of a rebuild that may be undone when it is stopped.
const UNDONE_EVENTS: u64 = 1_024;
/// Bytes sent at once while filling.
const COPY_BYTES: usize = 256 * 1024;
/// The aggregate whose row is written both ways and compared, and the salts of the two.
const SHAPE_AGGREGATE: u64 = 2_000_000_011;
const SHAPE_BY_API: u64 = 1;
const SHAPE_BY_COPY: u64 = 2;

pub trait Peer: Target + Bulk + Sized {
    const NAME: &'static str;
    /// Of its events.
    const TABLE: &'static str;

    /// Makes its tables if they are missing.
    fn open(pool: PgPool) -> impl Future<Output = Result<Self>> + Send;

    /// From now on, appends reach the read model in the way this store has for it.
    fn live(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Fills the empty read model from the log with the store's own replay; may go on for ever.
    fn rebuild(&self, progress: Arc<Progress>) -> impl Future<Output = Result<()>> + Send;
}

/// Rows as the store itself writes them, by COPY: only for filling, which is not measured.
pub trait Bulk {
    /// Before the first row.
    const BEFORE: &'static str = "";
    const COPY: &'static str;
    /// Everything of the only event of an aggregate ($1), but for ids and times, as text.
    const SHAPE: &'static str;
    /// Deletes the events of an aggregate ($1).
    const FORGET: &'static str;
    /// After the rows are in.
    const AFTERWARDS: &'static str = "";

    /// The `n`th row of the log, in COPY's text format.
    fn line(salt: u64, aggregate: u64, sequence: u64, at_us: i64, n: u64) -> Result<String>;
}

pub async fn run<P: Peer>(url: &str, verb: Verb) -> Result<Outcome> {
    let began = Instant::now();
    let mut peer = P::open(pool::open(url).await?).await?;
    let client = db::connect(url).await?;
    let outcome = match verb {
        Verb::Fill { events } => {
            fill(&peer, &client, events).await?;
            Outcome::rate("fill", "events", events, began.elapsed())
        }
        Verb::P1 { seconds, events } => {
            model::reset(&client).await?;
            let progress = Arc::new(Progress::default());
            let (done, took) = progress.run(seconds, peer.rebuild(progress.clone())).await?;
            let (rows, there) = model::size(&client).await?;
            // What is under way when it is stopped is undone: of esrs up to one aggregate.
            ensure!(
                there.abs_diff(done) <= UNDONE_EVENTS,
                "{done} events were handled, the rows stand for {there}"
            );
            ensure!(done <= events, "{done} events were handled of {events}");
            Outcome::rate("p1", "events", done, took).with("rows", rows as f64)
        }
        Verb::L1 { seconds } => {
            model::reset(&client).await?;
            peer.live().await?;
            live::run(Arc::new(peer), url, cli::seconds(seconds)).await?
        }
        Verb::V1 { .. } => anyhow::bail!("{} has no chain to verify", P::NAME),
        verb => match cli::shared(&Arc::new(peer), &verb).await {
            Some(outcome) => outcome?,
            None => anyhow::bail!("this workload is not known"),
        },
    };
    Ok(outcome.of(P::NAME))
}

async fn fill<P: Peer>(peer: &P, client: &Client, events: u64) -> Result<()> {
    ensure!(events > LONG_STREAM_EVENTS, "a log of fewer than {LONG_STREAM_EVENTS} events is of no use");
    ensure!(peer.count().await? == 0, "the database has events already");
    same_shape(peer, client).await?;
    let lines = (0..events).map(|n| {
        let (aggregate, sequence) = filled(n, events);
        P::line(FILL_SALT, aggregate, sequence, filled_at_us(n), n)
    });
    let copied = copy::<P>(client, lines).await?;
    ensure!(copied == events && peer.count().await? == events, "not all events are there");
    db::settle(client, P::TABLE).await
}

async fn copy<P: Peer>(client: &Client, lines: impl Iterator<Item = Result<String>>) -> Result<u64> {
    client.batch_execute(P::BEFORE).await?;
    let mut sink = pin!(client.copy_in::<_, Bytes>(P::COPY).await?);
    let mut text = String::with_capacity(COPY_BYTES + 4096);
    for line in lines {
        text.push_str(&line?);
        if text.len() >= COPY_BYTES {
            sink.send(Bytes::from(std::mem::take(&mut text))).await?;
        }
    }
    sink.send(Bytes::from(text)).await?;
    let copied = sink.finish().await?;
    client.batch_execute(P::AFTERWARDS).await?;
    Ok(copied)
}

/// One event appended through the store's own API and one copied in must look the same in its table.
async fn same_shape<P: Peer>(peer: &P, client: &Client) -> Result<()> {
    let at_us = filled_at_us(0);
    let by_api = aggregate_id(SHAPE_BY_API, SHAPE_AGGREGATE);
    let by_copy = aggregate_id(SHAPE_BY_COPY, SHAPE_AGGREGATE);
    let appended =
        peer.append(by_api, &mut Default::default(), vec![fact(SHAPE_AGGREGATE, 0, at_us)]).await?;
    ensure!(appended, "an append to an empty store was refused");
    let n = 1 << 40;
    copy::<P>(client, [P::line(SHAPE_BY_COPY, SHAPE_AGGREGATE, 0, at_us, n)].into_iter()).await?;
    let mut shapes = Vec::new();
    for id in [by_api, by_copy] {
        shapes.push(client.query_one(P::SHAPE, &[&id]).await?.get::<_, String>(0));
        client.execute(P::FORGET, &[&id]).await?;
    }
    ensure!(shapes[0] == shapes[1], "the store writes {}, filling would write {}", shapes[0], shapes[1]);
    Ok(())
}
