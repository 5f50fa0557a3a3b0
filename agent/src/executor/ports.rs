//! What the executor needs of the world: hands in the cluster, books in the log, a clock and chance.
//!
//! The Agent gives it the API and the log. A simulation gives it a model of the cluster, a history in memory and a
//! virtual clock, so that the very code that runs in production is tried with thousands of seeds.

use crate::api::{Api, Sent, TaskLook};
use crate::log::{Log, LogError};
use chrono::{DateTime, Utc};
use domain::cluster::{self, Cluster};
use domain::event::Category;
use domain::ids::{CLUSTER, RunId, Vmid};
use domain::plan::{Call, Look, LookAt};
use domain::run::{self, CallNo, Event, Run};
use std::sync::Arc;
use std::time::Duration;

/// Looking and acting.
pub trait Hands: Send + Sync {
    fn look(&self, at: &LookAt) -> impl Future<Output = Look> + Send;

    /// Sends the call exactly as the plan has it, once.
    fn send(&self, call: &Call, at: CallNo) -> impl Future<Output = Sent> + Send;

    /// State of a task and its log from line `from` on. While it runs its log is read only where `log_too` says so.
    fn task(&self, upid: &str, from: u32, log_too: bool) -> impl Future<Output = TaskLook> + Send;

    /// A task of one of these kinds that is at work on one of these guests right now.
    fn active_task(
        &self,
        node: &Option<String>,
        kinds: &[&str],
        vmids: &[Vmid],
    ) -> impl Future<Output = Result<Option<String>, String>> + Send;
}

/// Remembering: everything is recorded before it is done and after.
pub trait Books: Send + Sync {
    /// The run as it is now.
    fn run(&self) -> impl Future<Output = Result<Arc<Run>, LogError>> + Send;

    /// Records facts, all or none; durable when it returns.
    fn record(&self, events: Vec<Event>) -> impl Future<Output = Result<(), LogError>> + Send;

    fn cluster(&self) -> impl Future<Output = Result<Cluster, LogError>> + Send;

    fn tell_cluster(&self, command: cluster::Command) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Whether this agent was confirmed as the one writer so recently that nobody else can be it.
    fn fresh(&self) -> bool;

    /// Whether this agent may not write any more.
    fn is_lost(&self) -> bool;

    fn id(&self) -> RunId;

    fn now(&self) -> DateTime<Utc>;

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Between 0 and 1.
    fn chance(&self) -> f64;
}

impl Hands for Api {
    fn look(&self, at: &LookAt) -> impl Future<Output = Look> + Send {
        Api::look(self, at)
    }

    fn send(&self, call: &Call, at: CallNo) -> impl Future<Output = Sent> + Send {
        Api::send(self, call, at)
    }

    fn task(&self, upid: &str, from: u32, log_too: bool) -> impl Future<Output = TaskLook> + Send {
        Api::task(self, upid, from, log_too)
    }

    fn active_task(
        &self,
        node: &Option<String>,
        kinds: &[&str],
        vmids: &[Vmid],
    ) -> impl Future<Output = Result<Option<String>, String>> + Send {
        Api::active_task(self, node, kinds, vmids)
    }
}

/// The log, under the lease.
pub struct LogBooks<'a> {
    pub log: &'a Log,
    pub run: RunId,
}

impl Books for LogBooks<'_> {
    async fn run(&self) -> Result<Arc<Run>, LogError> {
        self.log.load(Category::Run, self.run.0).await.map(Arc::new)
    }

    async fn record(&self, events: Vec<Event>) -> Result<(), LogError> {
        let command = run::Command::Record(events);
        self.log.handle::<Run>(Category::Run, self.run.0, command, Some(self.run.0)).await.map(drop)
    }

    async fn cluster(&self) -> Result<Cluster, LogError> {
        self.log.load(Category::Cluster, CLUSTER).await
    }

    async fn tell_cluster(&self, command: cluster::Command) -> Result<(), LogError> {
        self.log.handle::<Cluster>(Category::Cluster, CLUSTER, command, Some(self.run.0)).await.map(drop)
    }

    fn fresh(&self) -> bool {
        self.log.lease.fresh()
    }

    fn is_lost(&self) -> bool {
        self.log.lease.lost().is_cancelled()
    }

    fn id(&self) -> RunId {
        self.run
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }

    fn chance(&self) -> f64 {
        rand::random()
    }
}
