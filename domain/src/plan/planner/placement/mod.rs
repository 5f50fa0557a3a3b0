//! Where new guests go: a node that can hold each, by what is free, what is shared and what the text says.
//!
//! Deterministic: the guest with the most memory chooses first; of the nodes that fit, the one with the most free
//! memory wins, then the first by name. Nothing is placed where it would not fit beside the rest of the plan.

mod budget;
mod fit;

use super::context::Context;
use super::fields::Edit;
use super::moves::{Route, Routes};
use super::spec::{self, Source, Spec};
use super::tasks::{Task, Tasks};
use super::{NoPlan, ids, sentence};
use crate::ids::Vmid;
use crate::interpretation::PlacementRule;
use crate::mark::Mark;
use budget::Budget;
use fit::Fit;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A new guest with everything decided.
pub(super) struct NewGuest<'a> {
    pub spec: Spec<'a>,
    pub vmid: Vmid,
    pub mark: Mark,
    pub node: String,
    pub storage: String,
    /// Sizes and storages of the further disks.
    pub disks: Vec<(u64, String)>,
    /// The file it is made from, where it is made from one.
    pub volume: Option<String>,
    /// It shares its template's disk.
    pub linked: bool,
    /// Why this node.
    pub why: String,
}

/// Every new guest with its place.
pub(super) struct Placed<'a> {
    pub guests: Vec<NewGuest<'a>>,
}

/// Places every new guest. `edits`: the differences of the compared guests, which take their share first; `routes`:
/// guests that go elsewhere, which take theirs there.
pub(super) fn place<'a>(
    context: &Context<'a>,
    tasks: &Tasks<'a>,
    edits: &[(&Task<'a>, Edit)],
    routes: &Routes<'a>,
) -> Result<Placed<'a>, NoPlan> {
    let mut budget = Budget::new(context);
    for route in routes.values() {
        budget.relocate(context, route)?;
    }
    for (task, edit) in edits {
        let node = routes.get(&task.guest.vmid).map_or(task.guest.node.as_str(), Route::node);
        budget.grow(context, task, edit, node)?;
    }
    let numbers = ids::free(context, tasks.created.len())?;
    let mut waiting = Vec::new();
    for ((index, wish), vmid) in tasks.created.iter().zip(numbers) {
        waiting.push((vmid, spec::resolve(context, *index, wish)?));
    }
    // Those with the least choice first.
    waiting.sort_by_key(|(vmid, spec)| (spec.wish.node.is_none(), Reverse(spec.memory_mib), *vmid));
    let mut homes: BTreeMap<String, String> =
        context.seen().guests.values().map(|guest| (guest.name.clone(), guest.node.clone())).collect();
    let mut guests = Vec::new();
    for position in 0..waiting.len() {
        let (_, spec) = &waiting[position];
        let together: u64 = waiting[position + 1..]
            .iter()
            .filter(|(_, other)| {
                group(context, PlacementRule::Together, &spec.wish.name).contains(&other.wish.name.as_str())
            })
            .map(|(_, other)| other.memory_mib)
            .sum();
        let (fit, why) = choose(context, spec, together, &homes, &budget)?;
        homes.insert(spec.wish.name.clone(), fit.node.clone());
        budget.spend(context, spec, &fit);
        guests.push((fit, why));
    }
    let mut guests: Vec<NewGuest<'a>> = waiting
        .into_iter()
        .zip(guests)
        .map(|((vmid, spec), (fit, why))| NewGuest {
            linked: linked(context, &spec, &fit),
            mark: Mark::derive(context.request.declaration.0, &spec.wish.name, vmid),
            spec,
            vmid,
            node: fit.node,
            storage: fit.storage,
            disks: fit.disks,
            volume: fit.volume,
            why,
        })
        .collect();
    guests.sort_by_key(|guest| guest.spec.index);
    Ok(Placed { guests })
}

/// Storage types that can share a base, whatever the format of its volumes.
const LINKABLE: [&str; 5] = ["rbd", "zfspool", "zfs", "lvmthin", "btrfs"];

