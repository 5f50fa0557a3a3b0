//! "What exactly would happen?": the English beside the ordered steps, hazards first, and the decision.
//!
//! Everything on this page is made from the sealed plan by code; the model wrote none of it.

mod rehearsal;

pub use rehearsal::{GuestView, NodeView, RehearsalView, ScoreView, StorageView};

use super::Live;
use super::reread::Reread;
use crate::frame::Frame;
use crate::marks::{self, Marked};
use crate::parts::{Ago, Badge, Copy, From, Guard, Icon, Kind, Message, Verb};
use crate::words;
use askama::{Template, filters::HtmlSafe};
use chrono::{DateTime, Utc};
use domain::canonical::Digest;
use domain::interpretation::Span;
use domain::plan::{Call, Effect, Hazard, HazardKind, NoteKind, Plan, Reverse, Step, StepVerb, TimeClass};

#[derive(Template)]
#[template(path = "pages/plan.html")]
pub struct PlanPage {
    pub f: Frame,
    pub status: StatusRegion,
    /// The words were read by another interpreter before.
    pub reread: Option<Reread>,
    pub english: Marked,
    pub steps: Vec<StepView>,
    pub hazards: Vec<HazardView>,
    /// The worst hazard destroys something.
    pub destroys: bool,
    pub notes: Vec<NoteGroup>,
    pub back: Vec<BackView>,
    pub rights: RightsView,
    pub rehearsal: Option<RehearsalView>,
    /// How the prediction did, after a run.
    pub score: Option<ScoreView>,
    pub assumes: Assumes,
    /// How well its interpreter did when it was tried last.
    pub scored: String,
    pub decide: DecideRegion,
    pub comments: Vec<Comment>,
    pub command: String,
}

/// Title, counts, state: what changes while one looks.
#[derive(Template)]
#[template(path = "regions/plan_status.html")]
pub struct StatusRegion {
    pub declaration: String,
    pub declaration_title: String,
    pub no: u32,
    pub badge: Badge,
    /// What is waited for, and for whom.
    pub lede: String,
    pub counts: Vec<Verb>,
    pub digest: Digest,
    pub digest_copy: Copy,
    pub made: Ago,
    pub author: String,
    /// The plan changed, is too old, was approved, …
    pub messages: Vec<Message>,
}
impl HtmlSafe for StatusRegion {}

/// The bar of actions at the end of the page.
#[derive(Template)]
#[template(path = "regions/plan_decide.html")]
pub struct DecideRegion {
    /// `/declarations/{id}/plans/{no}`.
    pub at: String,
    pub declaration: String,
    pub digest: Digest,
    pub to_do: usize,
    pub approve: Option<Guard>,
    pub commit: Option<Guard>,
    pub send_back: Option<Guard>,
    pub ask: Option<Guard>,
    pub withdraw: Option<Guard>,
    pub preview: Option<Guard>,
    pub comment: Guard,
    pub edit: bool,
    /// Names to type before approving.
    pub confirm: Vec<String>,
    /// Why an expected button is absent.
    pub why_not: String,
}
impl HtmlSafe for DecideRegion {}

pub struct StepView {
    pub no: u32,
    pub verb: Verb,
    pub object: String,
    pub sentence: String,
    pub effect: &'static str,
    pub time: &'static str,
    pub after: String,
    /// Number and words of each phrase the step comes from.
    pub phrases: Vec<(usize, String)>,
    pub over: String,
    pub calls: Vec<CallView>,
    pub changes: Vec<ChangeView>,
}

#[derive(Template)]
#[template(path = "parts/call.html")]
pub struct CallView {
    pub purpose: String,
    pub verb: &'static str,
    pub path: String,
    pub args: Vec<(String, String)>,
}
impl HtmlSafe for CallView {}

pub struct ChangeView {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub same: bool,
    pub from: From,
    pub phrase: Option<usize>,
}

pub struct HazardView {
    pub badge: Badge,
    pub text: String,
    pub step: Option<u32>,
}

