//! The running cluster: the world behind its lock, the contract, time, chance, ledger and faults.
//!
//! Begin with [`Engine`]. Calls reach it through `api`, tasks through `tasks`.

use crate::SimConfig;
use crate::auth::login::Signer;
use crate::chance::Chance;
use crate::contract::Contract;
use crate::faults::{FaultAction, FaultRule, Faults};
use crate::http::json::Order;
use crate::ledger::Ledger;
use crate::state::{Kind, World};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Everything that one simulator shares between its connections and tasks.
pub struct Engine {
    pub contract: Contract,
    pub chance: Chance,
    /// Bits of the factor for durations; it can be changed while the cluster runs.
    time_scale: AtomicU64,
    /// How far the clock of the cluster is ahead, in milliseconds.
    ahead_ms: AtomicI64,
    /// Makes and proves tickets.
    pub signer: Signer,
    /// Order of the keys in answers.
    pub order: Order,
    pub fingerprint: String,
    /// Addresses on which no storage server answers.
    pub unreachable: Vec<String>,
    /// How old the nodes' words about their guests may get, before the time scale; none: never old.
    pub told_for_ms: Option<u64>,
    /// Woken at every end of a task and at every reset.
    pub changed: Notify,
    world: Mutex<World>,
    initial: World,
    past: Mutex<Option<Arc<World>>>,
    ledger: Mutex<Ledger>,
    faults: Mutex<Faults>,
    first_faults: Vec<FaultRule>,
}

/// Shortest time a call waits for a lock, whatever the time scale.
const LOCK_WAIT_MS_MIN: u64 = 50;

impl Engine {
    pub fn new(
        config: &SimConfig,
        contract: Contract,
        chance: Chance,
        initial: World,
        now: World,
        fingerprint: String,
    ) -> Self {
        let signing_key = chance.uuid();
        Self {
            contract,
            chance,
            time_scale: AtomicU64::new(config.time_scale.max(0.0).to_bits()),
            ahead_ms: AtomicI64::new(0),
            signer: Signer::new(signing_key.as_bytes()),
            order: Order::new(config.seed),
            fingerprint,
            unreachable: config.unreachable.clone(),
            told_for_ms: config.stale_resources.then_some(crate::limits::BROADCAST_MS),
            changed: Notify::new(),
            world: Mutex::new(now),
            initial,
            past: Mutex::new(None),
            ledger: Mutex::new(Ledger::default()),
            faults: Mutex::new(Faults::of(&config.faults)),
            first_faults: config.faults.clone(),
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Factor for durations.
    pub fn time_scale(&self) -> f64 {
        f64::from_bits(self.time_scale.load(Ordering::Relaxed))
    }

    /// Durations are multiplied by this from now on.
    pub fn set_time_scale(&self, scale: f64) {
        self.time_scale.store(scale.max(0.0).to_bits(), Ordering::Relaxed);
    }

    /// How far the clock is ahead of the machine's, in milliseconds.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Puts the clock forward: tickets age, and running tasks are so much further.
    pub fn advance(&self, ms: u32) {
        self.ahead_ms.fetch_add(i64::from(ms), Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// Unix seconds by the clock of the cluster.
    pub fn now(&self) -> i64 {
        crate::state::now() + self.ahead_ms() / 1_000
    }

    /// A duration under the time scale.
    pub fn scaled(&self, ms: u64) -> Duration {
        Duration::from_millis((ms as f64 * self.time_scale()) as u64)
    }

    /// How long a lock is waited for.
    pub fn lock_wait(&self, ms: u64) -> Duration {
        self.scaled(ms).max(Duration::from_millis(LOCK_WAIT_MS_MIN))
    }

    /// Waits until no task holds the guest's file lock; the server's text when it takes too long.
    pub async fn guest_free(&self, kind: Kind, vmid: u32, wait_ms: u64) -> Result<(), String> {
        let until = tokio::time::Instant::now() + self.lock_wait(wait_ms);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.world().held.contains_key(&vmid) {
                return Ok(());
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return Err(lock_text(kind, vmid));
            }
        }
    }

    /// Waits up to `ms` (scaled) for a task; true when it ended well, for calls that answer null then.
    pub async fn task_within(&self, upid: &str, ms: u64) -> bool {
        let until = tokio::time::Instant::now() + self.lock_wait(ms);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let exit = self.world().tasks.iter().rev().find(|t| t.upid == upid).and_then(|t| t.exit.clone());
            if let Some(exit) = exit {
                return exit == "OK";
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return false;
            }
        }
    }

    /// Sets a fault rule. A stale list remembers the cluster of this moment.
    pub fn inject(&self, rule: FaultRule) -> bool {
        if rule.action == FaultAction::StaleList {
            let copy = Arc::new(self.world().clone());
            *self.past.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
        }
        self.faults().set(rule)
    }

    /// The world that a list shows: the present, or the past while a stale list is set.
    pub fn listed_world(&self, verb: &str, path: &str, node: Option<&str>) -> Listed<'_> {
        if self.faults().stale(verb, path, node)
            && let Some(past) = self.past.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        {
            return Listed::Past(past.clone());
        }
        Listed::Now(self.world())
    }

    /// Is this the node that was asked? One address stands for all; it is that of the first node.
    pub fn is_local(&self, node: &str) -> bool {
        self.world().nodes.keys().next().is_some_and(|first| first == node)
    }

    /// Is the node up, and not cut off by a fault?
    pub fn node_online(&self, world: &World, node: &str) -> bool {
        world.nodes.get(node).is_some_and(|n| n.online) && !self.faults().node_offline(node)
    }

    /// Back to the first moment: world, ledger and faults. Tasks of the past end without effect.
    pub fn reset(&self) {
        {
            let mut world = self.world();
            let epoch = world.epoch + 1;
            *world = self.initial.clone();
            self.chance.set_mac_prefix(crate::cluster::options::mac_prefix(&world));
            world.epoch = epoch;
        }
        self.ahead_ms.store(0, Ordering::Relaxed);
        self.ledger().clear();
        self.faults().clear();
        self.first_faults.iter().for_each(|rule| {
            self.faults().set(rule.clone());
        });
        self.changed.notify_waiters();
    }
}

/// The server's text when the lock file of a guest stays busy.
pub fn lock_text(kind: Kind, vmid: u32) -> String {
    match kind {
        Kind::Vm => format!("can't lock file '/var/lock/qemu-server/lock-{vmid}.conf' - got timeout"),
        Kind::Ct => format!("can't lock file '/run/lock/lxc/pve-config-{vmid}.lock' - got timeout"),
    }
}

/// The world as a list sees it.
pub enum Listed<'e> {
    Now(MutexGuard<'e, World>),
    Past(Arc<World>),
}

impl std::ops::Deref for Listed<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        match self {
            Self::Now(guard) => guard,
            Self::Past(world) => world,
        }
    }
}
