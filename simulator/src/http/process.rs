//! One request through the server's order of checks: who, which method, conflicts, rights, node, schema, work.

use super::answer::Answer;
use super::decode::{self, Given};
use super::multipart::Uploaded;
use super::wire::Head;
use crate::api::{self, Call, Fail};
use crate::auth::{self, Who};
use crate::contract::{Method, check};
use crate::engine::{Engine, lock_text};
use crate::faults::FaultAction;
use crate::ledger::LedgerEntry;
use crate::limits::{PAUSE_MS_MAX, UNAUTHORISED_DELAY_MS};
use crate::state::{Guest, Kind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A request that was read in full.
pub struct Request {
    pub verb: String,
    pub query: String,
    /// Content type as sent.
    pub kind: Option<String>,
    pub body: Vec<u8>,
    /// The client says that it is a node passing the call on.
    pub looping: bool,
}

/// Where a request goes.
pub struct Target {
    /// `json` or another format.
    pub format: String,
    /// Path below the format, unescaped.
    pub path: String,
}

impl Target {
    /// Is this the call that takes a file?
    pub fn upload(&self, verb: &str) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        verb == "POST" && matches!(parts[..], ["", "nodes", _, "storage", _, "upload"])
    }
}

/// Takes the path apart.
pub fn target(head: &Head) -> Result<Target, Answer> {
    let path = decode::unescape(&head.path);
    let Some(rest) = path.strip_prefix("/api2") else {
        return Err(Answer::plain(500, format!("no such file '{path}'")));
    };
    let rest = rest.trim_start_matches('/');
    let (format, below) = rest.split_once('/').unwrap_or((rest, ""));
    let named = format.len() > 1
        && format.starts_with(|c: char| c.is_ascii_lowercase())
        && format.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match named {
        true => Ok(Target { format: format.to_owned(), path: format!("/{below}") }),
        false => Err(Answer::plain(501, "no such uri")),
    }
}

/// What leaves the process.
pub enum Outcome {
    Answer(Answer),
    /// Half of the answer, then the end.
    Half(Answer),
    /// The connection ends without an answer.
    Close,
    /// The connection is reset.
    Reset,
}

