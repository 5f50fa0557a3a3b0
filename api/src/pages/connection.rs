//! Settings: the services that need credentials.

use super::{Asked, draw, refreshing};
use crate::app::App;
use crate::error::HttpError;
use crate::live;
use crate::security::proof::{Admin, SignedIn};
use axum::extract::{Query, State};
use axum::response::Response;
use domain::settings::Service;
use web::frame::Section;
use web::pages::Live;
use web::pages::connection::{ConnectionPage, place};
use web::parts::Message;
use web::views::{self, Names};

/// The page of a service; `error` is about a credential by its name.
pub async fn connection_page(
    app: &App,
    me: &SignedIn,
    service: Service,
    asked: Option<&Asked>,
    error: Option<(String, Message)>,
) -> Result<ConnectionPage, HttpError> {
    let (path, title, _) = place(service);
    let mut f = app.frame(me, title, Section::Settings, asked.and_then(|asked| asked.at)).await?;
    f.live = Some(format!("{path}/live"));
    let settings = app.reader.settings().await?;
    if let Some(asked) = asked {
        refreshing(&mut f, asked, path, settings.tests.iter().any(|test| test.ended.is_none()));
    }
    let facts = views::connection::Facts {
        settings: &settings,
        meta: &app.reader.cluster_meta().await?,
        repository: &app.reader.repository().await?,
        has_channel: app.intake.is_some(),
        error,
    };
    let names = Names::of(&app.reader.accounts().await?);
    Ok(views::connection::page(f, service, &names, facts))
}

async fn one(app: App, me: Admin, asked: Asked, service: Service) -> Result<Response, HttpError> {
    draw(&connection_page(&app, &me, service, Some(&asked), None).await?)
}

fn streamed(app: App, me: &Admin, service: Service) -> Result<Response, HttpError> {
    live::stream(app, (**me).clone(), move |app, me| async move {
        Ok(connection_page(&app, &me, service, None, None).await?.regions()?)
    })
}

/// `GET /settings/proxmox`
pub async fn proxmox(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    one(app, me, asked, Service::Proxmox).await
}

/// `GET /settings/proxmox/live`
pub async fn proxmox_live(State(app): State<App>, me: Admin) -> Result<Response, HttpError> {
    streamed(app, &me, Service::Proxmox)
}

/// `GET /settings/github`
pub async fn github(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    one(app, me, asked, Service::Repository).await
}

/// `GET /settings/github/live`
pub async fn github_live(State(app): State<App>, me: Admin) -> Result<Response, HttpError> {
    streamed(app, &me, Service::Repository)
}

/// `GET /settings/model`
pub async fn model(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    one(app, me, asked, Service::Model).await
}

/// `GET /settings/model/live`
pub async fn model_live(State(app): State<App>, me: Admin) -> Result<Response, HttpError> {
    streamed(app, &me, Service::Model)
}
