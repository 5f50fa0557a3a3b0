//! What may be asked of a run, and what follows.

use super::{Cause, Event, Run, Status, legal, way_back};
use crate::account::Actor;
use crate::canonical::Digest;
use crate::decider::Decider;
use crate::ids::DeclarationId;
use crate::plan::Plan;

#[derive(Clone, Debug)]
pub enum Command {
    Start {
        declaration: DeclarationId,
        digest: Digest,
        commit: String,
        plan: Box<Plan>,
        cause: Cause,
    },
    /// What the agent saw or did, in order and all or none; refused where it cannot follow the present state.
    Record(Vec<Event>),
    Resume {
        by: Actor,
    },
    /// Tries one step again; others that wait for a person go on waiting. None: the first that waits.
    TryAgain {
        by: Actor,
        step: Option<usize>,
    },
    StopAfterStep {
        by: Actor,
    },
    /// Leaves out one step that waits for a person. None: the first that waits.
    Skip {
        by: Actor,
        step: Option<usize>,
        why: String,
    },
    /// Approves the way back with this digest; names of what it destroys are typed.
    Undo {
        by: Actor,
        digest: Digest,
        confirmed: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such run")]
    Unknown,
    #[error("runs are resumed, stopped, skipped and undone by Admins")]
    AdminOnly,
    #[error("the plan is not the approved one")]
    PlanChanged,
    #[error("the run is not paused")]
    NotPaused,
    #[error("the run is over")]
    Over,
    #[error("say why the step is skipped")]
    ReasonNeeded,
    #[error("that step does not wait for anybody")]
    NotWaiting,
    #[error("the run did nothing that can be undone")]
    NothingToUndo,
    #[error("calls of this run are still under way; stop it and wait until they end")]
    UnderWay,
    #[error("type the name {0}: it would be destroyed")]
    NameNeeded(String),
    #[error("{0} cannot follow what the run recorded last")]
    OutOfOrder(&'static str),
}

impl Run {
    /// The step a person means: the one named, or the first that waits for somebody.
    fn waiting(&self, step: Option<usize>) -> Result<usize, Refusal> {
        if !matches!(self.status, Status::Paused { .. }) {
            return Err(Refusal::NotPaused);
        }
        let waits =
            |index: usize| self.progress.get(index).is_some_and(|state| state.is_open() && state.held);
        match step {
            Some(step) if waits(step) => Ok(step),
            Some(_) => Err(Refusal::NotWaiting),
            None => (0..self.progress.len()).find(|index| waits(*index)).ok_or(Refusal::NotWaiting),
        }
    }

    fn stop(&self) -> Vec<Event> {
        let mut events = Vec::new();
        // Filled in by who asks.
        if matches!(self.status, Status::Paused { .. }) && !self.is_under_way() {
            let why = "stopped by an Admin while paused".to_owned();
            let advice = "Make a new preview to see what is left to do.".to_owned();
            events.push(Event::RunStopped { step: Some(self.stands_at()), why, advice });
        }
        events
    }

    fn undo(&self, by: Actor, digest: Digest, confirmed: &[String]) -> Result<Vec<Event>, Refusal> {
        if self.undo.as_ref().is_some_and(|undo| undo.digest == digest) {
            return Ok(vec![]);
        }
        if self.status == Status::Running || self.is_under_way() {
            return Err(Refusal::UnderWay);
        }
        if self.undo.is_some() {
            return Err(Refusal::NothingToUndo);
        }
        let plan = way_back::plan(self).ok_or(Refusal::NothingToUndo)?;
        if plan.digest() != digest {
            return Err(Refusal::PlanChanged);
        }
        if let Some(name) = plan.names_to_confirm().into_iter().find(|name| !confirmed.contains(name)) {
            return Err(Refusal::NameNeeded(name));
        }
        let mut events = vec![Event::UndoApproved { by: by.id, digest, plan: Box::new(plan) }];
        if !self.is_over() {
            let why = "its finished steps are undone by another run".to_owned();
            let advice = "Nothing is left to do here.".to_owned();
            events.push(Event::RunStopped { step: Some(self.stands_at()), why, advice });
        }
        Ok(events)
    }
}

impl Decider for Run {
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Start { digest, plan, .. } if plan.digest() != digest => Err(Refusal::PlanChanged),
            Command::Start { .. } if self.status != Status::None => Ok(vec![]),
            Command::Start { declaration, digest, commit, plan, cause } => {
                Ok(vec![Event::RunStarted { declaration, digest, commit, plan, cause }])
            }
            _ if self.status == Status::None => Err(Refusal::Unknown),
            Command::Record(events) => {
                let mut state = self.clone();
                for event in &events {
                    legal::check(&state, event)?;
                    state = state.evolve(event);
                }
                Ok(events)
            }
            Command::Resume { by }
            | Command::TryAgain { by, .. }
            | Command::StopAfterStep { by }
            | Command::Skip { by, .. }
            | Command::Undo { by, .. }
                if !by.is_admin() =>
            {
                Err(Refusal::AdminOnly)
            }
            Command::Undo { by, digest, confirmed } => self.undo(by, digest, &confirmed),
            _ if self.is_over() => Err(Refusal::Over),
            Command::Resume { by } => match self.status {
                Status::Paused { .. } => Ok(vec![Event::RunResumed { by: by.id }]),
                _ => Err(Refusal::NotPaused),
            },
            Command::TryAgain { by, step } => {
                Ok(vec![Event::StepRetried { step: self.waiting(step)?, by: by.id }])
            }
            Command::StopAfterStep { by } => {
                let mut events = Vec::new();
                if !self.stop_requested {
                    events.push(Event::StopRequested { by: by.id });
                }
                // A paused run with nothing under way stops at once.
                events.extend(self.stop());
                Ok(events)
            }
            Command::Skip { why, .. } if why.trim().is_empty() => Err(Refusal::ReasonNeeded),
            Command::Skip { by, step, why } => Ok(vec![
                Event::StepSkipped { step: self.waiting(step)?, by: by.id, why },
                Event::RunResumed { by: by.id },
            ]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        self.after(event)
    }
}