/// May and can the copy share the disk of its template?
fn linked(context: &Context<'_>, spec: &Spec<'_>, fit: &Fit) -> bool {
    let Source::Clone { guest, disk, .. } = &spec.source else { return false };
    let kind = context.seen().storages.get(&disk.storage).map_or("", |storage| storage.kind.as_str());
    let able = LINKABLE.contains(&kind) || disk.volume.ends_with(".qcow2");
    context.limits().linked_clones && guest.template && able && fit.storage == disk.storage
}

/// The other guests that a rule ties to this one.
fn group<'a>(context: &Context<'a>, rule: PlacementRule, name: &str) -> Vec<&'a str> {
    let groups = context.desired().placement.iter().filter(|group| group.rule == rule);
    let mine = groups.filter(|group| group.guests.iter().any(|member| member == name));
    mine.flat_map(|group| group.guests.iter()).map(String::as_str).filter(|member| *member != name).collect()
}

fn choose(
    context: &Context<'_>,
    spec: &Spec<'_>,
    together_mib: u64,
    homes: &BTreeMap<String, String>,
    budget: &Budget,
) -> Result<(Fit, String), NoPlan> {
    let apart = group(context, PlacementRule::Spread, &spec.wish.name);
    let beside = group(context, PlacementRule::Together, &spec.wish.name);
    let online = context.seen().nodes.values().filter(|node| node.online).count();
    let others =
        |node: &str| apart.iter().filter(|name| homes.get(**name).is_some_and(|home| home == node)).count();
    let mut fits = Vec::new();
    let mut reasons = Vec::new();
    for (name, node) in &context.seen().nodes {
        let need = spec.memory_mib + together_mib;
        let judged = fit::fit(context, spec, need, name, node, budget).and_then(|fit| {
            if let Some(home) = beside.iter().find_map(|other| homes.get(*other)).filter(|home| *home != name)
            {
                return Err(format!("{} is to be beside a guest on {home}", spec.wish.name));
            }
            // With more guests than nodes they are spread evenly; otherwise no node gets two.
            if others(name) > 0 && apart.len() < online {
                return Err("a guest that it is to be apart from is there".into());
            }
            Ok(fit)
        });
        match judged {
            Ok(fit) => fits.push(fit),
            Err(reason) => reasons.push((name.as_str(), reason)),
        }
    }
    let memory = |node: &str| budget.memory.get(node).copied().unwrap_or(0);
    fits.sort_by(|a, b| {
        let key = |fit: &Fit| (others(&fit.node), Reverse(memory(&fit.node)));
        key(a).cmp(&key(b)).then_with(|| a.node.cmp(&b.node))
    });
    let Some(wanted) = &spec.wish.node else {
        let count = fits.len();
        return match fits.into_iter().next() {
            Some(fit) => {
                let free = sentence::memory(memory(&fit.node));
                let why = match (apart.is_empty(), count) {
                    (false, _) => format!("spread over the nodes, {free} of memory free"),
                    (true, 1) => "the only node that can hold it".to_owned(),
                    (true, _) => format!("the most free memory of the nodes that can hold it: {free}"),
                };
                Ok((fit, why))
            }
            None => Err(nowhere(spec, &reasons, &[])),
        };
    };
    match fits.iter().position(|fit| fit.node == *wanted) {
        Some(place) => Ok((fits.swap_remove(place), "the text says so".into())),
        None => {
            reasons.retain(|(node, _)| node == wanted);
            if reasons.is_empty() {
                reasons.push((wanted, "there is no such node".into()));
            }
            let legal: Vec<&str> = fits.iter().map(|fit| fit.node.as_str()).collect();
            Err(nowhere(spec, &reasons, &legal))
        }
    }
}

fn nowhere(spec: &Spec<'_>, reasons: &[(&str, String)], legal: &[&str]) -> NoPlan {
    let reasons: Vec<String> = reasons.iter().map(|(node, reason)| format!("{node}: {reason}")).collect();
    let advice = match legal {
        [] => "Ask for less, name another storage, or make room first.".to_owned(),
        legal => format!("It would fit on {}.", sentence::list(legal)),
    };
    NoPlan::new(
        format!("No place for {} {} ({}).", spec.wish.kind.noun(), spec.wish.name, reasons.join("; ")),
        advice,
    )
}
