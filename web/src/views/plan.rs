//! A plan's page: what it says follows from the sealed plan, what can be done from who looks and where it stands.

use super::{Viewer, declaration};
use crate::frame::Frame;
use crate::pages::plan::{DecideRegion, PlanPage, PlanParts, ScoreView, StatusRegion};
use crate::parts::{Ago, Copy, Guard, Kind, Message};
use crate::words;
use domain::canonical::Digest;
use domain::limits::PLAN_AGE_S_MAX;
use domain::plan::InterpreterIdentity;
use projections::model::{DeclarationRow, DeclarationStatus as S, PlanRow, ScoreRow};

/// How the shown plan relates to the declaration as it is now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It can be decided on.
    Current,
    /// Made from facts too old to approve.
    TooOld,
    /// Another plan or text took its place.
    Past,
}

fn standing(f: &Frame, row: &DeclarationRow, plan: &PlanRow) -> Standing {
    let too_old = (f.now - plan.plan.made_at).num_seconds() > PLAN_AGE_S_MAX;
    let undecided = matches!(row.status, S::Proposed | S::AwaitingApproval);
    match row.digest.as_ref() {
        Some(digest) if *digest == plan.digest && undecided && too_old => Standing::TooOld,
        Some(digest) if *digest == plan.digest => Standing::Current,
        _ => Standing::Past,
    }
}

fn scored(interpreter: &InterpreterIdentity, scores: &[ScoreRow]) -> String {
    let Some(row) = scores.iter().find(|row| row.interpreter == *interpreter) else {
        return "not scored yet: mycopod interpret --bench FILE --as NAME".to_owned();
    };
    let (score, day) = (&row.score, row.at.format("%Y-%m-%d"));
    let invented = match score.invented {
        0 => "nothing invented".to_owned(),
        some => format!("{some} with invented values"),
    };
    format!(
        "right on {} of {} declarations ({} %), {invented}, on {day}",
        score.right,
        score.asked,
        score.percent()
    )
}

/// `scores`: how interpreters did when they were tried.
pub fn page(
    f: Frame,
    viewer: &Viewer,
    row: &DeclarationRow,
    plan: &PlanRow,
    scores: &[ScoreRow],
) -> PlanPage {
    // The English is shown only where it is the one the plan was made from.
    let same_text = Digest::of_bytes(row.text.as_bytes()) == plan.plan.text;
    let text = if same_text { row.text.as_str() } else { "" };
    let parts = PlanParts::of(&plan.plan, text, f.now);
    let standing = standing(&f, row, plan);
    let status = declaration::status(row);
    let author = viewer.names.name(row.author);
    let lede = match standing {
        Standing::Past => "This plan was overtaken. It is kept for the record.".to_owned(),
        _ => crate::pages::declaration::lede(&status, &author),
    };
    let badge = match standing {
        Standing::Past => crate::parts::Badge::new(Kind::Calm, "superseded"),
        _ => crate::pages::declaration::badge(&status),
    };
    PlanPage {
        status: StatusRegion {
            declaration: row.id.to_string(),
            declaration_title: row.title.clone(),
            no: plan.no,
            badge,
            lede,
            counts: parts.counts,
            digest: plan.digest.clone(),
            digest_copy: Copy { text: plan.digest.as_str().to_owned(), label: "Copy digest" },
            made: Ago { at: plan.plan.made_at, now: f.now },
            author,
            messages: messages(&f, viewer, row, plan, standing, same_text),
        },
        reread: match standing {
            Standing::Past => None,
            _ => declaration::reread(row),
        },
        decide: decide(&f, viewer, row, plan, standing),
        english: parts.english,
        steps: parts.steps,
        hazards: parts.hazards,
        destroys: parts.destroys,
        notes: parts.notes,
        back: parts.back,
        rights: parts.rights,
        rehearsal: parts.rehearsal,
        score: plan.score.as_ref().map(ScoreView::of),
        assumes: parts.assumes,
        scored: scored(&plan.plan.interpreter, scores),
        comments: declaration::comments(viewer, row, f.now),
        command: format!("mycopod approve {} {} --digest {}", row.id, plan.no, plan.digest),
        f,
    }
}

