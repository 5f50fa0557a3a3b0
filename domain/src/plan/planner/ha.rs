//! High availability: which guests the cluster's manager keeps alive, on whatever node.
//!
//! A managed guest is started and stopped by telling the manager; its own start and stop calls would only queue the
//! same wish. Begin with [`differs`].

use super::NoPlan;
use super::context::Context;
use super::draft::{Draft, Target, step};
use super::sentence;
use crate::interpretation::{GuestKind, Span};
use crate::plan::{Call, Condition, FieldChange, HazardKind, Reverse, StepVerb, Verb};
use crate::surroundings::sid;

/// Fewer nodes than this cannot lose one and keep their quorum.
const NODES_MIN: usize = 3;

/// What the wish changes: true to manage it, false to leave it to itself; none where it is so already.
pub(super) fn differs(
    context: &Context<'_>,
    kind: GuestKind,
    vmid: crate::ids::Vmid,
    wish: Option<bool>,
) -> Result<Option<bool>, NoPlan> {
    let Some(wanted) = wish else { return Ok(None) };
    let Some(all) = &context.seen().around.ha else {
        return Err(NoPlan::new(
            "High availability cannot be read, so nobody can tell what would change.",
            "Give the token Sys.Audit on /. A single node without a cluster has no high availability.",
        ));
    };
    let managed = all.get(&sid(kind, vmid)).is_some_and(|ha| ha.acts());
    Ok((managed != wanted).then_some(wanted))
}

/// A guest that shall be able to run elsewhere needs disks that are there, too.
pub(super) fn movable<'s>(
    context: &Context<'_>,
    name: &str,
    storages: impl Iterator<Item = &'s str>,
) -> Result<(), NoPlan> {
    let mut local: Vec<&str> =
        storages.filter(|id| context.stores.get(id).is_none_or(|store| !store.shared)).collect();
    local.sort_unstable();
    local.dedup();
    if local.is_empty() {
        return Ok(());
    }
    let shared: Vec<&str> = context
        .stores
        .iter()
        .filter(|(_, store)| store.shared && (store.holds("images") || store.holds("rootdir")))
        .map(|(id, _)| id)
        .collect();
    Err(NoPlan::new(
        format!(
            "{name} cannot be highly available: its disks lie on {}, which one node has.",
            sentence::list(&local)
        ),
        match shared.as_slice() {
            [] => "There is no shared storage in the cluster.".to_owned(),
            shared => format!("Move its disks to {} first.", sentence::list(shared)),
        },
    ))
}

/// The step that gives a guest to the manager. `running`: what the manager shall keep it at.
pub(super) fn manage(
    context: &Context<'_>,
    target: &Target,
    running: bool,
    shown: FieldChange,
    phrases: Vec<Span>,
    after: Vec<u32>,
    draft: &mut Draft,
) -> u32 {
    let words = target.subject().words();
    let what = if running {
        "is started again on another node when its own fails"
    } else {
        "stays stopped until it is started"
    };
    let text = format!("Make {words} highly available: it {what}.");
    let mut managed = step(StepVerb::Change, target.subject(), text, phrases);
    managed.after = after;
    managed.changes = vec![shown];
    let known = context.seen().around.ha_of(target.kind, target.vmid).is_some();
    managed.calls = vec![if known { set(target, running) } else { add(target, running, None) }];
    managed.reverse = Reverse::Calls {
        sentence: format!("Take {words} out of high availability; it goes on as it is."),
        loses_data: false,
        calls: vec![remove(target)],
    };
    let no = draft.push(managed);
    let nodes = context.seen().nodes.len();
    if nodes < NODES_MIN {
        let text = format!(
            "High availability of {words} needs {NODES_MIN} nodes to work when one fails; this cluster has {nodes}."
        );
        draft.hazard(HazardKind::Caution, text, Some(no));
    }
    no
}

/// The step that takes a guest away from the manager; it goes on running or not, as it is.
pub(super) fn leave(
    context: &Context<'_>,
    target: &Target,
    shown: Vec<FieldChange>,
    phrases: Vec<Span>,
    draft: &mut Draft,
) -> u32 {
    let words = target.subject().words();
    let text = format!("Take {words} out of high availability; it goes on as it is.");
    let mut left = step(StepVerb::Change, target.subject(), text, phrases);
    left.changes = shown;
    left.calls = vec![remove(target)];
    let ha = context.seen().around.ha_of(target.kind, target.vmid);
    let running = ha.is_some_and(|ha| ha.state == "started");
    left.reverse = Reverse::Calls {
        sentence: format!("Make {words} highly available again."),
        loses_data: false,
        calls: vec![add(target, running, ha.and_then(|ha| ha.group.as_deref()))],
    };
    draft.push(left)
}

/// The step that gives a guest back to the manager, as it had it.
pub(super) fn again(
    context: &Context<'_>,
    target: &Target,
    phrases: Vec<Span>,
    after: Vec<u32>,
    draft: &mut Draft,
) -> u32 {
    let words = target.subject().words();
    let text = format!("Make {words} highly available again.");
    let mut managed = step(StepVerb::Change, target.subject(), text, phrases);
    managed.after = after;
    let ha = context.seen().around.ha_of(target.kind, target.vmid);
    managed.calls =
        vec![add(target, ha.is_none_or(|ha| ha.state == "started"), ha.and_then(|ha| ha.group.as_deref()))];
    managed.reverse = Reverse::Calls {
        sentence: format!("Take {words} out of high availability; it goes on as it is."),
        loses_data: false,
        calls: vec![remove(target)],
    };
    draft.push(managed)
}

fn word(running: bool) -> &'static str {
    if running { "started" } else { "stopped" }
}

fn add(target: &Target, running: bool, group: Option<&str>) -> Call {
    let id = sid(target.kind, target.vmid);
    let args = [
        ("sid", Some(id.clone())),
        ("state", Some(word(running).to_owned())),
        ("group", group.map(str::to_owned)),
    ];
    Call {
        verb: Verb::Post,
        path: "/cluster/ha/resources".into(),
        args: args.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect(),
        purpose: "give it to the high availability manager".into(),
        done_when: Condition::HaIs { sid: id, state: word(running).into() },
        guards: vec![target.guard()],
    }
}

/// Tells the manager whether the guest shall run.
pub(super) fn set(target: &Target, running: bool) -> Call {
    let id = sid(target.kind, target.vmid);
    Call {
        verb: Verb::Put,
        path: format!("/cluster/ha/resources/{id}"),
        args: [("state".to_owned(), word(running).to_owned())].into(),
        purpose: format!("tell the high availability manager to keep it {}", word(running)),
        done_when: Condition::HaIs { sid: id, state: word(running).into() },
        guards: vec![target.guard()],
    }
}

fn remove(target: &Target) -> Call {
    let id = sid(target.kind, target.vmid);
    Call {
        verb: Verb::Delete,
        path: format!("/cluster/ha/resources/{id}"),
        args: [].into(),
        purpose: "take it away from the high availability manager".into(),
        done_when: Condition::HaGone { sid: id },
        guards: vec![target.guard()],
    }
}
