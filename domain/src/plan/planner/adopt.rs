//! Taking an existing guest under management: the ownership mark is written, and nothing else is touched (X3, X4).

use super::NoPlan;
use super::config;
use super::context::Context;
use super::draft::{Draft, Target, change, step};
use super::reverse;
use crate::interpretation::GuestWish;
use crate::mark::{Mark, TAG};
use crate::observation::GuestSeen;
use crate::plan::{Call, Condition, Expected, Guard, Origin, Reverse, StepVerb, Verb};
use std::collections::BTreeMap;

/// The guest to adopt: it exists, is nobody's, and may be touched.
pub(super) fn find<'a>(context: &Context<'a>, wish: &GuestWish) -> Result<&'a GuestSeen, NoPlan> {
    let seen = context.seen();
    let found = match wish.vmid {
        Some(vmid) => seen.guests.get(&vmid),
        None => seen.guests.values().find(|guest| guest.name == wish.name),
    };
    let guest =
        found.filter(|guest| guest.name == wish.name && guest.kind == wish.kind).ok_or_else(|| {
            NoPlan::new(
                format!("There is no {} {} with this number and name.", wish.kind.noun(), wish.name),
                "Name the guest as the Cluster page does.",
            )
        })?;
    context.answering(guest)?;
    if guest.template {
        return Err(NoPlan::new(
            format!("{} is a template; guests are made from it.", guest.name),
            "Templates are used without being adopted.",
        ));
    }
    if context.request.rules.protected.contains(&guest.name) {
        return Err(NoPlan::new(
            format!("{} is protected by the rules.", guest.name),
            "An Admin can take its name out of the protected guests in Settings.",
        ));
    }
    if let (Some(mark), false) = (guest.mark(), context.request.cluster.owns(guest)) {
        return Err(NoPlan::new(
            format!("{} carries a mark that this installation did not write ({}).", guest.name, mark.0),
            "Another MycoPod manages it. Remove the first line of its notes if that one is gone.",
        ));
    }
    Ok(guest)
}

pub(super) fn plan(
    context: &Context<'_>,
    index: usize,
    wish: &GuestWish,
    guest: &GuestSeen,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let phrases = context.phrases("guests", index, wish);
    let mark = Mark::derive(context.request.declaration.0, &guest.name, guest.vmid);
    let target = Target { mark, ..Target::unmarked(guest) };
    let words = target.subject().words();
    if context.request.cluster.owns(guest) {
        let text = format!("{words} on {} is under management already.", guest.node);
        draft.push(step(StepVerb::AlreadySo, target.subject(), text, phrases));
        return Ok(());
    }
    let mut tags = guest.tags();
    tags.push(TAG.to_owned());
    tags.sort();
    tags.dedup();
    let notes = guest.config.get("description").map(|text| text.trim_end()).filter(|text| !text.is_empty());
    let mut args = BTreeMap::from([
        ("description".to_owned(), mark.describe(notes)),
        ("tags".to_owned(), tags.join(";")),
    ]);
    if !guest.digest.is_empty() {
        args.insert("digest".into(), guest.digest.clone());
    }
    let text = format!(
        "Take {words} on {} under management: MycoPod's tag and mark are written, and nothing else is touched.",
        guest.node
    );
    let mut adopted = step(StepVerb::Change, target.subject(), text, phrases);
    let mark_origin = Origin::Planner { why: "how a guest says that it is ours".into() };
    adopted.changes = vec![
        change("mark", None, Some(mark.0.to_string()), mark_origin.clone()),
        change("tags", Some(guest.tags().join(", ")), Some(tags.join(", ")), mark_origin),
    ];
    adopted.calls = vec![Call {
        verb: Verb::Put,
        path: target.path("/config"),
        args,
        purpose: "write the mark".into(),
        done_when: Condition::GuestAdopted {
            vmid: guest.vmid,
            kind: guest.kind,
            node: guest.node.clone(),
            mark,
        },
        guards: vec![Guard::GuestUnmarked {
            vmid: guest.vmid,
            kind: guest.kind,
            node: guest.node.clone(),
            name: guest.name.clone(),
            stamp: target.stamp.clone(),
        }],
    }];
    adopted.reverse = Reverse::Calls {
        sentence: format!("Write the old notes and tags of {words} again; MycoPod then leaves it alone."),
        loses_data: false,
        calls: vec![release(&target, guest)],
    };
    draft.push(adopted);
    Ok(())
}

fn release(target: &Target, guest: &GuestSeen) -> Call {
    let (mut args, mut values, mut delete) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for key in ["description", "tags"] {
        match guest.config.get(key) {
            Some(value) => {
                args.insert(key.to_owned(), value.clone());
                values.insert(key.to_owned(), config::expected(guest.kind, key, value));
            }
            None => {
                delete.push(key);
                values.insert(key.to_owned(), Expected::Absent);
            }
        }
    }
    if !delete.is_empty() {
        args.insert("delete".into(), delete.join(","));
    }
    reverse::configure_call(target, args, values, "write the old notes and tags")
}
