//! `bench-peer`: the workloads on other event stores for PostgreSQL, each used in its own fastest way.
//!
//! Begin with [`peer`]; the stores are in [`cqrs`], [`mod@esrs`] and [`mod@disintegrate`].

mod cqrs;
mod disintegrate;
mod esrs;
mod peer;
mod pool;

use anyhow::Result;
use bench_core::cli::{Common, Verb};
use clap::{Parser, ValueEnum};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    store: Store,
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Copy, ValueEnum)]
enum Store {
    CqrsEs,
    Esrs,
    Disintegrate,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { store, common, verb } = Arguments::parse();
    let url = &common.database_url;
    let outcome = match store {
        Store::CqrsEs => peer::run::<cqrs::Cqrs>(url, verb).await?,
        Store::Esrs => peer::run::<esrs::Esrs>(url, verb).await?,
        Store::Disintegrate => peer::run::<disintegrate::Disintegrate>(url, verb).await?,
    };
    outcome.print(common.json);
    Ok(())
}
