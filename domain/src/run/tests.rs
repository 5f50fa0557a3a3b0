//! The rules of a run, told as stories.

use super::*;
use crate::account::Actor;
use crate::account::Role;
use crate::decider::Decider;
use crate::decider::story::given;
use crate::ids::AccountId;
use crate::plan::sample;
use uuid::Uuid;

const ADA: Actor = Actor { id: AccountId(Uuid::from_u128(1)), role: Role::Admin };
const BO: Actor = Actor { id: AccountId(Uuid::from_u128(2)), role: Role::User };
const FIRST: CallNo = CallNo { step: 0, call: 0 };
const SECOND: CallNo = CallNo { step: 0, call: 1 };

fn started() -> Event {
    let plan = sample::plan("text", 1);
    Event::RunStarted {
        declaration: sample::DECLARATION,
        digest: plan.digest(),
        commit: "c1".into(),
        plan: Box::new(plan),
        cause: Cause::Commit,
    }
}

fn issued(at: CallNo, attempt: u32) -> Event {
    Event::CallIssued { at, attempt, request: "POST /x".into() }
}

fn answered(at: CallNo) -> Event {
    Event::CallAnswered { at, attempt: 1, status: 200, reason: "OK".into(), answer: "null".into(), ms: 3 }
}

fn failed(attempt: u32) -> Event {
    Event::CallFailed {
        at: FIRST,
        attempt,
        status: Some(500),
        message: "got timeout".into(),
        transient: true,
        advice: String::new(),
        ms: 3,
    }
}

fn settled(at: CallNo, done: bool) -> Event {
    Event::CallSettled { at, done, how: "seen".into() }
}

fn retry(attempt: u32) -> Event {
    Event::RetryScheduled {
        at: FIRST,
        attempt,
        wait_ms: 1_000,
        not_before: DateTime::UNIX_EPOCH,
        cause: "got timeout".into(),
    }
}

fn paused() -> Event {
    Event::RunPaused { step: Some(0), cause: "three attempts failed".into(), advice: "look".into() }
}

/// The only thing to do next.
fn after(events: impl IntoIterator<Item = Event>) -> Action {
    let mut history = vec![started()];
    history.extend(events);
    let mut actions = Run::fold(&history).next();
    assert_eq!(actions.len(), 1, "{actions:?}");
    actions.remove(0)
}

fn take(at: CallNo, attempt: u32) -> Action {
    Action::Take { at, attempt, not_before: None }
}

#[test]
fn a_plan_that_does_not_match_its_digest_never_starts() {
    let plan = sample::plan("text", 1);
    let command = Command::Start {
        declaration: sample::DECLARATION,
        digest: sample::plan("text", 2).digest(),
        commit: "c1".into(),
        plan: Box::new(plan),
        cause: Cause::Commit,
    };
    given::<Run>([]).when(command).then_refused(Refusal::PlanChanged);
}

#[test]
fn a_restart_after_an_intent_looks_before_anything_is_sent_again() {
    assert_eq!(after([]), take(FIRST, 1));
    assert!(matches!(after([issued(FIRST, 1)]), Action::Settle { at: FIRST, .. }));
    let unknown = Event::CallUnknown { at: FIRST, attempt: 1, why: "reset".into() };
    assert!(matches!(after([issued(FIRST, 1), unknown]), Action::Settle { .. }));
    assert_eq!(after([issued(FIRST, 1), answered(FIRST)]), Action::Verify { at: FIRST });
}

#[test]
fn what_looking_showed_decides_between_going_on_and_trying_again() {
    assert_eq!(after([issued(FIRST, 1), settled(FIRST, true)]), take(SECOND, 1));
    let lost = Event::CallUnknown { at: FIRST, attempt: 1, why: "reset".into() };
    assert_eq!(after([issued(FIRST, 1), lost, settled(FIRST, false)]), take(FIRST, 2));
}

#[test]
fn a_task_is_followed_after_a_restart() {
    let task = Event::TaskStarted { at: FIRST, upid: "UPID:x".into() };
    assert_eq!(
        after([issued(FIRST, 1), answered(FIRST), task]),
        Action::Follow { at: FIRST, upid: "UPID:x".into(), lines: 0 }
    );
}

