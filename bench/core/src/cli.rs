//! The verbs, the same for every store.

use crate::{outcome::Outcome, target::Target};
use anyhow::Result;
use clap::{Args, Subcommand};
use std::{sync::Arc, time::Duration};

/// Writers of W2, W3 and W4.
pub const WRITERS: u64 = 16;
/// Events of one append of W3.
pub const W3_EVENTS: u64 = 10;
/// Connections a peer's pool may open: one for each writer, and some for what it does beside.
pub const POOL_CONNECTIONS: u32 = 24;

#[derive(Args, Debug)]
pub struct Common {
    /// Where the database is: postgres://… It is for this one store.
    #[arg(long, env = "BENCH_DATABASE_URL", hide_env_values = true, global = true, default_value = "")]
    pub database_url: String,
    /// Print one line of JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Fills an empty database with the log that r1, r2, p1 and v1 read.
    Fill {
        #[arg(default_value_t = 1_000_000)]
        events: u64,
    },
    /// 1 writer, 1 event per append.
    W1 {
        #[arg(default_value_t = 5.0)]
        seconds: f64,
    },
    /// 16 writers on streams of their own.
    W2 {
        #[arg(default_value_t = 5.0)]
        seconds: f64,
    },
    /// 16 writers, 10 events per append.
    W3 {
        #[arg(default_value_t = 5.0)]
        seconds: f64,
    },
    /// 16 writers on one stream.
    W4 {
        #[arg(default_value_t = 5.0)]
        seconds: f64,
    },
    /// Loads a stream of 1,000 events into structs.
    R1 {
        #[arg(default_value_t = 3.0)]
        seconds: f64,
    },
    /// Replays the whole log through a handler.
    R2 {
        #[arg(default_value_t = 1_000_000)]
        events: u64,
    },
    /// Rebuilds a read model.
    P1 {
        #[arg(default_value_t = 1_000_000)]
        events: u64,
        /// Stop this long after the first event and report the rate until then; 0 to go on to the end.
        #[arg(long, default_value_t = 0.0)]
        seconds: f64,
    },
    /// 200 appends a second; how long until a row is visible.
    L1 {
        #[arg(default_value_t = 10.0)]
        seconds: f64,
    },
    /// Verifies the whole chain.
    V1 {
        #[arg(default_value_t = 1_000_000)]
        events: u64,
    },
}

pub fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The verbs that are the same code for every store; none if it is not one of them.
pub async fn shared<T: Target>(target: &Arc<T>, verb: &Verb) -> Option<Result<Outcome>> {
    use crate::{read, write};
    Some(match verb {
        Verb::W1 { seconds: time } => write::append(target.clone(), "w1", 1, 1, seconds(*time)).await,
        Verb::W2 { seconds: time } => write::append(target.clone(), "w2", WRITERS, 1, seconds(*time)).await,
        Verb::W3 { seconds: time } => {
            write::append(target.clone(), "w3", WRITERS, W3_EVENTS, seconds(*time)).await
        }
        Verb::W4 { seconds: time } => write::contend(target.clone(), "w4", WRITERS, seconds(*time)).await,
        Verb::R1 { seconds: time } => read::load(&**target, seconds(*time)).await,
        Verb::R2 { events } => read::replay(&**target, *events).await,
        Verb::Fill { .. } | Verb::P1 { .. } | Verb::L1 { .. } | Verb::V1 { .. } => return None,
    })
}
