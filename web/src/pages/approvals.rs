//! "What do I have to decide?": plans that wait, oldest first. Deciding happens on the plan, never here.

use super::Live;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Icon, Verb};
use crate::words;
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "pages/approvals.html")]
pub struct ApprovalsPage {
    pub f: Frame,
    pub queue: QueueRegion,
}

#[derive(Template)]
#[template(path = "regions/approvals.html")]
pub struct QueueRegion {
    pub cards: Vec<Card>,
}
impl HtmlSafe for QueueRegion {}

pub struct Card {
    pub id: String,
    pub no: u32,
    pub title: String,
    /// The first three lines of the English.
    pub english: String,
    pub badge: Badge,
    pub counts: Vec<Verb>,
    pub hazards: usize,
    pub author: String,
    pub at: Ago,
}

impl Live for ApprovalsPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("queue", self.queue.render()?)])
    }
}
