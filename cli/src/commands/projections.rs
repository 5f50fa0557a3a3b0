//! `mycopod projections`: the read models, as they are and as they were.

use crate::args::ProjectionsCommand;
use crate::context::{Context, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::progress::Progress;
use crate::{out, output};
use eventstore::EventLog;
use projections::rebuild::{self, Options};
use projections::{ReadError, State, Status, folds};
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// Rows printed by `show` at most.
const ROWS_SHOWN_MAX: usize = 10_000;

pub async fn run(path: &Path, command: ProjectionsCommand, json: bool, quiet: bool) -> Outcome {
    match command {
        ProjectionsCommand::List => {
            list(json);
            Ok(())
        }
        ProjectionsCommand::Status => status(&Context::open(path).await?, json).await,
        ProjectionsCommand::Rebuild { name, compare, to } => {
            let context = Context::open(path).await?;
            let names = match name {
                Some(name) => vec![name],
                None => rebuild::list().into_iter().map(|(name, _)| name.to_owned()).collect(),
            };
            let options = Options { compare, to, ..Options::default() };
            for name in names {
                one(&context, &name, &options, json, quiet).await?;
            }
            Ok(())
        }
        ProjectionsCommand::Show { name, key, at } => {
            show(&Context::open(path).await?, &name, key.as_deref(), at, json).await
        }
    }
}

fn list(json: bool) {
    let all = rebuild::list();
    if json {
        let document = |(name, purpose): &(_, _)| json!({"name": name, "purpose": purpose});
        output::json(&all.iter().map(document).collect::<Vec<_>>());
    } else {
        let row = |(name, purpose): &(&str, &str)| vec![(*name).to_owned(), (*purpose).to_owned()];
        output::table(&["NAME", "PURPOSE"], &all.iter().map(row).collect::<Vec<_>>());
    }
}

async fn status(context: &Context, json: bool) -> Outcome {
    let all = context.reader.status(&context.store).await.map_err(failed)?;
    if json {
        output::json(&all);
        return Ok(());
    }
    let row = |status: &Status| {
        let state = match &status.state {
            State::NotMade {} => "not made".to_owned(),
            State::Well {} => "well".to_owned(),
            State::Waiting { why } => format!("waiting: {why}"),
            State::Stopped { at, why } => format!("stopped at {at}: {why}"),
        };
        let latency = status.age_us.map_or(String::new(), |us| format!("{:.1} ms", us as f64 / 1e3));
        vec![status.name.to_owned(), status.position.to_string(), status.behind.to_string(), latency, state]
    };
    output::table(
        &["NAME", "POSITION", "BEHIND", "LATENCY", "STATE"],
        &all.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

async fn one(context: &Context, name: &str, options: &Options, json: bool, quiet: bool) -> Outcome {
    let begun = std::time::Instant::now();
    let rebuilt = build(context, name, options, quiet).await?;
    if json {
        output::json_line(&rebuilt);
        return Ok(());
    }
    let equal = if rebuilt.equal == Some(true) { ", equal to the live one byte for byte" } else { "" };
    let digest = rebuilt.digest.map_or(String::new(), |digest| format!(", sha256 {digest}"));
    let aside =
        rebuilt.table.map_or(String::new(), |table| format!("; it stands in {table}, nothing was swapped"));
    let (rows, position, seconds) = (rebuilt.rows, rebuilt.position, begun.elapsed().as_secs_f64());
    out!("{name}: {rows} rows at position {position} in {seconds:.1} s{equal}{digest}{aside}");
    Ok(())
}

/// Builds every read model anew, one after the other.
pub(super) async fn rebuild_all(context: &Context, quiet: bool) -> Result<Vec<rebuild::Rebuilt>, Failure> {
    let mut rebuilt = Vec::new();
    for (name, _) in rebuild::list() {
        rebuilt.push(build(context, name, &Options::default(), quiet).await?);
    }
    Ok(rebuilt)
}

async fn build(
    context: &Context,
    name: &str,
    options: &Options,
    quiet: bool,
) -> Result<rebuild::Rebuilt, Failure> {
    let projection = folds::named(name).ok_or_else(|| failed(ReadError::Unknown(name.to_owned())))?;
    let head = context.store.head().await.map_err(store_failed)?.position;
    let total = options.to.map_or(head, |to| to.min(head));
    let mut bar = Progress::new(u64::try_from(total).unwrap_or_default(), quiet);
    let progress = |told: rebuild::Progress| {
        bar.at(told.stage.words(), u64::try_from(told.position).unwrap_or_default());
    };
    let keyring = context.config.open_key_ring()?;
    let pool = context.reader.pool();
    let rebuilding = rebuild::rebuild_with(&context.store, pool, &keyring, projection, options, progress);
    tokio::select! {
        rebuilt = rebuilding => rebuilt.map_err(failed),
        _ = tokio::signal::ctrl_c() => {
            let what = format!("the rebuild of {name} was interrupted");
            Err(Failure::new(Code::Interrupted, what, "").means("the live read model is as it was"))
        }
    }
}

async fn show(context: &Context, name: &str, key: Option<&str>, at: Option<i64>, json: bool) -> Outcome {
    let reader = match at {
        Some(position) => context.reader.at(&context.store, position),
        None => context.reader.clone(),
    };
    let documents = reader.documents(name, key, ROWS_SHOWN_MAX).await.map_err(failed)?;
    if let (Some(key), true) = (key, documents.is_empty()) {
        let when = at.map_or(String::new(), |position| format!(" at position {position}"));
        let what = format!("{name} has no row {key}{when}");
        return Err(Failure::new(
            Code::NotFound,
            what,
            format!("`mycopod projections show {name}` lists them"),
        ));
    }
    let mut out = std::io::stdout().lock();
    for (key, document) in documents {
        let written = match json {
            true => writeln!(out, "{}", json!({"key": key, "row": document})),
            false => writeln!(out, "{key}\t{document}"),
        };
        if written.is_err() {
            // Whoever read this, such as `head`, has seen enough.
            break;
        }
    }
    Ok(())
}

fn failed(error: ReadError) -> Failure {
    let code = match &error {
        ReadError::Differs { .. } => Code::CheckFailed,
        ReadError::Unknown(_) => Code::NotFound,
        error if error.is_transient() => Code::Unavailable,
        _ => Code::Failed,
    };
    let next = error.advice();
    Failure::new(code, error, next)
}
