//! `bench-driver`: every workload with every store in turn, round after round, and the page with the ratios.
//!
//! Start it by `bench/run`, which builds the programs first.

mod machine;
mod plan;
mod report;
mod results;
mod server;
mod turn;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use plan::{Sizes, Store, Workload};
use results::{Results, Round, Turn};
use server::Server;
use std::{fs, path::PathBuf};
use turn::{Turns, database};

/// Measures MycoPod's event store beside others and beside what PostgreSQL can do.
#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    /// A PostgreSQL server to use, as a role that may create databases; default: a private one, thrown away at the end.
    /// Databases there whose names begin with bench_ are replaced.
    #[arg(long)]
    database_url: Option<String>,
    /// Small sizes and one round: shows that everything works.
    #[arg(long)]
    quick: bool,
    /// Only these workloads.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Workload>,
    /// Only these stores.
    #[arg(long, value_delimiter = ',', value_enum)]
    stores: Vec<Store>,
    #[arg(long)]
    rounds: Option<usize>,
    /// Events in the log that is read.
    #[arg(long)]
    events: Option<u64>,
    /// Length of W1 to W4.
    #[arg(long)]
    write_seconds: Option<f64>,
    /// Length of R1 and of the limits.
    #[arg(long)]
    load_seconds: Option<f64>,
    /// Length of L1.
    #[arg(long)]
    live_seconds: Option<f64>,
    /// Length of P1 for the peers.
    #[arg(long)]
    rebuild_seconds: Option<f64>,
    /// Write all outcomes there, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the page there. Default: docs/benchmarks.md, if nothing is left out and it is not quick.
    #[arg(long)]
    page: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let basis = if arguments.quick { Sizes::QUICK } else { Sizes::FULL };
    let sizes = Sizes {
        rounds: arguments.rounds.unwrap_or(basis.rounds),
        events: arguments.events.unwrap_or(basis.events),
        write_seconds: arguments.write_seconds.unwrap_or(basis.write_seconds),
        load_seconds: arguments.load_seconds.unwrap_or(basis.load_seconds),
        live_seconds: arguments.live_seconds.unwrap_or(basis.live_seconds),
        rebuild_seconds: arguments.rebuild_seconds.unwrap_or(basis.rebuild_seconds),
    };
    ensure!(sizes.rounds > 0, "at least one round");
    let workloads = chosen(&arguments.only, &Workload::ALL);
    let mut stores = chosen(&arguments.stores, &Store::ALL);
    let complete = workloads.len() == Workload::ALL.len() && stores.len() == Store::ALL.len();

    let server = Server::start(arguments.database_url).await?;
    let turns = Turns::new(sizes.clone())?;
    prepare(&server, &turns, &workloads, &mut stores).await?;
    let mut results =
        Results { machine: machine::describe(), server: server.describe().await?, sizes, rounds: Vec::new() };
    for number in 0..results.sizes.rounds {
        results.rounds.push(round(number, &server, &turns, &workloads, &stores).await?);
        if let Some(path) = &arguments.json {
            fs::write(path, serde_json::to_vec_pretty(&results)?)
                .with_context(|| path.display().to_string())?;
        }
    }
    server.stop().await?;

    results.machine.iter().chain(&results.server).for_each(|(name, value)| println!("{name}: {value}"));
    println!("\n{}", report::summary(&results));
    let docs = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/benchmarks.md"));
    if let Some(path) = arguments.page.or_else(|| (complete && !arguments.quick).then(docs)) {
        fs::write(&path, report::page(&results)).with_context(|| path.display().to_string())?;
        println!("written: {}", path.display());
    }
    Ok(())
}

fn chosen<T: Copy + Ord>(wanted: &[T], all: &[T]) -> Vec<T> {
    let mut chosen = if wanted.is_empty() { all.to_vec() } else { wanted.to_vec() };
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Databases, and the logs that are read.
async fn prepare(
    server: &Server,
    turns: &Turns,
    workloads: &[Workload],
    stores: &mut Vec<Store>,
) -> Result<()> {
    if stores.contains(&Store::MycopodPlain)
        && workloads.iter().any(|workload| workload.has(Store::MycopodPlain))
    {
        server.make(&database(Store::MycopodPlain, false)).await?;
        if !turns.has_plain(server).await {
            eprintln!(
                "left out: {} (this build cannot switch encryption and chain off)",
                Store::MycopodPlain.name()
            );
            stores.retain(|store| *store != Store::MycopodPlain);
        }
    }
    for store in stores.iter().copied() {
        server.make(&database(store, false)).await?;
        let reads = workloads.iter().any(|workload| workload.reads() && workload.has(store));
        let filled = if store == Store::Limit { Store::Mycopod } else { store };
        if reads && (store != Store::Limit || !stores.contains(&Store::Mycopod)) {
            server.make(&database(filled, true)).await?;
            let outcome = turns.fill(server, filled).await?;
            eprintln!("filled {}: {} events in {:.1} s", filled.name(), outcome.count, outcome.seconds);
        }
    }
    Ok(())
}

/// Every workload with every store; who begins changes from round to round.
async fn round(
    number: usize,
    server: &Server,
    turns: &Turns,
    workloads: &[Workload],
    stores: &[Store],
) -> Result<Round> {
    server.settle().await?;
    let mut round = Round { load: machine::load(), turns: Vec::new() };
    eprintln!("round {} of {}, load average {:.2}", number + 1, turns.sizes.rounds, round.load);
    for workload in workloads.iter().copied() {
        let mut order: Vec<Store> = stores.iter().copied().filter(|store| workload.has(*store)).collect();
        if !order.is_empty() {
            let first = number % order.len();
            order.rotate_left(first);
        }
        for store in order {
            let outcome = turns.run(server, workload, store).await?;
            eprintln!("  {:4} {:14} {:>12.1} {}", workload.name(), store.name(), outcome.value, outcome.unit);
            round.turns.push(Turn { workload, store, outcome });
        }
    }
    Ok(round)
}
