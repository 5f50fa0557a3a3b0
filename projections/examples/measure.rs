//! Measures the read models on a private Postgres: `measure fill=N [models=a,b] [l1] [cap=MIB]`.
//!
//! Fills the log with N events over N/100 declarations, rebuilds each model, and tells rates and the most memory this
//! process ever had (VmHWM). `l1` first appends 200 events a second to 50 streams for ten seconds and tells the time from
//! the start of an append to its row being visible to somebody who polls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use domain::declaration::Event;
use domain::event::Category;
use domain::ids::AccountId;
use eventstore::embedded::Cluster;
use eventstore::{Append, EventLog, Expected, NewEvent, Store, StoreConfig, StreamId, encode};
use projections::rebuild::{Options, rebuild_with};
use projections::{Projector, Reader, folds};
use secrets::KeyRing;
use std::time::{Duration, Instant};
use uuid::Uuid;

const WRITERS: usize = 8;

fn stream(n: usize) -> StreamId {
    StreamId::new(Category::Declaration, Uuid::from_u128(0xbe00_0000 + n as u128))
}

fn event(n: usize, first: bool) -> NewEvent {
    let by = AccountId(Uuid::from_u128(7));
    let (title, text) = (format!("Guest {n}"), format!("{n} A Debian 12 VM with 2 cores. ").repeat(12));
    let event = match first {
        true => Event::Drafted { author: by, title, text, follows: None },
        false => Event::Revised { by, title, text },
    };
    encode(&event).unwrap()
}

/// Interleaved: one event of each declaration after the other, in appends of one stream each.
async fn fill(store: &Store, events: usize) {
    let streams = (events / 100).max(1);
    let per_append = 10;
    let begun = Instant::now();
    for round in 0..100 / per_append {
        let writers = (0..WRITERS).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut waiting = std::collections::VecDeque::new();
                for n in (writer..streams).step_by(WRITERS) {
                    let events = (0..per_append).map(|k| event(n, round == 0 && k == 0)).collect();
                    let expected = Expected::Version((round * per_append) as i64);
                    let append = Append::new(stream(n), expected, events);
                    waiting.push_back(store.submit(append, None).await.unwrap());
                    if waiting.len() > 32 {
                        waiting.pop_front().unwrap().outcome().await.unwrap();
                    }
                }
                for pending in waiting {
                    pending.outcome().await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    }
    let s = begun.elapsed().as_secs_f64();
    println!("filled {} events in {s:.1} s, {:.0}/s", streams * 100, (streams * 100) as f64 / s);
}

async fn l1(store: &Store, reader: &Reader, keyring: &KeyRing) {
    let projector = Projector::start(store.clone(), reader.pool().clone(), keyring.clone()).await.unwrap();
    let mut took = Vec::new();
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..2_000_u64 {
        tokio::time::sleep_until((begun + Duration::from_millis(5 * n)).into()).await;
        let (store, reader) = (store.clone(), reader.clone());
        tasks.push(tokio::spawn(async move {
            let at = Instant::now();
            let id = Uuid::from_u128(0xaaaa_0000 + u128::from(n % 50));
            let append = Append::new(
                StreamId::new(Category::Declaration, id),
                Expected::Any,
                vec![event(n as usize, n < 50)],
            );
            let position = store.append(append).await.unwrap().last_position;
            let durable = at.elapsed();
            loop {
                let row = reader.declaration(domain::ids::DeclarationId(id)).await.unwrap();
                if row.is_some_and(|row| row.position >= position) {
                    return (at.elapsed(), durable);
                }
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        }));
    }
    for task in tasks {
        took.push(task.await.unwrap());
    }
    let at = |mut all: Vec<Duration>, part: f64| {
        all.sort();
        all[((all.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3
    };
    let (visible, durable): (Vec<_>, Vec<_>) = took.into_iter().unzip();
    println!(
        "l1 visible p50 {:.2} ms p99 {:.2} ms; append alone p50 {:.2} ms p99 {:.2} ms",
        at(visible.clone(), 0.5),
        at(visible, 0.99),
        at(durable.clone(), 0.5),
        at(durable, 0.99)
    );
    projector.stop().await;
}

fn most_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown").to_owned()
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(&format!("{name}=")));
    let cluster = Cluster::start(None).await.unwrap();
    let keyring = KeyRing::ephemeral().unwrap();
    let store = Store::connect(StoreConfig::new(cluster.url(), keyring.clone())).await.unwrap();
    let reader = Reader::connect(&cluster.url(), keyring.clone()).await.unwrap();
    if arguments.iter().any(|argument| argument == "l1") {
        l1(&store, &reader, &keyring).await;
    }
    let Some(events) = value("fill").and_then(|text| text.parse().ok()) else { return };
    fill(&store, events).await;
    println!("before any rebuild: {}", most_memory());
    let mut options = Options::default();
    if let Some(mib) = value("cap").and_then(|text| text.parse::<usize>().ok()) {
        options.memory_bytes_max = mib * 1024 * 1024;
    }
    let wanted = value("models").map(|names| names.split(',').map(str::to_owned).collect::<Vec<_>>());
    for projection in folds::all() {
        if wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(|name| name == projection.name())) {
            continue;
        }
        let begun = Instant::now();
        let (mut stage, mut since) = (None, Instant::now());
        let progress = |told: projections::rebuild::Progress| {
            if stage != Some(told.stage) {
                if let Some(stage) = stage.replace(told.stage) {
                    println!("    {stage:?} {:.1} s", since.elapsed().as_secs_f64());
                }
                since = Instant::now();
            }
        };
        let made =
            rebuild_with(&store, reader.pool(), &keyring, projection, &options, progress).await.unwrap();
        let s = begun.elapsed().as_secs_f64();
        println!(
            "{}: {} events, {} rows, {} spills in {s:.1} s, {:.0} events/s; {}",
            made.name,
            made.position,
            made.rows,
            made.spills,
            made.position as f64 / s,
            most_memory()
        );
    }
    cluster.stop().await.unwrap();
}
