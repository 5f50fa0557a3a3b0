//! Starting, shutting down and stopping.

use super::context::{Context, Silent};
use super::draft::{Draft, Target, change, step};
use super::placement::NewGuest;
use super::tasks::Task;
use super::{ha, reverse};
use crate::interpretation::Span;
use crate::plan::{Call, Condition, Effect, FieldChange, HazardKind, Reverse, StepVerb, Verb};

/// How long a guest may take to shut down before it is switched off, in seconds.
const SHUTDOWN_S: u32 = 60;

pub(super) fn start_call(target: &Target) -> Call {
    call(target, "start", &[], "start it", true)
}

pub(super) fn shutdown_call(target: &Target) -> Call {
    let timeout = SHUTDOWN_S.to_string();
    call(target, "shutdown", &[("timeout", &timeout), ("forceStop", "1")], "shut it down", false)
}

pub(super) fn stop_call(target: &Target) -> Call {
    call(target, "stop", &[], "switch it off", false)
}

fn call(target: &Target, action: &str, args: &[(&str, &str)], purpose: &str, running: bool) -> Call {
    Call {
        verb: Verb::Post,
        path: target.path(&format!("/status/{action}")),
        args: args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        purpose: purpose.to_owned(),
        done_when: Condition::PowerIs {
            vmid: target.vmid,
            kind: target.kind,
            node: target.node.clone(),
            running,
        },
        guards: vec![target.guard()],
    }
}

fn power(context: &Context<'_>, index: usize, before: Option<bool>, after: bool, kind: &str) -> FieldChange {
    let word = |running: bool| if running { "running" } else { "stopped" }.to_owned();
    let origin = context.origin(index, "power", Silent::Default(&format!("{kind}/power")));
    change("power", before.map(word), Some(word(after)), origin)
}

/// The step that starts a guest of this plan.
pub(super) fn start_new(context: &Context<'_>, guest: &NewGuest<'_>, made: u32, draft: &mut Draft) -> u32 {
    let (index, kind) = (guest.spec.index, guest.spec.wish.kind.as_str());
    let changes = vec![power(context, index, None, true, kind)];
    start(context, index, guest.target(), vec![made], changes, draft)
}

/// The step that starts a guest which exists.
pub(super) fn start_seen(
    context: &Context<'_>,
    task: &Task<'_>,
    target: Target,
    after: Vec<u32>,
    draft: &mut Draft,
) -> u32 {
    let changes = vec![power(context, task.index, Some(false), true, task.wish.kind.as_str())];
    start(context, task.index, target, after, changes, draft)
}

fn start(
    context: &Context<'_>,
    index: usize,
    target: Target,
    after: Vec<u32>,
    changes: Vec<FieldChange>,
    draft: &mut Draft,
) -> u32 {
    let sentence = format!("Start {}.", target.subject().words());
    let mut started = step(StepVerb::Change, target.subject(), sentence, phrases(context, index));
    started.after = after;
    started.changes = changes;
    started.calls = vec![turn(context, &target, true)];
    started.reverse = Reverse::Calls {
        sentence: format!("Shut down {}.", target.subject().words()),
        loses_data: false,
        calls: vec![turn(context, &target, false)],
    };
    draft.push(started)
}

/// Starts or shuts down: through the high availability manager where that has the guest.
fn turn(context: &Context<'_>, target: &Target, running: bool) -> Call {
    let managed = context.seen().around.ha_of(target.kind, target.vmid).is_some_and(|ha| ha.acts());
    match (managed, running) {
        (true, _) => ha::set(target, running),
        (false, true) => start_call(target),
        (false, false) => shutdown_call(target),
    }
}

/// The step that shuts a guest down.
pub(super) fn shut_down(
    context: &Context<'_>,
    task: &Task<'_>,
    target: Target,
    after: Vec<u32>,
    draft: &mut Draft,
) -> u32 {
    let words = target.subject().words();
    let sentence =
        format!("Shut down {words}; if it has not stopped after {SHUTDOWN_S} seconds, switch it off.");
    let mut stopped = step(StepVerb::Change, target.subject(), sentence, phrases(context, task.index));
    stopped.after = after;
    stopped.effect = Effect::Interrupts;
    stopped.changes = vec![power(context, task.index, Some(true), false, task.wish.kind.as_str())];
    stopped.calls = vec![turn(context, &target, false)];
    stopped.reverse = Reverse::Calls {
        sentence: format!("Start {words}."),
        loses_data: false,
        calls: vec![turn(context, &target, true)],
    };
    let no = draft.push(stopped);
    draft.hazard(HazardKind::Interrupts, format!("{words} will be stopped."), Some(no));
    no
}

/// Stops a running guest for another step, which is named by its reason.
pub(super) fn pause(
    target: &Target,
    phrases: &[Span],
    why: &str,
    after: Vec<u32>,
    draft: &mut Draft,
) -> Vec<u32> {
    let words = target.subject().words();
    let sentence = format!("Shut down {words} for a while: {why}.");
    let mut stopped = step(StepVerb::Change, target.subject(), sentence, phrases.to_vec());
    stopped.after = after;
    stopped.effect = Effect::Interrupts;
    stopped.calls = vec![shutdown_call(target)];
    stopped.reverse = reverse::start(target);
    let no = draft.push(stopped);
    let text = format!("{words} is unreachable until it is started again.");
    draft.hazard(HazardKind::Interrupts, text, Some(no));
    vec![no]
}

/// Starts a guest again that was stopped for another step.
pub(super) fn go_on(target: &Target, phrases: &[Span], after: Vec<u32>, draft: &mut Draft) -> Vec<u32> {
    let words = target.subject().words();
    let sentence = format!("Start {words} again.");
    let mut started = step(StepVerb::Change, target.subject(), sentence, phrases.to_vec());
    started.after = after;
    started.calls = vec![start_call(target)];
    started.reverse = Reverse::Calls {
        sentence: format!("Shut down {words}."),
        loses_data: false,
        calls: vec![shutdown_call(target)],
    };
    vec![draft.push(started)]
}

/// The words about power, else the guest's name.
fn phrases(context: &Context<'_>, index: usize) -> Vec<Span> {
    let said = context.phrase("guests", index, "power");
    if said.is_empty() { context.phrase("guests", index, "name") } else { said }
}
