//! What went wrong, what it means, what to do next: inside the frame, with what was typed.

use crate::frame::Frame;
use askama::Template;

#[derive(Template)]
#[template(path = "pages/error.html")]
pub struct ErrorPage {
    pub f: Frame,
    pub title: String,
    pub text: String,
    pub advice: String,
    /// Link and word of the next move.
    pub link: Option<(String, String)>,
    /// Words the person typed, kept for them.
    pub typed: Option<String>,
}
