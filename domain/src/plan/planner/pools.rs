//! Pools: made before the guests that go in, left by guests before they are removed.

use super::NoPlan;
use super::context::Context;
use super::draft::{Draft, Target, change, step};
use crate::interpretation::{Change, GuestChange, Span};
use crate::plan::{
    Call, Condition, Effect, FieldChange, Hazard, HazardKind, Reverse, StepVerb, Subject, Verb,
};
use crate::surroundings::PoolSeen;
use std::collections::BTreeMap;

fn subject(id: &str) -> Subject {
    Subject { noun: "pool".into(), name: id.to_owned(), vmid: None, node: None }
}

/// The pools that were seen. Pools that cannot be read are not taken for absent.
fn seen<'a>(context: &Context<'a>) -> Result<&'a BTreeMap<String, PoolSeen>, NoPlan> {
    context.seen().around.pools.as_ref().ok_or_else(|| {
        NoPlan::new("The pools of the cluster cannot be read.", "Give the token Pool.Audit on /pool.")
    })
}

fn call(verb: Verb, args: &[(&str, &str)], purpose: &str, done_when: Condition) -> Call {
    Call {
        verb,
        path: "/pools".into(),
        args: args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        purpose: purpose.to_owned(),
        done_when,
        guards: Vec::new(),
    }
}

fn make(id: &str) -> Call {
    call(Verb::Post, &[("poolid", id)], "make the pool", Condition::PoolExists { id: id.to_owned() })
}

fn unmake(id: &str) -> Call {
    call(Verb::Delete, &[("poolid", id)], "remove the pool", Condition::PoolGone { id: id.to_owned() })
}

/// Is the pool there, or made by the same text?
pub(super) fn known(context: &Context<'_>, name: &str) -> Result<(), NoPlan> {
    let wished =
        context.desired().pools.iter().any(|pool| pool.name == name && pool.change == Change::Create);
    if wished || seen(context)?.contains_key(name) {
        return Ok(());
    }
    Err(NoPlan::new(
        format!("There is no pool {name}."),
        format!("Ask to make the pool {name} in the same text, or leave it out."),
    ))
}

/// Steps that make pools, by name: guests that go into them wait for these.
pub(super) fn plan(context: &Context<'_>, draft: &mut Draft) -> Result<BTreeMap<String, u32>, NoPlan> {
    let mut made = BTreeMap::new();
    for (index, wish) in context.desired().pools.iter().enumerate() {
        let phrases = context.phrases("pools", index, wish);
        match wish.change {
            Change::Create if seen(context)?.contains_key(&wish.name) => {
                let text = format!("Pool {} is there already.", wish.name);
                draft.push(step(StepVerb::AlreadySo, subject(&wish.name), text, phrases));
            }
            Change::Create => {
                let text = format!("Make the pool {}.", wish.name);
                let mut new = step(StepVerb::Create, subject(&wish.name), text, phrases);
                new.calls = vec![make(&wish.name)];
                new.reverse = Reverse::Calls {
                    sentence: format!("Remove the pool {}, once nothing is in it.", wish.name),
                    loses_data: false,
                    calls: vec![unmake(&wish.name)],
                };
                made.insert(wish.name.clone(), draft.push(new));
            }
            Change::Remove | Change::Destroy => {}
            Change::Update | Change::Rollback => {
                return Err(NoPlan::new(
                    format!("Pool {} has nothing that could be changed.", wish.name),
                    "Say which guests shall be in it, or that it shall be removed.",
                ));
            }
        }
    }
    Ok(made)
}

