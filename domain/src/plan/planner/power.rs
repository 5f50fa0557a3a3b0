//! Starting, shutting down and stopping.

use super::context::{Context, Silent};
use super::draft::{Draft, Target, change, step};
use super::placement::NewGuest;
use super::reverse;
use super::tasks::Task;
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
pub(super) fn start_new(context: &Context<'_>, guest: &NewGuest<'_>, made: u32, draft: &mut Draft) {
    let (index, kind) = (guest.spec.index, guest.spec.wish.kind.as_str());
    let changes = vec![power(context, index, None, true, kind)];
    start(context, index, guest.target(), vec![made], changes, draft);
}

/// The step that starts a guest which exists.
pub(super) fn start_seen(
    context: &Context<'_>,
    task: &Task<'_>,
    target: Target,
    after: Vec<u32>,
    draft: &mut Draft,
) {
    let changes = vec![power(context, task.index, Some(false), true, task.wish.kind.as_str())];
    start(context, task.index, target, after, changes, draft);
}

fn start(
    context: &Context<'_>,
    index: usize,
    target: Target,
    after: Vec<u32>,
    changes: Vec<FieldChange>,
    draft: &mut Draft,
) {
    let sentence = format!("Start {}.", target.subject().words());
    let mut started = step(StepVerb::Change, target.subject(), sentence, phrases(context, index));
    started.after = after;
    started.changes = changes;
    started.calls = vec![start_call(&target)];
    started.reverse = Reverse::Calls {
        sentence: format!("Shut down {}.", target.subject().words()),
        loses_data: false,
        calls: vec![shutdown_call(&target)],
    };
    draft.push(started);
}

/// The step that shuts a guest down.
pub(super) fn shut_down(
    context: &Context<'_>,
    task: &Task<'_>,
    target: Target,
    after: Vec<u32>,
    draft: &mut Draft,
) {
    let words = target.subject().words();
    let sentence =
        format!("Shut down {words}; if it has not stopped after {SHUTDOWN_S} seconds, switch it off.");
    let mut stopped = step(StepVerb::Change, target.subject(), sentence, phrases(context, task.index));
    stopped.after = after;
    stopped.effect = Effect::Interrupts;
    stopped.changes = vec![power(context, task.index, Some(true), false, task.wish.kind.as_str())];
    stopped.calls = vec![shutdown_call(&target)];
    stopped.reverse = reverse::start(&target);
    let no = draft.push(stopped);
    draft.hazard(HazardKind::Interrupts, format!("{words} will be stopped."), Some(no));
}

/// The words about power, else the guest's name.
fn phrases(context: &Context<'_>, index: usize) -> Vec<Span> {
    let said = context.phrase("guests", index, "power");
    if said.is_empty() { context.phrase("guests", index, "name") } else { said }
}
