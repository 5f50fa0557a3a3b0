//! `mycopod interpret`: understand a declaration and print the interpretation; needs no service.

use crate::failure::{Code, Failure, Outcome};
use std::path::PathBuf;

pub async fn run(jsonl: bool, replay: bool, cluster: Option<PathBuf>) -> Outcome {
    let facts = match &cluster {
        None => interpreter::fixtures::CLUSTER.to_owned(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::new(Code::Usage, format!("{}: {error}", path.display()), "name a cluster file")
        })?,
    };
    let facts = serde_json::from_str(&facts).map_err(|error| {
        Failure::new(Code::Usage, format!("the cluster file is not valid: {error}"), "mend it")
    })?;
    let form = match (replay, jsonl) {
        (true, _) => interpreter::lines::Form::Replay,
        (_, true) => interpreter::lines::Form::Lines,
        _ => interpreter::lines::Form::Json,
    };
    let told =
        interpreter::lines::run(form, &facts, &mut std::io::stdin().lock(), &mut std::io::stdout().lock());
    match told {
        // Whoever read this, such as `head`, has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        told => Ok(told?),
    }
}
