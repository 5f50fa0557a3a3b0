//! Tasks: work that goes on after its call was answered, with a log, a duration and an end.
//!
//! Begin with [`Engine::start`]. A job takes the file locks of its guests, does its first half at once
//! (so that `lock: clone` is seen while it runs) and its second half when its time is over.
//!
//! Never here: what a job does to guests and volumes.

pub mod views;

use crate::api::Call;
use crate::engine::Engine;
use crate::faults::FaultAction;
use crate::limits::{PAUSE_MS_MAX, TASKS_MAX};
use crate::state::World;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A task as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub upid: String,
    pub node: String,
    pub pid: u32,
    pub pstart: u32,
    pub starttime: i64,
    pub kind: String,
    pub id: String,
    /// `user@realm` or `user@realm!token`.
    pub who: String,
    pub exit: Option<String>,
    pub endtime: Option<i64>,
    /// From the call to the end, waits for locks included, by a clock that nobody sets: the seconds above are whole ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    pub log: Vec<String>,
    /// Somebody asked for it to be stopped.
    #[serde(default)]
    pub stop: bool,
}

/// Lines that a job writes.
pub type Log = Vec<String>;
/// One half of a job.
pub type Step = Box<dyn FnOnce(&Engine, &mut World, &mut Log) -> Result<(), String> + Send>;
/// The first half: it says how to finish and how to undo.
pub type Opening = Box<dyn FnOnce(&Engine, &mut World, &mut Log) -> Result<Halves, String> + Send>;

/// The rest of a job.
pub struct Halves {
    pub finish: Step,
    /// Run when the job fails after its first half.
    pub undo: Step,
}

impl Halves {
    /// Nothing to do later.
    pub fn nothing() -> Self {
        Self::then(|_, _, _| Ok(()))
    }

    /// A second half without anything to undo.
    pub fn then(
        finish: impl FnOnce(&Engine, &mut World, &mut Log) -> Result<(), String> + Send + 'static,
    ) -> Self {
        Self { finish: Box::new(finish), undo: Box::new(|_, _, _| Ok(())) }
    }

    pub fn or_undo(mut self, undo: impl FnOnce(&Engine, &mut World, &mut Log) + Send + 'static) -> Self {
        self.undo = Box::new(move |e, w, l| {
            undo(e, w, l);
            Ok(())
        });
        self
    }
}

/// A task to be started.
pub struct Job {
    pub kind: &'static str,
    pub id: String,
    pub node: String,
    /// Duration before the time scale.
    pub duration_ms: u64,
    /// Guests whose file lock it holds, with the text when it cannot be had.
    pub locks: Vec<(u32, String)>,
    /// How long it waits for them, before the time scale.
    pub wait_ms: u64,
    pub work: Opening,
}

impl Engine {
    /// Starts a task and gives its UPID. Errors inside are errors of the task.
    pub fn start(self: &Arc<Self>, call: &Call, job: Job) -> String {
        let mut world = self.world();
        let pid = world.next_pid;
        world.next_pid = world.next_pid.wrapping_add(1).max(2_000);
        let pstart = self.chance.ticks();
        let starttime = self.now();
        let upid = format!(
            "UPID:{}:{pid:08X}:{pstart:08X}:{starttime:08X}:{}:{}:{}:",
            job.node,
            job.kind,
            job.id,
            call.who.full()
        );
        world.tasks.push(Task {
            upid: upid.clone(),
            node: job.node.clone(),
            pid,
            pstart,
            starttime,
            kind: job.kind.into(),
            id: job.id.clone(),
            who: call.who.full(),
            exit: None,
            endtime: None,
            took_ms: None,
            log: Log::new(),
            stop: false,
        });
        if world.tasks.len() > TASKS_MAX
            && let Some(index) = world.tasks.iter().position(|t| t.exit.is_some())
        {
            world.tasks.remove(index);
        }
        let epoch = world.epoch;
        let slow = call.faults.iter().find_map(|f| match f {
            FaultAction::TaskSlow { factor } => Some(factor.max(0.0)),
            _ => None,
        });
        let fail = call.faults.iter().find_map(|f| match f {
            FaultAction::TaskFail { text } => Some(text.clone()),
            _ => None,
        });
        // A task that is to be slow is slow even where time does not count otherwise.
        let pause = match slow {
            Some(factor) => job.duration_ms as f64 * self.time_scale().max(0.01) * factor,
            None => job.duration_ms as f64 * self.time_scale(),
        };
        let pause = Duration::from_millis((pause as u64).min(PAUSE_MS_MAX));
        let begun = Instant::now();
        let run = Run { engine: self.clone(), upid: upid.clone(), epoch, begun, pause, fail };
        let wait = self.lock_wait(job.wait_ms);
        let ids: Vec<u32> = job.locks.iter().map(|(id, _)| *id).collect();
        if ids.iter().all(|id| !world.held.contains_key(id)) {
            hold(&mut world, &ids, &upid);
            let opened = run.half(&mut world, job.work);
            drop(world);
            tokio::spawn(run.go(opened, ids));
        } else {
            if job.kind == "vzdump"
                && let Some(task) = world.tasks.last_mut()
            {
                task.log.push("INFO: trying to get global lock - waiting...".into());
            }
            drop(world);
            tokio::spawn(async move {
                let got = run.engine.clone().take_locks(&ids, &run.upid, wait).await;
                let opened = match got {
                    Ok(mut world) => run.half(&mut world, job.work),
                    Err(busy) => Err(job
                        .locks
                        .iter()
                        .find(|(id, _)| *id == busy)
                        .map(|l| l.1.clone())
                        .unwrap_or_default()),
                };
                run.go(opened, ids).await;
            });
        }
        upid
    }

