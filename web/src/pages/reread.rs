//! What the same words mean to another interpreter: shown before anything else of a preview.

use askama::{Template, filters::HtmlSafe};
use domain::interpretation::difference::Difference;
use domain::plan::InterpreterIdentity;

#[derive(Template)]
#[template(path = "parts/reread.html")]
pub struct Reread {
    pub before: String,
    pub now: String,
    /// Empty where both understood the same.
    pub lines: Vec<Difference>,
}
impl HtmlSafe for Reread {}

/// An interpreter in words.
pub fn interpreter(who: &InterpreterIdentity) -> String {
    match who.provider.as_str() {
        "scripted" => format!("scripted grammar {}, no model", who.version),
        provider => format!("{provider}, {} {}", who.model, who.version),
    }
}