pub struct NoteGroup {
    pub title: &'static str,
    pub notes: Vec<(String, Option<String>)>,
}

pub struct BackView {
    pub step: u32,
    pub sentence: String,
    pub loses_data: bool,
    pub calls: Vec<CallView>,
}

/// What the token lacks, and how to give it.
pub struct RightsView {
    pub missing: Vec<String>,
    pub commands: Vec<Copy>,
}

pub struct Assumes {
    pub observed: Ago,
    pub pve: String,
    pub interpreter: String,
    pub contract: String,
    pub fingerprint: String,
}

#[derive(Clone)]
pub struct Comment {
    pub by: String,
    pub at: Ago,
    pub text: String,
}

/// Values that must not be read by others are shown as set, never as they are.
fn shown(key: &str, value: &str) -> String {
    let secret =
        ["password", "cipassword", "token", "secret", "private"].iter().any(|word| key.contains(word));
    if secret { "••• (set)".into() } else { value.to_owned() }
}

impl CallView {
    pub fn of(call: &Call) -> Self {
        Self {
            purpose: call.purpose.clone(),
            verb: call.verb.as_str(),
            path: call.path.clone(),
            args: call.args.iter().map(|(key, value)| (key.clone(), shown(key, value))).collect(),
        }
    }
}

/// The parts of the page that follow from the plan alone.
pub struct PlanParts {
    pub english: Marked,
    pub steps: Vec<StepView>,
    pub hazards: Vec<HazardView>,
    pub destroys: bool,
    pub notes: Vec<NoteGroup>,
    pub back: Vec<BackView>,
    pub rights: RightsView,
    pub rehearsal: Option<RehearsalView>,
    pub assumes: Assumes,
    pub counts: Vec<Verb>,
}

impl PlanParts {
    pub fn of(plan: &Plan, text: &str, now: DateTime<Utc>) -> Self {
        let english = marks::mark(text, &phrases(plan), &unused(plan));
        let mut hazards: Vec<&Hazard> = plan.hazards.iter().collect();
        hazards.sort_by_key(|hazard| hazard.kind);
        Self {
            steps: plan.steps.iter().map(|step| step_view(step, text, &english)).collect(),
            hazards: hazards.into_iter().map(hazard_view).collect(),
            destroys: plan.hazards.iter().any(|hazard| hazard.kind == HazardKind::Destroys),
            notes: notes(plan, text),
            back: plan.steps.iter().filter(|step| !step.calls.is_empty()).map(back_view).collect(),
            rights: RightsView {
                missing: plan.rights.missing.iter().map(ToString::to_string).collect(),
                commands: plan.rights.commands.iter().map(|line| copy(line)).collect(),
            },
            rehearsal: plan.rehearsal.as_ref().map(rehearsal::rehearsal),
            assumes: Assumes {
                observed: Ago { at: plan.base.observed_at, now },
                pve: plan.base.pve_version.clone(),
                interpreter: super::reread::interpreter(&plan.interpreter),
                contract: plan.contract.clone(),
                fingerprint: plan.base.fingerprint.short().to_owned(),
            },
            counts: counts(plan),
            english,
        }
    }
}

fn copy(line: &str) -> Copy {
    Copy { text: line.to_owned(), label: "Copy command" }
}

/// "3 to create · 1 to change · 0 to destroy · 2 already so".
pub fn counts(plan: &Plan) -> Vec<Verb> {
    let counts = plan.counts();
    let count = |verb: StepVerb, n: usize, word: &str| {
        let sign = Badge::verb(verb);
        Verb { class: if n == 0 { "calm" } else { sign.class }, word: format!("{n} {word}"), ..sign }
    };
    vec![
        count(StepVerb::Create, counts.create, "to create"),
        count(StepVerb::Change, counts.change, "to change"),
        count(StepVerb::Destroy, counts.destroy, "to destroy"),
        count(StepVerb::AlreadySo, counts.already, "already so"),
    ]
}

