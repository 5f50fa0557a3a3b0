//! The rules of a run, told as stories.

use super::*;
use crate::account::Role;
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

fn after(events: impl IntoIterator<Item = Event>) -> Action {
    let mut history = vec![started()];
    history.extend(events);
    Run::fold(&history).next()
}

#[test]
fn a_plan_that_does_not_match_its_digest_never_starts() {
    let plan = sample::plan("text", 1);
    let command = Command::Start {
        declaration: sample::DECLARATION,
        digest: sample::plan("text", 2).digest(),
        commit: "c1".into(),
        plan: Box::new(plan),
    };
    given::<Run>([]).when(command).then_refused(Refusal::PlanChanged);
}

#[test]
fn a_restart_after_an_intent_looks_before_anything_is_sent_again() {
    assert_eq!(after([]), Action::Take { at: FIRST, attempt: 1 });
    assert!(matches!(after([issued(FIRST, 1)]), Action::Settle { at: FIRST, .. }));
    let unknown = Event::CallUnknown { at: FIRST, attempt: 1, why: "reset".into() };
    assert!(matches!(after([issued(FIRST, 1), unknown]), Action::Settle { .. }));
    assert_eq!(after([issued(FIRST, 1), answered(FIRST)]), Action::Verify { at: FIRST });
}

#[test]
fn what_looking_showed_decides_between_going_on_and_trying_again() {
    assert_eq!(after([issued(FIRST, 1), settled(FIRST, true)]), Action::Take { at: SECOND, attempt: 1 });
    assert_eq!(after([issued(FIRST, 1), settled(FIRST, false)]), Action::Take { at: FIRST, attempt: 2 });
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
    assert_eq!(Run::fold(&resumed).next(), Action::Take { at: FIRST, attempt: 1 });
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
    assert_eq!(after(half), Action::Take { at: SECOND, attempt: 1 });
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
        .when(Command::Skip { by: BO, why: "no".into() })
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
