//! `mycopod projections`: the read models.

use crate::args::ProjectionsCommand;
use crate::context::{Context, read_failed, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::output;
use eventstore::EventLog;
use projections::{ReadError, rebuild};
use serde_json::json;
use std::io::IsTerminal;
use std::path::Path;

pub async fn run(path: &Path, command: ProjectionsCommand, json: bool) -> Outcome {
    match command {
        ProjectionsCommand::List => {
            let all = rebuild::list();
            if json {
                output::json(
                    &all.iter()
                        .map(|(name, purpose)| json!({"name": name, "purpose": purpose}))
                        .collect::<Vec<_>>(),
                );
            } else {
                let rows: Vec<_> = all
                    .iter()
                    .map(|(name, purpose)| vec![(*name).to_owned(), (*purpose).to_owned()])
                    .collect();
                output::table(&["NAME", "PURPOSE"], &rows);
            }
            Ok(())
        }
        ProjectionsCommand::Status => status(&Context::open(path).await?, json).await,
        ProjectionsCommand::Rebuild { name, compare } => {
            let context = Context::open(path).await?;
            let names = match name {
                Some(name) => vec![name],
                None => rebuild::list().into_iter().map(|(name, _)| name.to_owned()).collect(),
            };
            for name in names {
                one(&context, &name, compare, json).await?;
            }
            Ok(())
        }
    }
}

async fn status(context: &Context, json: bool) -> Outcome {
    let head = context.store.head().await.map_err(store_failed)?.position;
    let positions = context.reader.positions().await.map_err(read_failed)?;
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (name, checkpoint) in positions {
        let position = checkpoint.as_ref().map_or(0, |at| at.position);
        let poison = checkpoint.as_ref().and_then(|at| at.poison.clone());
        let state = match (&checkpoint, &poison) {
            (None, _) => "not made".to_owned(),
            (_, Some((at, why))) => format!("stopped at {at}: {why}"),
            _ => "well".to_owned(),
        };
        documents.push(json!({"name": name, "position": position, "lag": head - position, "state": state}));
        rows.push(vec![name.to_owned(), position.to_string(), (head - position).to_string(), state]);
    }
    if json {
        output::json(&documents);
    } else {
        output::table(&["NAME", "POSITION", "LAG", "STATE"], &rows);
    }
    Ok(())
}

async fn one(context: &Context, name: &str, compare: bool, json: bool) -> Outcome {
    let head = context.store.head().await.map_err(store_failed)?.position.max(1);
    let terminal = std::io::stderr().is_terminal();
    let begun = std::time::Instant::now();
    let progress = |position: i64| {
        if terminal {
            let percent = position.min(head) * 100 / head;
            eprint!("\rReplaying {name}  {percent:>3}%  {position}/{head}");
        }
    };
    let keyring = context.config.open_key_ring()?;
    let rebuilt =
        rebuild::rebuild(&context.store, context.reader.pool(), &keyring, name, compare, progress).await;
    if terminal {
        eprintln!();
    }
    let rebuilt = rebuilt.map_err(|error| {
        let code = match &error {
            ReadError::Differs { .. } => Code::CheckFailed,
            ReadError::Unknown(_) => Code::NotFound,
            error if error.is_transient() => Code::Unavailable,
            _ => Code::Failed,
        };
        let next = error.advice();
        Failure::new(code, error, next)
    })?;
    if json {
        output::json_line(&rebuilt);
    } else {
        let equal = match rebuilt.equal {
            Some(true) => ", equal to the live one byte for byte",
            _ => "",
        };
        println!(
            "{name}: {} rows at position {} in {:.1} s{equal}, sha256 {}",
            rebuilt.rows,
            rebuilt.position,
            begun.elapsed().as_secs_f64(),
            rebuilt.digest
        );
    }
    Ok(())
}
