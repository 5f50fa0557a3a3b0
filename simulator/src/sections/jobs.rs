//! Backup jobs whose time has come: they are started as the server's scheduler does, by the cluster's clock.
//!
//! Begin with [`watch`]. However far the clock was put forward, a job runs once; what was missed while the simulator
//! was down is not made up for.

use super::Entry;
use super::backup::{self, JOBS};
use super::calendar::Event;
use super::vzdump::vzdump;
use crate::api::{Call, Fail, Reply};
use crate::auth::{ROOT, Who};
use crate::contract::check::Checked;
use crate::engine::Engine;
use crate::limits::{SCHEDULE_TIMES_MAX, SCHEDULER_S};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// Options of a job that say when, and not what.
const PLAN: [&str; 7] = ["schedule", "enabled", "comment", "repeat-missed", "node", "id", "type"];

/// Key of a job under which it keeps since when its plan counts; shown to nobody.
pub const SINCE: &str = "_since";

/// When each job was looked at last, in Unix seconds.
type Seen = BTreeMap<String, i64>;

/// When a plan is due next, in Unix seconds.
pub fn next_run(schedule: &str, after: i64) -> Option<i64> {
    Event::parse(schedule)?.after(after)
}

/// Starts what is due until the simulator stops.
pub async fn watch(engine: Arc<Engine>, mut stop: Receiver<bool>) {
    let (mut seen, started) = (Seen::new(), engine.now());
    loop {
        let changed = engine.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        for job in due(&engine, &mut seen, started) {
            start(&engine, &job);
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(Duration::from_secs(SCHEDULER_S)) => {}
            _ = stop.changed() => return,
        }
    }
}

/// The jobs whose time came since the last look, or since they were planned.
fn due(engine: &Engine, seen: &mut Seen, started: i64) -> Vec<Entry> {
    let now = engine.now();
    let world = engine.world();
    let none = BTreeMap::new();
    let jobs = world.sections.get(JOBS).unwrap_or(&none);
    seen.retain(|id, _| jobs.contains_key(id));
    let mut out = Vec::new();
    for (id, job) in jobs {
        let planned = job.get(SINCE).and_then(|since| since.parse().ok()).unwrap_or(started);
        let last = seen.insert(id.clone(), now).unwrap_or(started).max(planned);
        let on = job.get("enabled").is_none_or(|enabled| enabled == "1");
        let schedule = job.get("schedule").map(String::as_str).unwrap_or_default();
        if on && next_run(schedule, last).is_some_and(|at| at <= now) {
            out.push(job.clone());
        }
    }
    out
}

/// One backup task on each node that has guests of the job.
fn start(engine: &Arc<Engine>, job: &Entry) {
    let nodes: Vec<String> = {
        let world = engine.world();
        let here = |node: &String| {
            job.get("node").is_none_or(|only| only == node)
                && engine.node_online(&world, node)
                && world
                    .guests
                    .values()
                    .any(|guest| guest.node == *node && backup::covers(&world, job, guest.vmid))
        };
        world.nodes.keys().filter(|node| here(node)).cloned().collect()
    };
    for node in nodes {
        let mut params: Checked = job
            .iter()
            .filter(|(key, _)| !PLAN.contains(&key.as_str()) && *key != SINCE)
            .map(|(key, value)| (key.clone(), Value::String(value.clone())))
            .collect();
        params.insert("node".into(), Value::String(node.clone()));
        let call = Call {
            engine: engine.clone(),
            who: Who { user: ROOT.into(), token: String::new() },
            verb: "POST".into(),
            path: format!("/nodes/{node}/vzdump"),
            template: "/nodes/{node}/vzdump".into(),
            params,
            file: None,
            faults: Vec::new(),
        };
        if let Err(fail) = vzdump(&call) {
            tracing::debug!(node, text = fail.message, "a planned backup could not begin");
        }
    }
}

/// `GET /cluster/jobs/schedule-analyze`: the next times of a plan.
pub fn analyze(call: &Call) -> Result<Reply, Fail> {
    let schedule = call.text("schedule").unwrap_or_default();
    let Some(event) = Event::parse(schedule) else {
        return Err(Fail::param(
            "schedule",
            format!("invalid format - unable to parse calendar event '{schedule}'\n"),
        ));
    };
    let mut at = call.text("starttime").and_then(|t| t.parse().ok()).unwrap_or_else(|| call.engine.now());
    let count = call.number("iterations").unwrap_or(10).min(SCHEDULE_TIMES_MAX);
    let mut out = Vec::new();
    for _ in 0..count {
        let Some(next) = event.after(at) else { break };
        let utc = chrono::DateTime::<chrono::Utc>::from_timestamp(next, 0).unwrap_or_default();
        out.push(json!({"timestamp": next, "utc": utc.format("%Y-%m-%d %H:%M:%S UTC").to_string()}));
        at = next;
    }
    Ok(Reply::data(json!(out)))
}
