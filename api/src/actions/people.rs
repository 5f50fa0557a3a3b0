//! People: adding them, their roles, disabling and enabling.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::settings::people_page;
use crate::pages::{draw_with, parsed};
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::account::{Account, Command, Role};
use domain::decider::Decider;
use domain::ids::AccountId;
use domain::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use eventstore::Category;
use secrets::Secret;
use uuid::Uuid;
use web::pages::settings::Wrong;
use web::views::settings::TypedPerson;

/// What is wrong with a new password, in words.
pub fn password_problem(password: &str) -> Option<String> {
    let count = password.chars().count();
    match count {
        ..PASSWORD_CHARS_MIN => {
            Some(format!("The password needs at least {PASSWORD_CHARS_MIN} characters; this has {count}."))
        }
        _ if count > PASSWORD_CHARS_MAX => {
            Some(format!("The password may have up to {PASSWORD_CHARS_MAX} characters."))
        }
        _ => None,
    }
}

/// `POST /settings/people`
pub async fn add(State(app): State<App>, me: Admin, key: Key, fields: Fields) -> Result<Response, HttpError> {
    let name = fields.get("name").trim().to_owned();
    let role: Role = fields.get("role").parse().map_err(HttpError::invalid)?;
    // A name is one account for ever: its id follows from it, so two Admins who add it at once add it once.
    let id = AccountId(Uuid::new_v5(&domain::ids::SETTINGS, name.to_ascii_lowercase().as_bytes()));
    let known = app.reader.account_by_name(&name).await?;
    let probe = Command::Register {
        name: name.clone(),
        role,
        password_hash: String::new(),
        by: Some(me.actor()),
        demo: false,
    };
    let problem = match (Account::default().decide(probe), &known) {
        (Err(refusal), _) => Some((Wrong::Name, web::words::sentence(&format!("{refusal}.")))),
        (Ok(_), Some(account)) if account.id != id => {
            Some((Wrong::Name, format!("There is an account {name} already.")))
        }
        _ => password_problem(fields.get("password")).map(|why| (Wrong::Password, why)),
    };
    if problem.is_some() {
        let typed = TypedPerson { name, role: role.as_str().into(), error: problem };
        return draw_with(StatusCode::UNPROCESSABLE_ENTITY, &people_page(&app, &me, None, typed).await?);
    }
    let password = Secret::new(fields.get("password").to_owned());
    let password_hash = app.passwords.hash(password).await.map_err(HttpError::internal)?;
    let command = Command::Register { name, role, password_hash, by: Some(me.actor()), demo: false };
    let actor = Some(me.actor().id.0);
    let handled =
        app.command::<Account>(Category::Account, id.0, command, actor, Some(key.of("add"))).await?;
    Ok(done("/settings/people", handled.position).into_response())
}

async fn send(
    app: &App,
    me: &Admin,
    id: &str,
    name: &str,
    key: Key,
    command: Command,
) -> Result<Redirect, HttpError> {
    let id: AccountId = parsed(id, "account")?;
    let actor = Some(me.actor().id.0);
    let handled = app.command::<Account>(Category::Account, id.0, command, actor, Some(key.of(name))).await?;
    // Whoever was changed proves who they are again.
    app.sessions.end_all(id, None).await?;
    Ok(done("/settings/people", handled.position))
}

/// Active Admins besides this account, so that the last one is never lost.
async fn other_admins(app: &App, id: &str) -> Result<usize, HttpError> {
    let id: AccountId = parsed(id, "account")?;
    Ok(app.reader.active_admins().await?.iter().filter(|admin| admin.id != id).count())
}

/// `POST /settings/people/{id}/role`
pub async fn role(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let role: Role = fields.get("role").parse().map_err(HttpError::invalid)?;
    let command = Command::ChangeRole { role, by: me.actor(), other_admins: other_admins(&app, &id).await? };
    send(&app, &me, &id, "role", key, command).await
}

/// `POST /settings/people/{id}/disable`
pub async fn disable(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(id): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::Disable { by: me.actor(), other_admins: other_admins(&app, &id).await? };
    send(&app, &me, &id, "disable", key, command).await
}

/// `POST /settings/people/{id}/enable`
pub async fn enable(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path(id): Path<String>,
) -> Result<Redirect, HttpError> {
    let command = Command::Enable { by: me.actor() };
    send(&app, &me, &id, "enable", key, command).await
}
