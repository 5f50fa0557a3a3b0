//! The recorded conversations with the real server, replayed step by step.

pub mod compare;

use crate::client::{Answer, Lab, SECRET, bare_lab};
use compare::{Env, mismatch, subst, text_fits};
use serde_json::{Value, json};
use simulator::{Base, SimConfig};
use std::time::Duration;

const RECORDINGS: &str = include_str!("../../../recordings/golden.jsonl");
const TOKEN: &str = "root@pam!tk";
/// Longest wait for a task or for idleness.
const WAIT: Duration = Duration::from_secs(60);
/// Conversations replayed side by side, each against a cluster of its own.
const LANES: usize = 4;

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn pairs(params: &Value) -> String {
    let mut out = Vec::new();
    for (key, value) in params.as_object().into_iter().flatten() {
        for item in value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]) {
            out.push(format!("{}={}", escaped(key), escaped(&plain(&item))));
        }
    }
    out.join("&")
}

/// The request of one step, as it was recorded.
fn request(step: &Value) -> String {
    let verb = step["method"].as_str().unwrap_or("GET");
    let mut target = step["path"].as_str().unwrap().to_owned();
    if !target.starts_with("/api2/") && step["absolute"] != true {
        target = format!("/api2/json{target}");
    }
    if let Some(query) = step["query"].as_str() {
        target = format!("{target}?{query}");
    }
    let connection = if step["keep_alive"] == true { "keep-alive" } else { "close" };
    let mut headers = format!("Host: localhost\r\nConnection: {connection}\r\n");
    let who = step["as"].as_str().unwrap_or("root-token");
    match who.split_once(':') {
        Some(("token", rest)) => headers.push_str(&format!("Authorization: PVEAPIToken={rest}\r\n")),
        Some(("header", rest)) => headers.push_str(&format!("Authorization: {rest}\r\n")),
        Some(("cookie", rest)) => headers.push_str(&format!("Cookie: {rest}\r\n")),
        _ if who == "none" => {}
        _ => headers.push_str(&format!("Authorization: PVEAPIToken={TOKEN}={SECRET}\r\n")),
    }
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        headers.push_str(&format!("{name}: {}\r\n", plain(value)));
    }
    let mut body = String::new();
    match step["encoding"].as_str().unwrap_or("query") {
        "form" => {
            body = pairs(&step["params"]);
            headers.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        "json" => {
            body = if step["params"].is_null() { "{}".into() } else { step["params"].to_string() };
            headers.push_str("Content-Type: application/json\r\n");
        }
        "raw" => {
            body = step["body"].as_str().unwrap_or_default().to_owned();
            if let Some(text) = step["body_fill"]["text"].as_str() {
                body.push_str(
                    &text.repeat(usize::try_from(step["body_fill"]["count"].as_u64().unwrap()).unwrap()),
                );
            }
            if let Some(kind) = step["content_type"].as_str() {
                headers.push_str(&format!("Content-Type: {kind}\r\n"));
            }
        }
        _ if step["params"].is_object() => {
            let mark = if target.contains('?') { '&' } else { '?' };
            target = format!("{target}{mark}{}", pairs(&step["params"]));
        }
        _ => {}
    }
    if step["chunked"] == true {
        headers.push_str("Transfer-Encoding: chunked\r\n");
        body = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    } else if !body.is_empty() || matches!(verb, "POST" | "PUT") {
        headers.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{verb} {target} HTTP/1.1\r\n{headers}\r\n{body}")
}

/// The first difference between an answer and what was recorded.
fn judge(want: &Value, answer: &Answer, task: Option<&Value>) -> Option<String> {
    let status = want["status"].as_u64().unwrap_or(200);
    if u64::from(answer.status) != status {
        return Some(format!(
            "status: expected {status}, got {} {} {}",
            answer.status, answer.reason, answer.body
        ));
    }
    let reason = want["reason"].as_str().unwrap_or("OK");
    if !text_fits(reason, &answer.reason) {
        return Some(format!("reason: expected {reason}, got {}", answer.reason));
    }
    for (name, value) in want["headers"].as_object().into_iter().flatten() {
        let got = answer.head.lines().find_map(|l| l.strip_prefix(&format!("{}: ", name.to_lowercase())));
        if !got.is_some_and(|g| text_fits(&plain(value).to_lowercase(), g)) {
            return Some(format!("header {name}: expected {value}, got {got:?}"));
        }
    }
    match want["body"].as_str() {
        Some("empty") => return (!answer.body.is_empty()).then(|| format!("body: {}", answer.body)),
        Some("text") => {
            let fits = text_fits(want["text"].as_str().unwrap(), &answer.body);
            return (!fits).then(|| format!("body: expected {}, got {}", want["text"], answer.body));
        }
        _ => {}
    }
    let body = answer.json();
    let known = [("message", "message"), ("errors", "errors"), ("data_shape", "data")];
    let extra = want["extra"].as_object().cloned().unwrap_or_default();
    let odd = body.as_object()?.keys().find(|k| !extra.contains_key(*k) && known.iter().all(|(_, n)| n != k));
    known
        .iter()
        .find_map(|(key, name)| mismatch(&want[*key], &body[*name], name))
        .or_else(|| extra.iter().find_map(|(key, value)| mismatch(value, &body[key], key)))
        .or_else(|| odd.map(|key| format!("{key}: expected nothing, got {}", body[key])))
        .or_else(|| want["task"].is_object().then(|| judge_task(&want["task"], task)).flatten())
}

fn judge_task(want: &Value, task: Option<&Value>) -> Option<String> {
    let Some(task) = task else { return Some("no task id in data".into()) };
    let bad = ["type", "id", "exitstatus"].iter().find_map(|k| mismatch(&want[*k], &task[*k], k));
    let log: Vec<&str> = task["log"].as_array().unwrap().iter().filter_map(|l| l["t"].as_str()).collect();
    let mut rest = log.iter();
    let lines = want["log_contains"].as_array().cloned().unwrap_or_default();
    bad.or_else(|| {
        lines.iter().filter_map(Value::as_str).find_map(|line| {
            let found = match want["log_any_order"] == true {
                true => log.iter().any(|l| text_fits(line, l)),
                false => rest.any(|l| text_fits(line, l)),
            };
            (!found).then(|| format!("log: {line} is not in {log:?}"))
        })
    })
}

async fn settled(lab: &Lab, upid: &str) -> Value {
    assert!(lab.sim.ended(upid, WAIT).await, "{upid} does not end");
    let base = format!("/nodes/{}/tasks/{upid}", upid.split(':').nth(1).unwrap());
    let mut task = lab.get(&format!("{base}/status")).await;
    task["log"] = lab.send("GET", &format!("{base}/log"), "limit=0").await.data();
    task
}

/// Replays one conversation; every step that differs.
async fn replay(lab: &Lab, scenario: &Value) -> Vec<String> {
    lab.sim.reset();
    let mut env: Env = [
        ("node", "pve1"),
        ("storage", "local"),
        ("storage_path", "/var/lib/vz"),
        ("root_token", TOKEN),
        ("root_tokenid", "tk"),
        ("root_secret", SECRET),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    env.extend(scenario["vars"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), plain(v))));
    let mut bad = Vec::new();
    for (number, pair) in scenario["steps"].as_array().unwrap().iter().enumerate() {
        let outcome = step(lab, &pair[0], &pair[1], &mut env).await;
        if let Some(text) = outcome.unwrap_or_else(Some) {
            bad.push(format!("{} step {}: {text}", scenario["id"], number + 1));
        }
    }
    bad
}

