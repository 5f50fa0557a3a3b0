//! Settings: people, rules, system.

use super::{Asked, draw};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::{Admin, SignedIn};
use axum::extract::{Query, State};
use axum::response::{Redirect, Response};
use web::frame::Section;
use web::pages::settings as page;
use web::views::{self, settings::TypedPerson};

/// `GET /settings`
pub async fn start(_me: Admin) -> Redirect {
    Redirect::to("/settings/proxmox")
}

pub async fn people_page(
    app: &App,
    me: &SignedIn,
    at: Option<i64>,
    typed: TypedPerson,
) -> Result<page::PeoplePage, HttpError> {
    let f = app.frame(me, "People", Section::Settings, at).await?;
    let accounts = app.reader.accounts().await?;
    Ok(views::settings::people_page(f, &app.viewer(me).await?, &accounts, typed))
}

/// `GET /settings/people`
pub async fn people(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&people_page(&app, &me, asked.at, TypedPerson::default()).await?)
}

pub async fn rules_page(
    app: &App,
    me: &SignedIn,
    at: Option<i64>,
    typed: Option<(page::RulesForm, String)>,
) -> Result<page::RulesPage, HttpError> {
    let f = app.frame(me, "Rules", Section::Settings, at).await?;
    let (settings, meta) = (app.reader.settings().await?, app.reader.cluster_meta().await?);
    let repository = app.reader.repository().await?;
    Ok(views::settings::rules_page(f, &app.viewer(me).await?, &settings, &meta, &repository, typed))
}

/// `GET /settings/rules`
pub async fn rules(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&rules_page(&app, &me, asked.at, None).await?)
}

/// `GET /settings/system`
pub async fn system(State(app): State<App>, me: Admin) -> Result<Response, HttpError> {
    let f = app.frame(&me, "System", Section::Settings, None).await?;
    let (settings, meta) = (app.reader.settings().await?, app.reader.cluster_meta().await?);
    let repository = app.reader.repository().await?;
    let positions = app.reader.positions().await?;
    let standing: Vec<_> = positions
        .into_iter()
        .map(|(name, at)| (name.to_owned(), at.map(|at| (at.position, at.poison))))
        .collect();
    draw(&views::settings::system_page(f, &settings, &meta, &repository, &standing))
}
