//! All runs, newest first.

use super::{Live, Pager};
use crate::frame::Frame;
use crate::parts::{Ago, Badge};
use askama::{Template, filters::HtmlSafe};
use domain::run::Status;

#[derive(Template)]
#[template(path = "pages/runs.html")]
pub struct RunsPage {
    pub f: Frame,
    pub list: ListRegion,
}

#[derive(Template)]
#[template(path = "regions/runs.html")]
pub struct ListRegion {
    pub rows: Vec<Row>,
    pub pager: Pager,
}
impl HtmlSafe for ListRegion {}

pub struct Row {
    pub no: u64,
    pub title: String,
    pub badge: Badge,
    pub words: String,
    pub started: Ago,
    pub lasted: String,
}

/// The badge of a run.
pub fn badge(status: &Status) -> Badge {
    use crate::parts::Kind;
    match status {
        Status::None => Badge::new(Kind::Unknown, "not started"),
        Status::Running => Badge::new(Kind::Active, "running"),
        Status::Paused { .. } => Badge::new(Kind::Waiting, "paused"),
        Status::Completed => Badge::new(Kind::Good, "succeeded"),
        Status::Stopped => Badge::new(Kind::Bad, "stopped"),
    }
}

impl Live for RunsPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("list", self.list.render()?)])
    }
}
