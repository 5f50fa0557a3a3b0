//! `mycopod runs undo`, `export` and `replay`: the way back of a run, and its history as a file.

use crate::args::Person;
use crate::context::{Context, by, load, refused, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::out;
use domain::canonical::Digest;
use domain::event::Category;
use domain::plan::Plan;
use domain::run::bundle::Bundle;
use domain::run::{Command, Event, Run, way_back};
use eventstore::{EventLog, StreamId};
use projections::model::RunRow;
use std::path::Path;

/// Shows the way back; with its digest it is approved.
pub async fn undo(
    context: &Context,
    row: &RunRow,
    digest: Option<String>,
    confirm: &[String],
    person: &Person,
) -> Outcome {
    let (run, _) = load::<Run>(&context.store, Category::Run, row.id.0).await?;
    let plan = way_back::plan(&run).ok_or_else(|| {
        Failure::new(Code::Refused, format!("run {} did nothing that can be undone", row.no), "")
    })?;
    let whole = plan.digest();
    let Some(given) = digest else {
        show(row.no, &plan, &whole);
        return Ok(());
    };
    if given != whole.as_str() && given != whole.short() {
        let next = format!("look at `mycopod runs undo {}`", row.no);
        return Err(Failure::new(Code::Refused, "that is not the digest of the way back", next));
    }
    let (actor, _) = context.person(person).await?;
    let command = Command::Undo { by: actor, digest: whole, confirmed: confirm.to_vec() };
    let stream = StreamId::new(Category::Run, row.id.0);
    context.store.handle::<Run>(stream, command, by(actor), None).await.map_err(refused)?;
    out!("Run {} is undone by another run; `mycopod runs list` shows it.", row.no);
    Ok(())
}

fn show(no: i64, plan: &Plan, digest: &Digest) {
    out!("The way back of run {no}, sealed as {}:", digest.short());
    for step in &plan.steps {
        out!("\n{:>3}  {}", step.no, step.sentence);
        for call in &step.calls {
            out!("       {}", call.shown());
        }
    }
    for note in &plan.notes {
        out!("\n  {}", note.text);
    }
    let names: String = plan.names_to_confirm().iter().map(|name| format!(" --confirm {name}")).collect();
    out!("\nTo approve: mycopod runs undo {no} --digest {}{names}", digest.short());
}

/// A run's history as a bundle, secrets cut.
pub async fn export(context: &Context, row: &RunRow, output: Option<&Path>) -> Outcome {
    let stream = StreamId::new(Category::Run, row.id.0);
    let history = context.store.read_stream(stream, 1).await.map_err(store_failed)?;
    let mut events = Vec::new();
    for recorded in &history {
        let event: Event = eventstore::decode(recorded).map_err(store_failed)?;
        events.push((recorded.position, recorded.recorded_at, event));
    }
    let bundle = Bundle::new(row.id, env!("CARGO_PKG_VERSION"), events);
    let text = serde_json::to_string_pretty(&bundle)
        .map_err(|error| Failure::new(Code::Failed, error, "please report it"))?;
    match output {
        None => out!("{text}"),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            Failure::new(Code::Failed, format!("{} cannot be written: {error}", path.display()), "")
        })?,
    }
    Ok(())
}

/// Decides a bundle again; the first event that would not happen today is named.
pub fn replay(path: &Path) -> Outcome {
    let unreadable = |why: String| {
        Failure::new(Code::Failed, format!("{} cannot be read: {why}", path.display()), "is it a bundle?")
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let bundle: Bundle = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    match bundle.replay().map_err(|error| unreadable(error.to_string()))? {
        Ok(decided) => {
            out!("{decided} decisions of run {} come out the same.", bundle.run);
            Ok(())
        }
        Err(divergence) => {
            Err(Failure::new(Code::CheckFailed, divergence, "this program decides otherwise from there on"))
        }
    }
}
