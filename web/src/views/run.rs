//! A run's page and the list of runs.

use super::Viewer;
use super::declaration::run_badge;
use crate::frame::Frame;
use crate::pages::declaration::StageView;
use crate::pages::{Pager, run as page, runs};
use crate::parts::{Ago, Badge, Bar, Kind, Message};
use crate::words;
use chrono::{DateTime, Utc};
use domain::limits::ATTEMPTS_MAX;
use domain::run::{Cause, TaskEnd};
use projections::model::{AttemptOutcome, AttemptRow, CallRow, RunRow, RunStatus, StepRow, StepStatus};

pub fn is_over(run: &RunRow) -> bool {
    matches!(run.status, RunStatus::Completed | RunStatus::Stopped)
}

/// "Step 3 of 7: cloning …, 1 min 12 s", or how it ended.
pub fn lede(run: &RunRow, now: DateTime<Utc>) -> String {
    let total = run.steps.len();
    let finished = run.done + run.already + run.skipped;
    let took = words::lasted(run.ended_at.unwrap_or(now) - run.started_at);
    let at = run.steps.get(run.at);
    let cause = run.cause.as_deref().unwrap_or("no reason was given");
    match run.status {
        RunStatus::Completed => {
            let already =
                if run.already > 0 { format!("; {} were already so", run.already) } else { String::new() };
            let skipped =
                if run.skipped > 0 { format!("; {} were skipped", run.skipped) } else { String::new() };
            format!("{finished} of {total} steps done in {took}{already}{skipped}.")
        }
        RunStatus::Stopped => format!("Stopped at step {} of {total}: {cause}", (run.at + 1).min(total)),
        RunStatus::Paused => {
            format!("Paused at step {} of {total} and waits for an Admin: {cause}", (run.at + 1).min(total))
        }
        RunStatus::Running => match at {
            _ if side_by_side(run).len() > 1 => {
                let all = side_by_side(run);
                let words: Vec<String> = all.iter().map(|step| step.subject.words()).collect();
                format!(
                    "{finished} of {total} steps are through; {} are under way: {}, {took}",
                    words::counted(all.len(), "step"),
                    super::some_of(&words, 4)
                )
            }
            Some(step) => {
                let since =
                    step.started_at.map(|at| format!(", {}", words::lasted(now - at))).unwrap_or_default();
                format!(
                    "Step {} of {total}: {} {}{since}",
                    run.at + 1,
                    step.verb.word(),
                    step.subject.words()
                )
            }
            None => format!("All {total} steps are through; the run is ending."),
        },
    }
}

/// Steps that are being worked at.
fn side_by_side(run: &RunRow) -> Vec<&StepRow> {
    let busy = |step: &&StepRow| matches!(step.status, StepStatus::Running | StepStatus::Waiting);
    run.steps.iter().filter(busy).collect()
}

fn bar(run: &RunRow) -> Bar {
    let class = match run.status {
        RunStatus::Running => "active",
        RunStatus::Paused => "waiting",
        RunStatus::Completed => "good",
        RunStatus::Stopped => "bad",
    };
    Bar::of((run.done + run.already + run.skipped) as u64, run.steps.len() as u64, class)
}

/// The line of the overview.
pub fn running(run: &RunRow, now: DateTime<Utc>) -> crate::pages::overview::Running {
    crate::pages::overview::Running {
        no: run.no.unsigned_abs(),
        title: run.title.clone(),
        words: lede(run, now),
        bar: bar(run),
    }
}

pub fn list_page(f: Frame, rows: &[RunRow], pager: Pager) -> runs::RunsPage {
    let row = |run: &RunRow| runs::Row {
        no: run.no.unsigned_abs(),
        title: run.title.clone(),
        badge: run_badge(run.status),
        words: format!("{} of {}", run.done + run.already + run.skipped, run.steps.len()),
        started: Ago { at: run.started_at, now: f.now },
        lasted: words::lasted(run.ended_at.unwrap_or(f.now) - run.started_at),
    };
    runs::RunsPage { list: runs::ListRegion { rows: rows.iter().map(row).collect(), pager }, f }
}

