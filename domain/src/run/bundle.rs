//! An incident as a file: a run's history without secrets, which today's code decides again.
//!
//! Decisions are a pure function of what happened: [`Bundle::replay`] folds the history and asks before each event what
//! today's code would do there. The first event it would not have recorded is named. Bundles of incidents that were fixed
//! are tests.
//!
//! Never here: reading the log, calling anything.

use super::backoff::{self, Next};
use super::{Action, CallNo, Event, Phase, Run, Status, legal};
use crate::decider::Decider;
use crate::event::{AnyEvent, Category, split_tag};
use crate::ids::RunId;
use crate::plan::{Plan, Reverse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Format of the bundles written here.
pub const FORMAT: u32 = 1;

/// One run's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    pub format: u32,
    pub run: RunId,
    /// Version of the program that wrote it.
    pub program: String,
    pub events: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub position: i64,
    pub at: DateTime<Utc>,
    /// `run.call_issued.v1`.
    #[serde(rename = "type")]
    pub tag: String,
    pub data: serde_json::Value,
}

/// Where today's code would have done something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {position} ({tag}) is not what would happen today: {why}")]
pub struct Divergence {
    pub position: i64,
    pub tag: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the bundle has format {0}; this program reads format {FORMAT}")]
    Format(u32),
    #[error("event {position} cannot be read: {why}")]
    Event { position: i64, why: String },
}

impl Bundle {
    /// `events`: position, moment and fact, in order.
    pub fn new(
        run: RunId,
        program: &str,
        events: impl IntoIterator<Item = (i64, DateTime<Utc>, Event)>,
    ) -> Self {
        let entry = |(position, at, event): (i64, DateTime<Utc>, Event)| {
            let mut value = serde_json::to_value(without_secrets(event)).unwrap_or_default();
            let tag = value["type"].as_str().unwrap_or_default().to_owned();
            Entry { position, at, tag, data: value["data"].take() }
        };
        Self {
            format: FORMAT,
            run,
            program: program.to_owned(),
            events: events.into_iter().map(entry).collect(),
        }
    }

    /// The history as facts of today.
    pub fn read(&self) -> Result<Vec<(i64, Event)>, Unreadable> {
        if self.format != FORMAT {
            return Err(Unreadable::Format(self.format));
        }
        let read = |entry: &Entry| {
            let fault = |why: String| Unreadable::Event { position: entry.position, why };
            let (name, version) =
                split_tag(&entry.tag).ok_or_else(|| fault(format!("{} is no tag", entry.tag)))?;
            let data = entry.data.to_string();
            match AnyEvent::read(Category::Run, name, version, data.as_bytes()) {
                Ok(AnyEvent::Run(event)) => Ok((entry.position, event)),
                Ok(_) => Err(fault("it is not of a run".into())),
                Err(error) => Err(fault(error.to_string())),
            }
        };
        self.events.iter().map(read).collect()
    }

    /// Decides again; answers with the number of decisions that came out the same.
    pub fn replay(&self) -> Result<Result<usize, Divergence>, Unreadable> {
        let mut again = Again::default();
        for (position, event) in self.read()? {
            if let Err(why) = again.follow(&event) {
                let tag = serde_json::to_value(&event).unwrap_or_default();
                let tag = tag["type"].as_str().unwrap_or_default().to_owned();
                return Ok(Err(Divergence { position, tag, why }));
            }
        }
        Ok(Ok(again.decided))
    }
}

/// A run decided again, event by event.
#[derive(Default)]
struct Again {
    run: Run,
    decided: usize,
    /// Steps whose call just did not work out: attempts used and whether it may be tried again.
    trouble: BTreeMap<usize, (u32, bool)>,
}

impl Again {
    fn follow(&mut self, event: &Event) -> Result<(), String> {
        if is_persons(event)
            || matches!((event, &self.run.status), (Event::RunStopped { .. }, Status::Paused { .. }))
        {
            // What people asked for is given, not decided; what follows from it is judged with the next events.
            match event {
                Event::RunResumed { .. } => self.trouble.clear(),
                Event::StepRetried { step, .. } | Event::StepSkipped { step, .. } => {
                    self.trouble.remove(step);
                }
                _ => {}
            }
            self.run = std::mem::take(&mut self.run).evolve(event);
            return Ok(());
        }
        legal::check(&self.run, event).map_err(|refusal| refusal.to_string())?;
        self.expected(event)?;
        self.note_trouble(event);
        self.decided += 1;
        self.run = std::mem::take(&mut self.run).evolve(event);
        Ok(())
    }

