//! What an Admin decides about a commit that was set aside.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key};
use axum::extract::State;
use axum::response::Redirect;
use domain::ids::REPOSITORY;
use domain::repository::{Command, Decision, Repository};
use eventstore::Category;

/// `POST /settings/repository/decide`: the Agent does it at once.
pub async fn decide(
    State(app): State<App>,
    me: Admin,
    key: Key,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let decision = Decision::named(fields.get("decision"))
        .ok_or_else(|| HttpError::invalid("say take, restore or leave"))?;
    let command = Command::Decide { by: me.actor(), commit: fields.get("commit").to_owned(), decision };
    let actor = Some(me.actor().id.0);
    let handled = app
        .command::<Repository>(Category::Repository, REPOSITORY, command, actor, Some(key.of("decide")))
        .await?;
    Ok(done("/settings/repository", handled.position))
}