/// Removals come last: guests leave the pool before.
pub(super) fn remove(context: &Context<'_>, draft: &mut Draft) -> Result<(), NoPlan> {
    let wishes = context.desired().pools.iter().enumerate();
    for (index, wish) in wishes.filter(|(_, wish)| matches!(wish.change, Change::Remove | Change::Destroy)) {
        let phrases = context.phrases("pools", index, wish);
        let Some(pool) = seen(context)?.get(&wish.name) else {
            let text = format!("There is no pool {}.", wish.name);
            draft.push(step(StepVerb::AlreadySo, subject(&wish.name), text, phrases));
            continue;
        };
        let stays: Vec<String> = pool
            .guests
            .iter()
            .filter(|vmid| !leaves(context, **vmid))
            .map(|vmid| context.seen().guests.get(vmid).map_or(vmid.to_string(), |guest| guest.name.clone()))
            .chain(pool.storages.iter().map(|id| format!("storage {id}")))
            .collect();
        if !stays.is_empty() {
            return Err(NoPlan::new(
                format!("Pool {} is not empty: {}.", wish.name, super::sentence::list(&stays)),
                "Say which pool they go to, or take them out in Proxmox first.",
            ));
        }
        let text =
            format!("Remove the pool {}. Nothing is in it, and nothing is lost but its rights.", wish.name);
        let mut removed = step(StepVerb::Destroy, subject(&wish.name), text.clone(), phrases);
        removed.calls = vec![unmake(&wish.name)];
        removed.reverse = Reverse::Calls {
            sentence: format!("Make the pool {} again. Rights that were given on it stay lost.", wish.name),
            loses_data: false,
            calls: vec![make(&wish.name)],
        };
        let no = draft.push(removed);
        draft.hazards.push(Hazard {
            kind: HazardKind::Destroys,
            text,
            confirm: Some(wish.name.clone()),
            step: Some(no),
        });
    }
    Ok(())
}

/// Does the text take this guest out of its pool, or away altogether?
fn leaves(context: &Context<'_>, vmid: crate::ids::Vmid) -> bool {
    let wish = context.desired().guests.iter().find(|wish| wish.vmid == Some(vmid));
    wish.is_some_and(|wish| {
        let pool = context.seen().guests.get(&vmid).and_then(|guest| guest.pool.as_ref());
        wish.change == GuestChange::Destroy || (wish.pool.is_some() && wish.pool.as_ref() != pool)
    })
}

/// The step that puts an existing guest into a pool. A guest is in one pool at most.
pub(super) fn join(
    target: &Target,
    before: Option<&str>,
    shown: FieldChange,
    phrases: Vec<Span>,
    after: Vec<u32>,
    draft: &mut Draft,
) -> u32 {
    let pool = shown.after.clone().unwrap_or_default();
    let words = target.subject().words();
    let text = match before {
        Some(old) => format!("Move {words} from the pool {old} to the pool {pool}."),
        None => format!("Put {words} into the pool {pool}."),
    };
    let mut joined = step(StepVerb::Change, target.subject(), text, phrases);
    joined.after = after;
    joined.changes = vec![change("pool", before.map(str::to_owned), Some(pool.clone()), shown.origin)];
    joined.effect = Effect::None;
    joined.calls = vec![member(target, &pool, true)];
    joined.reverse = match before {
        Some(old) => Reverse::Calls {
            sentence: format!("Put {words} back into the pool {old}."),
            loses_data: false,
            calls: vec![member(target, old, true)],
        },
        None => Reverse::Calls {
            sentence: format!("Take {words} out of the pool {pool}."),
            loses_data: false,
            calls: vec![member(target, &pool, false)],
        },
    };
    draft.push(joined)
}

fn member(target: &Target, pool: &str, joins: bool) -> Call {
    let vmid = target.vmid.to_string();
    let how = if joins { ("allow-move", "1") } else { ("delete", "1") };
    let done = Condition::PoolHas { id: pool.to_owned(), vmid: target.vmid, member: joins };
    let purpose = if joins { "put it into the pool" } else { "take it out of the pool" };
    let mut call = call(Verb::Put, &[("poolid", pool), ("vms", &vmid), how], purpose, done);
    call.guards = vec![target.guard()];
    call
}
