//! The pool of connections that all peers get, and how their read models are written.

use anyhow::Result;
use bench_core::{
    cli::POOL_CONNECTIONS,
    event::Fact,
    model::{Row, UPSERT},
};
use sqlx::{PgPool, Postgres, postgres::PgPoolOptions};
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Connections that are open before a measurement begins and are not tested anew each time they are handed out:
/// the fastest a pool can be.
pub async fn open(url: &str) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(POOL_CONNECTIONS)
        .min_connections(POOL_CONNECTIONS)
        .test_before_acquire(false)
        .connect(url)
        .await?)
}

/// Folds one event into its row of the read model.
pub async fn upsert<'e>(
    executor: impl sqlx::Executor<'e, Database = Postgres>,
    id: Uuid,
    fact: &Fact,
) -> Result<(), sqlx::Error> {
    let row = Row::of(fact);
    sqlx::query(UPSERT)
        .bind(id)
        .bind(row.last_revision)
        .bind(row.last_type())
        .bind(row.node)
        .bind(row.name)
        .bind(row.cores)
        .bind(row.memory)
        .bind(row.last_at_us)
        .execute(executor)
        .await?;
    Ok(())
}

/// How far a rebuild has come.
#[derive(Default)]
pub struct Progress {
    first: OnceLock<Instant>,
    done: AtomicU64,
}

impl Progress {
    pub fn begin(&self) {
        self.first.get_or_init(Instant::now);
    }

    pub fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs a rebuild to its end, or until `seconds` after its first event (0: no limit). Returns the events it
    /// handled and the time since the first of them: what comes before is not held against it.
    pub async fn run(
        &self,
        seconds: f64,
        rebuild: impl Future<Output = Result<()>>,
    ) -> Result<(u64, Duration)> {
        let limit = async {
            let mut clock = tokio::time::interval(Duration::from_millis(5));
            loop {
                clock.tick().await;
                let passed = self.first.get().map(Instant::elapsed).unwrap_or_default();
                if seconds > 0.0 && passed.as_secs_f64() >= seconds {
                    return;
                }
            }
        };
        tokio::select! {
            ended = rebuild => ended?,
            () = limit => {}
        }
        let first = *self.first.get().ok_or_else(|| anyhow::anyhow!("no event was handled"))?;
        Ok((self.done.load(Ordering::Relaxed), first.elapsed()))
    }
}
