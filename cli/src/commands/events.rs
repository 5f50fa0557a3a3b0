//! `mycopod events`: the log itself.

use crate::args::EventsCommand;
use crate::config::Config;
use crate::context::{open_store, store_failed};
use crate::failure::{Code, Failure, Outcome};
use crate::output;
use eventstore::{EventLog, Recorded, Store};
use serde_json::{Value, json};
use std::path::Path;

const PAGE: usize = 1_000;

pub async fn run(path: &Path, command: EventsCommand, json: bool) -> Outcome {
    let config = Config::read(path)?;
    let (store, _, _) = open_store(&config, "mycopod events").await?;
    match command {
        EventsCommand::Tail { from, follow, r#type, last } => {
            tail(&store, from, follow, r#type, last, json).await
        }
        EventsCommand::Show { position } => show(&store, position).await,
        EventsCommand::Verify { from } => verify(&store, from, json).await,
    }
}

async fn tail(
    store: &Store,
    from: Option<i64>,
    follow: bool,
    only: Option<String>,
    last: i64,
    json: bool,
) -> Outcome {
    let head = store.head().await.map_err(store_failed)?.position;
    let mut after = from.map_or(head - last, |from| from - 1).max(0);
    let wanted = |event: &Recorded| {
        only.as_ref().is_none_or(|only| *event.type_name == **only || event.tag() == *only)
    };
    while after < head {
        let page = store.read_from(after, PAGE).await.map_err(store_failed)?;
        let Some(end) = page.last() else { break };
        after = end.position;
        page.iter().filter(|event| wanted(event)).for_each(|event| print(event, json));
    }
    if !follow {
        return Ok(());
    }
    let mut subscription = store.subscribe(after);
    loop {
        tokio::select! {
            events = subscription.next() => {
                events.map_err(store_failed)?.iter().filter(|event| wanted(event)).for_each(|event| print(event, json));
            }
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

fn print(event: &Recorded, json: bool) {
    if json {
        return output::json_line(&document(event));
    }
    let at = event.recorded_at.with_timezone(&chrono::Local).format("%d %b %H:%M:%S%.3f %Z");
    println!("{:>8}  {at}  {:<38} {} v{}", event.position, event.tag(), event.stream, event.version);
}

fn document(event: &Recorded) -> Value {
    let data = event.payload.open().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
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
        "data": data,
    })
}

async fn show(store: &Store, position: i64) -> Outcome {
    let page = store.read_from(position - 1, 1).await.map_err(store_failed)?;
    match page.first().filter(|event| event.position == position) {
        Some(event) => {
            output::json(&document(event));
            Ok(())
        }
        None => {
            let head = store.head().await.map_err(store_failed)?.position;
            Err(Failure::new(
                Code::NotFound,
                format!("there is no event {position}"),
                format!("the newest is {head}"),
            ))
        }
    }
}

async fn verify(store: &Store, from: i64, json: bool) -> Outcome {
    let head = store.head().await.map_err(store_failed)?;
    let report = store.verify(from, head.position).await.map_err(store_failed)?;
    if json {
        output::json(&json!({
            "events": report.events,
            "first_bad": report.first_bad.as_ref().map(|bad| json!({"position": bad.position, "why": bad.why.to_string()})),
        }));
    }
    match &report.first_bad {
        None => {
            if !json {
                println!("{} events in order; the chain ends in {}.", report.events, hex(&head.chain));
            }
            Ok(())
        }
        Some(bad) => Err(Failure::new(
            Code::CheckFailed,
            format!("event {} is not what was recorded: {}", bad.position, bad.why),
            "stop the Agent, keep a copy of the database, and find out who had access to it",
        )
        .means("everything before it holds")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
