//! "What have we asked for?": the list of declarations, with its filters in the address.

use super::{Live, Pager};
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Icon};
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "pages/declarations.html")]
pub struct DeclarationsPage {
    pub f: Frame,
    pub filter: Filter,
    /// Value and word of each status that can be filtered by.
    pub statuses: Vec<(&'static str, &'static str)>,
    pub authors: Vec<String>,
    pub list: ListRegion,
}

/// As it stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: String,
    pub author: String,
    pub words: String,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        self.status.is_empty() && self.author.is_empty() && self.words.is_empty()
    }
}

#[derive(Template)]
#[template(path = "regions/declarations.html")]
pub struct ListRegion {
    pub rows: Vec<Row>,
    pub filtered: bool,
    pub pager: Pager,
}
impl HtmlSafe for ListRegion {}

pub struct Row {
    pub id: String,
    pub title: String,
    pub badge: Badge,
    pub author: String,
    pub changed: Ago,
    pub guests: String,
}

impl Live for DeclarationsPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("list", self.list.render()?)])
    }
}
