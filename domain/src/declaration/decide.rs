//! Which facts follow from a command on a declaration.

use super::command::{Command, Refusal};
use super::event::{Answer, Event, Failure};
use super::{Declaration, Status};
use crate::account::Actor;
use crate::canonical::Digest;
use crate::ids::DeclarationId;
use crate::limits::{
    ANSWER_CHARS_MAX, APPROVAL_AGE_S_MAX, NOTE_CHARS_MAX, PLAN_AGE_S_MAX, TEXT_BYTES_MAX, TITLE_CHARS_MAX,
};
use crate::plan::Plan;
use chrono::{DateTime, Utc};

type Decision = Result<Vec<Event>, Refusal>;

pub(super) fn decide(state: &Declaration, command: Command) -> Decision {
    match command {
        Command::Draft { by, title, text, follows } => draft(state, by, title, text, follows),
        _ if state.status == Status::None => Err(Refusal::Unknown),
        Command::Revise { by, title, text } => revise(state, by, title, text),
        Command::Preview { by } => preview(state, by),
        Command::Cancel { by } => cancel(state, by),
        Command::Answer { by, answers } => answer(state, by, answers),
        Command::AskApproval { by, plan } => ask_approval(state, by, plan),
        Command::Comment { by, text } => {
            Ok(vec![Event::Commented { by: by.id, text: words(text, NOTE_CHARS_MAX)? }])
        }
        Command::Approve { by, plan, confirmed, alone, now } => {
            approve(state, by, plan, confirmed, alone, now)
        }
        Command::SendBack { by, plan, why } => send_back(state, by, plan, why),
        Command::Commit { by, plan, now } => commit(state, by, plan, now),
        Command::Withdraw { by } => withdraw(state, by),
        Command::Retire { by, why } if by.is_admin() => {
            Ok(vec![Event::Retired { by: by.id, why: words(why, NOTE_CHARS_MAX)? }])
        }
        Command::Retire { .. } => Err(Refusal::AdminOnly),
        Command::Advance { preview, stage } => {
            Ok(when_current(state, preview, || Event::PreviewAdvanced { preview, stage }))
        }
        Command::Interpreted { preview, interpreter, interpretation, took_ms } => {
            let event = Event::Interpreted { preview, interpreter, interpretation, took_ms };
            Ok(when_current(state, preview, || event))
        }
        Command::Ask { preview, questions } => {
            Ok(when_current(state, preview, || Event::QuestionAsked { preview, questions }))
        }
        Command::Propose { preview, plan } => propose(state, preview, plan),
        Command::Fail { preview, failure } => {
            Ok(when_current(state, preview, || Event::PreviewFailed { preview, failure }))
        }
        Command::Committed { plan, commit, branch } => match state.status {
            Status::Committing { .. } if state.digest.as_ref() == Some(&plan) => {
                Ok(vec![Event::DeclarationCommitted { plan, commit, branch }])
            }
            Status::Committed { .. } => Ok(vec![]),
            _ => Err(Refusal::NotApproved),
        },
        Command::Score { plan, run, score } => match &state.committed {
            Some((digest, committed)) if *digest == plan && state.scored != Some(run) => {
                Ok(vec![Event::PredictionScored { plan, number: committed.number, run, score }])
            }
            _ => Ok(vec![]),
        },
        Command::FailCommit { plan, why, advice } => match state.status {
            Status::Committing { .. } => Ok(vec![Event::CommitFailed { plan, why, advice }]),
            _ => Ok(vec![]),
        },
    }
}

fn draft(
    state: &Declaration,
    by: Actor,
    title: String,
    text: String,
    follows: Option<DeclarationId>,
) -> Decision {
    match state.status {
        Status::None => {
            let (title, text) = checked(title, text)?;
            Ok(vec![Event::Drafted { author: by.id, title, text, follows }])
        }
        // The same draft sent twice is one draft.
        _ if state.author == Some(by.id) && state.text == text => Ok(vec![]),
        _ => revise(state, by, title, text),
    }
}

