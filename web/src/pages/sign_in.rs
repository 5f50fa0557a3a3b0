//! "Who are you?"

use crate::frame::Frame;
use crate::parts::Kind;
use askama::Template;
use domain::limits::PASSWORD_CHARS_MAX;

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
pub struct SignInPage {
    pub f: Frame,
    pub name: String,
    /// The page asked for, to return to.
    pub next: String,
    /// Proof that the form came from here: there is no session yet to hold one.
    pub token: String,
    pub error: Option<String>,
}
