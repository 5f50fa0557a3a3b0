//! Declarations: one row each, by id; ranked by number.

use crate::fold::{ERASED, Known, Poison, Projection, Rows};
use crate::model::{
    Approved, Asked, Comment, Committed, DeclarationRow, DeclarationStatus as Status, PreviewInfo,
    PreviewOutcome, Reading, SentBack,
};
use domain::declaration::Event;
use domain::event::{AnyEvent, Category};
use domain::ids::{AccountId, DeclarationId};
use domain::run;
use uuid::Uuid;

pub struct Declarations;

const COUNTER: &str = "#declarations";
const RUNS: &str = "#runs";

impl Projection for Declarations {
    fn name(&self) -> &'static str {
        "declarations"
    }

    fn version(&self) -> i32 {
        4
    }

    fn purpose(&self) -> &'static str {
        "declarations with their previews, questions and decisions"
    }

    fn folds(&self, category: Category, type_name: &str) -> bool {
        category == Category::Declaration || (category == Category::Run && type_name == "run.started")
    }

    fn keys(&self, event: &Known) -> Vec<String> {
        match (&event.event, event.category) {
            (_, Category::Declaration) => vec![event.id.to_string(), COUNTER.into()],
            (Some(AnyEvent::Run(run::Event::RunStarted { declaration, .. })), _) => {
                vec![declaration.to_string(), RUNS.into()]
            }
            // Erased: that there was a run still counts.
            (_, Category::Run) => vec![RUNS.into()],
            _ => vec![],
        }
    }

    fn apply(&self, event: &Known, rows: &mut Rows) -> Result<(), Poison> {
        match &event.event {
            Some(AnyEvent::Declaration(Event::Drafted { author, title, text, .. })) => {
                let no = rows.count(COUNTER)?;
                let row = drafted(event, no, *author, title, text);
                rows.put(&event.id.to_string(), no, row)
            }
            Some(AnyEvent::Declaration(fact)) => {
                rows.change(&event.id.to_string(), |row: &mut DeclarationRow| {
                    row.changed_at = event.at;
                    row.position = event.position;
                    change(row, event, fact);
                    row.no
                })
            }
            Some(AnyEvent::Run(run::Event::RunStarted { declaration, .. })) => {
                let no = rows.count(RUNS)?;
                rows.change(&declaration.to_string(), |row: &mut DeclarationRow| {
                    row.runs.push(no);
                    row.no
                })
            }
            // What an erased subject said is gone; that it stood here is not.
            None if event.category == Category::Declaration && event.version == 1 => {
                let no = rows.count(COUNTER)?;
                let mut row = drafted(event, no, AccountId(Uuid::nil()), ERASED, "");
                row.writers.clear();
                row.status = Status::Withdrawn;
                rows.put(&event.id.to_string(), no, row)
            }
            None if event.category == Category::Run => rows.count(RUNS).map(drop),
            Some(_) | None => Ok(()),
        }
    }
}

fn drafted(event: &Known, no: i64, author: AccountId, title: &str, text: &str) -> DeclarationRow {
    DeclarationRow {
        id: DeclarationId(event.id),
        no,
        title: title.to_owned(),
        text: text.to_owned(),
        author,
        writers: vec![author],
        status: Status::Draft,
        drafted_at: event.at,
        changed_at: event.at,
        position: event.position,
        previews: vec![],
        questions: vec![],
        answers: vec![],
        failure: None,
        interpretation: None,
        read_before: None,
        plan_no: None,
        digest: None,
        asked: None,
        approved: None,
        committed: None,
        sent_back: None,
        comments: vec![],
        runs: vec![],
        subjects: vec![],
    }
}

/// A new text or preview: what was decided about the old plan is history.
fn reopen(row: &mut DeclarationRow, event: &Known) {
    row.questions.clear();
    row.failure = None;
    row.plan_no = None;
    row.digest = None;
    row.asked = None;
    row.approved = None;
    row.committed = None;
    row.sent_back = None;
    if let Some(last) = row.previews.last_mut().filter(|preview| preview.ended_at.is_none()) {
        last.ended_at = Some(event.at);
        last.outcome = Some(PreviewOutcome::Overtaken {});
    }
}

fn ended(row: &mut DeclarationRow, event: &Known, no: u32, outcome: PreviewOutcome) {
    if let Some(preview) = row.previews.iter_mut().find(|preview| preview.no == no) {
        preview.ended_at = Some(event.at);
        preview.outcome = Some(outcome);
    }
}