fn revise(state: &Declaration, by: Actor, title: String, text: String) -> Decision {
    mine(state, by)?;
    if matches!(state.status, Status::Committing { .. } | Status::Committed { .. }) {
        return Err(Refusal::AlreadyCommitted);
    }
    let (title, text) = checked(title, text)?;
    if title == state.title && text == state.text {
        return Ok(vec![]);
    }
    Ok(vec![Event::Revised { by: by.id, title, text }])
}

/// A committed declaration may be previewed again: that is how "is it still so?" is asked.
fn preview(state: &Declaration, by: Actor) -> Decision {
    mine(state, by)?;
    match state.status {
        Status::Previewing { .. } => Ok(vec![]),
        Status::Committing { .. } => Err(Refusal::Busy),
        _ => Ok(vec![Event::PreviewRequested { by: by.id, preview: state.previews + 1 }]),
    }
}

fn cancel(state: &Declaration, by: Actor) -> Decision {
    mine(state, by)?;
    match state.status {
        Status::Previewing { preview, .. } => {
            Ok(vec![Event::PreviewFailed { preview, failure: Failure::Cancelled {} }])
        }
        _ => Ok(vec![]),
    }
}

fn answer(state: &Declaration, by: Actor, answers: Vec<String>) -> Decision {
    mine(state, by)?;
    let Status::Asking { questions } = &state.status else { return Err(Refusal::NoQuestion) };
    if answers.len() != questions.len() {
        return Err(Refusal::AnswerEach(questions.len()));
    }
    let mut said = Vec::new();
    for (question, answer) in questions.iter().zip(answers) {
        let answer = words(answer, ANSWER_CHARS_MAX)?;
        said.push(Answer {
            about: question.about,
            question: question.text.clone(),
            answer,
            span: question.span,
        });
    }
    Ok(vec![
        Event::QuestionAnswered { by: by.id, answers: said },
        Event::PreviewRequested { by: by.id, preview: state.previews + 1 },
    ])
}

fn ask_approval(state: &Declaration, by: Actor, plan: Digest) -> Decision {
    mine(state, by)?;
    let proposed = shown(state, &plan)?;
    if proposed.is_empty() {
        return Err(Refusal::EmptyPlan);
    }
    match state.status {
        Status::Proposed | Status::SentBack { .. } => Ok(vec![Event::ApprovalRequested { by: by.id, plan }]),
        Status::AwaitingApproval { .. } => Ok(vec![]),
        _ => Err(Refusal::NoPlan),
    }
}

fn approve(
    state: &Declaration,
    by: Actor,
    plan: Digest,
    confirmed: Vec<String>,
    alone: bool,
    now: DateTime<Utc>,
) -> Decision {
    if !by.is_admin() {
        return Err(Refusal::AdminOnly);
    }
    let proposed = shown(state, &plan)?;
    match state.status {
        // Said twice, done once.
        Status::Approved { .. } | Status::Committing { .. } => return Ok(vec![]),
        Status::Committed { .. } => return Err(Refusal::AlreadyCommitted),
        Status::Proposed | Status::AwaitingApproval { .. } => {}
        _ => return Err(Refusal::NoPlan),
    }
    let own = state.writers.contains(&by.id);
    if own && !alone {
        return Err(Refusal::OwnPlan);
    }
    if proposed.is_empty() {
        return Err(Refusal::EmptyPlan);
    }
    if !proposed.rights.is_enough() {
        let named: Vec<String> = proposed.rights.missing.iter().map(ToString::to_string).collect();
        return Err(Refusal::RightsMissing(named.join("; ")));
    }
    let age_s = (now - proposed.made_at).num_seconds();
    if age_s > PLAN_AGE_S_MAX {
        return Err(Refusal::PlanTooOld(age_s / 60));
    }
    if let Some(name) = proposed.names_to_confirm().into_iter().find(|name| !confirmed.contains(name)) {
        return Err(Refusal::ConfirmName(name));
    }
    Ok(vec![Event::PlanApproved { by: by.id, plan, confirmed: proposed.names_to_confirm(), alone: own }])
}

