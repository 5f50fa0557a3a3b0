//! The overview of an Admin.

use super::cluster::declared;
use super::{Asked, draw, refreshing};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::{Admin, SignedIn};
use crate::{limits, live};
use axum::extract::{Query, State};
use axum::response::Response;
use projections::model::{DeclarationStatus, RunStatus};
use projections::{DeclarationFilter, HistoryFilter};
use web::frame::Section;
use web::pages::Live;
use web::pages::overview::OverviewPage;
use web::views;

pub(super) async fn page(app: &App, me: &SignedIn, asked: &Asked) -> Result<OverviewPage, HttpError> {
    let mut f = app.frame(me, "Overview", Section::Overview, asked.at).await?;
    f.live = Some("/overview/live".into());
    let asking = DeclarationFilter {
        status: Some(DeclarationStatus::Question),
        author: Some(me.actor().id),
        ..Default::default()
    };
    let cluster = app.reader.cluster().await?;
    let (asking, _) = app.reader.declarations(&asking, 0, limits::PAGE_ROWS as i64).await?;
    let (runs, _) = app.reader.runs(0, limits::PAGE_ROWS as i64).await?;
    refreshing(&mut f, asked, "/overview", runs.iter().any(|run| run.status == RunStatus::Running));
    let facts = views::overview::Facts {
        waiting: &app.reader.approvals_waiting().await?,
        asking: &asking,
        runs: &runs,
        declared: &declared(app, &cluster).await?,
        cluster: &cluster,
        repository: &app.reader.repository().await?,
        lately: &app.reader.history(&HistoryFilter::default(), limits::LATELY_EVENTS as i64).await?,
    };
    Ok(views::overview::page(f, &app.viewer(me).await?, &facts))
}

/// `GET /overview`
pub async fn overview(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&page(&app, &me, &asked).await?)
}

/// `GET /overview/live`
pub async fn live(State(app): State<App>, me: Admin) -> Result<Response, HttpError> {
    live::stream(app, (*me).clone(), |app, me| async move {
        Ok(page(&app, &me, &Asked::default()).await?.regions()?)
    })
}
