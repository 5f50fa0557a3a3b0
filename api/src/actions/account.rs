//! My password and my sessions.

use super::people::password_problem;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::account::account_page;
use crate::pages::{Asked, draw_with};
use crate::security::gate::Fields;
use crate::security::passwords::Checked;
use crate::security::proof::{Key, SignedIn};
use crate::security::throttle::{self, Who};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::account::{Account, Command};
use eventstore::Category;
use secrets::Secret;

/// `POST /account/password`: needs the present one; all other sessions end.
pub async fn password(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    fields: Fields,
) -> Result<Response, HttpError> {
    let id = me.actor().id;
    let again = async |status: StatusCode, why: String| {
        draw_with(status, &account_page(&app, &me, &Asked::default(), Some(why)).await?)
    };
    // Whoever found an open browser guesses as slowly as anybody else.
    let who = [Who::Name(me.name().to_ascii_lowercase())];
    if let Some(wait_s) = app.throttle.wait_s(&who, app.now()) {
        return again(StatusCode::TOO_MANY_REQUESTS, throttle::words(wait_s)).await;
    }
    if let Some(why) = password_problem(fields.get("new")) {
        return again(StatusCode::UNPROCESSABLE_ENTITY, why).await;
    }
    let account: Account = app.load(Category::Account, id.0).await?;
    let old = Secret::new(fields.get("old").chars().take(domain::limits::PASSWORD_CHARS_MAX + 1).collect());
    let checked = app.passwords.check(old, Some(account.password_hash)).await.map_err(HttpError::internal)?;
    if checked == Checked::Wrong {
        app.throttle.fail(&who, app.now());
        return again(StatusCode::UNPROCESSABLE_ENTITY, "The present password is wrong.".into()).await;
    }
    let password_hash =
        app.passwords.hash(Secret::new(fields.get("new").to_owned())).await.map_err(HttpError::internal)?;
    let command = Command::ChangePassword { password_hash, by: me.actor() };
    let handled = app
        .command::<Account>(Category::Account, id.0, command, Some(id.0), Some(key.of("password")))
        .await?;
    app.sessions.end_all(id, Some(me.token())).await?;
    Ok(super::done("/account", handled.position).into_response())
}

/// `POST /account/sessions`: ends all my sessions but this one.
pub async fn end_others(State(app): State<App>, me: SignedIn) -> Result<Redirect, HttpError> {
    app.sessions.end_all(me.actor().id, Some(me.token())).await?;
    Ok(Redirect::to("/account?show=ended"))
}