/// Carries one request through.
pub async fn process(
    engine: Arc<Engine>,
    who: Who,
    target: Target,
    request: Request,
    noted: Arc<AtomicU64>,
) -> Outcome {
    let Target { format, path } = target;
    if !matches!(format.as_str(), "json" | "extjs") {
        return Outcome::Answer(Answer::plain(501, format!("no formatter for uri {path}, {format}")));
    }
    let extjs = format == "extjs";
    let routed = engine.contract.route(&request.verb, &path);
    let Some((method, in_path)) = routed else {
        let message = format!("Method '{} {}' not implemented", request.verb, path.trim_end_matches('/'));
        let fail = Fail { status: 501, message, errors: BTreeMap::new() };
        return Outcome::Answer(Answer::envelope(Err(fail), extjs, &engine.order));
    };
    let node = in_path.get("node").cloned();
    let faults = engine.faults().draw(&request.verb, &path, node.as_deref(), &engine.chance);
    let mutation = request.verb != "GET";
    let (given, file) = match given(&request) {
        Ok(given) => given,
        Err(answer) => return Outcome::Answer(answer),
    };
    let entry = mutation.then(|| {
        let arguments = given.clone();
        engine.ledger().add(LedgerEntry {
            sequence: 0,
            at_ms: chrono::Utc::now().timestamp_millis(),
            who: who.full(),
            method: request.verb.clone(),
            path: path.clone(),
            arguments,
            status: 0,
            outcome: String::new(),
            upid: None,
            effect: false,
            delivered: false,
        })
    });
    noted.store(entry.unwrap_or(0), Ordering::SeqCst);
    let note = |status: u16, outcome: &str, upid: Option<&str>, effect: bool, delivered: bool| {
        if let Some(sequence) = entry {
            engine.ledger().amend(sequence, |e| {
                e.status = status;
                e.outcome = outcome.to_owned();
                e.upid = upid.map(str::to_owned);
                e.effect = effect;
                e.delivered = delivered;
            });
        }
    };
    if let Some(outcome) = before(&engine, &faults, &path, &in_path).await {
        match &outcome {
            Outcome::Answer(answer) => note(answer.status, &answer.reason, None, false, true),
            _ => note(0, "not done: the connection was closed", None, false, false),
        }
        return outcome;
    }
    let silent = faults.iter().any(|f| matches!(f, FaultAction::DropAfterEffect | FaultAction::Truncate));
    let half = faults.contains(&FaultAction::Truncate);
    let scaled_delay = engine.scaled(UNAUTHORISED_DELAY_MS);
    if let Some(node) = node.as_deref().filter(|_| method.node.is_some()) {
        if dead(&engine, node) {
            note(595, "No route to host", None, false, true);
            return Outcome::Answer(Answer::bare(595, "No route to host"));
        }
        if request.looping && node != "localhost" && !engine.is_local(node) {
            note(500, "proxy loop detected", None, false, true);
            return Outcome::Answer(Answer::plain(500, "proxy loop detected"));
        }
    }
    let ledger_engine = engine.clone();
    let result = match ready(&engine, method, who, &request, path.clone(), in_path, (given, file), faults) {
        Ok(call) => api::dispatch(&call).await,
        Err(fail) => Err(fail),
    };
    match &result {
        Ok(reply) => {
            let upid = reply.data.as_str().filter(|t| t.starts_with("UPID:"));
            // The task may have ended before its entry knew its name.
            let exit = upid.and_then(|u| {
                ledger_engine.world().tasks.iter().rev().find(|t| t.upid == u).and_then(|t| t.exit.clone())
            });
            match (upid, exit) {
                (Some(_), Some(exit)) => {
                    let effect = exit == "OK" || exit.starts_with("WARNINGS: ");
                    note(200, &exit, upid, effect, !silent);
                }
                (Some(_), None) => {
                    note(200, "running", upid, false, !silent);
                    // Between the look and the note the task may have ended.
                    let exit = ledger_engine
                        .world()
                        .tasks
                        .iter()
                        .rev()
                        .find(|t| Some(t.upid.as_str()) == upid)
                        .and_then(|t| t.exit.clone());
                    if let (Some(upid), Some(exit)) = (upid, exit) {
                        ledger_engine.ledger().task_ended(upid, &exit);
                    }
                }
                (None, _) => note(200, "ok", None, true, !silent),
            }
        }
        Err(fail) => note(fail.status, fail.message.trim_end(), None, false, !silent),
    }
    if result.as_ref().is_err_and(|f| f.status == 401) {
        tokio::time::sleep(scaled_delay).await;
    }
    let answer = Answer::envelope(result, extjs, &ledger_engine.order);
    match (silent, half) {
        (true, true) => Outcome::Half(answer),
        (true, false) => Outcome::Close,
        _ => Outcome::Answer(answer),
    }
}

/// Faults that come before the work.
async fn before(
    engine: &Engine,
    faults: &[FaultAction],
    path: &str,
    in_path: &BTreeMap<String, String>,
) -> Option<Outcome> {
    for fault in faults {
        match fault {
            FaultAction::DelayMs { ms } => {
                tokio::time::sleep(Duration::from_millis((*ms).min(PAUSE_MS_MAX))).await
            }
            FaultAction::Status { code, reason } => {
                return Some(Outcome::Answer(Answer::bare(*code, reason.clone())));
            }
            FaultAction::DropBeforeEffect => return Some(Outcome::Close),
            FaultAction::Reset => return Some(Outcome::Reset),
            FaultAction::LockText => {
                let text = match in_path.get("vmid").and_then(|v| v.parse().ok()) {
                    Some(vmid) => lock_text(if path.contains("/lxc/") { Kind::Ct } else { Kind::Vm }, vmid),
                    None => "cfs-lock 'file-storage_cfg' error: got lock request timeout".to_owned(),
                };
                return Some(Outcome::Answer(Answer::envelope(Err(Fail::text(text)), false, &engine.order)));
            }
            _ => {}
        }
    }
    None
}

fn dead(engine: &Engine, node: &str) -> bool {
    let world = engine.world();
    world.nodes.contains_key(node) && !engine.node_online(&world, node)
}

