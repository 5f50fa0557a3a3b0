//! My account: password, sessions, shortcuts.

use crate::frame::Frame;
use crate::parts::{Ago, Guard, Kind};
use askama::Template;
use domain::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};

#[derive(Template)]
#[template(path = "pages/account.html")]
pub struct AccountPage {
    pub f: Frame,
    pub name: String,
    pub role: &'static str,
    pub sessions: Vec<Session>,
    pub change: Guard,
    pub end: Guard,
    pub error: Option<String>,
}

pub struct Session {
    pub this: bool,
    pub began: Ago,
    pub seen: Ago,
}
