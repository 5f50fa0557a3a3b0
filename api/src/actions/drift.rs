//! What an Admin decides about drift.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key};
use axum::extract::State;
use axum::response::Redirect;
use chrono::TimeDelta;
use domain::canonical::Digest;
use domain::cluster::{Cluster, Command};
use domain::ids::{CLUSTER, RunId};
use domain::limits::NOTE_CHARS_MAX;
use eventstore::Category;
use uuid::Uuid;

/// Longest time a difference is left alone, in days; longer is "until it changes".
const DAYS_MAX: i64 = 366;

async fn send(app: App, me: Admin, name: &str, key: Key, command: Command) -> Result<Redirect, HttpError> {
    let actor = Some(me.actor().id.0);
    let handled =
        app.command::<Cluster>(Category::Cluster, CLUSTER, command, actor, Some(key.of(name))).await?;
    Ok(done("/cluster/drift", handled.position))
}

/// `POST /cluster/drift/leave`: with a reason, for some days or until the value changes.
pub async fn leave(
    State(app): State<App>,
    me: Admin,
    key: Key,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let why = fields.text("why").trim().to_owned();
    if why.chars().count() > NOTE_CHARS_MAX {
        return Err(
            HttpError::invalid(format!("the reason may have up to {NOTE_CHARS_MAX} characters")).typed(why)
        );
    }
    let until = match fields.get("days") {
        "" => None,
        days => match days.parse::<i64>() {
            Ok(days @ 1..=DAYS_MAX) => Some(app.now() + TimeDelta::days(days)),
            _ => return Err(HttpError::invalid(format!("say 1 to {DAYS_MAX} days")).typed(why)),
        },
    };
    let (subject, field) = (fields.get("subject").to_owned(), fields.get("field").to_owned());
    let command = Command::LeaveAlone { by: me.actor(), subject, field, why, until };
    send(app, me, "leave", key, command).await
}

/// `POST /cluster/drift/put-back`: approves the calls shown on the page.
pub async fn put_back(
    State(app): State<App>,
    me: Admin,
    key: Key,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let digest = Digest::parse(fields.get("digest"))
        .ok_or_else(|| HttpError::invalid("the digest of what is put back is missing"))?;
    let (subject, run) = (fields.get("subject").to_owned(), RunId(Uuid::now_v7()));
    let command = Command::ApprovePutBack { by: Some(me.actor()), subject, digest, run };
    send(app, me, "put back", key, command).await
}
