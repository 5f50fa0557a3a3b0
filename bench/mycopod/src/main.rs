//! `mycopod-bench`: the workloads on MycoPod's own event store, and the limits they are held against.
//!
//! `fill` first for `r1`, `r2`, `p1`, `v1` and the limit `copyout`; the others start from any state.

mod limits;
mod model;
mod store;

use anyhow::{Result, ensure};
use bench_core::{
    cli::{self, Common, Verb},
    db, live,
    outcome::Outcome,
};
use clap::{Parser, Subcommand};
use std::{path::PathBuf, sync::Arc, time::Instant};
use store::MycoPod;

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The key ring's file; made if it is missing. Default: one for each database in the folder for temporary files.
    #[arg(long, global = true)]
    keyring: Option<PathBuf>,
    /// Without encryption and chain: their cost is the difference. Only in builds with the feature `plain`.
    #[arg(long, global = true)]
    plain: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Workload(Verb),
    /// W3, then R2 after filling, without encryption and chain. Needs an empty database.
    X {
        #[arg(default_value_t = 5.0)]
        seconds: f64,
        #[arg(default_value_t = 1_000_000)]
        events: u64,
    },
    /// A limit of PostgreSQL or the processor.
    Limit {
        limit: limits::Limit,
        #[arg(default_value_t = 3.0)]
        seconds: f64,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { common, keyring, plain, command } = Arguments::parse();
    let url = &common.database_url;
    let name = if plain { "mycopod-plain" } else { "mycopod" };
    let print = |outcome: Outcome, store: &str| outcome.of(store).print(common.json);
    match command {
        Command::Limit { limit, seconds } => {
            print(limits::measure(limit, url, cli::seconds(seconds)).await?, "limit");
        }
        Command::Workload(verb) => {
            let bench = MycoPod::open(url, keyring, plain).await?;
            print(run(bench, url, verb).await?, name);
        }
        Command::X { seconds, events } => {
            for verb in [Verb::Fill { events }, Verb::R2 { events }, Verb::W3 { seconds }] {
                let bench = MycoPod::open(url, keyring.clone(), true).await?;
                print(run(bench, url, verb).await?, "mycopod-plain");
            }
        }
    }
    Ok(())
}

async fn run(bench: MycoPod, url: &str, verb: Verb) -> Result<Outcome> {
    let mut bench = Arc::new(bench);
    if let Some(outcome) = cli::shared(&bench, &verb).await {
        return outcome;
    }
    let began = Instant::now();
    match verb {
        Verb::Fill { events } => {
            bench.fill(events).await?;
            Ok(Outcome::rate("fill", "events", events, began.elapsed()))
        }
        Verb::P1 { events, .. } => {
            let bench =
                Arc::get_mut(&mut bench).ok_or_else(|| anyhow::anyhow!("the store is still in use"))?;
            model::rebuild(bench, events).await
        }
        Verb::V1 { events } => {
            let report = bench.store.verify(1, i64::MAX).await?;
            let took = began.elapsed();
            ensure!(report.ok, "the chain does not hold: {:?}", report.first_bad);
            ensure!(report.events as u64 == events, "{} events were verified, not {events}", report.events);
            Ok(Outcome::rate("v1", "events", events, took).with("opened", report.opened as f64))
        }
        Verb::L1 { seconds } => {
            bench_core::model::reset(&bench.client).await?;
            let mut projector = tokio::spawn(model::follow(bench.store.clone(), db::connect(url).await?));
            let outcome = tokio::select! {
                outcome = live::run(bench.clone(), url, cli::seconds(seconds)) => outcome,
                ended = &mut projector => ended?.and_then(|()| anyhow::bail!("the projector ended")),
            };
            projector.abort();
            let outcome = outcome?;
            ensure!(outcome.details.get("unseen") == Some(&0.0), "appends were lost on the way: {outcome:?}");
            Ok(outcome)
        }
        _ => anyhow::bail!("this workload is not known"),
    }
}
