//! L1: how long after an append begins its row is there for others.
//!
//! Streams are appended to at a steady rate. A poller that shares nothing with the store but the database reads the
//! read model as fast as it can, about every millisecond; a row tells when the last append it shows began, and those before
//! it are visible too.

use crate::{
    db,
    event::{aggregate_id, fact, now_us},
    outcome::{Outcome, percentile},
    target::Target,
};
use anyhow::{Context, Result, ensure};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use uuid::Uuid;

pub const STREAMS: u64 = 50;
pub const APPENDS_PER_SECOND: u64 = 200;
/// Pause between two looks of the poller.
const POLL: Duration = Duration::from_millis(1);
/// How long the last appends may take to show.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the appends of each stream began, and how many of them were seen.
type Sent = Arc<Mutex<HashMap<Uuid, (Vec<i64>, usize)>>>;

/// Runs with a read model that is empty and kept by the caller's projector. `time` is how long it appends. Appends that
/// were never seen are counted in `unseen`, and are not in the latencies.
pub async fn run<T: Target>(target: Arc<T>, database: &str, time: Duration) -> Result<Outcome> {
    let salt = Uuid::new_v4().as_u64_pair().0;
    let each = u32::try_from(STREAMS).unwrap_or(1) * Duration::from_secs(1) / APPENDS_PER_SECOND as u32;
    let sent: Sent = Arc::default();
    let began = Instant::now();
    let mut writers = JoinSet::new();
    for number in 0..STREAMS {
        let (target, sent) = (target.clone(), sent.clone());
        writers.spawn(async move {
            let stream = aggregate_id(salt, number);
            let mut cursor = T::Cursor::default();
            // Spread over the interval, so that appends come one by one.
            let first = tokio::time::Instant::now() + each * number as u32 / STREAMS as u32;
            let mut clock = tokio::time::interval_at(first, each);
            for n in 0.. {
                clock.tick().await;
                if began.elapsed() >= time {
                    break;
                }
                let at_us = now_us();
                lock(&sent).entry(stream).or_default().0.push(at_us);
                while !target.append(stream, &mut cursor, vec![fact(number, n, at_us)]).await? {}
            }
            anyhow::Ok(())
        });
    }
    let (url, seen) = (database.to_owned(), sent.clone());
    let (stop, stopped) = std::sync::mpsc::channel::<u64>();
    // A thread and a runtime of its own: it waits for nobody but the database.
    let poller = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(poll(&url, &seen, &stopped))
    });
    while let Some(done) = writers.join_next().await {
        done.context("a writer broke off")??;
    }
    let took = began.elapsed();
    let appended: u64 = lock(&sent).values().map(|(sent, _)| sent.len() as u64).sum();
    stop.send(appended).context("the poller broke off")?;
    let joined = tokio::task::spawn_blocking(move || poller.join()).await?;
    let (mut latencies, looks) = joined.map_err(|_| anyhow::anyhow!("the poller broke off"))??;
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "none of {appended} appends was seen");
    let unseen = appended.saturating_sub(latencies.len() as u64);
    let p50 = percentile(&latencies, 50);
    let mut outcome = Outcome::rate("l1", "events", appended, took);
    (outcome.value, outcome.unit) = (p50, "ms".into());
    Ok(outcome
        .with("p50_ms", p50)
        .with("p99_ms", percentile(&latencies, 99))
        .with("unseen", unseen as f64)
        .with("looks_per_second", looks as f64 / took.as_secs_f64()))
}

/// Looks until all appends that were sent are seen. Returns their latencies, and how often it looked.
async fn poll(
    url: &str,
    sent: &Sent,
    stopped: &std::sync::mpsc::Receiver<u64>,
) -> Result<(Vec<Duration>, u64)> {
    let client = db::connect(url).await?;
    let look = client.prepare("select id, last_at_us from read_model").await?;
    let (mut latencies, mut looks, mut due) = (Vec::new(), 0, None::<(u64, Instant)>);
    loop {
        let rows = client.query(&look, &[]).await?;
        let now = now_us();
        looks += 1;
        let mut sent = lock(sent);
        for row in &rows {
            let (id, last_at_us): (Uuid, i64) = (row.get(0), row.get(1));
            let Some((times, seen)) = sent.get_mut(&id) else { continue };
            let shown = times.partition_point(|at_us| *at_us <= last_at_us);
            for at_us in times.get(*seen..shown).unwrap_or_default() {
                latencies.push(Duration::from_micros((now - at_us).max(0) as u64));
            }
            *seen = shown.max(*seen);
        }
        drop(sent);
        if due.is_none() {
            due = stopped.try_recv().ok().map(|appended| (appended, Instant::now()));
        }
        match due {
            Some((appended, _)) if latencies.len() as u64 >= appended => return Ok((latencies, looks)),
            Some((_, since)) if since.elapsed() > PATIENCE => return Ok((latencies, looks)),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

fn lock(sent: &Sent) -> std::sync::MutexGuard<'_, HashMap<Uuid, (Vec<i64>, usize)>> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}
