//! Which guests are made, compared, destroyed or left alone: every wish is looked up before anything is planned.

use super::context::Context;
use super::{NoPlan, adopt};
use crate::interpretation::{GuestChange, GuestWish, Kind};
use crate::limits::GUESTS_MAX;
use crate::observation::GuestSeen;
use std::collections::BTreeSet;

/// A wish about a guest that exists and is ours.
pub(super) struct Task<'a> {
    pub index: usize,
    pub wish: &'a GuestWish,
    pub guest: &'a GuestSeen,
}

#[derive(Default)]
pub(super) struct Tasks<'a> {
    pub created: Vec<(usize, &'a GuestWish)>,
    /// Updates, and creations of guests that this declaration made before.
    pub compared: Vec<Task<'a>>,
    pub destroyed: Vec<Task<'a>>,
    pub kept: Vec<(usize, &'a GuestWish)>,
    pub adopted: Vec<Task<'a>>,
    /// To be destroyed, and proven not to be there any more.
    pub absent: Vec<(usize, &'a GuestWish)>,
}

pub(super) fn sort<'a>(context: &Context<'a>) -> Result<Tasks<'a>, NoPlan> {
    gate(context)?;
    let mut tasks = Tasks::default();
    let mut met = BTreeSet::new();
    for (index, wish) in context.desired().guests.iter().enumerate() {
        let task = match wish.change {
            GuestChange::Keep => {
                tasks.kept.push((index, wish));
                continue;
            }
            GuestChange::Adopt => Task { index, wish, guest: adopt::find(context, wish)? },
            GuestChange::Create => match existing(context, wish)? {
                Some(guest) => Task { index, wish, guest },
                None => {
                    tasks.created.push((index, wish));
                    continue;
                }
            },
            // A protected guest may be spoken of as it is; only a difference is refused.
            GuestChange::Update => Task { index, wish, guest: context.owned(wish)? },
            GuestChange::Destroy if is_absent(context, wish) => {
                tasks.absent.push((index, wish));
                continue;
            }
            GuestChange::Destroy => {
                let guest = context.owned(wish)?;
                context.unprotected(guest)?;
                Task { index, wish, guest }
            }
        };
        if !met.insert(task.guest.vmid) {
            return Err(NoPlan::new(
                format!("{} is spoken of twice.", task.guest.name),
                "Say in one sentence what shall become of it.",
            ));
        }
        match wish.change {
            GuestChange::Destroy => tasks.destroyed.push(task),
            GuestChange::Adopt => tasks.adopted.push(task),
            _ => tasks.compared.push(task),
        }
    }
    caps(context, &tasks)?;
    Ok(tasks)
}

/// Neither its number nor its name is in use, and every node said so (I9).
fn is_absent(context: &Context<'_>, wish: &GuestWish) -> bool {
    let seen = context.seen();
    let used = |guest: &GuestSeen| Some(guest.vmid) == wish.vmid || guest.name == wish.name;
    seen.nodes.values().all(|node| node.online) && !seen.guests.values().any(used)
}

fn gate(context: &Context<'_>) -> Result<(), NoPlan> {
    if context.desired().kind != Kind::Desired {
        return Err(NoPlan::new(
            "The text does not say yet what shall hold.",
            "Answer the questions, or change the text.",
        ));
    }
    if !context.seen().quorate {
        return Err(NoPlan::new(
            "The cluster has no quorum, so nothing can be changed or judged.",
            "Bring enough nodes back, then preview again.",
        ));
    }
    if context.desired().guests.len() > GUESTS_MAX {
        return Err(NoPlan::new(
            "The text speaks of too many guests.",
            format!("At most {GUESTS_MAX} at once."),
        ));
    }
    let mut names = BTreeSet::new();
    let created = context.desired().guests.iter().filter(|wish| wish.change == GuestChange::Create);
    for wish in created {
        if !names.insert(&wish.name) {
            return Err(NoPlan::new(
                format!("Two new guests are called {}.", wish.name),
                "Give each its own name.",
            ));
        }
    }
    Ok(())
}

fn caps(context: &Context<'_>, tasks: &Tasks<'_>) -> Result<(), NoPlan> {
    let policy = &context.house().policy;
    if tasks.created.len() > policy.create_max {
        return Err(NoPlan::new(
            format!(
                "{} new guests are asked for, the rules allow {} at once.",
                tasks.created.len(),
                policy.create_max
            ),
            "Ask for fewer, or let an Admin change the rule in Settings.",
        ));
    }
    let destroys_max = context
        .limits()
        .destroys_max
        .map_or(policy.destroy_max, |max| policy.destroy_max.min(usize::try_from(max).unwrap_or(usize::MAX)));
    if tasks.destroyed.len() > destroys_max {
        return Err(NoPlan::new(
            format!(
                "{} guests would be destroyed, the rules allow {destroys_max} at once.",
                tasks.destroyed.len(),
            ),
            "Name fewer, or let an Admin change the rule in Settings.",
        ));
    }
    Ok(())
}

/// The guest that this declaration made for the wish, under whatever name it has now. Somebody else's guest of the
/// wished name means that there is no plan.
fn existing<'a>(context: &Context<'a>, wish: &GuestWish) -> Result<Option<&'a GuestSeen>, NoPlan> {
    let (request, seen) = (context.request, context.seen());
    let made_here = |guest: &&GuestSeen| {
        request.cluster.owns(guest) && request.cluster.maker(guest.vmid) == Some(request.declaration)
    };
    let claims = request.cluster.claims.iter().filter(|(vmid, claim)| {
        claim.name == wish.name && request.cluster.maker(**vmid) == Some(request.declaration)
    });
    let mut lost = None;
    for (vmid, claim) in claims {
        match seen.guests.get(vmid).filter(made_here) {
            Some(guest) if guest.kind == wish.kind && !guest.template => {
                context.answering(guest)?;
                return Ok(Some(guest));
            }
            Some(_) => {}
            None => lost = Some(claim),
        }
    }
    if let Some(guest) = seen.guests.values().find(|guest| guest.name == wish.name) {
        if made_here(&guest) && guest.kind == wish.kind && !guest.template {
            context.answering(guest)?;
            return Ok(Some(guest));
        }
        return Err(NoPlan::new(
            format!(
                "The name {} belongs to {} {} on {}.",
                wish.name,
                guest.kind.noun(),
                guest.vmid,
                guest.node
            ),
            "This declaration did not make it. Choose another name.",
        ));
    }
    // What a silent node may still hold is not proven absent (I9).
    let silent = seen.nodes.iter().find(|(_, node)| !node.online).map(|(name, _)| name);
    match (lost, silent) {
        (Some(claim), Some(node)) => Err(NoPlan::new(
            format!("{} was made before and is not seen, but node {node} is offline.", claim.name),
            format!("Bring {node} back, then preview again."),
        )),
        _ => Ok(None),
    }
}