#[test]
fn a_fourth_attempt_is_refused_until_somebody_resumes() {
    let history = [
        started(),
        issued(FIRST, 1),
        failed(1),
        retry(2),
        issued(FIRST, 2),
        failed(2),
        retry(3),
        issued(FIRST, 3),
        failed(3),
    ];
    given::<Run>(history.clone())
        .when(Command::Record(vec![retry(4)]))
        .then_refused(Refusal::OutOfOrder("RetryScheduled"));
    let mut resumed = history.to_vec();
    resumed.extend([paused(), Event::RunResumed { by: ADA.id }]);
    assert_eq!(Run::fold(&resumed).next(), [take(FIRST, 1)]);
}

#[test]
fn an_attempt_that_ended_with_the_agent_is_not_counted_until_it_happens_again_and_again() {
    let undone = || Event::CallSettled { at: FIRST, done: false, how: "looked".into() };
    let mut history = vec![started()];
    for _ in 0..crate::limits::INTERRUPTIONS_MAX {
        history.extend([issued(FIRST, 1), undone()]);
        given::<Run>(history.clone())
            .when(Command::Record(vec![retry(3)]))
            .then_refused(Refusal::OutOfOrder("RetryScheduled"));
        history.push(retry(1));
    }
    history.push(issued(FIRST, 1));
    assert_eq!(Run::fold(&history).attempts_if_undone(0), 1);
    // What the Agent lived to see counts.
    let lost = Event::CallUnknown { at: FIRST, attempt: 1, why: "reset".into() };
    let run = Run::fold(&[started(), issued(FIRST, 1), lost, undone()]);
    assert_eq!((run.attempt(0), run.next()), (1, vec![take(FIRST, 2)]));
}

#[test]
fn nothing_is_sent_twice_without_looking() {
    given::<Run>([started(), issued(FIRST, 1)])
        .when(Command::Record(vec![issued(FIRST, 2)]))
        .then_refused(Refusal::OutOfOrder("CallIssued"));
}

#[test]
fn a_step_of_which_nothing_was_sent_was_already_so() {
    let both = [Event::CallSatisfied { at: FIRST }, Event::CallSatisfied { at: SECOND }];
    assert_eq!(after(both), Action::FinishStep { step: 0, satisfied: true });
    let one = [issued(FIRST, 1), settled(FIRST, true), Event::CallSatisfied { at: SECOND }];
    assert_eq!(after(one), Action::FinishStep { step: 0, satisfied: false });
}

#[test]
fn stopping_waits_for_the_step_but_not_when_paused() {
    let half = [issued(FIRST, 1), settled(FIRST, true), Event::StopRequested { by: ADA.id }];
    assert_eq!(after(half), take(SECOND, 1));
    let whole = [
        issued(FIRST, 1),
        settled(FIRST, true),
        Event::StopRequested { by: ADA.id },
        Event::CallSatisfied { at: SECOND },
        Event::StepSucceeded { step: 0 },
    ];
    assert_eq!(after(whole), Action::Stop);
    let stopped = Event::RunStopped {
        step: Some(0),
        why: "stopped by an Admin while paused".into(),
        advice: "Make a new preview to see what is left to do.".into(),
    };
    given::<Run>([started(), paused()])
        .when(Command::StopAfterStep { by: ADA })
        .then([Event::StopRequested { by: ADA.id }, stopped]);
}

#[test]
fn a_user_does_not_resume_stop_or_skip() {
    given::<Run>([started(), paused()]).when(Command::Resume { by: BO }).then_refused(Refusal::AdminOnly);
    given::<Run>([started(), paused()])
        .when(Command::Skip { by: BO, step: None, why: "no".into() })
        .then_refused(Refusal::AdminOnly);
}

#[test]
fn all_steps_through_completes() {
    let run = [
        Event::CallSatisfied { at: FIRST },
        Event::CallSatisfied { at: SECOND },
        Event::StepSatisfied { step: 0 },
        Event::CallSatisfied { at: CallNo { step: 1, call: 0 } },
        Event::StepSatisfied { step: 1 },
    ];
    assert_eq!(after(run), Action::Complete);
}

/// Steps that copy from one template each, on guests of their own.
fn copies(count: usize, template: impl Fn(usize) -> u32) -> Event {
    let mut plan = sample::plan("text", 1);
    let copy = plan.steps[0].clone();
    plan.steps = (0..count)
        .map(|i| {
            let mut step = copy.clone();
            step.no = i as u32 + 1;
            step.subject.vmid = Some(200 + i as u32);
            step.subject.node = Some(format!("pve{}", i % 3));
            step.lane = format!("template {}", template(i));
            step
        })
        .collect();
    Event::RunStarted {
        declaration: sample::DECLARATION,
        digest: plan.digest(),
        commit: "c1".into(),
        plan: Box::new(plan),
        cause: Cause::Commit,
    }
}

