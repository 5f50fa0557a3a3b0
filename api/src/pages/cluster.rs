//! The cluster and its guests.

use super::{Asked, draw, parsed};
use crate::app::App;
use crate::error::HttpError;
use crate::live;
use crate::security::proof::SignedIn;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::cluster::Origin;
use projections::model::ClusterView;
use web::frame::Section;
use web::pages::{Live, cluster::ClusterPage, drift::DriftPage, guest::GuestPage};
use web::views::{self, cluster::Declared};

/// What the declarations of all our guests last put into force: the desired state of each one's newest run.
pub async fn declared(app: &App, view: &ClusterView) -> Result<Declared, HttpError> {
    let mut declared = Declared::new();
    for id in view.guests.iter().filter_map(views::cluster::maker) {
        if declared.contains_key(&id) {
            continue;
        }
        let Some(row) = app.reader.declaration(id).await? else { continue };
        let run = match row.runs.last() {
            Some(no) => app.reader.run(*no).await?,
            None => None,
        };
        let plan = match run {
            Some(run) => app.reader.plan(id, run.plan_no).await?,
            None => None,
        };
        declared.insert(id, (row.title, plan.map(|plan| plan.plan.desired)));
    }
    Ok(declared)
}

pub(super) async fn page(app: &App, me: &SignedIn, asked: &Asked) -> Result<ClusterPage, HttpError> {
    let mut f = app.frame(me, "Cluster", Section::Cluster, asked.at).await?;
    f.live = Some("/cluster/live".into());
    let view = app.reader.cluster().await?;
    let declared = declared(app, &view).await?;
    Ok(views::cluster::page(f, &view, &declared))
}

/// `GET /cluster`
pub async fn cluster(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&page(&app, &me, &asked).await?)
}

/// `GET /cluster/live`
pub async fn live(State(app): State<App>, me: SignedIn) -> Result<Response, HttpError> {
    live::stream(app, me, |app, me| async move { Ok(page(&app, &me, &Asked::default()).await?.regions()?) })
}

pub(super) async fn drift_page(app: &App, me: &SignedIn, asked: &Asked) -> Result<DriftPage, HttpError> {
    let mut f = app.frame(me, "Drift", Section::Cluster, asked.at).await?;
    f.live = Some("/cluster/drift/live".into());
    let view = app.reader.cluster().await?;
    Ok(views::drift::page(f, &app.viewer(me).await?, &view))
}

/// `GET /cluster/drift`
pub async fn drift(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    draw(&drift_page(&app, &me, &asked).await?)
}

/// `GET /cluster/drift/live`
pub async fn drift_live(State(app): State<App>, me: SignedIn) -> Result<Response, HttpError> {
    live::stream(
        app,
        me,
        |app, me| async move { Ok(drift_page(&app, &me, &Asked::default()).await?.regions()?) },
    )
}

/// `GET /cluster/guests/{vmid}`
pub async fn guest(
    State(app): State<App>,
    me: SignedIn,
    Path(vmid): Path<String>,
) -> Result<Response, HttpError> {
    draw(&guest_page(&app, &me, &vmid).await?)
}

pub(super) async fn guest_page(app: &App, me: &SignedIn, vmid: &str) -> Result<GuestPage, HttpError> {
    let vmid: domain::ids::Vmid = parsed(vmid, "guest")?;
    let view = app.reader.cluster().await?;
    let Some(guest) = view.guests.iter().find(|guest| guest.vmid == vmid) else {
        let text = "No guest has this number, as far as was seen.";
        return Err(
            HttpError::not_found(format!("There is no guest {vmid}"), text).link("/cluster", "The cluster")
        );
    };
    let f = app.frame(me, &format!("Guest {vmid}"), Section::Cluster, None).await?;
    let made_by = match guest.claim.as_ref().map(|claim| &claim.origin) {
        Some(Origin::Made { run, .. } | Origin::Adopted { run, .. }) => {
            app.reader.run_by_id(*run).await?.map(|run| run.no.unsigned_abs())
        }
        _ => None,
    };
    Ok(views::guest::page(f, guest, &view, &declared(app, &view).await?, made_by))
}
