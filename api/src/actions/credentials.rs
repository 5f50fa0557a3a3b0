//! Credentials: what an Admin sends goes on to the Agent at once and is kept nowhere here; asking for a test.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::connection::connection_page;
use crate::pages::draw_with;
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::ids::SETTINGS;
use domain::settings::{Command, Credential, Settings, credential};
use eventstore::Category;
use handover::{HandoverError, Sender};
use secrets::Secret;
use web::pages::connection::place;
use web::parts::{Kind, Message};

fn known(name: &str) -> Result<&'static Credential, HttpError> {
    let text = "Settings lists those that MycoPod uses.";
    credential(name).ok_or_else(|| HttpError::not_found("There is no such credential", text))
}

fn channel(app: &App) -> Result<&Sender, HttpError> {
    let why = "secrets cannot be sent from here: the UI has no channel to the Agent";
    app.intake.as_deref().ok_or_else(|| HttpError::conflict(why).advice("Use `mycopod secrets set NAME`."))
}

/// What is wrong with what was typed, in words. Never the words themselves.
fn problem(credential: &Credential, value: &str) -> Option<&'static str> {
    if value.is_empty() {
        return Some("Nothing was typed.");
    }
    if value.chars().any(char::is_control) {
        return Some("It has more than one line, or signs that no key has. Copy it again.");
    }
    if credential.name == "proxmox-token" && value.contains(['!', '=', ' ']) {
        return Some("Type the secret alone, without USER@REALM!NAME= before it.");
    }
    None
}

/// The page again with what went wrong, and without what was typed.
async fn again(
    app: &App,
    me: &Admin,
    credential: &Credential,
    status: StatusCode,
    title: &str,
    text: String,
) -> Result<Response, HttpError> {
    let message = Message::new(Kind::Bad, title, text);
    let error = Some((credential.name.to_owned(), message));
    draw_with(status, &connection_page(app, me, credential.service, None, error).await?)
}

async fn failed(
    app: &App,
    me: &Admin,
    credential: &Credential,
    error: HandoverError,
) -> Result<Response, HttpError> {
    let status = match &error {
        HandoverError::Refused(_) => StatusCode::CONFLICT,
        HandoverError::Size(_) => StatusCode::UNPROCESSABLE_ENTITY,
        error => {
            tracing::warn!(name = credential.name, %error, "a secret could not be handed over");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let text = format!("{} {}", web::words::sentence(&format!("{error}.")), error.advice());
    again(app, me, credential, status, &format!("{} was not changed", credential.title), text).await
}

/// `POST /settings/credentials/{name}`: to the Agent, and nowhere else.
pub async fn store(
    State(app): State<App>,
    me: Admin,
    Path(name): Path<String>,
    fields: Fields,
) -> Result<Response, HttpError> {
    let credential = known(&name)?;
    let sender = channel(&app)?;
    let value = fields.get("value").trim();
    if let Some(problem) = problem(credential, value) {
        let title = format!("{} was not stored", credential.title);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return again(&app, &me, credential, status, &title, problem.into()).await;
    }
    let value = Secret::new(value.as_bytes().to_vec());
    // Wiped before anything else is waited for.
    drop(fields);
    match sender.store(credential.name, me.actor().id.0, value).await {
        Ok(stored) => Ok(done(place(credential.service).0, stored.position).into_response()),
        Err(error) => failed(&app, &me, credential, error).await,
    }
}

/// `POST /settings/credentials/{name}/remove`
pub async fn remove(
    State(app): State<App>,
    me: Admin,
    Path(name): Path<String>,
    fields: Fields,
) -> Result<Response, HttpError> {
    let credential = known(&name)?;
    let sender = channel(&app)?;
    if fields.get("sure") != "1" {
        let title = format!("{} was not removed", credential.title);
        let text = "Say that the Agent shall do without it.".into();
        return again(&app, &me, credential, StatusCode::UNPROCESSABLE_ENTITY, &title, text).await;
    }
    match sender.remove(credential.name, me.actor().id.0).await {
        Ok(removed) => Ok(done(place(credential.service).0, removed.position).into_response()),
        Err(error) => failed(&app, &me, credential, error).await,
    }
}

/// `POST /settings/credentials/{name}/test`: the Agent tries it and says what it finds.
pub async fn test(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(name): Path<String>,
) -> Result<Redirect, HttpError> {
    let credential = known(&name)?;
    let command = Command::RequestTest { name: credential.name.to_owned(), by: Some(me.actor()) };
    let actor = Some(me.actor().id.0);
    let handled =
        app.command::<Settings>(Category::Settings, SETTINGS, command, actor, Some(key.of("test"))).await?;
    Ok(done(place(credential.service).0, handled.position))
}