fn messages(
    f: &Frame,
    viewer: &Viewer,
    row: &DeclarationRow,
    plan: &PlanRow,
    standing: Standing,
    same_text: bool,
) -> Vec<Message> {
    let mut messages = Vec::new();
    match (standing, row.plan_no) {
        (Standing::Past, Some(newest)) if newest != plan.no => {
            let link = format!("/declarations/{}/plans/{newest}", row.id);
            let title = "The plan changed since you opened it";
            messages.push(
                Message::new(Kind::Waiting, title, "Look again before you decide.")
                    .quiet()
                    .with_link(link, format!("Open plan {newest}")),
            );
        }
        (Standing::Past, _) if !same_text => {
            let text = "It was made for an earlier text, which is kept in the history.";
            messages.push(Message::new(Kind::Calm, "The text changed since", text).quiet());
        }
        (Standing::TooOld, _) => {
            let minutes = (f.now - plan.plan.made_at).num_minutes();
            let title = format!("This plan was made from facts {minutes} min old");
            messages.push(
                Message::new(Kind::Waiting, title, "The cluster may have changed. Preview again.").quiet(),
            );
        }
        _ => {}
    }
    if standing != Standing::Past {
        if let Some(approved) = row.approved.as_ref().filter(|approved| approved.digest == plan.digest) {
            let alone = if approved.alone { ", who wrote it" } else { "" };
            let title = format!("Approved by {}{alone}", viewer.names.name(approved.by));
            messages.push(Message::new(Kind::Good, title, words::moment(approved.at)).quiet());
        }
        if let Some((why, advice)) = row.committed.as_ref().and_then(|commit| commit.failed.as_ref()) {
            messages
                .push(Message::new(Kind::Bad, format!("The commit failed: {why}"), advice.clone()).quiet());
        }
        if let (S::SentBack, Some(back)) = (row.status, &row.sent_back) {
            let title = format!("{} sent it back", viewer.names.name(back.by));
            messages.push(Message::new(Kind::Calm, title, back.why.clone()).quiet());
        }
    }
    messages
}

fn decide(
    f: &Frame,
    viewer: &Viewer,
    row: &DeclarationRow,
    plan: &PlanRow,
    standing: Standing,
) -> DecideRegion {
    let admin = viewer.actor.is_admin();
    let mine = viewer.may_change(row.author);
    let current = standing == Standing::Current;
    let undecided = matches!(row.status, S::Proposed | S::AwaitingApproval);
    let wrote = row.writers.contains(&viewer.actor.id);
    let own = wrote && !viewer.may_approve_own();
    let empty = plan.plan.is_empty();
    let able = plan.plan.rights.is_enough();
    let open = standing != Standing::Past && !matches!(row.status, S::Committing | S::Committed);
    let when = |may: bool, action: &str| -> Option<Guard> {
        may.then(|| f.guard(&format!("{} {action}", plan.digest), row.position))
    };
    let why_not = match standing {
        Standing::Past => "This plan can no longer be decided on.".to_owned(),
        Standing::TooOld => "Facts this old are not approved. Preview again to see whether the plan still fits.".into(),
        Standing::Current if row.status == S::Committed => "Committed. A run carries it out.".into(),
        Standing::Current if row.status == S::Committing => "It is being committed.".into(),
        Standing::Current if empty => "The plan would change nothing, so there is nothing to approve.".into(),
        Standing::Current if undecided && !plan.plan.rights.is_enough() => "The token lacks rights for this plan. Give them with the commands above, then preview again.".into(),
        Standing::Current if !admin && undecided => format!("An Admin approves plans. {}", viewer.ask_an_admin()),
        Standing::Current if admin && own && undecided => {
            let others = viewer.other_admins();
            format!("Who wrote a declaration does not approve it. Ask {}.", words::list(&others))
        }
        Standing::Current if admin && wrote && undecided && viewer.trusted => "The rules let you approve what you wrote. The log records that you did.".into(),
        Standing::Current if admin && wrote && undecided => "You are the only Admin, so you may approve what you wrote. The log records that you did it alone.".into(),
        Standing::Current => String::new(),
    };
    DecideRegion {
        at: format!("/declarations/{}/plans/{}", row.id, plan.no),
        declaration: row.id.to_string(),
        digest: plan.digest.clone(),
        to_do: plan.plan.steps_to_do().count(),
        approve: when(admin && current && undecided && !own && !empty && able, "approve"),
        commit: when(admin && current && row.status == S::Approved, "commit"),
        send_back: when(
            admin && current && matches!(row.status, S::Proposed | S::AwaitingApproval | S::Approved),
            "send-back",
        ),
        ask: when(mine && current && !empty && matches!(row.status, S::Proposed | S::SentBack), "ask")
            .filter(|_| !admin || own),
        withdraw: when(mine && open && row.status != S::Withdrawn, "withdraw"),
        preview: when(mine && standing == Standing::TooOld, "preview"),
        comment: f.guard(&format!("{} comment", row.id), row.position),
        edit: mine && open,
        confirm: plan.plan.names_to_confirm(),
        why_not,
    }
}
