//! Runs: one row each, by id; ranked by number. Step, call and attempt are told as they happened.

use crate::fold::{ERASED, HIDDEN, Known, Poison, Projection, Rows};
use crate::limits::TASK_LINES_KEPT;
use crate::model::{AttemptOutcome, AttemptRow, CallRow, RunRow, RunStatus, StepRow, StepStatus, Wait};
use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::event::{AnyEvent, Category};
use domain::ids::{AccountId, DeclarationId, RunId};
use domain::run::{CallNo, Event};
use domain::{declaration, plan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub struct Runs;

const COUNTER: &str = "#runs";
const DECLARATIONS: &str = "#declarations";

/// What a run page says about the declaration it came from.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Origin {
    no: i64,
    title: String,
    approved: Option<(AccountId, DateTime<Utc>)>,
    committed_at: Option<DateTime<Utc>>,
}

fn origin_key(id: impl std::fmt::Display) -> String {
    format!("declaration/{id}")
}

impl Projection for Runs {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn version(&self) -> i32 {
        3
    }

    fn purpose(&self) -> &'static str {
        "runs with every step, call, attempt and task log"
    }

    fn folds(&self, category: Category, _: &str) -> bool {
        matches!(category, Category::Declaration | Category::Run)
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        match (&event.event, event.category) {
            (_, Category::Declaration) => vec![origin_key(event.id), DECLARATIONS.into()],
            (Some(AnyEvent::Run(Event::RunStarted { declaration, .. })), _) => {
                vec![event.id.to_string(), COUNTER.into(), origin_key(declaration)]
            }
            (_, Category::Run) => vec![event.id.to_string(), COUNTER.into()],
            _ => vec![],
        }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        match &event.event {
            Some(AnyEvent::Declaration(fact)) => origin(event, fact, rows),
            Some(AnyEvent::Run(Event::RunStarted { declaration, digest, commit, plan, cause })) => {
                let no = rows.count(COUNTER)?;
                let from: Origin = rows.get(&origin_key(declaration))?.unwrap_or_default();
                let row = RunRow {
                    id: RunId(event.id),
                    no,
                    declaration: *declaration,
                    declaration_no: from.no,
                    title: from.title,
                    plan_no: plan.number,
                    digest: digest.clone(),
                    commit: commit.clone(),
                    carries: cause.clone(),
                    undone: false,
                    status: RunStatus::Running,
                    stop_requested: false,
                    cause: None,
                    advice: None,
                    approved: from.approved,
                    committed_at: from.committed_at,
                    started_at: event.at,
                    ended_at: None,
                    at: 0,
                    done: 0,
                    already: 0,
                    skipped: 0,
                    position: event.position,
                    steps: plan.steps.iter().map(step_row).collect(),
                };
                rows.put(&event.id.to_string(), no, row)
            }
            Some(AnyEvent::Run(fact)) => rows.change(&event.id.to_string(), |row: &mut RunRow| {
                row.position = event.position;
                change(row, event.at, fact);
                row.no
            }),
            None if event.version == 1 && event.category == Category::Declaration => {
                let no = rows.count(DECLARATIONS)?;
                let origin = Origin { no, title: ERASED.to_owned(), ..Origin::default() };
                rows.put(&origin_key(DeclarationId(event.id)), HIDDEN, origin)
            }
            None if event.version == 1 && event.category == Category::Run => {
                let no = rows.count(COUNTER)?;
                rows.put(&event.id.to_string(), no, erased(event, no))
            }
            _ => Ok(()),
        }
    }
}

/// That something ran stands in the log.
fn erased(event: &Known, no: i64) -> RunRow {
    RunRow {
        id: RunId(event.id),
        no,
        declaration: DeclarationId(Uuid::nil()),
        declaration_no: 0,
        title: ERASED.to_owned(),
        plan_no: 0,
        digest: Digest::of_bytes(b""),
        commit: String::new(),
        carries: domain::run::Cause::Commit,
        undone: false,
        status: RunStatus::Stopped,
        stop_requested: false,
        cause: Some("This was erased.".to_owned()),
        advice: None,
        approved: None,
        committed_at: None,
        started_at: event.at,
        ended_at: None,
        at: 0,
        done: 0,
        already: 0,
        skipped: 0,
        position: event.position,
        steps: vec![],
    }
}

