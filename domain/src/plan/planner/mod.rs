//! The planner: what is declared and what was seen, turned into exact calls. Pure and deterministic.
//!
//! Begin with [`plan`]. [`context`] answers questions about the request, [`spec`] fills the gaps of a new guest,
//! [`placement`] chooses nodes and storages, and one module for each kind of step writes its calls:
//! [`create_vm`], [`create_container`], [`update`], [`power`], [`destroy`], [`storage`].
//!
//! Never here: clocks, chance, the network. The same request gives the same plan, digest and all.

mod checked;
pub(crate) mod config;
mod context;
mod create;
mod create_container;
mod create_vm;
mod destroy;
mod draft;
mod fields;
mod ids;
mod network;
mod notes;
mod placement;
mod power;
mod reverse;
mod sentence;
mod spec;
mod storage;
mod stores;
mod tasks;
#[cfg(test)]
mod tests;
mod update;

use super::{Base, Plan};
use crate::canonical::Digest;
use crate::cluster::Cluster;
use crate::contract;
use crate::ids::DeclarationId;
use crate::interpretation::Interpretation;
use crate::observation::Observation;
use crate::plan::InterpreterIdentity;
use crate::settings::Rules;
use chrono::{DateTime, Utc};
use context::Context;
use draft::Draft;

/// Format of the plans made here.
const FORMAT: u32 = 1;

/// Everything a plan is made from.
pub struct Request<'a> {
    pub declaration: DeclarationId,
    pub number: u32,
    pub made_at: DateTime<Utc>,
    pub text: &'a str,
    pub desired: &'a Interpretation,
    pub interpreter: &'a InterpreterIdentity,
    pub cluster: &'a Cluster,
    pub seen: &'a Observation,
    pub rules: &'a Rules,
}

/// Why there is no plan, with what the owner can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NoPlan {
    pub text: String,
    pub advice: String,
}

impl NoPlan {
    fn new(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { text: text.into(), advice: advice.into() }
    }
}

/// Makes the plan. Everything asked for is in it, or named in a note, or there is no plan.
pub fn plan(request: &Request<'_>) -> Result<Plan, NoPlan> {
    let context = Context::new(request);
    let tasks = tasks::sort(&context)?;
    let mut draft = Draft::default();
    let mut edits = Vec::new();
    for task in &tasks.compared {
        edits.push((task, fields::diff(&context, task)?));
    }
    let placed = placement::place(&context, &tasks, &edits)?;

    let made = storage::plan(&context, &mut draft)?;
    for guest in &placed.guests {
        create::plan(&context, guest, &made, &mut draft)?;
    }
    for (task, edit) in &edits {
        update::plan(&context, task, edit, &made, &mut draft)?;
    }
    for task in &tasks.destroyed {
        destroy::plan(&context, task, &mut draft)?;
    }
    storage::remove(&context, &mut draft)?;

    notes::add(&context, &tasks, &placed, &mut draft)?;
    checked::draft(&draft)?;
    draft.hazards.sort_by(|a, b| (a.kind, a.step, &a.text).cmp(&(b.kind, b.step, &b.text)));
    Ok(Plan {
        format: FORMAT,
        declaration: request.declaration,
        number: request.number,
        made_at: request.made_at,
        text: Digest::of_bytes(request.text.as_bytes()),
        desired: request.desired.clone(),
        interpreter: request.interpreter.clone(),
        base: Base::of(request.seen),
        contract: contract::VERSION.trim().to_owned(),
        policy: Digest::of(request.rules),
        steps: draft.steps,
        hazards: draft.hazards,
        notes: draft.notes,
    })
}
