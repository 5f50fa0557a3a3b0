//! A run: carrying out one approved plan, call by call, several steps at once where the plan allows it.
//!
//! A run is the fold of its stream, so a restarted agent goes on where the last one stopped: [`Run::next`]
//! says what to do, whatever happened before. Begin there; the waiting times are in [`backoff`], which steps may be
//! under way at once in `lanes`, which facts may follow which state in `legal`, undoing in [`way_back`].
//!
//! Never here: calls, clocks, sleeping. The agent does those and tells this module what happened.

pub mod backoff;
pub mod bundle;
mod command;
mod event;
mod evolve;
mod lanes;
mod legal;
#[cfg(test)]
mod tests;
pub mod way_back;

pub use command::{Command, Refusal};
pub use event::{CallNo, Cause, Event, TaskEnd};

use crate::canonical::Digest;
use crate::ids::{AccountId, DeclarationId, RunId};
use crate::limits::INTERRUPTIONS_MAX;
use crate::plan::{Call, Plan, Step};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// The id of the run that a commit starts: always the same, so that one commit starts one run however often it is tried.
pub fn id_for(declaration: DeclarationId, commit: &str, plan: &Digest) -> RunId {
    RunId(Uuid::new_v5(&declaration.0, format!("{commit}/{plan}").as_bytes()))
}

/// The id of the run that undoes another one: an undo is started once, however often it is tried.
pub fn undo_id(run: RunId, plan: &Digest) -> RunId {
    RunId(Uuid::new_v5(&run.0, format!("undo/{plan}").as_bytes()))
}

/// What a step is doing with the call it is at.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// Nothing sent in this attempt.
    #[default]
    Ready,
    /// The intent is recorded; the answer is not.
    Issued,
    /// Bytes left, no answer came.
    Unknown { why: String },
    /// Accepted; a task does the work.
    Task { upid: String, lines: u32 },
    /// Answered or the task ended well; the outcome still has to be seen.
    Verify,
    /// The next attempt is due then.
    Waiting { not_before: DateTime<Utc> },
}

impl Phase {
    /// Something of ours may be at work in the cluster.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Issued | Self::Unknown { .. } | Self::Task { .. } | Self::Verify)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepStatus {
    #[default]
    Open,
    Done,
    Already,
    Skipped,
}

/// How far one step is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepState {
    pub status: StepStatus,
    /// The call it is at.
    pub call: usize,
    pub phase: Phase,
    /// Attempts of the present call that were used up since the run started or was resumed.
    pub attempt: u32,
    /// Attempts of the present call that ended with the Agent and were not counted.
    pub interrupted: u32,
    /// Calls of this step that were sent and seen to be done.
    pub ours: usize,
    /// A call of this step was sent.
    pub sent: bool,
    /// It waits for a person.
    pub held: bool,
    begun: bool,
}

impl StepState {
    pub fn is_open(&self) -> bool {
        self.status == StepStatus::Open
    }

    /// Its attempt was cut short by the end of the Agent, which says nothing about the call: it is not counted.
    fn is_cut_short(&self) -> bool {
        self.phase == Phase::Issued && self.interrupted < INTERRUPTIONS_MAX
    }

    /// Stopping here would leave something half done.
    fn is_half_done(&self) -> bool {
        self.is_open() && (self.call > 0 || self.sent)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    #[default]
    None,
    Running,
    Paused {
        cause: String,
        advice: String,
    },
    Completed,
    Stopped,
}

/// The fold of one run's stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    pub status: Status,
    pub declaration: Option<DeclarationId>,
    pub digest: Option<Digest>,
    pub commit: String,
    pub plan: Option<Arc<Plan>>,
    pub cause: Cause,
    /// One for each step of the plan.
    pub progress: Vec<StepState>,
    pub stop_requested: bool,
    pub done: usize,
    pub already: usize,
    pub skipped: usize,
    /// The way back, once an Admin approved it.
    pub undo: Option<Undo>,
}

/// An approved way back.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    pub digest: Digest,
    pub plan: Arc<Plan>,
    pub by: AccountId,
}

/// What the agent does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Look whether the outcome holds; if not, check the guards, record the intent, send. Not before the moment given.
    Take {
        at: CallNo,
        attempt: u32,
        not_before: Option<DateTime<Utc>>,
    },
    /// An intent without an outcome: find out by looking, never by sending again.
    Settle {
        at: CallNo,
        why: String,
    },
    Follow {
        at: CallNo,
        upid: String,
        lines: u32,
    },
    /// Look whether the outcome really holds now.
    Verify {
        at: CallNo,
    },
    /// All calls of the step are through.
    FinishStep {
        step: usize,
        satisfied: bool,
    },
    Complete,
    /// A person asked to stop, and no step is half done.
    Stop,
    /// Steps wait for a person, and nothing else can go on.
    Wait {
        step: usize,
    },
}

impl Action {
    /// The step it is about; none where it is about the whole run.
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::Take { at, .. }
            | Self::Settle { at, .. }
            | Self::Follow { at, .. }
            | Self::Verify { at } => Some(at.step),
            Self::FinishStep { step, .. } => Some(*step),
            Self::Complete | Self::Stop | Self::Wait { .. } => None,
        }
    }
}

impl Run {
    pub fn steps(&self) -> &[Step] {
        self.plan.as_ref().map_or(&[], |plan| plan.steps.as_slice())
    }