/// The same in one line of words.
pub fn counts_words(plan: &Plan) -> String {
    counts(plan).into_iter().map(|count| count.word).collect::<Vec<_>>().join(" · ")
}

fn phrases(plan: &Plan) -> Vec<(Span, u32)> {
    let of_step = |step: &Step| {
        let said = step.changes.iter().filter_map(|change| change.origin.span());
        step.phrases.iter().copied().chain(said).map(|span| (span, step.no)).collect::<Vec<_>>()
    };
    plan.steps.iter().flat_map(of_step).collect()
}

fn unused(plan: &Plan) -> Vec<Span> {
    plan.notes.iter().filter(|note| note.kind == NoteKind::Unused).filter_map(|note| note.span).collect()
}

fn step_view(step: &Step, text: &str, english: &Marked) -> StepView {
    let phrases: Vec<_> = step
        .phrases
        .iter()
        .filter_map(|span| Some((english.number(*span)?, words::cut(span.of(text)?.trim(), 48))))
        .collect();
    StepView {
        no: step.no,
        verb: Badge::verb(step.verb),
        object: step.subject.words(),
        sentence: step.sentence.clone(),
        effect: match step.effect {
            Effect::None => "",
            Effect::RestartNeeded => "takes effect at the next start",
            Effect::Interrupts => "interrupts the guest",
            Effect::Destroys => "destroys data",
        },
        time: match (step.calls.is_empty(), step.time) {
            (true, _) => "nothing to do",
            (false, TimeClass::Seconds) => "seconds",
            (false, TimeClass::Minutes) => "minutes",
        },
        after: words::list(&step.after.iter().map(u32::to_string).collect::<Vec<_>>()),
        over: phrases.iter().map(|(n, _)| format!("p{n}")).collect::<Vec<_>>().join(" "),
        phrases,
        calls: step.calls.iter().map(CallView::of).collect(),
        changes: step
            .changes
            .iter()
            .map(|change| ChangeView {
                field: change.field.clone(),
                same: change.before == change.after,
                before: change.before.clone(),
                after: change.after.clone(),
                from: From::of(&change.origin),
                phrase: change.origin.span().and_then(|span| english.number(span)),
            })
            .collect(),
    }
}

fn hazard_view(hazard: &Hazard) -> HazardView {
    let badge = match hazard.kind {
        HazardKind::Destroys => Badge::new(Kind::Bad, "destroys"),
        HazardKind::Interrupts => Badge::new(Kind::Waiting, "interrupts"),
        HazardKind::Caution => Badge::new(Kind::Waiting, "look twice"),
    };
    HazardView { badge, text: hazard.text.clone(), step: hazard.step }
}

fn notes(plan: &Plan, text: &str) -> Vec<NoteGroup> {
    let group = |title, kind| NoteGroup {
        title,
        notes: plan
            .notes
            .iter()
            .filter(|note| note.kind == kind)
            .map(|note| {
                (
                    note.text.clone(),
                    note.span.and_then(|span| span.of(text)).map(|words| words::cut(words, 80)),
                )
            })
            .collect(),
    };
    [
        group("Not carried out by this version", NoteKind::NotYet),
        group("Warnings", NoteKind::Warning),
        group("Words that nothing uses", NoteKind::Unused),
        group("What it assumes", NoteKind::Assumes),
        group("Defaults taken without asking", NoteKind::Default),
    ]
    .into_iter()
    .filter(|group| !group.notes.is_empty())
    .collect()
}

fn back_view(step: &Step) -> BackView {
    match &step.reverse {
        Reverse::Calls { sentence, loses_data, calls } => BackView {
            step: step.no,
            sentence: sentence.clone(),
            loses_data: *loses_data,
            calls: calls.iter().map(CallView::of).collect(),
        },
        Reverse::None { why } => BackView {
            step: step.no,
            sentence: format!("No way back: {why}"),
            loses_data: true,
            calls: vec![],
        },
    }
}

impl Live for PlanPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("status", self.status.render()?), ("decide", self.decide.render()?)])
    }
}
