//! "Does it match?": one row for each field that differs from what was put in force.

use super::Live;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Guard, Kind, Message};
use crate::words;
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "pages/drift.html")]
pub struct DriftPage {
    pub f: Frame,
    pub picture: DriftRegion,
    pub command: &'static str,
}

#[derive(Template)]
#[template(path = "regions/drift.html")]
pub struct DriftRegion {
    pub seen: Option<Ago>,
    pub lede: String,
    pub messages: Vec<Message>,
    pub rows: Vec<Row>,
    pub put_backs: Vec<PutBack>,
    /// Name or subject, and why nobody can tell.
    pub unjudged: Vec<(String, String)>,
    pub why_not: String,
}
impl HtmlSafe for DriftRegion {}

pub struct Row {
    /// Counts from 1 on this page.
    pub index: usize,
    pub vmid: Option<u32>,
    pub name: String,
    pub subject: String,
    pub field: String,
    pub declared: String,
    pub observed: String,
    pub since: Ago,
    /// Empty where the cluster does not tell.
    pub by: String,
    pub badge: Badge,
    /// Who left it alone, until when and why; empty where nobody did.
    pub left: String,
    pub leave: Option<Guard>,
}

/// What would be put back, waiting for an Admin.
pub struct PutBack {
    pub subject: String,
    pub name: String,
    pub sentences: Vec<String>,
    pub calls: Vec<String>,
    pub digest: String,
    pub short: String,
    pub approve: Option<Guard>,
}

impl Live for DriftPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("drift", self.picture.render()?)])
    }
}
