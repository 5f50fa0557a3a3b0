//! Starting and holding a simulator.
//!
//! Begin with [`Simulator::start`]; [`Running`] is the handle. Dropping it stops the servers.

use crate::auth::AccessDb;
use crate::chance::Chance;
use crate::config::{Base, SimConfig, SimError};
use crate::contract::Contract;
use crate::engine::Engine;
use crate::faults::FaultRule;
use crate::http::{server, tls};
use crate::ledger::LedgerEntry;
use crate::state::{World, load};
use crate::{control, state};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The way to a running simulator.
pub struct Simulator;

impl Simulator {
    /// Starts the API on `config.listen` and the control port on a free loopback port.
    pub async fn start(config: SimConfig) -> Result<Running, SimError> {
        let contract = Contract::load().map_err(SimError::Contract)?;
        let chance = Chance::new(config.seed);
        let mut initial = match &config.base {
            Base::Cluster(file) => load::from_cluster_file(file, &chance)?,
            Base::Nodes(count) => load::from_count(*count, &chance)?,
            Base::Golden => load::golden(),
        };
        if let Some(name) = &config.node_name {
            load::rename_first(&mut initial, name);
        }
        initial.access = AccessDb::fresh();
        initial.access.configure(&config);
        let mut now = match &config.state_file {
            Some(path) => read_state(path)?.unwrap_or_else(|| initial.clone()),
            None => initial.clone(),
        };
        // The tokens of this start hold, whatever the file says.
        if now.access.users.is_empty() {
            now.access = initial.access.clone();
        } else {
            now.access.configure(&config);
        }
        chance.set_mac_prefix(crate::cluster::options::mac_prefix(&now));
        let listener = TcpListener::bind(config.listen).await.map_err(SimError::Listen)?;
        let addr = listener.local_addr().map_err(SimError::Listen)?;
        let control_listener = TcpListener::bind(config.control).await.map_err(SimError::Listen)?;
        let control_addr = control_listener.local_addr().map_err(SimError::Listen)?;
        let names: Vec<String> = initial.nodes.keys().cloned().collect();
        let identity = tls::identity(&names, addr.ip())?;
        let tls = (!config.plain).then_some(identity.server);
        let fingerprint = identity.fingerprint.clone();
        let engine = Arc::new(Engine::new(&config, contract, chance, initial, now, fingerprint));
        let (stop, stopped) = watch::channel(false);
        let servers = vec![
            tokio::spawn(server::serve(engine.clone(), listener, tls, stopped.clone())),
            tokio::spawn(control::serve(engine.clone(), control_listener, stopped.clone())),
            tokio::spawn(crate::sections::jobs::watch(engine.clone(), stopped)),
        ];
        Ok(Running {
            engine,
            addr,
            control_addr,
            ca_pem: identity.ca_pem,
            state_file: config.state_file,
            scheme: if config.plain { "http" } else { "https" },
            stop,
            servers,
        })
    }
}

/// A running simulator.
pub struct Running {
    engine: Arc<Engine>,
    addr: SocketAddr,
    control_addr: SocketAddr,
    ca_pem: String,
    state_file: Option<PathBuf>,
    scheme: &'static str,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Address of the API.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `https://127.0.0.1:PORT` (or `http`), without a path.
    pub fn base_url(&self) -> String {
        let host =
            if self.addr.ip().is_unspecified() { "127.0.0.1".to_owned() } else { self.addr.ip().to_string() };
        format!("{}://{host}:{}", self.scheme, self.addr.port())
    }

    /// SHA-256 of the leaf certificate (DER): 32 upper-case hex pairs joined by colons.
    pub fn fingerprint(&self) -> String {
        self.engine.fingerprint.clone()
    }

    /// The cluster's own certificate authority, as PEM.
    pub fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }

    /// Address of the control port: plain HTTP and JSON on loopback.
    pub fn control_addr(&self) -> SocketAddr {
        self.control_addr
    }

    /// Every mutation asked for so far, oldest first.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.engine.ledger().all()
    }

    /// Sets a fault rule; false when there are too many.
    pub fn inject(&self, rule: FaultRule) -> bool {
        self.engine.inject(rule)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.engine.faults().clear();
    }

    /// The whole world as JSON, without secrets.
    pub fn state_json(&self) -> Value {
        control::state_json(&self.engine)
    }

    /// Back to the first moment: world, ledger, faults.
    pub fn reset(&self) {
        self.engine.reset();
    }

    /// Waits until no task runs, or until `limit` has passed; true when all ended.
    pub async fn idle(&self, limit: std::time::Duration) -> bool {
        let until = tokio::time::Instant::now() + limit;
        loop {
            let changed = self.engine.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.engine.world().tasks.iter().all(|t| t.exit.is_some()) {
                return true;
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return false;
            }
        }
    }

    /// Puts the clock of the cluster forward: tickets age, and running tasks are so much further.
    pub fn advance(&self, by: std::time::Duration) {
        self.engine.advance(u32::try_from(by.as_millis()).unwrap_or(u32::MAX));
    }

    /// Waits until the world, as JSON, is as wished, or until `limit` has passed; true when it is.
    pub async fn until(&self, limit: std::time::Duration, wished: impl Fn(&Value) -> bool) -> bool {
        let until = tokio::time::Instant::now() + limit;
        loop {
            let changed = self.engine.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if wished(&self.state_json()) {
                return true;
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return false;
            }
        }
    }

    /// Waits until this task has ended, or until `limit` has passed; true when it has.
    pub async fn ended(&self, upid: &str, limit: std::time::Duration) -> bool {
        let until = tokio::time::Instant::now() + limit;
        loop {
            let changed = self.engine.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.engine.world().tasks.iter().any(|t| t.upid == upid && t.exit.is_some()) {
                return true;
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return false;
            }
        }
    }

    /// Stops the servers and writes the state file if there is one.
    pub async fn shutdown(mut self) -> Result<(), SimError> {
        let _ = self.stop.send(true);
        for server in self.servers.drain(..) {
            let _ = server.await;
        }
        match &self.state_file {
            Some(path) => write_state(path, &self.engine.world()),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        for server in &self.servers {
            server.abort();
        }
    }
}

fn read_state(path: &Path) -> Result<Option<World>, SimError> {
    let fault = |source| SimError::StateFile { path: path.to_owned(), source };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    let mut world: World = serde_json::from_str(&text).map_err(|e| fault(e.into()))?;
    // Tasks do not outlive their process.
    for task in world.tasks.iter_mut().filter(|t| t.exit.is_none()) {
        task.exit = Some("unexpected status".into());
        task.endtime = Some(state::now());
    }
    Ok(Some(world))
}

fn write_state(path: &Path, world: &World) -> Result<(), SimError> {
    let fault = |source: std::io::Error| SimError::StateFile { path: path.to_owned(), source };
    let text = serde_json::to_vec(world).map_err(|e| fault(e.into()))?;
    let near = path.with_extension("part");
    std::fs::write(&near, text).and_then(|()| std::fs::rename(&near, path)).map_err(fault)
}
