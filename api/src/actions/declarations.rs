//! Writing, previewing and talking about declarations.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::declarations::{Blank, edit_page, found, new_page};
use crate::pages::{draw_with, parsed};
use crate::security::gate::Fields;
use crate::security::proof::{Key, SignedIn};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::decider::Decider;
use domain::declaration::{Command, Declaration, Refusal};
use domain::ids::DeclarationId;
use domain::limits::QUESTIONS_MAX;
use eventstore::Category;
use uuid::Uuid;

/// One command on a declaration, named for its key.
async fn send(
    app: &App,
    me: &SignedIn,
    id: DeclarationId,
    name: &str,
    key: Key,
    command: Command,
) -> Result<i64, HttpError> {
    let actor = Some(me.actor().id.0);
    let handled =
        app.command::<Declaration>(Category::Declaration, id.0, command, actor, Some(key.of(name))).await?;
    Ok(handled.position)
}

async fn simple(
    app: App,
    me: SignedIn,
    id: String,
    name: &str,
    key: Key,
    command: Command,
) -> Result<Redirect, HttpError> {
    let id: DeclarationId = parsed(&id, "declaration")?;
    let position = send(&app, &me, id, name, key, command).await?;
    Ok(done(&format!("/declarations/{id}"), position))
}

/// What is wrong with a text, before it is sent: the form is shown again with it.
fn wrong(fields: &Fields) -> Option<(StatusCode, String)> {
    let by =
        domain::account::Actor { id: domain::ids::AccountId(Uuid::nil()), role: domain::account::Role::User };
    let draft = Command::Draft {
        by,
        title: fields.get("title").to_owned(),
        text: fields.text("text"),
        follows: None,
    };
    match Declaration::default().decide(draft) {
        Ok(_) => None,
        Err(refusal @ Refusal::TextTooLong(_)) => Some((StatusCode::PAYLOAD_TOO_LARGE, refusal.to_string())),
        Err(refusal) => Some((StatusCode::UNPROCESSABLE_ENTITY, refusal.to_string())),
    }
}

/// `POST /declarations`: a new draft, under the id the form was made with; then perhaps a preview.
pub async fn draft(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    fields: Fields,
) -> Result<Response, HttpError> {
    let id: DeclarationId = parsed(fields.get("id"), "draft")?;
    let (title, text) = (fields.get("title").to_owned(), fields.text("text"));
    let earlier = match fields.get("follows") {
        "" => None,
        earlier => Some(found(&app, earlier).await?),
    };
    if let Some((status, why)) = wrong(&fields) {
        let follows = earlier.map(|row| (row.id, row.no));
        let blank = Blank { id: id.0, follows, title, text, error: Some(web::words::sentence(&why)) };
        let page = new_page(&app, &me, blank).await?;
        return draw_with(status, &page);
    }
    let command =
        Command::Draft { by: me.actor(), title, text: text.clone(), follows: earlier.map(|row| row.id) };
    let sent = send(&app, &me, id, "draft", key, command).await.map_err(|error| error.typed(text))?;
    after_writing(&app, &me, id, key, &fields, sent).await
}

/// `POST /declarations/{id}`: another text.
pub async fn revise(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, HttpError> {
    let id: DeclarationId = parsed(&id, "declaration")?;
    let (title, text) = (fields.get("title").to_owned(), fields.text("text"));
    if let Some((status, why)) = wrong(&fields) {
        let row = found(&app, &id.to_string()).await?;
        let page = edit_page(&app, &me, &row, Some((title, text, web::words::sentence(&why)))).await?;
        return draw_with(status, &page);
    }
    let command = Command::Revise { by: me.actor(), title, text: text.clone() };
    let sent = send(&app, &me, id, "revise", key, command).await.map_err(|error| error.typed(text))?;
    after_writing(&app, &me, id, key, &fields, sent).await
}

async fn after_writing(
    app: &App,
    me: &SignedIn,
    id: DeclarationId,
    key: Key,
    fields: &Fields,
    position: i64,
) -> Result<Response, HttpError> {
    let position = match fields.get("do") {
        "preview" => send(app, me, id, "preview", key, Command::Preview { by: me.actor() }).await?,
        _ => position,
    };
    Ok(done(&format!("/declarations/{id}"), position).into_response())
}

/// `POST /declarations/{id}/preview`
pub async fn preview(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path(id): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::Preview { by: me.actor() };
    simple(app, me, id, "preview", key, command).await
}

/// `POST /declarations/{id}/cancel`
pub async fn cancel(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path(id): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::Cancel { by: me.actor() };
    simple(app, me, id, "cancel", key, command).await
}

/// `POST /declarations/{id}/answer`: own words win over a chosen option.
pub async fn answer(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let row = found(&app, &id).await?;
    let answer = |n: usize| match fields.get(&format!("own-{n}")).trim() {
        "" => fields.get(&format!("choice-{n}")).to_owned(),
        own => own.to_owned(),
    };
    let asked = row.questions.len().min(QUESTIONS_MAX);
    let answers: Vec<String> = (0..asked).map(answer).collect();
    if answers.iter().any(|answer| answer.trim().is_empty()) {
        return Err(HttpError::invalid("each question needs an answer: choose one, or write your own"));
    }
    let command = Command::Answer { by: me.actor(), answers };
    simple(app, me, id, "answer", key, command).await
}

/// `POST /declarations/{id}/withdraw`
pub async fn withdraw(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path(id): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::Withdraw { by: me.actor() };
    simple(app, me, id, "withdraw", key, command).await
}

/// `POST /declarations/{id}/comment`
pub async fn comment(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let text = fields.text("text");
    let command = Command::Comment { by: me.actor(), text: text.clone() };
    simple(app, me, id, "comment", key, command).await.map_err(|error| error.typed(text))
}
