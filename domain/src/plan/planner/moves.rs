//! Guests that change their node, and disks that change their storage.
//!
//! Begin with [`routes`], which gathers what the text says about places; [`plan`] makes the steps. A node is a place,
//! not an identity: a guest is moved only where the text says so, and never made anew elsewhere.

mod disks;
mod node;

use super::context::Context;
use super::draft::{Draft, Target};
use super::tasks::Tasks;
use super::{NoPlan, ha};
use crate::ids::Vmid;
use crate::interpretation::{GuestChange, Label, Span};
use crate::observation::GuestSeen;
use crate::plan::Origin;
use std::collections::BTreeMap;

/// Where a guest is to go. At least one of the two places differs from where it is.
pub(super) struct Route<'a> {
    pub guest: &'a GuestSeen,
    pub to_node: Option<(String, Origin)>,
    pub to_storage: Option<(String, Origin)>,
    /// Whether it may be stopped for that; none leaves it to the planner.
    pub online: Option<bool>,
    pub phrases: Vec<Span>,
    /// A guest's own storage is that of its boot disk; a move sends all its disks.
    pub boot_only: bool,
}

impl Route<'_> {
    /// The node it is on after the plan.
    pub fn node(&self) -> &str {
        self.to_node.as_ref().map_or(&self.guest.node, |(node, _)| node)
    }

    pub fn storage(&self) -> Option<&str> {
        self.to_storage.as_ref().map(|(id, _)| id.as_str())
    }
}

pub(super) type Routes<'a> = BTreeMap<Vmid, Route<'a>>;

/// All moves of the text: its entries about places, and places that the text pins for guests which exist.
pub(super) fn routes<'a>(context: &Context<'a>, tasks: &Tasks<'a>) -> Result<Routes<'a>, NoPlan> {
    let mut all = Routes::new();
    for (index, wish) in context.desired().moves.iter().enumerate() {
        let guest = existing(context, tasks, &wish.guest)?;
        let origin = |field: &str| origin(context, &format!("/moves/{index}/{field}"));
        let route = Route {
            guest,
            to_node: wish.to_node.clone().map(|node| (node, origin("to_node"))),
            to_storage: wish.to_storage.clone().map(|id| (id, origin("to_storage"))),
            online: wish.online,
            phrases: context.phrases("moves", index, wish),
            boot_only: false,
        };
        if all.insert(guest.vmid, route).is_some() {
            return Err(NoPlan::new(
                format!("{} is to be moved twice.", guest.name),
                "Say in one sentence where it shall be.",
            ));
        }
    }
    for task in &tasks.compared {
        // A new guest's place is a wish of that moment, unless the text itself names it.
        let pinned = |field: &str| {
            let label = context.desired().label(&format!("/guests/{}/{field}", task.index));
            task.wish.change != GuestChange::Create || matches!(label, Some(Label::Said { .. }))
        };
        let node = task.wish.node.clone().filter(|_| pinned("node"));
        let storage = task.wish.storage.clone().filter(|_| pinned("storage"));
        if node.is_none() && storage.is_none() {
            continue;
        }
        // Where the manager put a guest is not drift.
        let managed =
            context.seen().around.ha_of(task.guest.kind, task.guest.vmid).is_some_and(|ha| ha.acts());
        let node = node.filter(|_| !(managed && task.wish.change == GuestChange::Create));
        let origin = |field: &str| origin(context, &format!("/guests/{}/{field}", task.index));
        let route = all.entry(task.guest.vmid).or_insert_with(|| Route {
            guest: task.guest,
            to_node: None,
            to_storage: None,
            online: None,
            phrases: context.phrases("guests", task.index, task.wish),
            boot_only: true,
        });
        route.to_node = route.to_node.take().or_else(|| node.map(|node| (node, origin("node"))));
        route.to_storage = route.to_storage.take().or_else(|| storage.map(|id| (id, origin("storage"))));
    }
    for route in all.values_mut() {
        let already = |node: &str| node == route.guest.node;
        if route.to_node.as_ref().is_some_and(|(node, _)| already(node)) {
            route.to_node = None;
        }
        let there = |id: &str| disks::to_move(route.guest, id, route.boot_only).is_empty();
        if route.to_storage.as_ref().is_some_and(|(id, _)| there(id)) {
            route.to_storage = None;
        }
    }
    Ok(all)
}

fn origin(context: &Context<'_>, pointer: &str) -> Origin {
    match context.desired().label(pointer) {
        Some(label) => Origin::Label { label: label.clone() },
        None => Origin::Planner { why: "the text says so".into() },
    }
}

/// The guest a move speaks of: it exists, is ours, may be changed, and is not destroyed by the same text.
fn existing<'a>(context: &Context<'a>, tasks: &Tasks<'a>, name: &str) -> Result<&'a GuestSeen, NoPlan> {
    if tasks.destroyed.iter().any(|task| task.guest.name == name) {
        return Err(NoPlan::new(
            format!("{name} is to be moved and destroyed."),
            "Say which of the two shall happen.",
        ));
    }
    let guest = context.owned_named(name)?;
    context.unprotected(guest)?;
    Ok(guest)
}

/// The steps of one guest's move: its disks first, then the guest. Answers with the steps that what follows waits
/// for; `target` is then the guest where it will be. `managed`: the high availability manager has the guest, and lets
/// go of it for the move, because it would only queue the wish.
pub(super) fn plan(
    context: &Context<'_>,
    route: &Route<'_>,
    managed: bool,
    target: &mut Target,
    mut after: Vec<u32>,
    draft: &mut Draft,
) -> Result<Vec<u32>, NoPlan> {
    if managed {
        after = vec![ha::leave(context, target, Vec::new(), route.phrases.clone(), draft)];
    }
    let along = route.to_node.is_some() && disks::moves_along(context, route);
    if route.to_storage.is_some() && !along {
        after = disks::plan(context, route, target, after, draft)?;
    }
    if route.to_node.is_some() {
        after = node::plan(context, route, along, target, after, draft)?;
    }
    if managed {
        after = vec![ha::again(context, target, route.phrases.clone(), after, draft)];
    }
    Ok(after)
}