fn origin(event: &Known, fact: &declaration::Event, rows: &mut Rows) -> Result<(), Poison> {
    use declaration::Event as E;
    let key = origin_key(DeclarationId(event.id));
    let mut origin: Origin = rows.get(&key)?.unwrap_or_default();
    match fact {
        E::Drafted { title, .. } => {
            origin.no = rows.count(DECLARATIONS)?;
            origin.title.clone_from(title);
        }
        E::Revised { title, .. } => origin.title.clone_from(title),
        E::PlanApproved { by, .. } => origin.approved = Some((*by, event.at)),
        E::DeclarationCommitted { .. } => origin.committed_at = Some(event.at),
        _ => return Ok(()),
    }
    rows.put(&key, HIDDEN, origin)
}

fn step_row(step: &plan::Step) -> StepRow {
    let call = |call: &plan::Call| CallRow {
        line: call.shown(),
        purpose: call.purpose.clone(),
        already: false,
        done: false,
        attempts: vec![],
        waits: vec![],
        upid: None,
        task_end: None,
        lines: vec![],
        lines_cut: false,
    };
    StepRow {
        no: step.no,
        verb: step.verb,
        subject: step.subject.clone(),
        sentence: step.sentence.clone(),
        time: step.time,
        status: StepStatus::Pending,
        started_at: None,
        ended_at: None,
        cause: None,
        advice: None,
        held: false,
        calls: step.calls.iter().map(call).collect(),
    }
}

fn call(row: &mut RunRow, at: CallNo) -> Option<&mut CallRow> {
    row.steps.get_mut(at.step)?.calls.get_mut(at.call)
}

fn attempt(row: &mut RunRow, at: CallNo) -> Option<&mut AttemptRow> {
    call(row, at)?.attempts.last_mut()
}

fn step(row: &mut RunRow, no: usize, status: StepStatus, when: DateTime<Utc>) {
    if let Some(step) = row.steps.get_mut(no) {
        step.status = status;
        step.started_at.get_or_insert(when);
        if matches!(status, StepStatus::Done | StepStatus::Already | StepStatus::Skipped) {
            step.ended_at = Some(when);
            step.held = false;
            step.cause = None;
            step.advice = None;
        }
    }
    row.at = no;
}

