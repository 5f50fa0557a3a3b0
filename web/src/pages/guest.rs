//! One guest: what was declared beside what was seen, and how it became ours.

use crate::frame::Frame;
use crate::parts::{Ago, Badge, Copy, From, Kind};
use askama::Template;

#[derive(Template)]
#[template(path = "pages/guest.html")]
pub struct GuestPage {
    pub f: Frame,
    pub vmid: u32,
    pub name: String,
    pub kind: &'static str,
    pub lede: String,
    pub matches: Badge,
    pub health: Badge,
    pub seen: Option<Ago>,
    pub fields: Vec<Field>,
    /// Id and title of the declaration, number of the run that made it.
    pub declared_by: Option<(String, String)>,
    pub made_by: Option<u64>,
    /// The guest's own description: foreign text, quoted.
    pub notes: String,
    /// The configuration as read.
    pub config: Vec<(String, String)>,
    pub mark: Option<Copy>,
}

/// Declared beside observed. Either may be unknown.
pub struct Field {
    pub name: String,
    pub declared: Option<String>,
    pub observed: String,
    pub differs: bool,
    pub from: Option<From>,
}
