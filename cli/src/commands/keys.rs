//! `mycopod keys`: the keys that seal the log, their rotation, and erasing for ever.
//!
//! The ring holds key-encryption keys; under them each stream has data keys of its own, stored wrapped in the database.
//! Rotating wraps those anew and leaves the events as they are. Shredding destroys the data keys of one stream.

use super::projections::rebuild_all;
use crate::args::{KeysCommand, StreamRef, SubjectRef};
use crate::config::Config;
use crate::context::{Context, open_store, read_failed, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::progress::Progress;
use crate::{note, out, output, ring};
use domain::decider::Decider;
use domain::declaration::{Declaration, Status};
use domain::ids::DeclarationId;
use domain::run::Run;
use eventstore::{Category, EventLog, Recorded, Store, StoreError, StreamId};
use secrets::{KeyRing, KeyRingError};
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::time::Duration;

/// Between two counts of what is wrapped already.
const COUNT_MS: u64 = 250;
/// Passes of a rotation: a running service may have wrapped a key under the old one meanwhile.
const PASSES_MAX: u32 = 3;

pub async fn run(path: &Path, command: KeysCommand, json: bool, quiet: bool) -> Outcome {
    match command {
        KeysCommand::Create => create(path),
        KeysCommand::List => list(path, json).await,
        KeysCommand::Rotate { finish } => rotate(path, finish, json, quiet).await,
        KeysCommand::Shred { subject, confirm } => {
            let context = Context::open(path).await?;
            shred(&context, subject, confirm, json, quiet).await
        }
    }
}

/// The ring that the configuration names. A log that was sealed under another one does not open with a new ring, and
/// says so; nothing is replaced here.
fn create(path: &Path) -> Outcome {
    let file = Config::read(path)?.key_ring;
    let there = file.exists();
    let ring = KeyRing::create_if_missing(&file)
        .map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;
    match there {
        true => out!("The key ring {} is there already, with key {}.", file.display(), ring.current_id()),
        false => out!(
            "The key ring {} is made. Keep a copy of it: without it nobody reads the log.",
            file.display()
        ),
    }
    Ok(())
}

async fn list(path: &Path, json: bool) -> Outcome {
    let config = Config::read(path)?;
    let (store, ring, _) = open_store(&config, "mycopod keys").await?;
    let usage = store.key_usage().await.map_err(store_failed)?;
    let mut ids: Vec<&str> = ring.ids().chain(usage.iter().map(|usage| usage.kek_id.as_str())).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut documents = Vec::new();
    let mut rows = Vec::new();
    for id in ids {
        let held = ring.ids().any(|held| held == id);
        let found = usage.iter().find(|usage| usage.kek_id == id);
        let count = |of: fn(&eventstore::KeyUsage) -> i64| found.map_or(0, of);
        let (keys, subjects) = (count(|usage| usage.keys), count(|usage| usage.subjects));
        let (uses, destroyed) = (count(|usage| usage.uses), count(|usage| usage.destroyed));
        let current = id == ring.current_id();
        documents.push(json!({
            "id": id, "current": current, "in_ring": held, "data_keys": keys, "subjects": subjects,
            "uses_reserved": uses, "destroyed": destroyed,
        }));
        let state = match (held, current) {
            (_, true) => "current",
            (true, false) => "kept",
            (false, false) => "NOT IN THE RING",
        };
        let counts = [keys, subjects, uses, destroyed].map(|count| count.to_string());
        rows.push([id.to_owned(), state.to_owned()].into_iter().chain(counts).collect());
    }
    if json {
        output::json(&documents);
    } else {
        output::table(&["KEY", "STATE", "DATA KEYS", "SUBJECTS", "USES UP TO", "DESTROYED"], &rows);
    }
    Ok(())
}

async fn rotate(path: &Path, finish: bool, json: bool, quiet: bool) -> Outcome {
    let config = Config::read(path)?;
    let (store, mut keys, _) = open_store(&config, "mycopod keys").await?;
    if !finish {
        keys = KeyRing::add_key(&config.key_ring).map_err(ring_failed)?;
        store.set_keyring(keys.clone());
        // Services on this machine read the ring again before anything is wrapped under the new key.
        tokio::time::sleep(ring::LOOK * 2).await;
    }
    let current = keys.current_id().to_owned();
    let mut rewrapped = 0;
    for _ in 0..PASSES_MAX {
        let waiting = waiting(&store, &current).await?;
        if waiting == 0 {
            break;
        }
        let mut bar = Progress::new(waiting, quiet);
        rewrapped += tokio::select! {
            rewrapped = store.rewrap_keys() => rewrapped.map_err(store_failed)?,
            failed = watch(&store, &current, waiting, &mut bar) => return Err(store_failed(failed)),
            _ = tokio::signal::ctrl_c() => {
                let what = format!("the rotation to {current} was interrupted");
                return Err(Failure::new(Code::Interrupted, what, "mycopod keys rotate --finish")
                    .means("the new key is in use; some data keys are still wrapped under an older one, and open"));
            }
        };
    }
    let left = waiting(&store, &current).await?;
    if json {
        output::json(
            &json!({"current": current, "rewrapped": rewrapped, "left": left, "keys": keys.ids().count()}),
        );
    } else {
        let made = if finish { "is current" } else { "is new and current" };
        out!("Key {current} {made}; {rewrapped} data keys were wrapped under it, {left} are left.");
        out!("Keep a copy of {}: without it no event can be read.", config.key_ring.display());
    }
    Ok(())
}

/// Data keys in use that an older key wraps.
async fn waiting(store: &Store, current: &str) -> Result<u64, Failure> {
    older(store, current).await.map_err(store_failed)
}

async fn older(store: &Store, current: &str) -> Result<u64, StoreError> {
    let usage = store.key_usage().await?;
    let older: i64 = usage.iter().filter(|usage| usage.kek_id != current).map(|usage| usage.keys).sum();
    Ok(u64::try_from(older).unwrap_or_default())
}

/// Tells how far the wrapping is; ends only if the database fails.
async fn watch(store: &Store, current: &str, total: u64, bar: &mut Progress) -> StoreError {
    loop {
        tokio::time::sleep(Duration::from_millis(COUNT_MS)).await;
        match older(store, current).await {
            Ok(left) => bar.at("Wrapping data keys", total.saturating_sub(left)),
            Err(error) => return error,
        }
    }
}

async fn shred(
    context: &Context,
    subject: SubjectRef,
    confirm: Option<uuid::Uuid>,
    json: bool,
    quiet: bool,
) -> Outcome {
    let (stream, events) = find(&context.store, subject).await?;
    allowed(context, stream, &events).await?;
    let readable = events.iter().filter(|event| event.payload.open().is_some()).count();
    describe(context, stream, &events, readable).await?;
    confirmed(stream, confirm)?;
    let destroyed = context.store.destroy_keys(stream.id).await.map_err(store_failed)?;
    // What was folded before still says it: every read model is made anew.
    let rebuilt = rebuild_all(context, quiet).await.map_err(|failure| {
        let means = "the events are erased; read models may still show what they said";
        Failure { next: "mycopod projections rebuild".into(), ..failure }.means(means)
    })?;
    if json {
        output::json(&json!({
            "stream": stream.to_string(), "events": events.len(), "erased": readable,
            "keys_destroyed": destroyed, "rebuilt": rebuilt.iter().map(|made| &made.name).collect::<Vec<_>>(),
        }));
    } else {
        out!(
            "{readable} events of {stream} are erased ({destroyed} keys destroyed); the chain still verifies."
        );
        out!("{} read models were made anew without them.", rebuilt.len());
    }
    Ok(())
}

async fn find(store: &Store, subject: SubjectRef) -> Result<(StreamId, Vec<Recorded>), Failure> {
    let candidates: Vec<StreamId> = match subject {
        SubjectRef::Stream(stream) => vec![stream],
        SubjectRef::Id(id) => Category::ALL.map(|category| StreamId::new(category, id)).into(),
    };
    for stream in candidates {
        let events = store.read_stream(stream, 1).await.map_err(store_failed)?;
        if !events.is_empty() {
            return Ok((stream, events));
        }
    }
    let named = match subject {
        SubjectRef::Stream(stream) => stream.to_string(),
        SubjectRef::Id(id) => id.to_string(),
    };
    let next = "`mycopod events tail` shows the stream of each event";
    Err(Failure::new(Code::NotFound, format!("there is no stream {named}"), next))
}

/// What the system itself works from is not erased, nor what is under way.
async fn allowed(context: &Context, stream: StreamId, events: &[Recorded]) -> Outcome {
    let refused = |why: &str, next: &str| Err(Failure::new(Code::Refused, format!("{stream} {why}"), next));
    match stream.category {
        Category::Settings | Category::Cluster | Category::Repository => {
            refused("is what this installation works from", "shred declarations, runs and accounts only")
        }
        Category::Run if folded::<Run>(events).is_some_and(|run| !run.is_over()) => {
            refused("is not over", "stop the run first")
        }
        Category::Declaration
            if folded::<Declaration>(events).is_some_and(|declaration| {
                matches!(declaration.status, Status::Previewing { .. } | Status::Committing { .. })
            }) =>
        {
            refused("is being worked on", "wait until the Agent is done with it")
        }
        Category::Account => {
            let account =
                context.reader.account(domain::ids::AccountId(stream.id)).await.map_err(read_failed)?;
            match account {
                Some(account) if !account.disabled => {
                    refused("can still sign in", &format!("mycopod user disable {}", account.name))
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The aggregate; none if a part of it was erased before.
fn folded<D: Decider>(events: &[Recorded]) -> Option<D> {
    events.iter().try_fold(D::default(), |state, event| Some(state.evolve(&eventstore::decode(event).ok()?)))
}

async fn describe(context: &Context, stream: StreamId, events: &[Recorded], readable: usize) -> Outcome {
    let (first, last) = (events.first().map_or(0, |e| e.position), events.last().map_or(0, |e| e.position));
    note!("{stream} has {} events, {first} to {last}; {readable} of them can be read.", events.len());
    note!("Lost for ever: what they say, in the log and in every read model.");
    note!("Kept: that they happened, when and by whom; the chain of hashes.");
    note!(
        "Not reached: commits in the declarations repository, backups, exports, other streams that quote them."
    );
    if stream.category == Category::Declaration {
        let found = context.reader.declaration(DeclarationId(stream.id)).await.map_err(read_failed)?;
        for no in found.map(|row| row.runs).unwrap_or_default() {
            if let Some(run) = context.reader.run(no).await.map_err(read_failed)? {
                note!(
                    "  run {no} keeps its own events: mycopod keys shred {}",
                    StreamId::new(Category::Run, run.id.0)
                );
            }
        }
    }
    Ok(())
}

fn confirmed(stream: StreamId, confirm: Option<uuid::Uuid>) -> Outcome {
    let typed = match confirm {
        Some(id) => id.to_string(),
        None if std::io::stdin().is_terminal() => {
            note!("Type {} to erase this:", stream.id);
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line.trim().to_owned()
        }
        None => {
            let what = "erasing has to be confirmed";
            return Err(Failure::new(Code::Usage, what, format!("--confirm {}", stream.id)));
        }
    };
    let same = typed == stream.id.to_string() || typed.parse::<StreamRef>() == Ok(StreamRef(stream));
    if same {
        return Ok(());
    }
    Err(Failure::new(Code::Refused, format!("{typed} is not {}", stream.id), "").means("nothing was erased"))
}

fn ring_failed(error: KeyRingError) -> Failure {
    let next = error.advice();
    Failure::new(Code::Unavailable, error, next)
}
