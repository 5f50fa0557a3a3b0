//! What is in force, kept up to date from the log: the fold of all calls whose outcome was seen.
//!
//! Built from the beginning of the log at each start, like the index of open work.

use crate::limits::{INDEX_EVENTS_MAX, OWN_TASKS_KEPT};
use domain::drift::{Applied, guest};
use domain::event::Category;
use domain::ids::RunId;
use domain::plan::{Plan, Subject};
use domain::run::{CallNo, Event};
use eventstore::{EventLog, Recorded, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

#[derive(Default)]
pub struct Index {
    pub applied: Applied,
    position: i64,
    /// Runs that are not over.
    open: BTreeMap<RunId, Arc<Plan>>,
    /// Subjects that runs touched since the last time it was asked.
    moved: BTreeSet<String>,
    own_tasks: VecDeque<String>,
}

impl Index {
    /// Reads on to the end of the log.
    pub async fn catch_up(&mut self, store: &Store) -> Result<(), StoreError> {
        self.moved.clear();
        loop {
            let events = store.read_from(self.position, INDEX_EVENTS_MAX).await?;
            let Some(last) = events.last() else { return Ok(()) };
            let last = last.position;
            for recorded in events.iter().filter(|event| event.stream.category == Category::Run) {
                self.note(recorded);
            }
            self.position = last;
        }
    }

    /// Subjects of runs that are not over: they change, or may be half done.
    pub fn at_work(&self) -> BTreeSet<String> {
        self.open.values().flat_map(|plan| plan.steps.iter()).map(|step| subject(&step.subject)).collect()
    }

    /// Subjects that a run touched while the index caught up last.
    pub fn moved(&self) -> BTreeSet<String> {
        self.moved.clone()
    }

    /// Whether a run of ours started this task.
    pub fn is_own(&self, upid: &str) -> bool {
        self.own_tasks.iter().any(|own| own == upid)
    }

    fn note(&mut self, recorded: &Recorded) {
        let wanted = matches!(
            &*recorded.type_name,
            "run.started"
                | "run.call_satisfied"
                | "run.call_settled"
                | "run.task_started"
                | "run.completed"
                | "run.stopped"
        );
        // What was erased, or cannot be read, puts nothing in force.
        let Some(event) = wanted.then(|| eventstore::decode::<Event>(recorded).ok()).flatten() else {
            return;
        };
        let run = RunId(recorded.stream.id);
        match event {
            Event::RunStarted { plan, .. } => {
                self.moved.extend(plan.steps.iter().map(|step| subject(&step.subject)));
                self.open.insert(run, Arc::from(plan));
            }
            Event::CallSatisfied { at } | Event::CallSettled { at, done: true, .. } => self.apply(run, at),
            Event::TaskStarted { upid, .. } => {
                self.own_tasks.push_back(upid);
                if self.own_tasks.len() > OWN_TASKS_KEPT {
                    self.own_tasks.pop_front();
                }
            }
            Event::RunCompleted { .. } | Event::RunStopped { .. } => {
                if let Some(plan) = self.open.remove(&run) {
                    self.moved.extend(plan.steps.iter().map(|step| subject(&step.subject)));
                }
            }
            _ => {}
        }
    }

    fn apply(&mut self, run: RunId, at: CallNo) {
        let Some(plan) = self.open.get(&run).cloned() else { return };
        if let Some(step) = plan.steps.get(at.step)
            && let Some(call) = step.calls.get(at.call)
        {
            self.applied.note(&plan, &step.subject.name, call);
        }
    }
}

fn subject(subject: &Subject) -> String {
    match subject.vmid {
        Some(vmid) => guest(vmid),
        None => format!("{}/{}", subject.noun, subject.name),
    }
}
