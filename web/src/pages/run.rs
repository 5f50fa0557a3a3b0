//! One run: the step it is at, what each call was asked and answered, and what an Admin can do.

use super::Live;
use super::declaration::StageView;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Bar, Guard, Kind, Message, Verb};
use crate::words;
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "pages/run.html")]
pub struct RunPage {
    pub f: Frame,
    pub no: u64,
    pub status: StatusRegion,
    pub steps: StepsRegion,
    pub act: ActRegion,
    pub filter: Filter,
    pub command: String,
}

/// Which steps are shown, as it stands in the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    Failed,
    Waiting,
}

impl Filter {
    pub const ALL: [(Filter, &'static str, &'static str); 3] = [
        (Self::All, "", "All"),
        (Self::Failed, "?show=failed", "Failed"),
        (Self::Waiting, "?show=waiting", "Waiting"),
    ];

    pub fn from_address(text: &str) -> Self {
        match text {
            "failed" => Self::Failed,
            "waiting" => Self::Waiting,
            _ => Self::All,
        }
    }

    pub fn shows(self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Failed => kind == Kind::Bad,
            Self::Waiting => matches!(kind, Kind::Waiting | Kind::Calm),
        }
    }
}

#[derive(Template)]
#[template(path = "regions/run_status.html")]
pub struct StatusRegion {
    pub no: u64,
    pub declaration: String,
    pub title: String,
    pub badge: Badge,
    /// "Step 3 of 7: cloning …"
    pub lede: String,
    /// Spoken to screen readers when it changes.
    pub milestone: String,
    pub bar: Bar,
    pub bar_words: String,
    pub stages: Vec<StageLine>,
    pub message: Option<Message>,
}
impl HtmlSafe for StatusRegion {}

/// Approved → committed → running → done, with person and time.
pub struct StageLine {
    pub view: StageView,
    pub by: String,
    pub at: Option<Ago>,
    pub detail: String,
}

#[derive(Template)]
#[template(path = "regions/run_steps.html")]
pub struct StepsRegion {
    pub steps: Vec<StepView>,
    pub total: usize,
}
impl HtmlSafe for StepsRegion {}

pub struct StepView {
    pub no: usize,
    pub verb: Verb,
    pub badge: Badge,
    pub object: String,
    pub sentence: String,
    pub took: String,
    /// Why it failed, is waiting or was skipped.
    pub note: String,
    pub advice: String,
    pub timeline: Vec<Segment>,
    pub attempts: Vec<AttemptView>,
    pub open: bool,
}

/// One attempt or waiting time on the step's timeline, in hundredths of its length.
pub struct Segment {
    pub x: u8,
    pub width: u8,
    pub class: &'static str,
}

pub struct AttemptView {
    /// "Call 1, attempt 2 of 3".
    pub title: String,
    pub badge: Badge,
    /// Verb, path and arguments as sent.
    pub request: String,
    pub status: String,
    pub took: String,
    pub at: Option<Ago>,
    pub answer: String,
    pub note: String,
    /// "next try in 8 s (2 of 3)".
    pub wait: String,
    pub task: Option<TaskView>,
}

pub struct TaskView {
    pub upid: String,
    pub end: String,
    pub lines: Vec<String>,
    /// There are earlier lines.
    pub cut: bool,
}

#[derive(Template)]
#[template(path = "regions/run_act.html")]
pub struct ActRegion {
    pub no: u64,
    pub stop: Option<Guard>,
    pub resume: Option<Guard>,
    /// Steps that wait for a person: their number, and the proof of trying again and of skipping.
    pub waiting: Vec<WaitingStep>,
    /// What the run did can be undone; the way back is shown first.
    pub undo: bool,
    pub stopping: bool,
    pub over: bool,
    pub declaration: String,
    pub why_not: String,
}
impl HtmlSafe for ActRegion {}

pub struct WaitingStep {
    pub no: u32,
    pub words: String,
    pub retry: Guard,
    pub skip: Guard,
}

impl Live for RunPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![
            ("status", self.status.render()?),
            ("steps", self.steps.render()?),
            ("act", self.act.render()?),
        ])
    }
}
