//! `mycopod interpret`: understand declarations and print what they mean, or say how well that goes. Needs no service,
//! but for a score that is to be kept.

use super::interpreter::chosen;
use crate::args::Person;
use crate::config::Config;
use crate::connections::key_folder;
use crate::context::{Context, READ_OWN_WRITE, by, read_failed, refused};
use crate::failure::{Code, Failure, Outcome};
use crate::progress::Progress;
use crate::{out, output};
use domain::event::Category;
use domain::facts::Facts;
use domain::ids::SETTINGS;
use domain::settings::{Command, InterpreterScore, Settings};
use eventstore::{EventLog, StreamId};
use interpreter::score::Item;
use interpreter::{Identity, Interpreter, Scripted};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn facts_of(cluster: Option<&Path>) -> Result<Facts, Failure> {
    let facts = match cluster {
        None => interpreter::fixtures::CLUSTER.to_owned(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::new(Code::Usage, format!("{}: {error}", path.display()), "name a cluster file")
        })?,
    };
    serde_json::from_str(&facts).map_err(|error| {
        Failure::new(Code::Usage, format!("the cluster file is not valid: {error}"), "mend it")
    })
}

/// Asks the configured interpreter, or the grammar where there is no configuration, for every declaration of a file.
pub async fn bench(
    config: &Path,
    file: &Path,
    cluster: Option<PathBuf>,
    keep_as: Option<String>,
    (json, quiet): (bool, bool),
) -> Outcome {
    let facts = facts_of(cluster.as_deref())?;
    let invalid = |why: String| {
        let next = "each line is {\"id\", \"text\", \"expect\"}: docs/models.md";
        Failure::new(Code::Usage, format!("{}: {why}", file.display()), next)
    };
    let lines = std::fs::read_to_string(file).map_err(|error| invalid(error.to_string()))?;
    let items = Item::read(&lines).map_err(|error| invalid(error.to_string()))?;
    let mut elsewhere = BTreeMap::new();
    for name in items.iter().filter_map(|item| item.cluster.as_deref()) {
        if !elsewhere.contains_key(name) {
            elsewhere.insert(name.to_owned(), facts_of(Some(&beside(file, name)))?);
        }
    }
    let facts_for =
        |item: &Item| item.cluster.as_ref().and_then(|name| elsewhere.get(name)).unwrap_or(&facts);
    let interpreter: Arc<dyn Interpreter> = match (config.exists(), keep_as.is_some()) {
        (false, false) => Arc::new(Scripted),
        _ => match Config::read(config)?.agent {
            Some(settings) => chosen(&settings, &key_folder(&settings)?)?,
            None => Arc::new(Scripted),
        },
    };
    let mut progress = Progress::new(items.len() as u64, quiet);
    let (mut done, mut wrong) = (0, Vec::new());
    let tell = |item: &Item, right: bool| {
        done += 1;
        progress.at("Asking", done);
        if !right {
            wrong.push(item.id.as_str().map_or_else(|| format!("line {done}"), str::to_owned));
        }
    };
    let scored = interpreter::score::score(interpreter.as_ref(), &lines, facts_for, tell).await;
    progress.end();
    let (score, identity) = (scored.map_err(|error| invalid(error.to_string()))?, interpreter.identity());
    match json {
        true => output::json(&serde_json::json!({"interpreter": identity, "score": score, "wrong": wrong})),
        false => print(&identity, &score, &wrong),
    }
    match keep_as {
        Some(name) => keep(config, name, identity, score, json).await,
        None => Ok(()),
    }
}

/// The facts of another cluster lie beside the items, as `NAME.json` or under their whole name.
fn beside(items: &Path, name: &str) -> PathBuf {
    let file = Path::new(name).file_name().unwrap_or_default();
    let whole = items.with_file_name(file);
    if whole.extension().is_some() { whole } else { whole.with_extension("json") }
}

fn print(identity: &Identity, score: &InterpreterScore, wrong: &[String]) {
    out!("{} {} {}", identity.provider, identity.model, identity.version);
    out!("  right           {} of {} ({} %)", score.right, score.asked, score.percent());
    out!("  invented values {}", score.invented);
    out!("  forbidden       {}", score.forbidden);
    out!("  questions       {}", score.questions);
    out!("  refusals        {}", score.refusals);
    out!("  an answer       {} ms (p50), {} ms (p95)", score.p50_ms, score.p95_ms);
    if score.prompt_tokens > 0 {
        out!("  tokens          {} in, {} out", score.prompt_tokens, score.answer_tokens);
    }
    if !wrong.is_empty() {
        out!("  not right       {}", wrong.join(" "));
    }
}

async fn keep(
    config: &Path,
    name: String,
    interpreter: Identity,
    score: InterpreterScore,
    json: bool,
) -> Outcome {
    let context = Context::open(config).await?;
    let (actor, name) = context.person(&Person { name: Some(name) }).await?;
    let command = Command::NoteScore { interpreter, score, by: Some(actor) };
    let stream = StreamId::new(Category::Settings, SETTINGS);
    let handled =
        context.store.handle::<Settings>(stream, command, by(actor), None).await.map_err(refused)?;
    context.reader.wait_for(handled.position, READ_OWN_WRITE).await.map_err(read_failed)?;
    if !json {
        out!("Kept in the log by {name}; previews show it.");
    }
    Ok(())
}

pub async fn run(jsonl: bool, replay: bool, cluster: Option<PathBuf>) -> Outcome {
    let facts = facts_of(cluster.as_deref())?;
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