fn steps(actions: &[Action]) -> Vec<usize> {
    actions.iter().filter_map(Action::step).collect()
}

#[test]
fn copies_of_one_template_go_one_after_the_other_others_side_by_side() {
    let run = Run::fold(&[copies(4, |i| 9000 + i as u32 % 2)]);
    assert_eq!(steps(&run.next()), [0, 1], "one of each template");
    let at = CallNo { step: 0, call: 0 };
    let busy = Run::fold(&[copies(4, |i| 9000 + i as u32 % 2), issued(at, 1)]);
    assert_eq!(steps(&busy.next()), [0, 1]);
    assert_eq!(steps(&busy.next_beside(&[0, 1].into())), [] as [usize; 0]);
    // The log itself refuses a second copy of the same template.
    let second = issued(CallNo { step: 2, call: 0 }, 1);
    assert_eq!(busy.decide(Command::Record(vec![second])), Err(Refusal::OutOfOrder("CallIssued")));
}

#[test]
fn the_next_copy_of_a_template_begins_once_the_one_before_is_made_and_while_it_is_set_up() {
    let made = |step| {
        let at = CallNo { step, call: 0 };
        [issued(at, 1), settled(at, true)]
    };
    let started = copies(3, |_| 9000);
    let run = Run::fold(&[vec![started.clone()], made(0).to_vec()].concat());
    assert_eq!(steps(&run.next()), [0, 1], "the first is set up while the second is copied");
    let second = issued(CallNo { step: 1, call: 0 }, 1);
    assert!(run.decide(Command::Record(vec![second.clone()])).is_ok());
    // Before it is made the log refuses the second, and a third while the second is copied.
    let copying = Run::fold(&[started.clone(), issued(CallNo { step: 0, call: 0 }, 1)]);
    assert_eq!(copying.decide(Command::Record(vec![second.clone()])), Err(Refusal::OutOfOrder("CallIssued")));
    let both = Run::fold(&[vec![started], made(0).to_vec(), vec![second]].concat());
    let third = issued(CallNo { step: 2, call: 0 }, 1);
    assert_eq!(both.decide(Command::Record(vec![third])), Err(Refusal::OutOfOrder("CallIssued")));
}

#[test]
fn while_one_step_waits_for_a_person_the_others_are_followed_and_nothing_is_sent() {
    let (first, second) = (CallNo { step: 0, call: 0 }, CallNo { step: 1, call: 0 });
    let task = Event::TaskStarted { at: second, upid: "UPID:x".into() };
    let history = [
        copies(4, |i| 9000 + i as u32 % 2),
        issued(first, 1),
        issued(second, 1),
        answered(second),
        task,
        failed(1),
        paused(),
    ];
    let run = Run::fold(&history);
    assert!(
        matches!(run.next().as_slice(), [Action::Follow { at, .. }] if *at == second),
        "{:?}",
        run.next()
    );
    let ended = Event::TaskEnded {
        at: second,
        upid: "UPID:x".into(),
        end: TaskEnd::Ok {},
        transient: false,
        advice: String::new(),
    };
    let run = run.evolve(&ended).evolve(&settled(second, true));
    assert_eq!(run.next(), [], "the next call of that step waits too");
    let issue = issued(CallNo { step: 1, call: 1 }, 1);
    assert!(run.decide(Command::Record(vec![issue])).is_err());
}

