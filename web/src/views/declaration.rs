//! A declaration's page, the list of declarations, and the queue of approvals.

use super::{Viewer, some_of};
use crate::frame::Frame;
use crate::pages::reread::{self, Reread};
use crate::pages::{Pager, approvals, declaration as page, declarations as list, plan};
use crate::parts::{Ago, Badge, Kind, Message};
use crate::words;
use chrono::{DateTime, Utc};
use domain::declaration::{Failure, Stage, Status};
use domain::interpretation::difference;
use domain::run;
use projections::model::{
    DeclarationRow, DeclarationStatus as S, PlanRow, PreviewOutcome, RunRow, RunStatus,
};

/// The domain's status again, from the row.
pub fn status(row: &DeclarationRow) -> Status {
    match row.status {
        S::Draft => Status::Draft,
        S::Previewing => Status::Previewing { preview: row.previews.len() as u32, stage: stage(row) },
        S::Question => Status::Asking { questions: row.questions.clone() },
        S::Failed => Status::Failed { failure: row.failure.clone().unwrap_or(Failure::Cancelled {}) },
        S::Proposed => Status::Proposed,
        S::AwaitingApproval => {
            Status::AwaitingApproval { by: row.asked.as_ref().map_or(row.author, |asked| asked.by) }
        }
        S::Approved => {
            Status::Approved { by: row.approved.as_ref().map_or(row.author, |approved| approved.by) }
        }
        S::Committing => {
            Status::Committing { by: row.committed.as_ref().map_or(row.author, |commit| commit.by) }
        }
        S::Committed => Status::Committed { commit: commit(row).unwrap_or_default() },
        S::SentBack => {
            Status::SentBack { why: row.sent_back.as_ref().map_or_else(String::new, |back| back.why.clone()) }
        }
        S::Withdrawn => Status::Withdrawn,
        S::Retired => Status::Retired,
    }
}

fn stage(row: &DeclarationRow) -> Option<Stage> {
    row.previews.last()?.stages.last().map(|(stage, _)| *stage)
}

fn commit(row: &DeclarationRow) -> Option<String> {
    row.committed.as_ref()?.commit.clone()
}

/// The badge of a run's row.
pub fn run_badge(status: RunStatus) -> Badge {
    let paused = || run::Status::Paused { cause: String::new(), advice: String::new() };
    crate::pages::runs::badge(&match status {
        RunStatus::Running => run::Status::Running,
        RunStatus::Paused => paused(),
        RunStatus::Completed => run::Status::Completed,
        RunStatus::Stopped => run::Status::Stopped,
    })
}

/// `latest_run`: the newest run of this declaration.
pub fn page(
    f: Frame,
    viewer: &Viewer,
    row: &DeclarationRow,
    plans: &[PlanRow],
    latest_run: Option<&RunRow>,
) -> page::DeclarationPage {
    let state = state(&f, viewer, row, plans, latest_run);
    let id = row.id.to_string();
    let lines = plans.iter().rev().map(|plan| page::PlanLine {
        no: plan.no,
        at: Ago { at: plan.proposed_at, now: f.now },
        words: crate::pages::plan::counts_words(&plan.plan),
    });
    let history = page::HistoryRegion {
        plans: lines.collect(),
        answers: row.answers.iter().map(|a| (a.question.clone(), a.answer.clone())).collect(),
        comments: comments(viewer, row, f.now),
        comment: f.guard(&format!("{id} comment"), row.position),
        id: id.clone(),
    };
    page::DeclarationPage {
        state,
        text: row.text.clone(),
        history,
        command: format!("mycopod preview {id}"),
        f,
    }
}

pub(super) fn comments(viewer: &Viewer, row: &DeclarationRow, now: DateTime<Utc>) -> Vec<plan::Comment> {
    let comment = |c: &projections::model::Comment| plan::Comment {
        by: viewer.names.name(c.by),
        at: Ago { at: c.at, now },
        text: c.text.clone(),
    };
    row.comments.iter().map(comment).collect()
}

fn state(
    f: &Frame,
    viewer: &Viewer,
    row: &DeclarationRow,
    plans: &[PlanRow],
    latest_run: Option<&RunRow>,
) -> page::StateRegion {
    let id = row.id.to_string();
    let status = status(row);
    let author = viewer.names.name(row.author);
    let mine = viewer.may_change(row.author);
    let guard = |action: &str| f.guard(&format!("{id} {action}"), row.position);
    let previewing = row.status == S::Previewing;
    let open = !matches!(row.status, S::Committing | S::Committed);
    let stages = match row.previews.last() {
        Some(preview) if previewing => page::stages(stage(row), &preview.stages, f.now),
        _ => vec![],
    };
    let plan = row.plan_no.and_then(|no| plans.iter().find(|plan| plan.no == no));
    page::StateRegion {
        title: row.title.clone(),
        badge: page::badge(&status),
        lede: page::lede(&status, &author),
        changed: Ago { at: row.changed_at, now: f.now },
        stages,
        reread: reread(row),
        cancel: (previewing && mine).then(|| guard("cancel")),
        questions: (row.status == S::Question && mine)
            .then(|| page::QuestionForm { guard: guard("answer"), questions: row.questions.clone() }),
        messages: messages(viewer, row),
        plan: plan.map(|plan| (plan.no, crate::pages::plan::counts_words(&plan.plan))),
        run: latest_run.map(|run| (run.no.unsigned_abs(), run_badge(run.status))),
        commit: commit(row),
        preview: (mine && !previewing && row.status != S::Committing).then(|| guard("preview")),
        withdraw: (mine && open && row.status != S::Withdrawn).then(|| guard("withdraw")),
        edit: mine && open && !previewing,
        new_version: row.status == S::Committed,
        why_not: if mine {
            String::new()
        } else {
            format!("Only {author} or an Admin may change this declaration.")
        },
        author,
        id,
    }
}