    fn expected(&mut self, event: &Event) -> Result<(), String> {
        let actions = self.run.next();
        let any = |fits: &dyn Fn(&Action) -> bool| {
            if actions.iter().any(fits) { Ok(()) } else { Err(format!("it would do {}", told(&actions))) }
        };
        match event {
            Event::CallIssued { at, attempt, request } => {
                self.settled(at.step)?;
                any(
                    &|a| matches!(a, Action::Take { at: take, attempt: n, .. } if take == at && n == attempt),
                )?;
                let planned = self.run.call(*at).map(crate::plan::Call::shown).unwrap_or_default();
                if planned == *request { Ok(()) } else { Err(format!("it would send {planned}")) }
            }
            Event::CallSatisfied { at } => {
                self.trouble.remove(&at.step);
                any(&|a| matches!(a, Action::Take { at: take, .. } if take == at))
            }
            Event::CallAnswered { at, .. } | Event::CallFailed { at, .. } | Event::CallUnknown { at, .. } => {
                any(&|a| matches!(a, Action::Settle { at: here, .. } if here == at))
            }
            Event::CallSettled { at, .. } | Event::TaskStarted { at, .. } => any(
                &|a| matches!(a, Action::Settle { at: here, .. } | Action::Verify { at: here } if here == at),
            ),
            Event::TaskProgressed { at, .. } | Event::TaskEnded { at, .. } => {
                any(&|a| matches!(a, Action::Follow { at: here, .. } if here == at))
            }
            Event::StepSatisfied { step } => {
                any(&|a| *a == Action::FinishStep { step: *step, satisfied: true })
            }
            Event::StepSucceeded { step } => {
                any(&|a| *a == Action::FinishStep { step: *step, satisfied: false })
            }
            Event::RetryScheduled { at, attempt, wait_ms, .. } => self.retried(at, *attempt, *wait_ms),
            Event::StepFailed { step, .. } => match self.trouble.remove(step) {
                Some((used, transient)) => match backoff::after(used, transient) {
                    Next::Person => Ok(()),
                    Next::Attempt(attempt) => Err(format!("it would schedule attempt {attempt}")),
                },
                None => Ok(()),
            },
            Event::RunCompleted { done, already, skipped } => {
                any(&|a| *a == Action::Complete)?;
                let counted = (self.run.done, self.run.already, self.run.skipped);
                let same = counted == (*done, *already, *skipped);
                if same { Ok(()) } else { Err(format!("it would count {counted:?}")) }
            }
            Event::RunStopped { .. } => any(&|a| *a == Action::Stop),
            // A freeze, a guard, a look that showed nothing: what was seen is not part of the history.
            _ => Ok(()),
        }
    }

    /// Trouble is followed by an attempt with its waiting time or by a person, never by sending at once.
    fn settled(&self, step: usize) -> Result<(), String> {
        match self.trouble.get(&step) {
            None => Ok(()),
            Some((used, transient)) => match backoff::after(*used, *transient) {
                Next::Attempt(attempt) => Err(format!("it would schedule attempt {attempt} first")),
                Next::Person => Err("it would wait for a person first".into()),
            },
        }
    }

    fn retried(&mut self, at: &CallNo, attempt: u32, wait_ms: u64) -> Result<(), String> {
        // Nothing was sent where looking alone failed: that counts as an attempt too.
        let blind = (self.run.attempt(at.step) + 1, true);
        let (used, transient) = self.trouble.remove(&at.step).unwrap_or(blind);
        match backoff::after(used, transient) {
            Next::Attempt(next) if next == attempt && backoff::is_wait(attempt, wait_ms) => Ok(()),
            Next::Attempt(next) if next == attempt => Err("it would wait another time".into()),
            Next::Attempt(next) => Err(format!("it would schedule attempt {next}")),
            Next::Person => Err("it would wait for a person".into()),
        }
    }

    fn note_trouble(&mut self, event: &Event) {
        let (at, transient) = match event {
            Event::CallFailed { at, transient, .. }
            | Event::TaskEnded { at, end: super::TaskEnd::Failed { .. }, transient, .. } => {
                self.trouble.insert(at.step, (self.run.attempt(at.step), *transient));
                return;
            }
            // Lost on its way: it may be sent again. Accepted and not seen: a person looks.
            Event::CallSettled { at, done: false, .. } => {
                (at, self.run.progress.get(at.step).is_some_and(|state| state.phase != Phase::Verify))
            }
            _ => return,
        };
        self.trouble.insert(at.step, (self.run.attempts_if_undone(at.step), transient));
    }
}

fn is_persons(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStarted { .. }
            | Event::RunResumed { .. }
            | Event::StepRetried { .. }
            | Event::StopRequested { .. }
            | Event::StepSkipped { .. }
            | Event::UndoApproved { .. }
    )
}

fn told(actions: &[Action]) -> String {
    match actions {
        [] => "nothing".to_owned(),
        some => some.iter().map(|action| format!("{action:?}")).collect::<Vec<_>>().join(" or "),
    }
}

/// Passwords stand in the arguments of a plan; they are cut as on every page.
fn without_secrets(event: Event) -> Event {
    match event {
        Event::RunStarted { declaration, digest, commit, mut plan, cause } => {
            cut(&mut plan);
            Event::RunStarted { declaration, digest, commit, plan, cause }
        }
        Event::UndoApproved { by, digest, mut plan } => {
            cut(&mut plan);
            Event::UndoApproved { by, digest, plan }
        }
        other => other,
    }
}

fn cut(plan: &mut Plan) {
    for step in &mut plan.steps {
        let reverse = match &mut step.reverse {
            Reverse::Calls { calls, .. } => calls.as_mut_slice(),
            Reverse::None { .. } => &mut [],
        };
        for call in step.calls.iter_mut().chain(reverse) {
            call.args = call.shown_args().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        }
    }
}
