//! History and single events.

use super::{draw, parsed};
use crate::app::App;
use crate::error::HttpError;
use crate::limits;
use crate::security::proof::SignedIn;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use domain::event::Category;
use domain::ids::DeclarationId;
use eventstore::EventLog;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use projections::HistoryFilter;
use serde::Deserialize;
use web::frame::Section;
use web::pages::{Pager, history::Filter};
use web::views;

/// The filter as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    person: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    declaration: String,
    #[serde(default)]
    failed: String,
    before: Option<i64>,
}

impl Asked {
    /// What the address asks for; a declaration that nobody knows matches nothing.
    pub(super) async fn filter(&self, app: &App) -> Result<HistoryFilter, HttpError> {
        let declaration_no = match self.declaration.parse::<DeclarationId>() {
            Ok(id) => app.reader.declaration(id).await?.map(|row| row.no).or(Some(0)),
            Err(_) => None,
        };
        Ok(HistoryFilter {
            person: Some(self.person.clone()).filter(|person| !person.is_empty()),
            category: Category::named(&self.kind),
            declaration_no,
            failed: !self.failed.is_empty(),
            before: self.before,
            ..Default::default()
        })
    }
}

/// `GET /history`
pub async fn list(
    State(app): State<App>,
    me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let f = app.frame(&me, "History", Section::History, None).await?;
    let viewer = app.viewer(&me).await?;
    let filter = asked.filter(&app).await?;
    let declaration_no = filter.declaration_no;
    let rows = app.reader.history(&filter, limits::PAGE_ROWS as i64).await?;
    let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query = format!(
        "person={}&kind={}&declaration={}&failed={}",
        part(&asked.person),
        part(&asked.kind),
        part(&asked.declaration),
        part(&asked.failed)
    );
    let pager = Pager {
        newer: asked.before.map(|_| format!("/history?{query}")),
        older: rows
            .last()
            .filter(|_| rows.len() == limits::PAGE_ROWS)
            .map(|last| format!("/history?{query}&before={}", last.position)),
    };
    let export = format!("?{query}");
    let shown = Filter {
        person: asked.person,
        kind: asked.kind,
        declaration: if declaration_no.is_some() { asked.declaration } else { String::new() },
        failed: filter.failed,
    };
    draw(&views::history::list_page(f, shown, viewer.names.all(), &rows, pager, export))
}

/// `GET /history/{position}`
pub async fn event(
    State(app): State<App>,
    me: SignedIn,
    Path(position): Path<String>,
) -> Result<Response, HttpError> {
    let position: i64 = parsed(&position, "event")?;
    let newest = app.store.head().await?.position;
    let missing = || {
        HttpError::not_found(format!("There is no event {position}"), format!("The newest is {newest}."))
            .link("/history", "History")
    };
    let row = app.reader.history_at(position).await?.ok_or_else(missing)?;
    let recorded = app.store.read_from(position - 1, 1).await?.into_iter().next().ok_or_else(missing)?;
    let f = app.frame(&me, &format!("Event {position}"), Section::History, None).await?;
    let chain = match recorded.meta.correlation {
        // Everything that belongs together stands in one stream; its newest events are enough to go on from.
        Some(_) => related(&app, &row).await?,
        None => vec![],
    };
    let logged = views::history::Logged {
        id: recorded.event_id.to_string(),
        correlation: recorded.meta.correlation.map(|id| id.to_string()),
        causation: recorded.meta.causation,
        payload: recorded.payload.open().map(readable),
        hash: recorded.chain.iter().map(|byte| format!("{byte:02x}")).collect(),
        has_next: position < newest,
    };
    draw(&views::history::event_page(f, &row, logged, &chain))
}

/// Events about the same declaration or run, oldest first.
async fn related(
    app: &App,
    row: &projections::model::HistoryRow,
) -> Result<Vec<projections::model::HistoryRow>, HttpError> {
    if row.declaration_no.is_none() && row.run_no.is_none() {
        return Ok(vec![]);
    }
    let filter = HistoryFilter {
        declaration_no: row.declaration_no.filter(|_| row.run_no.is_none()),
        run_no: row.run_no,
        before: Some(row.position.saturating_add(limits::CHAIN_EVENTS_MAX as i64)),
        ..Default::default()
    };
    let mut rows = app.reader.history(&filter, limits::CHAIN_EVENTS_MAX as i64).await?;
    rows.reverse();
    Ok(rows)
}

/// JSON with line breaks; what only opens an account is never shown.
fn readable(payload: &[u8]) -> String {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(payload) else {
        return "not readable".into();
    };
    if let Some(hash) = value.get_mut("password_hash") {
        *hash = "••• (set)".into();
    }
    serde_json::to_string_pretty(&value).unwrap_or_default()
}