fn change(row: &mut DeclarationRow, event: &Known, fact: &Event) {
    match fact {
        Event::Drafted { .. } => {}
        Event::Revised { by, title, text } => {
            reopen(row, event);
            if row.text != *text {
                row.answers.clear();
            }
            row.title.clone_from(title);
            row.text.clone_from(text);
            row.interpretation = None;
            row.read_before = None;
            if !row.writers.contains(by) {
                row.writers.push(*by);
            }
            row.status = Status::Draft;
        }
        Event::PreviewRequested { by, preview } => {
            reopen(row, event);
            row.status = Status::Previewing;
            row.previews.push(PreviewInfo {
                no: *preview,
                by: *by,
                requested_at: event.at,
                stages: vec![],
                ended_at: None,
                interpreter: None,
                took_ms: None,
                outcome: None,
            });
        }
        Event::PreviewAdvanced { preview, stage } => {
            if let Some(info) = row.previews.iter_mut().find(|info| info.no == *preview) {
                info.stages.push((*stage, event.at));
            }
        }
        Event::Interpreted { preview, interpreter, interpretation, took_ms } => {
            let earlier = row.previews.iter().rev().filter(|info| info.no < *preview);
            let earlier = earlier.filter_map(|info| info.interpreter.clone()).next();
            if let (Some(earlier), Some(interpretation)) = (earlier, row.interpretation.take())
                && earlier != *interpreter
            {
                row.read_before = Some(Reading { interpreter: earlier, interpretation });
            }
            row.interpretation = Some((**interpretation).clone());
            if let Some(info) = row.previews.iter_mut().find(|info| info.no == *preview) {
                info.interpreter = Some(interpreter.clone());
                info.took_ms = Some(*took_ms);
            }
        }
        Event::QuestionAsked { preview, questions } => {
            row.status = Status::Question;
            row.questions.clone_from(questions);
            ended(row, event, *preview, PreviewOutcome::Questions { count: questions.len() });
        }
        Event::QuestionAnswered { by, answers } => {
            row.answers.extend(answers.iter().cloned());
            if !row.writers.contains(by) {
                row.writers.push(*by);
            }
        }
        Event::PlanProposed { preview, digest, plan } => {
            row.status = Status::Proposed;
            row.plan_no = Some(plan.number);
            row.digest = Some(digest.clone());
            row.subjects = plan.steps.iter().map(|step| step.subject.name.clone()).collect();
            row.subjects.dedup();
            ended(row, event, *preview, PreviewOutcome::Plan { no: plan.number });
        }
        Event::PreviewFailed { preview, failure } => {
            row.status = Status::Failed;
            row.failure = Some(failure.clone());
            ended(row, event, *preview, PreviewOutcome::Failed { failure: failure.clone() });
        }
        Event::ApprovalRequested { by, .. } => {
            row.status = Status::AwaitingApproval;
            row.asked = Some(Asked { by: *by, at: event.at });
            row.sent_back = None;
        }
        Event::Commented { by, text } => {
            row.comments.push(Comment { by: *by, at: event.at, text: text.clone() })
        }
        Event::PlanApproved { by, plan, alone, .. } => {
            row.status = Status::Approved;
            row.approved = Some(Approved { by: *by, at: event.at, alone: *alone, digest: plan.clone() });
        }
        Event::SentBack { by, why, .. } => {
            row.status = Status::SentBack;
            row.approved = None;
            row.sent_back = Some(SentBack { by: *by, at: event.at, why: why.clone() });
        }
        Event::ApprovalExpired { .. } => {
            row.status = Status::Proposed;
            row.approved = None;
        }
        Event::CommitRequested { by, .. } => {
            row.status = Status::Committing;
            row.committed = Some(Committed {
                by: *by,
                requested_at: event.at,
                commit: None,
                branch: None,
                at: None,
                failed: None,
            });
        }
        Event::DeclarationCommitted { commit, branch, .. } => {
            row.status = Status::Committed;
            if let Some(committed) = &mut row.committed {
                committed.commit = Some(commit.clone());
                committed.branch = Some(branch.clone());
                committed.at = Some(event.at);
                committed.failed = None;
            }
        }
        Event::CommitFailed { why, advice, .. } => {
            row.status = Status::Approved;
            if let Some(committed) = &mut row.committed {
                committed.failed = Some((why.clone(), advice.clone()));
            }
        }
        Event::PredictionScored { .. } => {}
        Event::Withdrawn { .. } => row.status = Status::Withdrawn,
        Event::Retired { .. } => row.status = Status::Retired,
    }
}
