//! One turn: a store's program runs one workload and says how it went.

use crate::{
    plan::{Sizes, Store, Workload},
    server::Server,
};
use anyhow::{Context, Result, bail, ensure};
use bench_core::outcome::Outcome;
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::process::Command;

/// No turn may take longer.
const TURN_MAX: Duration = Duration::from_secs(600);

pub struct Turns {
    /// Folder of the programs.
    programs: PathBuf,
    pub sizes: Sizes,
}

impl Turns {
    /// The programs lie beside this one.
    pub fn new(sizes: Sizes) -> Result<Self> {
        let own = std::env::current_exe().context("finding the programs")?;
        let programs = own.parent().context("finding the programs")?.to_owned();
        Ok(Self { programs, sizes })
    }

    pub async fn run(&self, server: &Server, workload: Workload, store: Store) -> Result<Outcome> {
        let database = match store {
            // What is copied out bare is MycoPod's own log.
            Store::Limit if workload.reads() => database(Store::Mycopod, true),
            store => database(store, workload.reads()),
        };
        self.program(server, store, &database, &self.sizes.arguments(workload, store)).await
    }

    pub async fn fill(&self, server: &Server, store: Store) -> Result<Outcome> {
        let arguments = ["fill".into(), self.sizes.events.to_string()];
        self.program(server, store, &database(store, true), &arguments).await
    }

    /// Whether encryption and chain can be switched off in this build.
    pub async fn has_plain(&self, server: &Server) -> bool {
        let (store, arguments) = (Store::MycopodPlain, ["w1".into(), "0".into()]);
        self.program(server, store, &database(store, false), &arguments).await.is_ok()
    }

    async fn program(
        &self,
        server: &Server,
        store: Store,
        database: &str,
        arguments: &[String],
    ) -> Result<Outcome> {
        let name = if store.is_peer() { "bench-peer" } else { "mycopod-bench" };
        let mut command = Command::new(self.programs.join(name));
        match store {
            Store::MycopodPlain => drop(command.arg("--plain")),
            Store::Mycopod | Store::Limit => {}
            peer => drop(command.arg(peer.name())),
        }
        command
            .arg("--json")
            .args(arguments)
            .env("BENCH_DATABASE_URL", server.url(database))
            .env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let told = || format!("{} {}", store.name(), arguments.join(" "));
        let output = tokio::time::timeout(TURN_MAX, command.output()).await;
        let output = output.with_context(|| format!("{}: no end after {TURN_MAX:?}", told()))?;
        let output = output.with_context(|| format!("{}: {name} did not start", told()))?;
        if !output.status.success() {
            bail!("{}: {}", told(), String::from_utf8_lossy(&output.stderr).trim());
        }
        let line = String::from_utf8(output.stdout).with_context(told)?;
        let outcome: Outcome =
            serde_json::from_str(line.trim()).with_context(|| format!("{}: {line}", told()))?;
        ensure!(outcome.value.is_finite(), "{}: its figure is no number", told());
        Ok(outcome)
    }
}

/// A store has one database for what it writes and one for the log that is read.
pub fn database(store: Store, reads: bool) -> String {
    format!("bench_{}_{}", store.name().replace('-', "_"), if reads { "read" } else { "write" })
}