/// Body and query together; the query wins.
fn given(request: &Request) -> Result<(Given, Option<Uploaded>), Answer> {
    let mut out = Given::new();
    let mut file = None;
    let kind = request.kind.as_deref().and_then(|k| k.split([';', ',']).next()).unwrap_or_default().trim();
    let writes = matches!(request.verb.as_str(), "PUT" | "POST");
    match kind {
        "multipart/form-data" => {
            let (fields, came) = super::multipart::fields(request)?;
            (out, file) = (fields, Some(came));
        }
        // An empty body that claims to be JSON is malformed too.
        "application/json" if writes => {
            let text = String::from_utf8_lossy(&request.body);
            out = match serde_json::from_str::<Value>(&text) {
                Ok(Value::Object(map)) => map.into_iter().collect(),
                Ok(_) => return Err(Answer::plain(500, "Not a HASH reference")),
                Err(_) => {
                    return Err(Answer::plain(
                        500,
                        "malformed JSON string, neither tag, array, object, number, string or atom",
                    ));
                }
            };
        }
        _ if writes => out = decode::form(&String::from_utf8_lossy(&request.body)),
        _ => {}
    }
    out.extend(decode::form(&request.query));
    out.remove("_dc");
    Ok((out, file))
}

/// All checks between authentication and the handler.
#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one request, taken apart by the borrow of the route"
)]
fn ready(
    engine: &Arc<Engine>,
    method: &Method,
    who: Who,
    request: &Request,
    path: String,
    in_path: BTreeMap<String, String>,
    (mut given, file): (Given, Option<Uploaded>),
    faults: Vec<FaultAction>,
) -> Result<Call, Fail> {
    if method.ticket == 1 && !who.token.is_empty() {
        return Err(Fail {
            status: 403,
            message: format!(
                "Permission check failed (URI '{path}' not available with API token, need proper ticket.\n)\n"
            ),
            errors: BTreeMap::new(),
        });
    }
    for (name, value) in in_path {
        let same = given
            .get(&name)
            .is_none_or(|g| g.as_str() == Some(&value) || g.as_u64().is_some_and(|n| n.to_string() == value));
        if !same {
            return Err(Fail::param(
                &name,
                "duplicate parameter (already defined in URI) with conflicting values!",
            ));
        }
        given.insert(name, Value::String(value));
    }
    if method.perm.get("user").and_then(Value::as_str) != Some("world") {
        let world = engine.world();
        auth::permitted(&method.perm, &given, &auth::Access::of(&who), &world)?;
    }
    if let Some(node) = method.node.as_ref().and_then(|n| given.get(n)).and_then(Value::as_str)
        && node != "localhost"
        && !engine.world().nodes.contains_key(node)
    {
        return Err(Fail::text(format!(
            "hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
        )));
    }
    if request.verb != "GET" {
        // A key without a value has no place in the check: the server's handler stumbles over it.
        if let Some((name, _)) = given.iter().find(|(_, v)| v.is_null()) {
            return Err(Fail::text(format!("unable to parse value of '{name}' - got undefined value")));
        }
    }
    let params = check::check(&engine.contract, method, &given).map_err(Fail::params)?;
    if request.verb != "GET" && engine.faults().no_quorum() {
        return Err(Fail::text("cluster not ready - no quorum?"));
    }
    let call = Call {
        engine: engine.clone(),
        who,
        verb: request.verb.clone(),
        path,
        template: method.path.clone(),
        params,
        file,
        faults,
    };
    if call.faults.contains(&FaultAction::StolenVmid) {
        steal(&call);
    }
    Ok(call)
}

/// Somebody else creates a guest with the id that this call is about to use.
fn steal(call: &Call) {
    let name = if call.template.ends_with("/clone") { "newid" } else { "vmid" };
    let Some(vmid) = call.number(name).and_then(|n| u32::try_from(n).ok()) else { return };
    let mut world = call.engine.world();
    world.guests.entry(vmid).or_insert_with(|| {
        let mut guest = Guest::new(vmid, Kind::Vm, call.node());
        guest.config.insert("name".into(), "taken-by-another".into());
        crate::guests::vm_create::identity(&mut guest, &call.engine.chance);
        guest
    });
}
