//! Everything one story shares: cluster, log, who may write, what went wrong, and what must never happen.

use crate::clock::{Chance, Clock};
use crate::model::{Model, Said, Task};
use crate::plans;
use agent::log::LogError;
use domain::cluster::{self, Cluster};
use domain::decider::Decider;
use domain::ids::RunId;
use domain::limits::ATTEMPTS_MAX;
use domain::plan::{Call, Condition, Plan, Verdict};
use domain::run::{self, CallNo, Event, Phase, Run};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Name of guests that another hand made.
const FOREIGN: &str = "taken-by-another";

/// How much goes wrong, each as a probability of one call or moment.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub look_fails: f64,
    pub refused: f64,
    pub lost_before: f64,
    pub lost_after: f64,
    pub task_fails: f64,
    pub task_slow: f64,
    pub task_silent: f64,
    pub append_fails: f64,
    /// The server says that all went well, and nothing is there.
    pub hollow: f64,
}

impl Faults {
    /// A fifth of all calls, lost answers among them at least a quarter.
    pub const F20: Self = Self {
        look_fails: 0.08,
        refused: 0.10,
        lost_before: 0.04,
        lost_after: 0.06,
        task_fails: 0.05,
        task_slow: 0.05,
        task_silent: 0.05,
        append_fails: 0.01,
        hollow: 0.01,
    };
}

pub struct Inner {
    pub model: Model,
    pub runs: BTreeMap<RunId, (Vec<Event>, Arc<Run>)>,
    pub cluster: Cluster,
    pub chance: Chance,
    pub faults: Faults,
    /// Calls to refuse for good: the n-th call that is sent, from 0.
    pub refuse_send: Option<usize>,
    /// The agent that holds the lease.
    pub epoch: u64,
    /// Agents that were stopped: since when, in milliseconds.
    pub stopped: BTreeMap<u64, u64>,
    /// Boundaries passed, and the one at which the process dies.
    pub passed: u64,
    pub die_at: Option<u64>,
    pub died: bool,
    pub sends: usize,
    pub effects: usize,
    last_failure: BTreeMap<(RunId, CallNo), u64>,
    pub violations: Vec<String>,
    tasks: u64,
}

#[derive(Clone)]
pub struct Shared {
    pub clock: Clock,
    inner: Arc<Mutex<Inner>>,
}

impl Shared {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let inner = Inner {
            model: plans::model(),
            runs: BTreeMap::new(),
            cluster: plans::cluster(plans::ground()),
            chance: Chance::new(seed),
            faults,
            refuse_send: None,
            epoch: 1,
            stopped: BTreeMap::new(),
            passed: 0,
            die_at: None,
            died: false,
            sends: 0,
            effects: 0,
            last_failure: BTreeMap::new(),
            violations: vec![],
            tasks: 0,
        };
        Self { clock: Clock::default(), inner: Arc::new(Mutex::new(inner)) }
    }

    /// The world at this moment.
    pub fn world(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap();
        inner.model.tick(self.clock.now_ms());
        inner
    }

    /// Guests and storages as they are.
    pub fn state(&self) -> BTreeMap<String, String> {
        self.world().model.state()
    }

    /// A point between two things the Agent does: it may die here, and nothing of it is left but the log.
    pub async fn pass(&self) {
        let dies = {
            let mut inner = self.inner.lock().unwrap();
            inner.passed += 1;
            inner.died |= inner.die_at == Some(inner.passed);
            inner.died
        };
        if dies {
            std::future::pending::<()>().await;
        }
    }
}

impl Inner {
    pub fn run(&self, id: RunId) -> Arc<Run> {
        self.runs.get(&id).map(|(_, run)| run.clone()).unwrap_or_default()
    }

    pub fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Lets the run decide and records what follows.
    pub fn tell(&mut self, id: RunId, command: run::Command, now_ms: u64) -> Result<(), LogError> {
        let run = self.run(id);
        let events = run.decide(command).map_err(|refusal| LogError::Refused(refusal.to_string()))?;
        let mut state = (*run).clone();
        for event in &events {
            self.check(id, &state, event, now_ms);
            state = state.evolve(event);
        }
        let entry = self.runs.entry(id).or_default();
        entry.0.extend(events);
        entry.1 = Arc::new(state);
        Ok(())
    }

    pub fn tell_cluster(&mut self, command: cluster::Command) -> Result<(), LogError> {
        let events =
            self.cluster.decide(command).map_err(|refusal| LogError::Refused(refusal.to_string()))?;
        self.cluster =
            events.iter().fold(std::mem::take(&mut self.cluster), |cluster, event| cluster.evolve(event));
        Ok(())
    }

    /// What may never stand in the log.
    fn check(&mut self, id: RunId, run: &Run, event: &Event, now_ms: u64) {
        match event {
            Event::StepSucceeded { step } | Event::StepSatisfied { step } => {
                let calls = run.steps()[*step].calls.clone();
                // The last call of a step shows in the cluster; earlier ones may be superseded by it.
                if let Some(call) = calls.last() {
                    let verdict = call.done_when.judge(&self.model.look(&call.done_when.look_at()));
                    if !matches!(verdict, Verdict::Holds) {
                        self.violation(format!("step {step} is said to be through, but {verdict:?}"));
                    }
                }
            }
            Event::TaskStarted { upid, .. }
                if self.model.tasks.iter().any(|task| task.upid == *upid && !task.ours) =>
            {
                self.violation("somebody else's task was taken for ours");
            }
            Event::CallFailed { at, .. } | Event::CallSettled { at, done: false, .. } => {
                self.last_failure.insert((id, *at), now_ms);
            }
            Event::RunResumed { .. } | Event::StepRetried { .. } => self.last_failure.clear(),
            _ => {}
        }
    }

