//! The declarations repository: what was set aside, and the anchors of the log.

use super::{Asked, draw};
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::Admin;
use axum::extract::{Query, State};
use axum::response::Response;
use web::frame::Section;
use web::views;

/// `GET /settings/repository`
pub async fn repository(
    State(app): State<App>,
    me: Admin,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let f = app.frame(&me, "Repository", Section::Settings, asked.at).await?;
    let repository = app.reader.repository().await?;
    draw(&views::repository::page(f, &app.viewer(&me).await?, &repository))
}
