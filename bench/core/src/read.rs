//! R1 and R2: loading a stream, and replaying the whole log.

use crate::{
    event::aggregate_id,
    outcome::Outcome,
    target::{FILL_SALT, LONG_STREAM, LONG_STREAM_EVENTS, Target},
};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// R1: one stream into structs, again and again.
pub async fn load<T: Target>(target: &T, time: Duration) -> Result<Outcome> {
    let stream = aggregate_id(FILL_SALT, LONG_STREAM);
    let (began, mut latencies) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let one = Instant::now();
        let events = target.load(stream).await?;
        ensure!(events == LONG_STREAM_EVENTS, "the stream has {events} events, not {LONG_STREAM_EVENTS}");
        latencies.push(one.elapsed());
    }
    let events = latencies.len() as u64 * LONG_STREAM_EVENTS;
    Ok(Outcome::rate("r1", "events", events, began.elapsed()).with_latencies(&mut latencies))
}

/// R2: every event, decoded wholly.
pub async fn replay<T: Target>(target: &T, events: u64) -> Result<Outcome> {
    let began = Instant::now();
    let counts = target.replay().await?;
    let took = began.elapsed();
    let seen: u64 = counts.iter().sum();
    ensure!(seen == events, "{seen} events were replayed, not {events}");
    ensure!(counts.iter().all(|count| *count > 0), "a type is missing: {counts:?}");
    Ok(Outcome::rate("r2", "events", seen, took))
}
