//! Runs.

use super::{Asked, draw, parsed, refreshing};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::{Admin, SignedIn};
use crate::{limits, live};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::run::Run;
use eventstore::Category;
use projections::model::{RunRow, RunStatus};
use web::frame::Section;
use web::pages::{Live, Pager, run::Filter, run::RunPage, runs::RunsPage};
use web::views;

pub(super) async fn list_page(app: &App, me: &SignedIn, asked: &Asked) -> Result<RunsPage, HttpError> {
    let mut f = app.frame(me, "Runs", Section::Runs, asked.at).await?;
    let (page, per_page) = (asked.page.clamp(0, 1_000_000), limits::PAGE_ROWS as i64);
    f.live = Some(format!("/runs/live?page={page}"));
    let (rows, total) = app.reader.runs(page, per_page).await?;
    refreshing(&mut f, asked, "/runs", rows.iter().any(|run| run.status == RunStatus::Running));
    let pager = Pager {
        newer: (page > 0).then(|| format!("/runs?page={}", page - 1)),
        older: ((page + 1) * per_page < total).then(|| format!("/runs?page={}", page + 1)),
    };
    Ok(views::run::list_page(f, &rows, pager))
}

/// `GET /runs`
pub async fn list(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&list_page(&app, &me, &asked).await?)
}

/// `GET /runs/live`
pub async fn list_live(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let asked = Asked { page: asked.page, ..Default::default() };
    live::stream(app, me, move |app, me| {
        let asked = asked.clone();
        async move { Ok(list_page(&app, &me, &asked).await?.regions()?) }
    })
}

/// The run of an address.
pub async fn found(app: &App, no: &str) -> Result<RunRow, HttpError> {
    let no: i64 = parsed(no, "run")?;
    match app.reader.run(no).await? {
        Some(run) => Ok(run),
        None => {
            let newest = app.reader.runs(0, 1).await?.0.first().map(|run| run.no);
            let text = newest.map_or_else(
                || "No run was started yet.".into(),
                |newest| format!("The newest is {newest}."),
            );
            Err(HttpError::not_found(format!("There is no run {no}"), text).link("/runs", "All runs"))
        }
    }
}

pub(super) async fn one_page(
    app: &App,
    me: &SignedIn,
    no: &str,
    asked: &Asked,
) -> Result<RunPage, HttpError> {
    let mut f = app.frame(me, "Run", Section::Runs, asked.at).await?;
    let run = found(app, no).await?;
    let badge = views::declaration::run_badge(run.status);
    f.title = match run.status {
        RunStatus::Running => {
            format!("Run {}, step {} of {}", run.no, (run.at + 1).min(run.steps.len()), run.steps.len())
        }
        _ => format!("Run {} {}", run.no, badge.word),
    };
    let filter = Filter::from_address(&asked.show);
    let query = Filter::ALL.iter().find(|(value, ..)| *value == filter).map_or("", |(_, query, _)| query);
    f.live = (!views::run::is_over(&run)).then(|| format!("/runs/{}/live{query}", run.no));
    refreshing(&mut f, asked, &format!("/runs/{}", run.no), run.status == RunStatus::Running);
    Ok(views::run::page(f, &app.viewer(me).await?, &run, filter))
}

/// `GET /runs/{no}`
pub async fn one(
    State(app): State<App>,
    me: SignedIn,
    Path(no): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&one_page(&app, &me, &no, &asked).await?)
}

/// `GET /runs/{no}/live`
pub async fn one_live(
    State(app): State<App>,
    me: SignedIn,
    Path(no): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    found(&app, &no).await?;
    let asked = Asked { show: asked.show, ..Default::default() };
    live::stream(app, me, move |app, me| {
        let (no, asked) = (no.clone(), asked.clone());
        async move { Ok(one_page(&app, &me, &no, &asked).await?.regions()?) }
    })
}

/// `GET /runs/{no}/undo`: the way back, before anybody says yes.
pub async fn undo(
    State(app): State<App>,
    me: Admin,
    Path(no): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let row = found(&app, &no).await?;
    let f = app.frame(&me, &format!("Undo run {}", row.no), Section::Runs, asked.at).await?;
    // From the log itself: what is approved must not be a moment old.
    let run: Run = app.load(Category::Run, row.id.0).await?;
    draw(&views::undo::page(f, row.no.unsigned_abs(), &run, row.position))
}