fn send_back(state: &Declaration, by: Actor, plan: Digest, why: String) -> Decision {
    if !by.is_admin() {
        return Err(Refusal::AdminOnly);
    }
    shown(state, &plan)?;
    match state.status {
        Status::Proposed | Status::AwaitingApproval { .. } | Status::Approved { .. } => {
            Ok(vec![Event::SentBack { by: by.id, plan, why: words(why, NOTE_CHARS_MAX)? }])
        }
        Status::SentBack { .. } => Ok(vec![]),
        _ => Err(Refusal::NoPlan),
    }
}

fn commit(state: &Declaration, by: Actor, plan: Digest, now: DateTime<Utc>) -> Decision {
    if !by.is_admin() {
        return Err(Refusal::AdminOnly);
    }
    let proposed = shown(state, &plan)?;
    match state.status {
        Status::Approved { .. } => {
            let age_s = (now - proposed.made_at).num_seconds();
            if age_s > APPROVAL_AGE_S_MAX {
                let why = format!("the approval is {} hours old", age_s / 3_600);
                return Ok(vec![Event::ApprovalExpired { plan, why }]);
            }
            Ok(vec![Event::CommitRequested { by: by.id, plan }])
        }
        Status::Committing { .. } | Status::Committed { .. } => Ok(vec![]),
        _ => Err(Refusal::NotApproved),
    }
}

fn withdraw(state: &Declaration, by: Actor) -> Decision {
    mine(state, by)?;
    match state.status {
        Status::Withdrawn => Ok(vec![]),
        Status::Committing { .. } | Status::Committed { .. } => Err(Refusal::AlreadyCommitted),
        _ => Ok(vec![Event::Withdrawn { by: by.id }]),
    }
}

fn propose(state: &Declaration, preview: u32, plan: Box<Plan>) -> Decision {
    if plan.text != Digest::of_bytes(state.text.as_bytes()) || plan.number != state.plans + 1 {
        return match state.status {
            Status::Previewing { preview: current, .. } if current == preview => Err(Refusal::ForeignPlan),
            _ => Ok(vec![]),
        };
    }
    let digest = plan.digest();
    Ok(when_current(state, preview, || Event::PlanProposed { preview, digest, plan }))
}

fn when_current(state: &Declaration, preview: u32, event: impl FnOnce() -> Event) -> Vec<Event> {
    match state.status {
        Status::Previewing { preview: current, .. } if current == preview => vec![event()],
        _ => vec![],
    }
}

/// The newest plan, if it is the one the person saw.
fn shown<'a>(state: &'a Declaration, seen: &Digest) -> Result<&'a Plan, Refusal> {
    match (&state.plan, &state.digest) {
        (Some(plan), Some(digest)) if digest == seen => Ok(plan),
        (None, _) if state.previews == 0 => Err(Refusal::NoPlan),
        _ => Err(Refusal::PlanChanged),
    }
}

fn mine(state: &Declaration, by: Actor) -> Result<(), Refusal> {
    if by.is_admin() || state.author == Some(by.id) { Ok(()) } else { Err(Refusal::NotYours) }
}

fn words(text: String, chars_max: usize) -> Result<String, Refusal> {
    match text.trim() {
        "" => Err(Refusal::WordsMissing),
        trimmed if trimmed.chars().count() > chars_max => Err(Refusal::TooLong),
        trimmed => Ok(trimmed.to_owned()),
    }
}

fn checked(title: String, text: String) -> Result<(String, String), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::EmptyText);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::TextTooLong(text.len()));
    }
    let title = match title.trim() {
        "" => text.trim().lines().next().unwrap_or_default().trim().to_owned(),
        given => given.to_owned(),
    };
    Ok((title.chars().take(TITLE_CHARS_MAX).collect(), text))
}