    pub fn call(&self, at: CallNo) -> Option<&Call> {
        self.steps().get(at.step)?.calls.get(at.call)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Completed | Status::Stopped)
    }

    /// The first step that is not through, as people count: where the run stands.
    pub fn stands_at(&self) -> usize {
        let held = self.progress.iter().position(|state| state.is_open() && state.held);
        let begun = || self.progress.iter().position(|state| state.is_open() && state.begun);
        let open = || self.progress.iter().position(StepState::is_open);
        held.or_else(begun).or_else(open).unwrap_or(self.progress.len())
    }

    /// Attempts of the present call of a step that are used up.
    pub fn attempt(&self, step: usize) -> u32 {
        self.progress.get(step).map_or(0, |state| state.attempt)
    }

    /// Attempts used up if looking shows that the call which is under way was not carried out.
    pub fn attempts_if_undone(&self, step: usize) -> u32 {
        let cut_short = self.progress.get(step).is_some_and(StepState::is_cut_short);
        self.attempt(step).saturating_sub(cut_short.into())
    }

    /// Whether a call of ours may be at work in the cluster.
    pub fn is_under_way(&self) -> bool {
        self.progress.iter().any(|state| state.is_open() && state.phase.is_under_way())
    }

    /// What to do next: a function of what happened, so a restart changes nothing. Actions of different steps may be
    /// done at once; those without a step come alone. While the run is paused only what is under way is followed to its
    /// end: nothing is sent.
    pub fn next(&self) -> Vec<Action> {
        self.next_beside(&BTreeSet::new())
    }

    /// What to do next beside steps that somebody works at already: they hold their lanes, and nothing is said of them.
    pub fn next_beside(&self, busy: &BTreeSet<usize>) -> Vec<Action> {
        if !matches!(self.status, Status::Running | Status::Paused { .. }) {
            return vec![];
        }
        let running = self.status == Status::Running;
        let mut actions: Vec<Action> = Vec::new();
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        for (step, state) in self.progress.iter().enumerate().filter(|(_, state)| state.is_open()) {
            let busy = busy.contains(&step);
            if state.begun || busy {
                self.hold(step, &mut held);
            }
            if state.held || busy {
                continue;
            }
            let goes_on = running && state.begun && (!self.stop_requested || state.is_half_done());
            actions.extend(under_way(step, state).or_else(|| goes_on.then(|| self.go_on(step, state))?));
        }
        if !running || self.stop_requested {
            if self.stop_requested && actions.is_empty() && busy.is_empty() {
                return vec![Action::Stop];
            }
            return actions;
        }
        for (step, state) in self.progress.iter().enumerate() {
            let waits = state.is_open() && !state.begun && !state.held && !busy.contains(&step);
            if waits && self.is_due(step) && self.has_room(step, &held) {
                self.hold(step, &mut held);
                actions.extend(self.go_on(step, state));
            }
        }
        match (
            actions.is_empty() && busy.is_empty(),
            self.progress.iter().position(|state| state.is_open() && state.held),
        ) {
            (false, _) => actions,
            (true, Some(step)) => vec![Action::Wait { step }],
            (true, None) => vec![Action::Complete],
        }
    }

    fn go_on(&self, step: usize, state: &StepState) -> Option<Action> {
        let calls = self.steps().get(step)?.calls.len();
        if state.call >= calls {
            return Some(Action::FinishStep { step, satisfied: !state.sent });
        }
        let not_before = match &state.phase {
            Phase::Waiting { not_before } => Some(*not_before),
            _ => None,
        };
        Some(Action::Take { at: CallNo { step, call: state.call }, attempt: state.attempt + 1, not_before })
    }

    /// What a step holds, or would hold, where it is now.
    fn claims(&self, step: usize) -> Vec<lanes::Claim> {
        let call = self.progress.get(step).map_or(0, |state| state.call);
        self.steps().get(step).map(|step| lanes::claims(step, call)).unwrap_or_default()
    }

    /// All steps that must be through before it are.
    fn is_due(&self, step: usize) -> bool {
        let through = |index: &usize| self.progress.get(*index).is_some_and(|state| !state.is_open());
        lanes::before(self.steps(), step).iter().all(through)
    }

    fn has_room(&self, step: usize, held: &BTreeMap<String, usize>) -> bool {
        self.claims(step).iter().all(|(claim, most)| held.get(claim).is_none_or(|count| count < most))
    }

    fn hold(&self, step: usize, held: &mut BTreeMap<String, usize>) {
        for (claim, _) in self.claims(step) {
            *held.entry(claim).or_default() += 1;
        }
    }

    /// Whether a step may be worked at now: it is under way already, or its turn has come and there is room for it.
    fn may_begin(&self, step: usize) -> bool {
        let Some(state) = self.progress.get(step) else { return false };
        if state.begun {
            return true;
        }
        let mut held = BTreeMap::new();
        for (other, state) in self.progress.iter().enumerate() {
            if state.is_open() && state.begun {
                self.hold(other, &mut held);
            }
        }
        !self.stop_requested && self.is_due(step) && self.has_room(step, &held)
    }
}

/// What is found out or waited for, whatever a person decided meanwhile.
fn under_way(step: usize, state: &StepState) -> Option<Action> {
    let at = CallNo { step, call: state.call };
    match &state.phase {
        Phase::Issued => {
            Some(Action::Settle { at, why: "the agent stopped before the answer was recorded".into() })
        }
        Phase::Unknown { why } => Some(Action::Settle { at, why: why.clone() }),
        Phase::Task { upid, lines } => Some(Action::Follow { at, upid: upid.clone(), lines: *lines }),
        Phase::Verify => Some(Action::Verify { at }),
        Phase::Ready | Phase::Waiting { .. } => None,
    }
}