#[test]
fn trying_one_step_again_leaves_the_others_waiting() {
    let at = |step| CallNo { step, call: 0 };
    let fail = |step| Event::CallFailed {
        at: at(step),
        attempt: 1,
        status: Some(500),
        message: "no".into(),
        transient: false,
        advice: String::new(),
        ms: 1,
    };
    let pause = |step| Event::RunPaused { step: Some(step), cause: "no".into(), advice: "look".into() };
    let history = [
        copies(2, |i| 9000 + i as u32),
        issued(at(0), 1),
        issued(at(1), 1),
        fail(0),
        pause(0),
        fail(1),
        pause(1),
    ];
    let run = Run::fold(&history);
    assert_eq!(run.next(), []);
    let events = run.decide(Command::TryAgain { by: ADA, step: Some(1) }).unwrap();
    let run = events.iter().fold(run, |run, event| run.evolve(event));
    assert_eq!(run.next(), [take(at(1), 1)]);
    let done = [
        issued(at(1), 1),
        answered(at(1)),
        settled(at(1), true),
        Event::CallSatisfied { at: CallNo { step: 1, call: 1 } },
    ];
    let run = done.iter().fold(run, |run, event| run.evolve(event)).evolve(&Event::StepSucceeded { step: 1 });
    assert_eq!(run.next(), [Action::Wait { step: 0 }]);
}

/// A run that made its first step and half of the second, then paused.
fn half_way() -> Vec<Event> {
    let plan = undoable();
    let started = Event::RunStarted {
        declaration: sample::DECLARATION,
        digest: plan.digest(),
        commit: "c1".into(),
        plan: Box::new(plan),
        cause: Cause::Commit,
    };
    let third = CallNo { step: 1, call: 0 };
    vec![
        started,
        issued(FIRST, 1),
        answered(FIRST),
        settled(FIRST, true),
        Event::CallSatisfied { at: SECOND },
        Event::StepSucceeded { step: 0 },
        issued(third, 1),
        Event::CallFailed {
            at: third,
            attempt: 1,
            status: Some(500),
            message: "no".into(),
            transient: false,
            advice: String::new(),
            ms: 1,
        },
        Event::RunPaused { step: Some(1), cause: "no".into(), advice: "look".into() },
    ]
}

fn undoable() -> Plan {
    use crate::plan::Reverse;
    let mut plan = sample::plan("text", 1);
    let calls = plan.steps[1].calls.clone();
    let reverse = |loses_data| Reverse::Calls { sentence: "Back.".into(), loses_data, calls: calls.clone() };
    plan.steps[0].reverse = reverse(true);
    plan.steps[1].reverse = reverse(false);
    plan
}

#[test]
fn undoing_takes_back_what_this_run_did_and_nothing_else() {
    let run = Run::fold(&half_way());
    let back = way_back::plan(&run).unwrap();
    assert_eq!(back.steps.len(), 1, "the second step did nothing yet");
    assert_eq!(back.names_to_confirm(), ["web-old"]);
    let undo = |confirmed: &[&str], digest: Digest| Command::Undo {
        by: ADA,
        digest,
        confirmed: confirmed.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(run.decide(undo(&[], back.digest())), Err(Refusal::NameNeeded("web-old".into())));
    assert_eq!(run.decide(undo(&["web-old"], Digest::of_bytes(b"x"))), Err(Refusal::PlanChanged));
    let events = run.decide(undo(&["web-old"], back.digest())).unwrap();
    let after = events.iter().fold(run, |run, event| run.evolve(event));
    assert_eq!(after.status, Status::Stopped);
    assert_eq!(after.decide(undo(&["web-old"], back.digest())), Ok(vec![]), "said twice, done once");
}

#[test]
fn a_recorded_run_decides_the_same_again_and_a_change_is_named() {
    let entries = |events: Vec<Event>| {
        let events =
            events.into_iter().enumerate().map(|(i, event)| (i as i64 + 1, DateTime::UNIX_EPOCH, event));
        bundle::Bundle::new(RunId(Uuid::nil()), "test", events)
    };
    let mut history = half_way();
    for event in &mut history {
        if let Event::CallIssued { at, request, .. } = event {
            *request = undoable().steps[at.step].calls[at.call].shown();
        }
    }
    history.insert(8, Event::StepFailed { step: 1, cause: "no".into(), advice: "look".into() });
    let whole = entries(history.clone());
    assert_eq!(whole.replay().unwrap(), Ok(9));
    let read: bundle::Bundle = serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
    assert_eq!(read, whole);
    // Trouble that is not transient is never tried again by itself: the exact event is named.
    history[8] = Event::RetryScheduled {
        at: CallNo { step: 1, call: 0 },
        attempt: 2,
        wait_ms: 1_000,
        not_before: DateTime::UNIX_EPOCH,
        cause: "no".into(),
    };
    let divergence = entries(history).replay().unwrap().unwrap_err();
    assert_eq!((divergence.position, divergence.why.as_str()), (9, "it would wait for a person"));
}
