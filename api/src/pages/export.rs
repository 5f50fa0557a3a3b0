//! The history as a file: everything that fits the filter of the page, newest first, sent as it is read.
//!
//! Begin with [`csv`]. In a table, a text that a spreadsheet would take for a formula is led by an apostrophe.

use super::history::Asked;
use crate::app::App;
use crate::error::HttpError;
use crate::security::proof::SignedIn;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt, TryStreamExt};
use projections::model::HistoryRow;
use projections::{HistoryFilter, ReadError, Reader};

const CSV_HEAD: &str = "position,time,person,kind,sentence,failed,stream,version\r\n";

/// Rows asked for at once.
const ROWS_AT_ONCE: i64 = 200;

/// `GET /history/export.csv`
pub async fn csv(
    State(app): State<App>,
    _me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let filter = asked.filter(&app).await?;
    let rows = pages(app.reader.clone(), filter).map_ok(|rows| rows.iter().map(csv_line).collect::<String>());
    let all = stream::once(async { Ok(CSV_HEAD.to_owned()) }).chain(rows);
    Ok(file("text/csv; charset=utf-8", "history.csv", Body::from_stream(all)))
}

/// `GET /history/export.json`: an array.
pub async fn json(
    State(app): State<App>,
    _me: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let filter = asked.filter(&app).await?;
    let mut first = true;
    let rows = pages(app.reader.clone(), filter).map_ok(move |rows| {
        let mut text = String::new();
        for row in &rows {
            text.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
            text.push_str(&serde_json::to_string(row).unwrap_or_default());
        }
        text
    });
    let all = stream::once(async { Ok("[".to_owned()) }).chain(rows);
    let all = all.chain(stream::once(async { Ok("\n]\n".to_owned()) }));
    Ok(file("application/json", "history.json", Body::from_stream(all)))
}

fn file(kind: &'static str, name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], body).into_response()
}

/// All rows that fit, page by page. What is recorded meanwhile is newer and left out.
fn pages(
    reader: Reader,
    filter: HistoryFilter,
) -> impl stream::Stream<Item = Result<Vec<HistoryRow>, ReadError>> + Send {
    stream::try_unfold(Some(filter), move |filter| {
        let reader = reader.clone();
        async move {
            let Some(filter) = filter else { return Ok(None) };
            let rows = reader.history(&filter, ROWS_AT_ONCE).await?;
            let Some(last) = rows.last() else { return Ok(None) };
            let next = (rows.len() as i64 == ROWS_AT_ONCE)
                .then_some(HistoryFilter { before: Some(last.position), ..filter });
            Ok(Some((rows, next)))
        }
    })
}

fn csv_line(row: &HistoryRow) -> String {
    let person = if row.person.is_empty() { "the Agent" } else { &row.person };
    let fields = [
        row.position.to_string(),
        row.at.to_rfc3339(),
        person.to_owned(),
        row.tag.clone(),
        row.sentence.clone(),
        row.failed.to_string(),
        format!("{}/{}", row.category.name(), row.stream),
        row.version.to_string(),
    ];
    fields.map(|field| quoted(&field)).join(",") + "\r\n"
}

/// One field by RFC 4180.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_field_is_one_field_and_no_formula() {
        assert_eq!(quoted("Ada said \"yes\", twice\nor so"), "\"Ada said \"\"yes\"\", twice\nor so\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
