//! Tasks as they are listed, followed and stopped.

use super::Task;
use crate::api::{Call, Fail, Reply};
use crate::limits::CLUSTER_TASKS_PER_NODE_MAX;
use serde_json::{Value, json};

fn entry(task: &Task) -> Value {
    let (user, token) = match task.who.split_once('!') {
        Some((user, token)) => (user, Some(token)),
        None => (task.who.as_str(), None),
    };
    let mut out = json!({
        "upid": task.upid, "node": task.node, "pid": task.pid, "pstart": task.pstart,
        "starttime": task.starttime, "type": task.kind, "id": task.id, "user": user,
    });
    if let Some(token) = token {
        out["tokenid"] = json!(token);
    }
    out
}

fn listed(task: &Task) -> Value {
    let mut out = entry(task);
    if let Some(exit) = &task.exit {
        out["status"] = json!(exit);
        out["endtime"] = json!(task.endtime);
    }
    out
}

/// `GET /nodes/{node}/tasks`.
pub fn list(call: &Call) -> Result<Reply, Fail> {
    let node = call.node();
    let source = call.text("source").unwrap_or("archive");
    let number = |name: &str| call.text(name).and_then(|t| t.parse::<i64>().ok());
    let world = call.engine.world();
    let all = call.access().allows(&world, &format!("/nodes/{node}"), "Sys.Audit");
    let me = call.who.full();
    let wanted = |task: &&Task| {
        let finished = task.exit.is_some();
        let exit = task.exit.as_deref().unwrap_or("");
        let failed = finished && exit != "OK" && !exit.starts_with("WARNINGS: ");
        let class = match exit {
            "OK" => "ok",
            "unexpected status" => "unknown",
            warned if warned.starts_with("WARNINGS: ") => "warning",
            _ => "error",
        };
        task.node == node
            && (all || task.who == me)
            && match source {
                "archive" => finished,
                "active" => !finished,
                _ => true,
            }
            && (!call.flag("errors") || failed)
            && call.text("typefilter").is_none_or(|t| task.kind == t)
            && call.text("vmid").is_none_or(|v| task.id == v)
            && call.text("userfilter").is_none_or(|u| task.who.contains(u))
            && number("since").is_none_or(|s| task.starttime >= s)
            && number("until").is_none_or(|u| task.starttime <= u)
            && call.text("statusfilter").is_none_or(|f| {
                finished && f.split([',', ';', ' ']).any(|word| word.eq_ignore_ascii_case(class))
            })
    };
    let found: Vec<&Task> = world.tasks.iter().rev().filter(wanted).collect();
    let start = number("start").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let limit = match number("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(50) {
        0 => usize::MAX,
        n => n,
    };
    let data: Vec<Value> = found.iter().skip(start).take(limit).map(|t| listed(t)).collect();
    let total = found.len();
    // The server leaves the side field out when it counted nothing.
    Ok(if total > 0 { Reply::with_total(json!(data), total) } else { Reply::data(json!(data)) })
}

/// `GET /cluster/tasks`: recent tasks of all nodes.
pub fn cluster_list(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let mut out = Vec::new();
    for node in world.nodes.keys() {
        let all = call.access().allows(&world, &format!("/nodes/{node}"), "Sys.Audit");
        let own = world.tasks.iter().rev().filter(|t| &t.node == node && (all || t.who == call.who.full()));
        out.extend(own.take(CLUSTER_TASKS_PER_NODE_MAX).map(|task| {
            let mut value = listed(task);
            value["saved"] = json!(if task.exit.is_some() { "1" } else { "0" });
            value
        }));
    }
    Ok(Reply::data(json!(out)))
}

fn well_formed(call: &Call, upid: &str) -> bool {
    call.engine.contract.patterns.matches(
        r"^UPID:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?:[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s/]+:[^:\s/]*:[^:\s/]+:$",
        upid,
    )
}

fn upid(call: &Call) -> Result<&str, Fail> {
    let upid = call.text("upid").unwrap_or_default();
    if well_formed(call, upid) { Ok(upid) } else { Err(Fail::param("upid", "unable to parse worker upid")) }
}

/// `GET /nodes/{node}/tasks/{upid}/status`.
pub fn status(call: &Call) -> Result<Reply, Fail> {
    let upid = upid(call)?;
    let world = call.engine.world();
    let task =
        world.tasks.iter().find(|t| t.upid == upid).ok_or_else(|| Fail::param("upid", "no such task"))?;
    let mut out = entry(task);
    match &task.exit {
        Some(exit) => {
            out["status"] = json!("stopped");
            out["exitstatus"] = json!(exit);
        }
        None => out["status"] = json!("running"),
    }
    Ok(Reply::data(out))
}

/// `GET /nodes/{node}/tasks/{upid}/log`.
pub fn log(call: &Call) -> Result<Reply, Fail> {
    let upid = upid(call)?;
    let world = call.engine.world();
    let Some(task) = world.tasks.iter().find(|t| t.upid == upid) else {
        return Ok(Reply::with_total(
            json!({"n": 1, "t": "unable to open file - No such file or directory"}),
            1,
        ));
    };
    let number = |name: &str| call.text(name).and_then(|t| t.parse::<usize>().ok());
    let limit = match number("limit").unwrap_or(50) {
        0 => usize::MAX,
        n => n,
    };
    let start = number("start").unwrap_or(0);
    let lines: Vec<Value> = task
        .log
        .iter()
        .enumerate()
        .skip(start)
        .take(limit)
        .map(|(index, text)| json!({"n": index + 1, "t": text}))
        .collect();
    Ok(Reply::with_total(json!(lines), task.log.len()))
}

/// `DELETE /nodes/{node}/tasks/{upid}`: asks the task to stop.
pub fn stop(call: &Call) -> Result<Reply, Fail> {
    let upid = upid(call)?;
    {
        let mut world = call.engine.world();
        let task = world
            .tasks
            .iter_mut()
            .find(|t| t.upid == upid)
            .ok_or_else(|| Fail::param("upid", "no such task"))?;
        task.stop = true;
    }
    call.engine.changed.notify_waiters();
    Ok(Reply::null())
}