pub fn page(f: Frame, viewer: &Viewer, run: &RunRow, filter: page::Filter) -> page::RunPage {
    let no = run.no.unsigned_abs();
    let finished = run.done + run.already + run.skipped;
    let steps =
        run.steps.iter().map(|step| step_view(step, f.now)).filter(|step| filter.shows(step.badge.kind));
    let message = (run.status == RunStatus::Paused || run.status == RunStatus::Stopped)
        .then(|| run.cause.clone())
        .flatten()
        .map(|cause| {
            let kind = if run.status == RunStatus::Paused { Kind::Waiting } else { Kind::Bad };
            Message::new(kind, words::sentence(&cause), run.advice.clone().unwrap_or_default()).quiet()
        });
    page::RunPage {
        no,
        status: page::StatusRegion {
            no,
            declaration: run.declaration.to_string(),
            title: run.title.clone(),
            badge: run_badge(run.status),
            lede: lede(run, f.now),
            milestone: match run.status {
                RunStatus::Running => format!("{finished} of {} steps done", run.steps.len()),
                _ => lede(run, f.now),
            },
            bar: bar(run),
            bar_words: format!("{finished} of {} steps", run.steps.len()),
            stages: stages(viewer, run, f.now),
            message,
        },
        steps: page::StepsRegion { steps: steps.collect(), total: run.steps.len() },
        act: act(&f, viewer, run),
        filter,
        command: format!("mycopod runs show {no}"),
        f,
    }
}

fn stages(viewer: &Viewer, run: &RunRow, now: DateTime<Utc>) -> Vec<page::StageLine> {
    let line = |kind, word, by: String, at: Option<DateTime<Utc>>, detail: String| page::StageLine {
        view: StageView { kind, word, since: None, took: String::new() },
        by,
        at: at.map(|at| Ago { at, now }),
        detail,
    };
    let (kind, word) = match run.status {
        RunStatus::Running => (Kind::Active, "Running"),
        RunStatus::Paused => (Kind::Waiting, "Paused"),
        RunStatus::Completed => (Kind::Good, "Running"),
        RunStatus::Stopped => (Kind::Bad, "Stopped"),
    };
    let done = if run.status == RunStatus::Completed { Kind::Good } else { Kind::Calm };
    vec![
        line(
            Kind::Good,
            "Approved",
            approver(viewer, run),
            run.approved.as_ref().filter(|_| run.carries.is_commit()).map(|(_, at)| *at),
            run.digest.short().to_owned(),
        ),
        carried(run, &line),
        line(kind, word, String::new(), Some(run.started_at), String::new()),
        line(done, "Done", String::new(), run.ended_at.filter(|_| done == Kind::Good), String::new()),
    ]
}

fn approver(viewer: &Viewer, run: &RunRow) -> String {
    match &run.carries {
        Cause::Commit => run.approved.as_ref().map(|(by, _)| viewer.names.name(*by)).unwrap_or_default(),
        Cause::Undo { by, .. } | Cause::PutBack { by: Some(by), .. } => viewer.names.name(*by),
        Cause::PutBack { by: None, .. } => "the owner's rule".into(),
    }
}