async fn step(lab: &Lab, step: &Value, want: &Value, env: &mut Env) -> Result<Option<String>, String> {
    if step["wait_idle"] == true {
        lab.sim.idle(WAIT).await;
    }
    let given = subst(step, env)?;
    let answer = lab.raw(&request(&given)).await.ok_or("no whole answer")?;
    let body = answer.json();
    for (name, pointer) in step["capture"].as_object().into_iter().flatten() {
        let pointer = if pointer == "task" { "/data".to_owned() } else { plain(pointer) };
        if let Some(value) = body.pointer(&pointer).filter(|v| !v.is_null()) {
            env.insert(name.clone(), plain(value));
        }
    }
    let upid = body["data"].as_str().filter(|d| d.starts_with("UPID:"));
    let task = match upid.filter(|_| step["wait_task"] == true) {
        Some(upid) => Some(settled(lab, upid).await),
        None => None,
    };
    for name in step["settle"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Some(upid) = env.get(name).filter(|u| u.starts_with("UPID:")) {
            settled(lab, &upid.clone()).await;
        }
    }
    Ok(judge(&subst(want, env)?, &answer, task.as_ref()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_conversation_goes_as_it_was_recorded() {
    let all: Vec<Value> = RECORDINGS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.iter().map(|s| s["steps"].as_array().unwrap().len()).sum::<usize>(), 1055);
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let mine: Vec<Value> = all.iter().skip(lane).step_by(LANES).cloned().collect();
        lanes.push(tokio::spawn(async move {
            let config = SimConfig { base: Base::Golden, time_scale: 0.02, ..SimConfig::default() };
            let config = config.with_token(TOKEN, SECRET);
            let lab = bare_lab(config).await;
            let mut bad = Vec::new();
            for scenario in &mine {
                bad.extend(replay(&lab, scenario).await);
            }
            bad
        }));
    }
    let mut bad: Vec<String> = Vec::new();
    for lane in lanes {
        bad.extend(lane.await.unwrap());
    }
    assert!(bad.is_empty(), "{} steps differ:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn a_different_answer_is_noticed() {
    let answer = Answer {
        status: 200,
        reason: "OK".into(),
        head: String::new(),
        body: json!({"data": {"a": 1}}).to_string(),
    };
    assert_eq!(judge(&json!({"data_shape": {"a": 1}}), &answer, None), None);
    assert!(judge(&json!({"data_shape": {"a": "1"}}), &answer, None).is_some());
    assert!(judge(&json!({"status": 500}), &answer, None).is_some());
}
