//! My account.

use super::{Asked, draw};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::SignedIn;
use axum::extract::{Query, State};
use axum::response::Response;
use web::frame::Section;
use web::pages::account::{AccountPage, Session};
use web::parts::{Ago, Kind, Message};

pub async fn account_page(
    app: &App,
    me: &SignedIn,
    asked: &Asked,
    error: Option<String>,
) -> Result<AccountPage, HttpError> {
    let mut f = app.frame(me, "My account", Section::Account, asked.at).await?;
    if asked.show == "ended" {
        f.message = Some(Message::new(Kind::Good, "All other sessions ended", ""));
    } else if asked.at.is_some() && f.message.is_none() {
        f.message = Some(Message::new(Kind::Good, "The password is changed", "All other sessions ended."));
    }
    let sessions = app.sessions.of(me.actor().id, me.token(), f.now).await?;
    let sessions = sessions.into_iter().map(|(session, this)| Session {
        this,
        began: Ago { at: session.began, now: f.now },
        seen: Ago { at: session.seen, now: f.now },
    });
    Ok(AccountPage {
        name: me.name().to_owned(),
        role: me.actor().role.as_str(),
        sessions: sessions.collect(),
        change: f.guard("password", f.position),
        end: f.guard("end sessions", f.position),
        error,
        f,
    })
}

/// `GET /account`
pub async fn account(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&account_page(&app, &me, &asked, None).await?)
}