/// What the text means to its interpreter and meant to another one before; none where there was no other.
pub(super) fn reread(row: &DeclarationRow) -> Option<Reread> {
    let (before, now) = (row.read_before.as_ref()?, row.interpretation.as_ref()?);
    let interpreter = row.previews.iter().rev().find_map(|preview| preview.interpreter.as_ref())?;
    Some(Reread {
        before: reread::interpreter(&before.interpreter),
        now: reread::interpreter(interpreter),
        lines: difference::between(&before.interpretation, now),
    })
}

fn messages(viewer: &Viewer, row: &DeclarationRow) -> Vec<Message> {
    let mut messages = Vec::new();
    if row.status == S::Failed
        && let Some(failure) = &row.failure
    {
        messages.push(page::failure_message(failure));
    }
    if let (S::SentBack, Some(back)) = (row.status, &row.sent_back) {
        let title = format!("{} sent the plan back", viewer.names.name(back.by));
        messages.push(Message::new(Kind::Calm, title, back.why.clone()).quiet());
    }
    if let Some((why, advice)) = row.committed.as_ref().and_then(|commit| commit.failed.as_ref()) {
        messages.push(Message::new(Kind::Bad, format!("The commit failed: {why}"), advice.clone()).quiet());
    }
    messages
}

pub fn list_row(viewer: &Viewer, row: &DeclarationRow, now: DateTime<Utc>) -> list::Row {
    list::Row {
        id: row.id.to_string(),
        title: row.title.clone(),
        badge: page::badge(&status(row)),
        author: viewer.names.name(row.author),
        changed: Ago { at: row.changed_at, now },
        guests: some_of(&row.subjects, 3),
    }
}

/// Value and word of each status for the filter.
pub fn statuses() -> Vec<(&'static str, &'static str)> {
    let word = |status| match status {
        S::Question => "question",
        S::AwaitingApproval => "awaiting approval",
        S::SentBack => "sent back",
        S::Proposed => "previewed",
        S::Failed => "preview failed",
        other => other.slug(),
    };
    S::ALL.into_iter().map(|status| (status.slug(), word(status))).collect()
}

pub fn list_page(
    f: Frame,
    viewer: &Viewer,
    filter: list::Filter,
    rows: &[DeclarationRow],
    pager: Pager,
) -> list::DeclarationsPage {
    list::DeclarationsPage {
        statuses: statuses(),
        authors: viewer.names.all(),
        list: list::ListRegion {
            rows: rows.iter().map(|row| list_row(viewer, row, f.now)).collect(),
            filtered: !filter.is_empty(),
            pager,
        },
        filter,
        f,
    }
}

/// Plans that wait, oldest first; each row with its plan.
pub fn approvals_page(
    f: Frame,
    viewer: &Viewer,
    waiting: &[(DeclarationRow, PlanRow)],
) -> approvals::ApprovalsPage {
    let mut waiting: Vec<_> = waiting.iter().collect();
    waiting.sort_by_key(|(row, _)| row.asked.as_ref().map_or(row.changed_at, |asked| asked.at));
    let cards = waiting.into_iter().map(|(row, plan)| approvals::Card {
        id: row.id.to_string(),
        no: plan.no,
        title: row.title.clone(),
        english: words::cut(&row.text.lines().take(3).collect::<Vec<_>>().join("\n"), 400),
        badge: page::badge(&status(row)),
        counts: crate::pages::plan::counts(&plan.plan),
        hazards: plan.plan.hazards.len(),
        author: viewer.names.name(row.author),
        at: Ago { at: row.asked.as_ref().map_or(row.changed_at, |asked| asked.at), now: f.now },
    });
    approvals::ApprovalsPage { queue: approvals::QueueRegion { cards: cards.collect() }, f }
}

/// What became of a preview, in a line of history.
pub fn outcome_words(outcome: &PreviewOutcome) -> String {
    match outcome {
        PreviewOutcome::Plan { no } => format!("made plan {no}"),
        PreviewOutcome::Questions { count } => format!("asked {}", words::counted(*count, "question")),
        PreviewOutcome::Failed { .. } => "ended without a plan".into(),
        PreviewOutcome::Overtaken {} => "was overtaken by another".into(),
    }
}