fn change(row: &mut RunRow, when: DateTime<Utc>, fact: &Event) {
    match fact {
        Event::RunStarted { .. } => {}
        Event::CallSatisfied { at } => {
            step(row, at.step, StepStatus::Running, when);
            if let Some(call) = call(row, *at) {
                call.already = call.attempts.is_empty();
                call.done = true;
            }
        }
        Event::CallIssued { at, attempt, request } => {
            step(row, at.step, StepStatus::Running, when);
            if let Some(call) = call(row, *at) {
                call.attempts.push(AttemptRow {
                    no: *attempt,
                    issued_at: when,
                    request: request.clone(),
                    ended_at: None,
                    status: None,
                    reason: String::new(),
                    answer: String::new(),
                    ms: None,
                    outcome: AttemptOutcome::Sent {},
                    settled: None,
                });
            }
        }
        Event::CallAnswered { at, status, reason, answer, ms, .. } => {
            if let Some(attempt) = attempt(row, *at) {
                attempt.ended_at = Some(when);
                attempt.status = Some(*status);
                attempt.reason.clone_from(reason);
                attempt.answer.clone_from(answer);
                attempt.ms = Some(*ms);
                attempt.outcome = AttemptOutcome::Answered {};
            }
        }
        Event::CallFailed { at, status, message, transient, advice, ms, .. } => {
            if let Some(attempt) = attempt(row, *at) {
                attempt.ended_at = Some(when);
                attempt.status = *status;
                attempt.ms = Some(*ms);
                attempt.outcome = AttemptOutcome::Failed {
                    message: message.clone(),
                    transient: *transient,
                    advice: advice.clone(),
                };
            }
        }
        Event::CallUnknown { at, why, .. } => {
            if let Some(attempt) = attempt(row, *at) {
                attempt.ended_at = Some(when);
                attempt.outcome = AttemptOutcome::Unknown { why: why.clone() };
            }
        }
        Event::CallSettled { at, done, how } => {
            if let Some(call) = call(row, *at) {
                call.done = *done;
                if let Some(attempt) = call.attempts.last_mut() {
                    attempt.settled = Some(how.clone());
                }
            }
        }
        Event::TaskStarted { at, upid } => {
            if let Some(call) = call(row, *at) {
                call.upid = Some(upid.clone());
                call.task_end = None;
                call.lines.clear();
                call.lines_cut = false;
            }
        }
        Event::TaskProgressed { at, lines, .. } => {
            if let Some(call) = call(row, *at) {
                call.lines.extend(lines.iter().cloned());
                let over = call.lines.len().saturating_sub(TASK_LINES_KEPT);
                call.lines.drain(..over);
                call.lines_cut |= over > 0;
            }
        }
        Event::TaskEnded { at, end, .. } => {
            if let Some(call) = call(row, *at) {
                call.task_end = Some(end.clone());
            }
        }
        Event::StepSatisfied { step: no } => {
            step(row, *no, StepStatus::Already, when);
            row.already += 1;
        }
        Event::StepSucceeded { step: no } => {
            step(row, *no, StepStatus::Done, when);
            row.done += 1;
        }
        Event::StepFailed { step: no, cause, advice } => {
            step(row, *no, StepStatus::Failed, when);
            if let Some(step) = row.steps.get_mut(*no) {
                step.cause = Some(cause.clone());
                step.advice = Some(advice.clone());
            }
        }
        Event::RetryScheduled { at, attempt, wait_ms, not_before, cause } => {
            step(row, at.step, StepStatus::Waiting, when);
            let (attempt, wait_ms) = (*attempt, *wait_ms);
            if let Some(call) = call(row, *at) {
                call.waits.push(Wait { attempt, wait_ms, not_before: *not_before, cause: cause.clone() });
            }
        }
        Event::RunPaused { step: at, cause, advice } => {
            if let Some(at) = at {
                row.at = *at;
                if let Some(step) = row.steps.get_mut(*at) {
                    step.held = true;
                    step.cause.get_or_insert_with(|| cause.clone());
                }
            }
            row.status = RunStatus::Paused;
            row.cause = Some(cause.clone());
            row.advice = Some(advice.clone());
        }
        Event::RunResumed { .. } => {
            row.status = RunStatus::Running;
            row.cause = None;
            row.advice = None;
            row.steps.iter_mut().for_each(|step| step.held = false);
        }
        Event::StepRetried { step: no, .. } => {
            row.status = RunStatus::Running;
            row.cause = None;
            row.advice = None;
            if let Some(step) = row.steps.get_mut(*no) {
                step.held = false;
            }
        }
        Event::UndoApproved { .. } => row.undone = true,
        Event::StopRequested { .. } => row.stop_requested = true,
        Event::StepSkipped { step: no, why, .. } => {
            step(row, *no, StepStatus::Skipped, when);
            row.skipped += 1;
            if let Some(step) = row.steps.get_mut(*no) {
                step.cause = Some(why.clone());
            }
        }
        Event::RunCompleted { .. } => {
            row.status = RunStatus::Completed;
            row.ended_at = Some(when);
        }
        Event::RunStopped { why, advice, .. } => {
            row.status = RunStatus::Stopped;
            row.cause = Some(why.clone());
            row.advice = Some(advice.clone());
            row.ended_at = Some(when);
        }
    }
}
