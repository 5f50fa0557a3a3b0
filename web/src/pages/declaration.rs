//! One declaration: where it stands, what it waits for, the preview's stages, open questions, its history.

use super::Live;
use super::plan::Comment;
use super::reread::Reread;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Guard, Kind, Message, Since};
use askama::{Template, filters::HtmlSafe};
use domain::declaration::{Failure, Stage, Status};
use domain::interpretation::Question;

#[derive(Template)]
#[template(path = "pages/declaration.html")]
pub struct DeclarationPage {
    pub f: Frame,
    pub state: StateRegion,
    pub text: String,
    pub history: HistoryRegion,
    pub command: String,
}

#[derive(Template)]
#[template(path = "regions/declaration_state.html")]
pub struct StateRegion {
    pub id: String,
    pub title: String,
    pub badge: Badge,
    pub lede: String,
    pub author: String,
    pub changed: Ago,
    /// The four stages while a preview is made.
    pub stages: Vec<StageView>,
    pub cancel: Option<Guard>,
    /// The words were read by another interpreter before.
    pub reread: Option<Reread>,
    pub questions: Option<QuestionForm>,
    pub messages: Vec<Message>,
    /// Number and words of the newest plan, if there is one to look at.
    pub plan: Option<(u32, String)>,
    pub run: Option<(u64, Badge)>,
    pub commit: Option<String>,
    pub preview: Option<Guard>,
    pub withdraw: Option<Guard>,
    pub edit: bool,
    /// Committed: it changes no more, but a new version of it can be written.
    pub new_version: bool,
    pub why_not: String,
}
impl HtmlSafe for StateRegion {}

pub struct StageView {
    pub kind: Kind,
    pub word: &'static str,
    /// When it began; none for stages to come.
    pub since: Option<Since>,
    pub took: String,
}

pub struct QuestionForm {
    pub guard: Guard,
    pub questions: Vec<Question>,
}

#[derive(Template)]
#[template(path = "regions/declaration_history.html")]
pub struct HistoryRegion {
    pub id: String,
    pub plans: Vec<PlanLine>,
    pub answers: Vec<(String, String)>,
    pub comments: Vec<Comment>,
    pub comment: Guard,
}
impl HtmlSafe for HistoryRegion {}

pub struct PlanLine {
    pub no: u32,
    pub at: Ago,
    pub words: String,
}

/// The badge of a declaration.
pub fn badge(status: &Status) -> Badge {
    let (kind, word) = match status {
        Status::None | Status::Draft => (Kind::Calm, "draft"),
        Status::Previewing { .. } => (Kind::Active, "previewing"),
        Status::Asking { .. } => (Kind::Waiting, "question"),
        Status::Failed { failure } => match failure {
            Failure::Refused { .. } => (Kind::Bad, "refused"),
            Failure::NoPlan { .. } => (Kind::Bad, "no plan"),
            Failure::Unavailable { .. } => (Kind::Waiting, "preview failed"),
            Failure::Cancelled {} => (Kind::Calm, "preview cancelled"),
        },
        Status::Proposed => (Kind::Calm, "previewed"),
        Status::AwaitingApproval { .. } => (Kind::Waiting, "awaiting approval"),
        Status::Approved { .. } => (Kind::Good, "approved"),
        Status::Committing { .. } => (Kind::Active, "committing"),
        Status::Committed { .. } => (Kind::Good, "committed"),
        Status::SentBack { .. } => (Kind::Calm, "sent back"),
        Status::Withdrawn => (Kind::Calm, "withdrawn"),
        Status::Retired => (Kind::Calm, "retired"),
    };
    Badge::new(kind, word)
}

/// What is waited for, and for whom: the first line of the page.
pub fn lede(status: &Status, author: &str) -> String {
    match status {
        Status::None | Status::Draft => format!("A draft. {author} can preview it to see what would happen."),
        Status::Previewing { .. } => "A preview is being made. It changes nothing in the cluster.".into(),
        Status::Asking { questions } if questions.len() == 1 => format!("One question waits for {author}."),
        Status::Asking { questions } => format!("{} questions wait for {author}.", questions.len()),
        Status::Failed { .. } => {
            format!("The last preview ended without a plan. {author} can change the text.")
        }
        Status::Proposed => "A plan is ready to look at. Nothing was changed.".into(),
        Status::AwaitingApproval { .. } => "The plan waits for an Admin to approve it.".into(),
        Status::Approved { .. } => "The plan is approved and waits for an Admin to commit it.".into(),
        Status::Committing { .. } => "The declaration is being written to the repository.".into(),
        Status::Committed { .. } => "Committed. A run carries the plan out.".into(),
        Status::SentBack { .. } => {
            format!("An Admin sent the plan back. It waits for {author} to change the text.")
        }
        Status::Withdrawn => "Withdrawn. Nothing will be done; a new preview brings it back.".into(),
        Status::Retired => "Retired. It is kept for the record.".into(),
    }
}

/// What a failed preview says, and what to do next.
pub fn failure_message(failure: &Failure) -> Message {
    match failure {
        Failure::Refused { reason, text } => Message::new(
            Kind::Bad,
            format!("The text was understood and refused ({})", reason.as_str().replace('-', " ")),
            format!("{text} The text is kept; change it and preview again."),
        ),
        Failure::NoPlan { text, advice } => Message::new(Kind::Bad, text.clone(), advice.clone()),
        Failure::Unavailable { text, advice } => Message::new(Kind::Waiting, text.clone(), advice.clone()),
        Failure::Cancelled {} => Message::new(
            Kind::Calm,
            "The preview was cancelled",
            "Nothing was changed. Preview again at any time.",
        ),
    }
    .quiet()
}

/// The stages of a preview. `began` holds when each stage known so far began, in order.
pub fn stages(
    current: Option<Stage>,
    began: &[(Stage, chrono::DateTime<chrono::Utc>)],
    now: chrono::DateTime<chrono::Utc>,
) -> Vec<StageView> {
    let start = |stage: Stage| began.iter().find(|(s, _)| *s == stage).map(|(_, at)| *at);
    Stage::ALL
        .into_iter()
        .map(|stage| {
            let begin = start(stage);
            let end = began.iter().find(|(s, _)| *s > stage).map(|(_, at)| *at);
            match (begin, Some(stage).cmp(&current)) {
                (_, std::cmp::Ordering::Less) => StageView {
                    kind: Kind::Good,
                    word: stage.words(),
                    since: None,
                    took: begin
                        .zip(end)
                        .map(|(from, to)| crate::words::lasted(to - from))
                        .unwrap_or_default(),
                },
                (Some(at), std::cmp::Ordering::Equal) => StageView {
                    kind: Kind::Active,
                    word: stage.words(),
                    since: Some(Since { at, now }),
                    took: String::new(),
                },
                _ => StageView { kind: Kind::Calm, word: stage.words(), since: None, took: String::new() },
            }
        })
        .collect()
}

impl Live for DeclarationPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("state", self.state.render()?), ("history", self.history.render()?)])
    }
}
