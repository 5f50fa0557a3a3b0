//! What an Admin does with a run.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::runs::found;
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key};
use axum::extract::{Path, State};
use axum::response::Redirect;
use domain::canonical::Digest;
use domain::limits::NOTE_CHARS_MAX;
use domain::run::{Command, Run};
use eventstore::Category;

async fn send(
    app: App,
    me: Admin,
    no: String,
    name: &str,
    key: Key,
    command: Command,
) -> Result<Redirect, HttpError> {
    let run = found(&app, &no).await?;
    let actor = Some(me.actor().id.0);
    let handled = app.command::<Run>(Category::Run, run.id.0, command, actor, Some(key.of(name))).await?;
    Ok(done(&format!("/runs/{}", run.no), handled.position))
}

/// `POST /runs/{no}/resume`
pub async fn resume(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(no): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::Resume { by: me.actor() };
    send(app, me, no, "resume", key, command).await
}

/// `POST /runs/{no}/stop`: after the step at hand.
pub async fn stop(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(no): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::StopAfterStep { by: me.actor() };
    send(app, me, no, "stop", key, command).await
}

/// `POST /runs/{no}/skip`: with a reason.
pub async fn skip(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(no): Path<String>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let why = fields.text("why");
    if why.chars().count() > NOTE_CHARS_MAX {
        return Err(
            HttpError::invalid(format!("the reason may have up to {NOTE_CHARS_MAX} characters")).typed(why)
        );
    }
    let command = Command::Skip { by: me.actor(), step: step(&fields)?, why };
    send(app, me, no, "skip", key, command).await
}

/// The step of a form, as people count; none: the first that waits.
fn step(fields: &Fields) -> Result<Option<usize>, HttpError> {
    match fields.get("step") {
        "" => Ok(None),
        no => match no.parse::<usize>() {
            Ok(no @ 1..) => Ok(Some(no - 1)),
            _ => Err(HttpError::invalid("there is no such step")),
        },
    }
}

/// `POST /runs/{no}/retry`: one step that waits is tried again.
pub async fn retry(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(no): Path<String>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let command = Command::TryAgain { by: me.actor(), step: step(&fields)? };
    send(app, me, no, "retry", key, command).await
}

/// `POST /runs/{no}/undo`: approves the way back shown on the page.
pub async fn undo(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(no): Path<String>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let digest = Digest::parse(fields.get("digest"))
        .ok_or_else(|| HttpError::invalid("the digest of the way back is missing"))?;
    let confirmed = fields.all("confirm").map(|name| name.trim().to_owned()).collect();
    let command = Command::Undo { by: me.actor(), digest, confirmed };
    send(app, me, no, "undo", key, command).await
}