/// Where the run's plan comes from: a commit, another run's way back, or drift.
fn carried(
    run: &RunRow,
    line: &dyn Fn(Kind, &'static str, String, Option<DateTime<Utc>>, String) -> page::StageLine,
) -> page::StageLine {
    match &run.carries {
        Cause::Commit => {
            let commit = run.commit.chars().take(12).collect();
            line(Kind::Good, "Committed", String::new(), run.committed_at, commit)
        }
        Cause::Undo { .. } => line(Kind::Good, "Undoes a run", String::new(), None, String::new()),
        Cause::PutBack { subject, .. } => line(Kind::Good, "Puts back", String::new(), None, subject.clone()),
    }
}

fn act(f: &Frame, viewer: &Viewer, run: &RunRow) -> page::ActRegion {
    let admin = viewer.actor.is_admin();
    let over = is_over(run);
    let guard = |action: &str| f.guard(&format!("run {} {action}", run.id), run.position);
    let paused = run.status == RunStatus::Paused;
    page::ActRegion {
        no: run.no.unsigned_abs(),
        stop: (admin && !over && !run.stop_requested).then(|| guard("stop")),
        resume: (admin && paused).then(|| guard("resume")),
        waiting: run
            .steps
            .iter()
            .filter(|step| admin && paused && step.held)
            .map(|step| page::WaitingStep {
                no: step.no,
                words: format!("step {}: {} {}", step.no, step.verb.word(), step.subject.words()),
                retry: guard(&format!("retry {}", step.no)),
                skip: guard(&format!("skip {}", step.no)),
            })
            .collect(),
        undo: admin && (paused || over) && !run.undone && did_something(run),
        stopping: run.stop_requested && !over,
        over,
        declaration: run.declaration.to_string(),
        why_not: if admin || over {
            String::new()
        } else {
            format!("An Admin stops and resumes runs. {}", viewer.ask_an_admin())
        },
    }
}

/// A call of ours was seen to be done.
fn did_something(run: &RunRow) -> bool {
    run.steps.iter().flat_map(|step| &step.calls).any(|call| call.done && !call.attempts.is_empty())
}

fn step_badge(status: StepStatus) -> Badge {
    let (kind, word) = match status {
        StepStatus::Pending => (Kind::Calm, "to come"),
        StepStatus::Running => (Kind::Active, "running"),
        StepStatus::Waiting => (Kind::Waiting, "waiting"),
        StepStatus::Done => (Kind::Good, "succeeded"),
        StepStatus::Already => (Kind::Good, "already so"),
        StepStatus::Failed => (Kind::Bad, "failed"),
        StepStatus::Skipped => (Kind::Calm, "skipped"),
    };
    Badge::new(kind, word)
}

fn step_view(step: &StepRow, now: DateTime<Utc>) -> page::StepView {
    let took = step.started_at.map(|from| words::lasted(step.ended_at.unwrap_or(now) - from));
    let current = matches!(step.status, StepStatus::Running | StepStatus::Waiting | StepStatus::Failed);
    page::StepView {
        no: step.no as usize,
        verb: Badge::verb(step.verb),
        badge: step_badge(step.status),
        object: step.subject.words(),
        sentence: step.sentence.clone(),
        took: took.unwrap_or_default(),
        note: step.cause.as_deref().map(words::sentence).unwrap_or_default(),
        advice: step.advice.clone().unwrap_or_default(),
        timeline: timeline(step, now),
        attempts: step.calls.iter().enumerate().flat_map(|(i, call)| attempts(i + 1, call, now)).collect(),
        open: current,
    }
}

/// Attempts as bars, waiting times as gaps; nothing for a step of one quick attempt.
fn timeline(step: &StepRow, now: DateTime<Utc>) -> Vec<page::Segment> {
    let Some(from) = step.started_at else { return vec![] };
    let whole = (step.ended_at.unwrap_or(now) - from).num_milliseconds().max(1);
    let place = |at: DateTime<Utc>| ((at - from).num_milliseconds() * 100 / whole).clamp(0, 100) as u8;
    let mut segments = Vec::new();
    for call in &step.calls {
        for attempt in &call.attempts {
            let x = place(attempt.issued_at);
            let next_wait = call.waits.iter().find(|wait| wait.attempt == attempt.no + 1);
            // A call whose task still works lasts until the wait after it, or until the step's end.
            let end = match (next_wait, attempt.ended_at) {
                (Some(wait), _) => wait.not_before - chrono::TimeDelta::milliseconds(wait.wait_ms as i64),
                (None, Some(at)) if call.upid.is_none() => at,
                (None, _) => step.ended_at.unwrap_or(now),
            };
            let class = match &attempt.outcome {
                AttemptOutcome::Failed { .. } => "bad",
                _ if next_wait.is_some() => "bad",
                _ if call.done => "good",
                _ => "active",
            };
            segments.push(page::Segment { x, width: place(end).saturating_sub(x).max(1), class });
            if let Some(wait) = next_wait {
                let x = place(end);
                segments.push(page::Segment {
                    x,
                    width: place(wait.not_before).saturating_sub(x).max(1),
                    class: "wait",
                });
            }
        }
    }
    segments
}

fn attempts(number: usize, call: &CallRow, now: DateTime<Utc>) -> Vec<page::AttemptView> {
    if call.attempts.is_empty() {
        return vec![page::AttemptView {
            title: format!("Call {number}"),
            badge: if call.already {
                Badge::new(Kind::Good, "already so")
            } else {
                Badge::new(Kind::Calm, "to come")
            },
            request: call.line.clone(),
            status: call.purpose.clone(),
            took: String::new(),
            at: None,
            answer: String::new(),
            note: String::new(),
            wait: String::new(),
            task: None,
        }];
    }
    let last = call.attempts.len() - 1;
    let view = |(i, attempt): (usize, &AttemptRow)| attempt_view(number, call, attempt, i == last, now);
    call.attempts.iter().enumerate().map(view).collect()
}

fn attempt_view(
    number: usize,
    call: &CallRow,
    attempt: &AttemptRow,
    last: bool,
    now: DateTime<Utc>,
) -> page::AttemptView {
    let wait = call.waits.iter().rev().find(|wait| last && wait.attempt == attempt.no + 1);
    let failed_task = matches!(call.task_end, Some(TaskEnd::Failed { .. } | TaskEnd::Unexpected {}));
    let badge = match &attempt.outcome {
        AttemptOutcome::Sent {} => Badge::new(Kind::Active, "sent"),
        AttemptOutcome::Failed { .. } => Badge::new(Kind::Bad, "failed"),
        AttemptOutcome::Unknown { .. } => Badge::new(Kind::Unknown, "cannot tell"),
        AttemptOutcome::Answered {} if !last || failed_task => Badge::new(Kind::Bad, "task failed"),
        AttemptOutcome::Answered {} if call.done => Badge::new(Kind::Good, "done"),
        AttemptOutcome::Answered {} if call.upid.is_some() && call.task_end.is_none() => {
            Badge::new(Kind::Active, "task running")
        }
        AttemptOutcome::Answered {} => Badge::new(Kind::Active, "checking"),
    };
    let note = match &attempt.outcome {
        AttemptOutcome::Failed { message, advice, .. } => format!("{} {advice}", words::sentence(message)),
        AttemptOutcome::Unknown { why } => format!("No answer is known: {why}."),
        _ => String::new(),
    };
    let settled = attempt.settled.as_ref().map(|how| format!(" Looking showed: {how}.")).unwrap_or_default();
    page::AttemptView {
        title: format!("Call {number}, attempt {} of {ATTEMPTS_MAX}", attempt.no),
        badge,
        request: attempt.request.clone(),
        status: attempt.status.map(|status| format!("{status} {}", attempt.reason)).unwrap_or_default(),
        took: attempt
            .ms
            .map(|ms| words::lasted(chrono::TimeDelta::milliseconds(ms.into())))
            .unwrap_or_default(),
        at: Some(Ago { at: attempt.issued_at, now }),
        answer: attempt.answer.clone(),
        note: format!("{note}{settled}").trim().to_owned(),
        wait: wait.map(|wait| wait_words(wait, now)).unwrap_or_default(),
        task: call.upid.as_ref().filter(|_| last).map(|upid| page::TaskView {
            upid: upid.clone(),
            end: call.task_end.as_ref().map(task_words).unwrap_or_default(),
            lines: call.lines.clone(),
            cut: call.lines_cut,
        }),
    }
}

fn wait_words(wait: &projections::model::Wait, now: DateTime<Utc>) -> String {
    let left = (wait.not_before - now).num_seconds();
    let of = format!("({} of {ATTEMPTS_MAX})", wait.attempt);
    if left > 0 { format!("next try in {left} s {of}") } else { format!("next try is due {of}") }
}

fn task_words(end: &TaskEnd) -> String {
    match end {
        TaskEnd::Ok {} => "ended well".into(),
        TaskEnd::Warnings { count } => format!("ended with {}", words::counted(*count as usize, "warning")),
        TaskEnd::Failed { text } => format!("failed: {text}"),
        TaskEnd::Unexpected {} => "ended without saying how".into(),
    }
}
