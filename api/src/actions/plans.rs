//! Deciding on a plan: always the one whose digest the page showed.

use super::done;
use crate::app::App;
use crate::error::HttpError;
use crate::pages::parsed;
use crate::security::gate::Fields;
use crate::security::proof::{Admin, Key, SignedIn};
use axum::extract::{Path, State};
use axum::response::Redirect;
use domain::canonical::Digest;
use domain::declaration::{Command, Declaration};
use domain::ids::DeclarationId;
use eventstore::Category;

/// The plan a form is about.
struct Shown {
    id: DeclarationId,
    no: u32,
    digest: Digest,
}

impl Shown {
    fn read(id: &str, no: &str, fields: &Fields) -> Result<Self, HttpError> {
        let digest = Digest::parse(fields.get("digest")).ok_or_else(HttpError::not_our_form)?;
        Ok(Self { id: parsed(id, "declaration")?, no: parsed(no, "plan")?, digest })
    }

    fn page(&self, position: i64) -> Redirect {
        done(&format!("/declarations/{}/plans/{}", self.id, self.no), position)
    }

    async fn send(
        &self,
        app: &App,
        me: &SignedIn,
        name: &str,
        key: Key,
        command: Command,
    ) -> Result<i64, HttpError> {
        let actor = Some(me.actor().id.0);
        let handled = app
            .command::<Declaration>(Category::Declaration, self.id.0, command, actor, Some(key.of(name)))
            .await;
        let page = format!("/declarations/{}", self.id);
        handled.map(|handled| handled.position).map_err(|error| match error.link {
            None => error.link(page, "Look again"),
            Some(_) => error,
        })
    }
}

/// `POST …/ask`: the author asks for approval.
pub async fn ask(
    State(app): State<App>,
    me: SignedIn,
    key: Key,
    Path((id, no)): Path<(String, String)>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let shown = Shown::read(&id, &no, &fields)?;
    let command = Command::AskApproval { by: me.actor(), plan: shown.digest.clone() };
    let position = shown.send(&app, &me, "ask", key, command).await?;
    Ok(shown.page(position))
}

/// `POST …/approve`: an Admin accepts the plan shown on the page; *Approve and apply* commits it, too.
pub async fn approve(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path((id, no)): Path<(String, String)>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let shown = Shown::read(&id, &no, &fields)?;
    // Only an Admin, or one whom the rules name, approves what they wrote.
    let alone = app.viewer(&me).await?.may_approve_own();
    let command = Command::Approve {
        by: me.actor(),
        plan: shown.digest.clone(),
        confirmed: fields.all("confirm").map(|name| name.trim().to_owned()).collect(),
        alone,
        now: app.now(),
    };
    let mut position = shown.send(&app, &me, "approve", key, command).await?;
    if fields.get("do") == "apply" {
        let command = Command::Commit { by: me.actor(), plan: shown.digest.clone(), now: app.now() };
        position = shown.send(&app, &me, "commit", key, command).await?;
    }
    Ok(shown.page(position))
}

/// `POST …/send-back`: with words.
pub async fn send_back(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path((id, no)): Path<(String, String)>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let shown = Shown::read(&id, &no, &fields)?;
    let why = fields.text("why");
    let command = Command::SendBack { by: me.actor(), plan: shown.digest.clone(), why: why.clone() };
    let position =
        shown.send(&app, &me, "send-back", key, command).await.map_err(|error| error.typed(why))?;
    Ok(shown.page(position))
}

/// `POST …/commit`
pub async fn commit(
    State(app): State<App>,
    me: Admin,
    key: Key,
    Path((id, no)): Path<(String, String)>,
    fields: Fields,
) -> Result<Redirect, HttpError> {
    let shown = Shown::read(&id, &no, &fields)?;
    let command = Command::Commit { by: me.actor(), plan: shown.digest.clone(), now: app.now() };
    let position = shown.send(&app, &me, "commit", key, command).await?;
    Ok(shown.page(position))
}
