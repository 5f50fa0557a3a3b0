//! Reading: one module for each group of pages. A page is made from read models by `web::views`; what a live
//! stream sends is made by the same function.

pub mod account;
pub mod cluster;
pub mod connection;
pub mod declarations;
pub mod export;
pub mod health;
pub mod history;
pub mod overview;
pub mod past;
pub mod repository;
pub mod runs;
pub mod settings;

use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::SignedIn;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use web::Template;
use web::frame::{Frame, Section};

/// What any page's address may say.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// Position of what the person just did.
    pub at: Option<i64>,
    /// Refreshing without scripts is switched off.
    #[serde(default)]
    pub still: String,
    #[serde(default)]
    pub page: i64,
    #[serde(default)]
    pub show: String,
}

pub fn draw(page: &impl Template) -> Result<Response, HttpError> {
    Ok(Html(page.render()?).into_response())
}

pub fn draw_with(status: StatusCode, page: &impl Template) -> Result<Response, HttpError> {
    Ok((status, Html(page.render()?)).into_response())
}

/// An id in an address; what is none leads nowhere.
pub fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, HttpError> {
    text.parse()
        .map_err(|_| HttpError::not_found(format!("There is no such {what}"), "The address leads nowhere."))
}

/// Refreshes the page without scripts while something goes on, unless that was switched off.
pub fn refreshing(f: &mut Frame, asked: &Asked, path: &str, something_goes_on: bool) {
    if something_goes_on && asked.still.is_empty() {
        f.refresh = Some(web::frame::Refresh { stop: format!("{path}?still=1") });
    }
}

/// `GET /`: the home of the role.
pub async fn start(me: SignedIn) -> Redirect {
    Redirect::to(if me.is_admin() { "/overview" } else { "/declarations" })
}

/// `GET /help`
pub async fn help(State(app): State<App>, me: Option<SignedIn>) -> Result<Response, HttpError> {
    let f = match &me {
        Some(me) => app.frame(me, "Help", Section::None, None).await?,
        None => Frame::new("Help", Section::None, app.now()),
    };
    draw(&web::pages::help::HelpPage { f })
}
