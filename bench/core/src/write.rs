//! W1 to W4: appends, each durable before the writer's next.

use crate::{
    event::{aggregate_id, fact, now_us},
    outcome::Outcome,
    target::Target,
};
use anyhow::{Context, Result, ensure};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Appends after which a writer goes on with a new stream.
const STREAM_APPENDS: u64 = 100;

/// What one writer did.
#[derive(Default)]
struct Written {
    events: u64,
    conflicts: u64,
    latencies: Vec<Duration>,
}

/// W1, W2 and W3: writers on streams of their own, with the version expected.
pub async fn append<T: Target>(
    target: Arc<T>,
    workload: &str,
    writers: u64,
    per_append: u64,
    time: Duration,
) -> Result<Outcome> {
    let salt = Uuid::new_v4().as_u64_pair().0;
    run(&target.clone(), workload, writers, time, move |writer, until| {
        let target = target.clone();
        async move {
            let mut written = Written::default();
            for number in 0.. {
                let aggregate = writer * 1_000_000 + number;
                let stream = aggregate_id(salt, aggregate);
                let mut cursor = T::Cursor::default();
                for append in 0..STREAM_APPENDS {
                    if Instant::now() >= until {
                        return Ok(written);
                    }
                    let (began, at_us) = (Instant::now(), now_us());
                    let make = || {
                        let from = append * per_append;
                        (from..from + per_append).map(|n| fact(aggregate, n, at_us)).collect()
                    };
                    while !target.append(stream, &mut cursor, make()).await? {
                        written.conflicts += 1;
                    }
                    written.latencies.push(began.elapsed());
                    written.events += per_append;
                }
            }
            Ok(written)
        }
    })
    .await
}

/// W4: all writers on one stream.
pub async fn contend<T: Target>(
    target: Arc<T>,
    workload: &str,
    writers: u64,
    time: Duration,
) -> Result<Outcome> {
    let salt = Uuid::new_v4().as_u64_pair().0;
    let stream = aggregate_id(salt, 0);
    run(&target.clone(), workload, writers, time, move |writer, until| {
        let target = target.clone();
        async move {
            let mut written = Written::default();
            let mut cursor = T::Cursor::default();
            for n in 0.. {
                if Instant::now() >= until {
                    break;
                }
                let began = Instant::now();
                let tries = target.insist(stream, &mut cursor, fact(writer, n, now_us())).await?;
                written.latencies.push(began.elapsed());
                written.conflicts += tries - 1;
                written.events += 1;
            }
            Ok(written)
        }
    })
    .await
}

/// Runs the writers until the time is over and their last appends are durable, and counts the rows afterwards.
async fn run<T: Target, F>(
    target: &Arc<T>,
    workload: &str,
    writers: u64,
    time: Duration,
    writer: impl Fn(u64, Instant) -> F,
) -> Result<Outcome>
where
    F: Future<Output = Result<Written>> + Send + 'static,
{
    let before = target.count().await?;
    let (began, until) = (Instant::now(), Instant::now() + time);
    let mut running = JoinSet::new();
    (0..writers).for_each(|number| drop(running.spawn(writer(number, until))));
    let mut all = Written::default();
    while let Some(done) = running.join_next().await {
        let mut one = done.context("a writer broke off")??;
        all.events += one.events;
        all.conflicts += one.conflicts;
        all.latencies.append(&mut one.latencies);
    }
    let took = began.elapsed();
    let there = target.count().await? - before;
    ensure!(there == all.events, "{} events were confirmed, {there} rows are there", all.events);
    let conflicts = all.conflicts as f64;
    Ok(Outcome::rate(workload, "events", all.events, took)
        .with("conflicts", conflicts)
        .with_latencies(&mut all.latencies))
}
