//! `mycopod events export`: the log as JSON lines or as a table, one event after the other in bounded memory.

use super::document;
use crate::args::{ExportFormat, Wanted};
use crate::context::store_failed;
use crate::failure::{Code, Failure, Outcome};
use crate::output;
use crate::progress::Progress;
use eventstore::{EventLog, Recorded, Store, StoreError};
use serde_json::Value;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Columns of the table, named as in the JSON.
const COLUMNS: [&str; 12] = [
    "position",
    "recorded_at",
    "type",
    "stream",
    "version",
    "event_id",
    "actor",
    "correlation",
    "causation",
    "chain",
    "erased",
    "data",
];

pub struct What {
    pub format: ExportFormat,
    pub from: i64,
    pub to: Option<i64>,
    pub wanted: Wanted,
}

pub async fn run(store: &Store, what: What, file: Option<&Path>, quiet: bool) -> Outcome {
    let Some(path) = file else {
        let mut out = BufWriter::new(std::io::stdout());
        let written = write(store, what, &mut out, quiet).await?;
        output::told(written.and_then(|()| out.flush()));
        return Ok(());
    };
    // It holds what events say in the clear, and it is not there before it is whole.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let failed = |error: std::io::Error| {
        let what = format!("{} cannot be written: {error}", path.display());
        Failure::new(Code::Failed, what, "make room, or name another file with --output")
    };
    let _ = std::fs::remove_file(&part);
    let made = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&part);
    let mut out = BufWriter::new(made.map_err(failed)?);
    let exported = match write(store, what, &mut out, quiet).await {
        Ok(Ok(())) => out
            .flush()
            .and_then(|()| out.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&part, path))
            .map_err(failed),
        Ok(Err(error)) => Err(failed(error)),
        Err(failure) => Err(failure),
    };
    if exported.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    exported
}

/// The outer error is the log's, the inner one the reader's.
async fn write(
    store: &Store,
    what: What,
    out: &mut (impl Write + Send),
    quiet: bool,
) -> Result<std::io::Result<()>, Failure> {
    let head = store.head().await.map_err(store_failed)?.position;
    let (after, to) = ((what.from - 1).max(0), what.to.unwrap_or(head).min(head));
    let total = u64::try_from(to - after).unwrap_or_default();
    let mut bar = Progress::new(total, quiet);
    let What { format, wanted, .. } = what;
    let lined = move |event: Recorded| wanted.has(&event).then(|| line(&event, format)).transpose();
    // Lines are made on the threads that open the events.
    let mut replay = store.replay_map(after, to, lined);
    if matches!(format, ExportFormat::Csv)
        && let Err(error) = write!(out, "{}\r\n", COLUMNS.join(","))
    {
        return Ok(Err(error));
    }
    let mut done = 0;
    loop {
        let chunk = tokio::select! {
            chunk = replay.next() => chunk,
            _ = tokio::signal::ctrl_c() => {
                let what = format!("the export was interrupted after {done} events");
                return Err(Failure::new(Code::Interrupted, what, "start it again, with --from to go on"));
            }
        };
        let Some(chunk) = chunk else { return Ok(Ok(())) };
        let chunk = chunk.map_err(store_failed)?;
        done += chunk.len() as u64;
        for line in chunk.iter().flatten() {
            if let Err(error) = out.write_all(line.as_bytes()) {
                return Ok(Err(error));
            }
        }
        bar.at("Exporting events", done);
    }
}

fn line(event: &Recorded, format: ExportFormat) -> Result<String, StoreError> {
    let document = document(event);
    if document["data"].is_null() && document["erased"] == false {
        let why = "its content is no JSON".to_owned();
        return Err(StoreError::Undecodable { tag: event.tag(), position: event.position, why });
    }
    Ok(match format {
        ExportFormat::Json => format!("{document}\n"),
        ExportFormat::Csv => {
            let cells = COLUMNS.map(|column| match &document[column] {
                Value::Null => String::new(),
                Value::String(text) => cell(text),
                other => cell(&other.to_string()),
            });
            format!("{}\r\n", cells.join(","))
        }
    })
}

/// A cell by RFC 4180. Where a spreadsheet would take the text for a formula it begins with a single quote.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_are_formulas() {
        assert_eq!(cell("plain text"), "plain text");
        assert_eq!(cell(r#"{"a":"x, y"}"#), r#""{""a"":""x, y""}""#);
        assert_eq!(cell("two\nlines"), "\"two\nlines\"");
        for text in ["=1+1", "+1", "-1", "@a", "\tx"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        assert_eq!(cell("=a,b"), "\"'=a,b\"");
    }
}
