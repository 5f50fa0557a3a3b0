//! The way back of a run: what undoing would do, before anybody says yes.

use crate::frame::Frame;
use crate::parts::{Guard, Icon};
use crate::words;
use askama::Template;

#[derive(Template)]
#[template(path = "pages/undo.html")]
pub struct UndoPage {
    pub f: Frame,
    pub no: u64,
    pub lede: String,
    pub steps: Vec<UndoStep>,
    pub hazards: Vec<String>,
    /// What stays, and why.
    pub stays: Vec<String>,
    /// What this approves, whole; none where nothing can be undone now.
    pub approve: Option<Approve>,
    pub command: String,
}

pub struct UndoStep {
    pub no: u32,
    pub sentence: String,
    pub calls: Vec<String>,
    pub loses_data: bool,
}

pub struct Approve {
    pub guard: Guard,
    pub digest: String,
    pub short: String,
    /// Names that have to be typed.
    pub names: Vec<String>,
}