    /// What may never be sent.
    pub fn check_send(&mut self, id: RunId, epoch: u64, call: &Call, at: CallNo, now_ms: u64) {
        let run = self.run(id);
        if epoch != self.epoch {
            self.violation("an agent that lost the lease sent a call");
        }
        if self.cluster.frozen.is_some() {
            self.violation("a call was sent while writes were frozen");
        }
        let intended =
            run.progress.get(at.step).is_some_and(|step| step.call == at.call && step.phase == Phase::Issued);
        if !intended {
            self.violation(format!("a call was sent without its intent in the log: {}", call.shown()));
        }
        if run.attempt(at.step) > ATTEMPTS_MAX {
            self.violation("a fourth attempt was made");
        }
        if let Some(last) = self.last_failure.get(&(id, at))
            && now_ms - last < 800
        {
            self.violation(format!("an attempt came {} ms after the one before", now_ms - last));
        }
        if matches!(call.done_when.judge(&self.model.look(&call.done_when.look_at())), Verdict::Holds) {
            self.violation(format!("a call was sent although its outcome holds: {}", call.shown()));
        }
        let own = |task: &&Task| task.end.is_none() && task.ours && Some(task.vmid) == target(call);
        if self.model.tasks.iter().any(|task| own(&task)) {
            self.violation(format!(
                "a call was sent while a task of ours works on its guest: {}",
                call.shown()
            ));
        }
        for guard in &call.guards {
            if matches!(guard.judge(&self.model.look(&guard.look_at())), Verdict::Not(_)) {
                self.violation(format!("a call was sent against its guard: {}", call.shown()));
            }
        }
    }

    /// Carries the call out; answers with the task's id, none where it was done at once, or the server's no.
    pub fn carry_out(&mut self, call: &Call, now_ms: u64) -> Result<Option<String>, (String, bool, bool)> {
        let hollow = self.chance.lot(self.faults.hollow);
        match self.model.say(call) {
            Said::No { text, transient, look_again } => Err((text, transient, look_again)),
            Said::Done(effect) => {
                if !hollow {
                    self.effects += 1;
                    self.model.apply(effect);
                }
                Ok(None)
            }
            Said::Task { kind, vmid, effect, storage } => {
                self.tasks += 1;
                let upid = format!(
                    "UPID:pve1:{:08X}:00000000:00000000:{kind}:{vmid}:mycopod@pve!agent:",
                    self.tasks
                );
                let slow = self.chance.lot(self.faults.task_slow);
                let fails =
                    self.chance.lot(self.faults.task_fails).then(|| "command failed: got timeout".to_owned());
                let took = (500 + self.chance.below(4_000)) * if slow { 30 } else { 1 };
                if !hollow {
                    self.model.begin(&effect);
                    self.effects += usize::from(fails.is_none());
                }
                self.model.tasks.push(Task {
                    upid: upid.clone(),
                    kind,
                    vmid,
                    ends_ms: now_ms + took,
                    effect: Some(effect).filter(|_| !hollow),
                    fails,
                    end: None,
                    ours: true,
                    storage,
                });
                self.check_lanes();
                Ok(Some(upid))
            }
        }
    }

    fn check_lanes(&mut self) {
        let mut writing: BTreeMap<String, usize> = BTreeMap::new();
        for task in self.model.tasks.iter().filter(|task| task.end.is_none()) {
            if let Some(storage) = &task.storage {
                *writing.entry(storage.clone()).or_default() += 1;
            }
        }
        if writing.values().any(|count| *count > 2) {
            self.violation("more than two disks are written to one storage at once");
        }
    }

    /// Another hand makes a guest under a number that the plan chose.
    pub fn steal(&mut self, plan: &Plan) {
        let made = plan.steps.iter().flat_map(|step| &step.calls).find_map(|call| match &call.done_when {
            Condition::GuestExists { vmid, .. } => Some(*vmid),
            _ => None,
        });
        let Some(vmid) = made else { return };
        let Some(mut guest) = self.model.seen.guests.values().find(|guest| !guest.template).cloned() else {
            return;
        };
        guest.vmid = vmid;
        guest.name = FOREIGN.to_owned();
        guest.config.remove("description");
        self.model.seen.guests.insert(vmid, guest);
    }

    /// The other hand takes its guests away again, untouched.
    pub fn unsteal(&mut self) {
        self.model.seen.guests.retain(|_, guest| guest.name != FOREIGN);
    }

    /// Somebody else's backup works on a guest: no business of ours.
    pub fn foreign_task(&mut self, vmid: u32, now_ms: u64) {
        self.tasks += 1;
        self.model.tasks.push(Task {
            upid: format!("UPID:pve1:{:08X}:00000000:00000000:vzdump:{vmid}:root@pam:", self.tasks),
            kind: "vzdump",
            vmid,
            ends_ms: now_ms + 20_000,
            effect: None,
            fails: None,
            end: None,
            ours: false,
            storage: None,
        });
    }
}

/// The guest that a call changes.
fn target(call: &Call) -> Option<u32> {
    let made = call.args.get("newid").or(call.args.get("vmid"));
    let in_path = || call.path.split('/').find_map(|part| part.parse().ok());
    made.and_then(|vmid| vmid.parse().ok()).or_else(in_path)
}
