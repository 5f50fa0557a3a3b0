//! `/history/at/{position}/…`: pages as they were when the log ended with that event, to be read and not acted upon.
//!
//! Begin with [`page`]. The functions that make today's pages make these too, from the read models of that moment;
//! links lead to other pages of the same moment. Who may see a page is decided by today's role.
//!
//! Never here: a page of the past that says something the log did not say then, or a form that can be sent.

use super::{Asked, cluster, declarations, overview, runs};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::SignedIn;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use eventstore::EventLog;
use web::Template;

/// First parts of the addresses that have a past. Others, such as settings and forms, are of today only.
const PAGES: [&str; 5] = ["overview", "declarations", "approvals", "runs", "cluster"];

/// `GET /history/at/{position}`: the home of the role, as it was.
pub async fn start(
    State(app): State<App>,
    me: SignedIn,
    Path(position): Path<String>,
) -> Result<Redirect, HttpError> {
    let (position, _) = then(&app, &position).await?;
    let home = if me.is_admin() { "overview" } else { "declarations" };
    Ok(Redirect::to(&format!("/history/at/{position}/{home}")))
}

/// `GET /history/at/{position}/{page}`
pub async fn page(
    State(app): State<App>,
    me: SignedIn,
    Path((position, path)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    Query(filter): Query<declarations::Filter>,
) -> Result<Response, HttpError> {
    let (position, app) = then(&app, &position).await?;
    let asked = Asked { at: None, ..asked };
    let parts: Vec<&str> = path.split('/').collect();
    if matches!(parts[..], ["overview"] | ["approvals"]) && !me.is_admin() {
        return Err(HttpError::forbidden("this page is an Admin's, as it was and as it is"));
    }
    let html = match parts[..] {
        ["overview"] => overview::page(&app, &me, &asked).await?.render()?,
        ["approvals"] => declarations::queue_page(&app, &me, None).await?.render()?,
        ["declarations"] => declarations::list_page(&app, &me, &filter.of_the_past()).await?.render()?,
        ["declarations", id] => declarations::one_page(&app, &me, id, &asked).await?.render()?,
        ["declarations", id, "plans", no] => {
            declarations::plan_page(&app, &me, id, no, None).await?.render()?
        }
        ["runs"] => runs::list_page(&app, &me, &asked).await?.render()?,
        ["runs", no] => runs::one_page(&app, &me, no, &asked).await?.render()?,
        ["cluster"] => cluster::page(&app, &me, &asked).await?.render()?,
        ["cluster", "drift"] => cluster::drift_page(&app, &me, &asked).await?.render()?,
        ["cluster", "guests", vmid] => cluster::guest_page(&app, &me, vmid).await?.render()?,
        _ => {
            return Err(HttpError::not_found("This page has no past", "It shows today only.")
                .link(format!("/history/at/{position}"), "As it was then"));
        }
    };
    Ok(Html(within(&html, position)).into_response())
}

/// The service as of the event of an address.
async fn then(app: &App, position: &str) -> Result<(i64, App), HttpError> {
    let position: i64 = super::parsed(position, "event")?;
    let newest = app.store.head().await?.position;
    let recorded = match position {
        1.. if position <= newest => app.store.read_from(position - 1, 1).await?.into_iter().next(),
        _ => None,
    };
    let recorded = recorded.ok_or_else(|| {
        HttpError::not_found(format!("There is no event {position}"), format!("The newest is {newest}."))
            .link("/history", "History")
    })?;
    Ok((position, app.at(position, recorded.recorded_at)))
}

/// Links of our own templates, led to the same moment. What people wrote has its quotes escaped and is never a link.
fn within(html: &str, position: i64) -> String {
    PAGES.iter().fold(html.to_owned(), |html, page| {
        html.replace(&format!("href=\"/{page}"), &format!("href=\"/history/at/{position}/{page}"))
    })
}