    /// Waits until no task holds the locks and takes them; gives the busy guest when time is up.
    async fn take_locks(self: Arc<Self>, ids: &[u32], upid: &str, wait: Duration) -> Result<TakenWorld, u32> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let busy = {
                let mut world = self.world();
                let busy = ids.iter().copied().find(|id| world.held.contains_key(id));
                if busy.is_none() {
                    hold(&mut world, ids, upid);
                }
                busy
            };
            match busy {
                None => return Ok(TakenWorld(self.clone())),
                Some(id) if tokio::time::timeout_at(until, changed).await.is_err() => return Err(id),
                Some(_) => {}
            }
        }
    }
}

/// Proof that the locks were taken; the world is locked only while a half runs.
struct TakenWorld(Arc<Engine>);

fn hold(world: &mut World, ids: &[u32], upid: &str) {
    for id in ids {
        world.held.insert(*id, upid.to_owned());
    }
}

/// One running task.
struct Run {
    engine: Arc<Engine>,
    upid: String,
    epoch: u64,
    begun: Instant,
    pause: Duration,
    fail: Option<String>,
}

/// Where a half finds the world: already locked, or to be locked.
trait Place {
    fn with<T>(&mut self, work: impl FnOnce(&mut World) -> T) -> T;
}

impl Place for std::sync::MutexGuard<'_, World> {
    fn with<T>(&mut self, work: impl FnOnce(&mut World) -> T) -> T {
        work(self)
    }
}

impl Place for TakenWorld {
    fn with<T>(&mut self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.world())
    }
}

impl Run {
    fn half(&self, place: &mut impl Place, work: Opening) -> Result<Halves, String> {
        place.with(|world| {
            let mut log = Log::new();
            let result = work(&self.engine, world, &mut log);
            self.write(world, log);
            result
        })
    }

    fn write(&self, world: &mut World, log: Log) {
        if let Some(task) = world.tasks.iter_mut().rev().find(|t| t.upid == self.upid) {
            task.log.extend(log);
        }
    }

    async fn go(self, opened: Result<Halves, String>, ids: Vec<u32>) {
        let mut stopped = false;
        if opened.is_ok() && !self.pause.is_zero() {
            stopped = self.sleep().await;
        }
        let mut world = self.engine.world();
        if world.epoch != self.epoch {
            return;
        }
        let mut log = Log::new();
        let exit = match (opened, self.fail.as_ref()) {
            (Err(text), _) => Err(text),
            (Ok(_), _) if stopped => Err("received interrupt".into()),
            (Ok(halves), Some(text)) => {
                let _ = (halves.undo)(&self.engine, &mut world, &mut log);
                Err(text.clone())
            }
            (Ok(halves), None) => (halves.finish)(&self.engine, &mut world, &mut log),
        };
        let exit = match exit {
            Ok(()) => {
                let warnings = log.iter().filter(|l| l.starts_with("WARN: ")).count();
                let exit = if warnings > 0 { format!("WARNINGS: {warnings}") } else { "OK".to_owned() };
                log.push(format!("TASK {exit}"));
                exit
            }
            Err(text) => {
                let text = text.trim_end().replace('\n', " ");
                log.push(format!("TASK ERROR: {text}"));
                text
            }
        };
        self.write(&mut world, log);
        for id in ids {
            if world.held.get(&id) == Some(&self.upid) {
                world.held.remove(&id);
            }
        }
        if let Some(task) = world.tasks.iter_mut().rev().find(|t| t.upid == self.upid) {
            task.exit = Some(exit.clone());
            task.endtime = Some(self.engine.now());
            task.took_ms = u64::try_from(self.begun.elapsed().as_millis()).ok();
        }
        drop(world);
        self.engine.ledger().task_ended(&self.upid, &exit);
        self.engine.changed.notify_waiters();
    }

    /// Sleeps for the task's time; true when it was stopped or the world was reset.
    async fn sleep(&self) -> bool {
        let begun = tokio::time::Instant::now();
        let ahead = self.engine.ahead_ms();
        loop {
            let skipped = u64::try_from(self.engine.ahead_ms() - ahead).unwrap_or(0);
            let until = begun + self.pause.saturating_sub(Duration::from_millis(skipped));
            let changed = self.engine.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let world = self.engine.world();
                if world.epoch != self.epoch || world.tasks.iter().any(|t| t.upid == self.upid && t.stop) {
                    return true;
                }
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return false;
            }
        }
    }
}
