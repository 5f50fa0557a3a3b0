//! Signing in and out.

use crate::app::App;
use crate::error::HttpError;
use crate::pages::{draw, draw_with};
use crate::security::cookie::{self, Token};
use crate::security::gate::Fields;
use crate::security::passwords::{Checked, PasswordError};
use crate::security::proof::SignedIn;
use crate::security::throttle::{self, Who};
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::account::{Account, Actor, Command};
use domain::limits::PASSWORD_CHARS_MAX;
use eventstore::Category;
use secrets::Secret;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use web::frame::{Frame, Section};
use web::pages::sign_in::SignInPage;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
}

/// Only pages of ours are returned to.
fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if ours && !next.starts_with("/sign-") { next } else { "/" }
}

fn form(app: &App, token: &Token, name: &str, next: &str, error: Option<String>) -> SignInPage {
    SignInPage {
        f: Frame::new("Sign in", Section::None, app.now()),
        name: name.to_owned(),
        next: safe_next(next).to_owned(),
        token: token.csrf(),
        error,
    }
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// `GET /sign-in`
pub async fn page(
    State(app): State<App>,
    me: Option<SignedIn>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    if me.is_some() {
        return Ok(Redirect::to(safe_next(&asked.next)).into_response());
    }
    match cookie::token(&headers, cookie::VISITOR) {
        Some(token) => draw(&form(&app, &token, "", &asked.next, None)),
        None => {
            let token = Token::fresh().map_err(HttpError::internal)?;
            let response = draw(&form(&app, &token, "", &asked.next, None))?;
            Ok(with_cookie(response, &token.set_cookie(cookie::VISITOR)))
        }
    }
}

/// `POST /sign-in`: one error for both fields, and the same effort for names nobody has.
pub async fn sign_in(
    State(app): State<App>,
    fields: Fields,
    request: Request,
) -> Result<Response, HttpError> {
    let token = cookie::token(request.headers(), cookie::VISITOR).ok_or_else(HttpError::not_our_form)?;
    let (name, next) = (fields.get("name").trim(), fields.get("next"));
    let again = |status, words: String| draw_with(status, &form(&app, &token, name, next, Some(words)));
    let wrong = || again(StatusCode::UNPROCESSABLE_ENTITY, "Name or password is wrong.".into());

    let who =
        [Who::Name(name.to_ascii_lowercase().chars().take(64).collect()), Who::Address(address(&request))];
    if let Some(wait_s) = app.throttle.wait_s(&who, app.now()) {
        return again(StatusCode::TOO_MANY_REQUESTS, throttle::words(wait_s));
    }
    if fields.get("password").chars().count() > PASSWORD_CHARS_MAX {
        return wrong();
    }
    // Counted before the check, so that a burst of guesses is not checked at once; taken back if it is right.
    app.throttle.fail(&who, app.now());
    let found = app.reader.account_by_name(name).await?;
    let stored = found.as_ref().map(|account| account.password_hash.clone());
    let checked = match app.passwords.check(Secret::new(fields.get("password").to_owned()), stored).await {
        Ok(checked) => checked,
        Err(PasswordError::Busy) => {
            return again(
                StatusCode::SERVICE_UNAVAILABLE,
                "Many people sign in right now. Try again in 10 s.".into(),
            );
        }
        Err(error) => return Err(HttpError::internal(error)),
    };
    let Some(account) = found else { return wrong() };
    if checked == Checked::Wrong {
        app.command::<Account>(Category::Account, account.id.0, Command::FailSignIn, None, None).await?;
        return wrong();
    }
    // A disabled account is told apart only for who knows its password.
    if account.disabled {
        return again(
            StatusCode::FORBIDDEN,
            "This account is disabled. An Admin can enable it again.".into(),
        );
    }
    let by = Actor { id: account.id, role: account.role };
    app.command::<Account>(Category::Account, account.id.0, Command::SignIn, Some(account.id.0), None)
        .await?;
    if let Checked::Upgrade(password_hash) = checked {
        let command = Command::ChangePassword { password_hash, by };
        app.command::<Account>(Category::Account, account.id.0, command, Some(account.id.0), None).await?;
    }
    app.throttle.succeed(&who);
    // A new token, whatever the browser held before: nobody can prepare a session for somebody else.
    let session = Token::fresh().map_err(HttpError::internal)?;
    if let Some(old) = cookie::token(request.headers(), cookie::SESSION) {
        app.sessions.end(&old).await?;
    }
    app.sessions.begin(&session, account.id, app.now()).await?;
    let response = Redirect::to(safe_next(next)).into_response();
    let response = with_cookie(response, &session.set_cookie(cookie::SESSION));
    Ok(with_cookie(response, &cookie::drop_cookie(cookie::VISITOR)))
}

/// Where the request comes from; without a socket (tests) it is this machine.
fn address(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::from([127, 0, 0, 1]), |ConnectInfo(peer)| peer.ip())
}

/// `POST /sign-out`
pub async fn sign_out(State(app): State<App>, me: SignedIn) -> Result<Response, HttpError> {
    app.sessions.end(me.token()).await?;
    let id = me.actor().id.0;
    app.command::<Account>(Category::Account, id, Command::SignOut, Some(id), None).await?;
    Ok(with_cookie(Redirect::to("/sign-in").into_response(), &cookie::drop_cookie(cookie::SESSION)))
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn nobody_is_sent_to_another_site_after_sign_in() {
        assert_eq!(safe_next("/runs/17?show=failed"), "/runs/17?show=failed");
        for evil in ["https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nb", "", "/sign-out"]
        {
            assert_eq!(safe_next(evil), "/", "{evil}");
        }
    }
}
