//! `mycopod events`: the log itself.

mod evidence;
mod export;
mod verify;

use crate::args::{EventsCommand, StreamRef, Wanted};
use crate::config::Config;
use crate::context::{open_store, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output, ring};
use eventstore::{EventLog, Recorded, Store};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;

const PAGE: i64 = 1_000;

pub async fn run(path: &Path, command: EventsCommand, json: bool, quiet: bool) -> Outcome {
    // A proof is checked with nothing but itself and a key.
    if let EventsCommand::Verify(args) = &command
        && let Some(proof) = &args.proof
    {
        return verify::proof(proof, &args.key, json);
    }
    let config = Config::read(path)?;
    let (store, keys, _) = open_store(&config, "mycopod events").await?;
    match command {
        EventsCommand::Tail { from, follow, wanted, last } => {
            let following = follow.then(|| ring::follow(store.clone(), config.key_ring.clone(), keys));
            let told = tail(&store, from, follow, &wanted, last.into(), json).await;
            if let Some(following) = following {
                following.abort();
            }
            told
        }
        EventsCommand::Show { position } => show(&store, position).await,
        EventsCommand::Verify(args) => verify::run(&config, &store, &args, json, quiet).await,
        EventsCommand::Prove { position, output } => verify::prove(&store, position, output.as_deref()).await,
        EventsCommand::Export { format, from, to, wanted, output } => {
            let what = export::What { format, from, to, wanted };
            export::run(&store, what, output.as_deref(), quiet).await
        }
    }
}

impl Wanted {
    fn has(&self, event: &Recorded) -> bool {
        let tagged = |only: &String| *event.type_name == **only || event.tag() == *only;
        self.stream.is_none_or(|StreamRef(stream)| stream == event.stream)
            && self.r#type.as_ref().is_none_or(tagged)
    }
}

async fn tail(
    store: &Store,
    from: Option<i64>,
    follow: bool,
    wanted: &Wanted,
    last: usize,
    json: bool,
) -> Outcome {
    let head = store.head().await.map_err(store_failed)?.position;
    match from {
        Some(from) => {
            let mut after = (from - 1).max(0);
            while after < head && !output::closed() {
                let page = page(store, after, head).await?;
                let Some(end) = page.last() else { break };
                after = end.position;
                page.iter().filter(|event| wanted.has(event)).for_each(|event| print(event, json));
            }
        }
        None => newest(store, head, wanted, last).await?.iter().for_each(|event| print(event, json)),
    }
    if !follow {
        return Ok(());
    }
    let mut subscription = store.subscribe(head.max(from.unwrap_or(1) - 1));
    while !output::closed() {
        tokio::select! {
            events = subscription.next() => {
                let events = events.map_err(store_failed)?;
                events.iter().filter(|event| wanted.has(event)).for_each(|event| print(event, json));
            }
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    Ok(())
}

/// A page of the events after a position, none beyond `to`.
async fn page(store: &Store, after: i64, to: i64) -> Result<Vec<Recorded>, Failure> {
    let limit = usize::try_from((to - after).min(PAGE)).unwrap_or(1);
    store.read_from(after, limit).await.map_err(store_failed)
}

/// The newest `count` wanted events in order, looked for from the end.
async fn newest(
    store: &Store,
    head: i64,
    wanted: &Wanted,
    count: usize,
) -> Result<VecDeque<Recorded>, Failure> {
    let mut found = VecDeque::new();
    let mut end = head;
    while end > 0 && found.len() < count {
        let (begin, mut window) = ((end - PAGE).max(0), Vec::new());
        let mut after = begin;
        while after < end {
            let page = page(store, after, end).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            window.extend(page.into_iter().filter(|event| wanted.has(event)));
        }
        let missing = count - found.len();
        window.into_iter().rev().take(missing).for_each(|event| found.push_front(event));
        end = begin;
    }
    Ok(found)
}

fn print(event: &Recorded, json: bool) {
    if json {
        return output::json_line(&document(event));
    }
    let at = event.recorded_at.with_timezone(&chrono::Local).format("%d %b %H:%M:%S%.3f %Z");
    out!("{:>8}  {at}  {:<38} {} v{}", event.position, event.tag(), event.stream, event.version);
}

/// An event as all commands print it. What it said is under `data`; `erased` means that nobody can tell any more.
fn document(event: &Recorded) -> Value {
    let bytes = event.payload.open();
    let data = bytes.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    json!({
        "position": event.position,
        "recorded_at": event.recorded_at,
        "type": event.tag(),
        "stream": event.stream.to_string(),
        "version": event.version,
        "event_id": event.event_id,
        "actor": event.meta.actor,
        "correlation": event.meta.correlation,
        "causation": event.meta.causation,
        "chain": hex(&event.chain),
        "erased": bytes.is_none(),
        "data": data,
    })
}

async fn show(store: &Store, position: i64) -> Outcome {
    let page = store.read_from(position.saturating_sub(1), 1).await.map_err(store_failed)?;
    match page.first().filter(|event| event.position == position) {
        Some(event) => {
            output::json(&document(event));
            Ok(())
        }
        None => Err(none_there(store, position).await?),
    }
}

async fn none_there(store: &Store, position: i64) -> Result<Failure, Failure> {
    let head = store.head().await.map_err(store_failed)?.position;
    Ok(Failure::new(Code::NotFound, format!("there is no event {position}"), format!("the newest is {head}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
