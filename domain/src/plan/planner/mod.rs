//! The planner: what is declared and what was seen, turned into exact calls. Pure and deterministic.
//!
//! Begin with [`plan`]. [`context`] answers questions about the request, [`spec`] fills the gaps of a new guest,
//! [`placement`] chooses nodes and storages, and one module for each kind of step writes its calls:
//! [`create_vm`], [`create_container`], [`update`], [`power`], [`moves`], [`snapshots`], [`backups`], [`pools`],
//! [`ha`], [`adopt`], [`destroy`], [`storage`]. What comes out is held against the API contract ([`checked`]), tried
//! on a model of the cluster ([`tried`]), and held against the owner's limits ([`policy`]) and our token's rights
//! ([`rights`]).
//!
//! Never here: clocks, chance, the network. The same request gives the same plan, digest and all.

mod adopt;
mod backups;
mod checked;
pub(crate) mod config;
mod conflicts;
mod context;
mod create;
mod create_container;
mod create_vm;
mod destroy;
mod draft;
mod fields;
mod ha;
mod ids;
mod moves;
mod network;
mod notes;
mod placement;
mod policy;
mod pools;
mod power;
mod reverse;
mod rights;
mod sentence;
mod snapshots;
mod spec;
mod storage;
mod stores;
mod tasks;
#[cfg(test)]
mod tests;
mod tried;
mod update;

use super::{Base, Plan};
use crate::canonical::Digest;
use crate::cluster::Cluster;
use crate::contract;
use crate::ids::{DeclarationId, Vmid};
use crate::interpretation::Interpretation;
use crate::observation::Observation;
use crate::plan::{InterpreterIdentity, StepVerb};
use crate::settings::Rules;
use chrono::{DateTime, Utc};
use context::Context;
use draft::{Draft, Target};
use std::collections::BTreeMap;

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
    /// What committed declarations say: others, and this one when it was carried out last.
    pub others: &'a [Other],
}

/// A declaration that was committed, as far as the plan has to reckon with it.
#[derive(Clone, Debug)]
pub struct Other {
    pub title: String,
    /// This very declaration, as it was carried out last.
    pub own: bool,
    pub desired: Interpretation,
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
    let routes = moves::routes(&context, &tasks)?;
    let placed = placement::place(&context, &tasks, &edits, &routes)?;

    // What keeps a way back open comes first, what closes one comes last.
    snapshots::take(&context, &tasks, &mut draft)?;
    backups::now(&context, &mut draft)?;
    let made =
        Made { pools: pools::plan(&context, &mut draft)?, storages: storage::plan(&context, &mut draft)? };
    for (index, wish) in &tasks.absent {
        destroy::absent(&context, *index, wish, &mut draft);
    }
    for task in &tasks.adopted {
        adopt::plan(&context, task.index, task.wish, task.guest, &mut draft)?;
    }
    for guest in &placed.guests {
        create::plan(&context, guest, &made, &mut draft)?;
    }
    for (task, edit) in &edits {
        update::plan(&context, task, edit, routes.get(&task.guest.vmid), &made, &mut draft)?;
    }
    let compared = |vmid: &Vmid| edits.iter().any(|(task, _)| task.guest.vmid == *vmid);
    for route in routes.iter().filter(|(vmid, _)| !compared(vmid)).map(|(_, route)| route) {
        move_only(&context, route, &mut draft)?;
    }
    backups::jobs(&context, &placed, &mut draft)?;
    backups::remove(&context, &mut draft)?;
    snapshots::end(&context, &tasks, &mut draft)?;
    for task in &tasks.destroyed {
        destroy::plan(&context, task, &mut draft)?;
    }
    storage::remove(&context, &mut draft)?;
    pools::remove(&context, &mut draft)?;

    draft.order();
    draft.bind(request.seen);
    checked::draft(&draft)?;
    let (rehearsal, end) = tried::draft(&context, &draft)?;
    policy::check(&context, &end)?;
    let rights = rights::gap(&context, &mut draft)?;
    conflicts::add(&context, &tasks, &edits, &mut draft);
    notes::add(&context, &tasks, &placed, &rehearsal, &mut draft)?;
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
        rights,
        rehearsal: Some(rehearsal),
    })
}

/// The steps that make what others of the same plan go into, by name.
struct Made {
    storages: BTreeMap<String, u32>,
    pools: BTreeMap<String, u32>,
}

/// A guest of which the text says only where it shall be.
fn move_only(context: &Context<'_>, route: &moves::Route<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    let guest = route.guest;
    let mut target = Target::seen(guest)?;
    if route.to_node.is_none() && route.to_storage.is_none() {
        let text = format!("{} is there already: on {}.", target.subject().words(), guest.node);
        draft.push(draft::step(StepVerb::AlreadySo, target.subject(), text, route.phrases.clone()));
        return Ok(());
    }
    let managed = context.seen().around.ha_of(guest.kind, guest.vmid).is_some_and(|ha| ha.acts());
    moves::plan(context, route, managed, &mut target, Vec::new(), draft).map(drop)
}
