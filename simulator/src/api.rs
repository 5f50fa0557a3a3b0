//! One call, from checked parameters to its answer.
//!
//! Begin with [`dispatch`]: the table of what has state behind it. Everything else of the contract is
//! answered with 501 and says that the simulator lacks it.

use crate::auth::{Access, Who, rights::Refused};
use crate::contract::Contract;
use crate::contract::check::Checked;
use crate::engine::{Engine, Listed};
use crate::faults::FaultAction;
use crate::http::multipart::Uploaded;
use crate::state::World;
use crate::{auth, cluster, guests, node, sections, storage, tasks};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One call whose parameters passed the check.
pub struct Call {
    pub engine: Arc<Engine>,
    pub who: Who,
    pub verb: String,
    /// Path below the format, unescaped.
    pub path: String,
    /// The path as the contract writes it.
    pub template: String,
    pub params: Checked,
    /// The file of an upload.
    pub file: Option<Uploaded>,
    pub faults: Vec<FaultAction>,
}

impl Call {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("1")
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|t| t.parse().ok())
    }

    pub fn node(&self) -> &str {
        self.text("node").unwrap_or_default()
    }

    pub fn vmid(&self) -> u32 {
        self.text("vmid").and_then(|t| t.parse().ok()).unwrap_or_default()
    }

    pub fn access(&self) -> Access {
        Access::of(&self.who)
    }

    pub fn contract(&self) -> &Contract {
        &self.engine.contract
    }

    /// The world that lists show.
    pub fn listed_world(&self) -> Listed<'_> {
        self.engine.listed_world(&self.verb, &self.path, self.text("node"))
    }

    /// Refuses when the caller lacks a privilege.
    pub fn demand(&self, world: &World, path: &str, privilege: &str) -> Result<(), Fail> {
        if self.access().allows(world, path, privilege) {
            Ok(())
        } else {
            Err(Fail::forbidden(format!("{path}, {privilege}")))
        }
    }
}

/// How the answer to a method without state begins.
const LACKING: &str = "The simulator has no state behind";

/// A refusal.
#[derive(Debug, Default)]
pub struct Fail {
    pub status: u16,
    /// Ends with a newline where the server's does.
    pub message: String,
    pub errors: BTreeMap<String, String>,
}

impl Fail {
    /// 500 with a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { status: 500, message: format!("{}\n", text.into()), errors: BTreeMap::new() }
    }

    /// 400 about one parameter.
    pub fn param(name: &str, text: impl Into<String>) -> Self {
        Self::params(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    /// 400 about several parameters.
    pub fn params(errors: BTreeMap<String, String>) -> Self {
        Self { status: 400, message: "Parameter verification failed.\n".into(), errors }
    }

    /// 403; `what` stands in the brackets.
    pub fn forbidden(what: impl std::fmt::Display) -> Self {
        Self { status: 403, message: format!("Permission check failed ({what})\n"), errors: BTreeMap::new() }
    }

    /// 501 for a method of the contract without state behind it.
    pub fn lacking(call: &Call) -> Self {
        let message = format!("{LACKING} '{} {}'\n", call.verb, call.template);
        Self { status: 501, message, errors: BTreeMap::new() }
    }
}

impl Fail {
    /// Is this the answer to a method without state?
    pub fn is_lacking(&self) -> bool {
        self.status == 501 && self.message.starts_with(LACKING)
    }
}

impl From<Refused> for Fail {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Text(text) => Self::text(text),
            Refused::Right(what) if what.is_empty() => {
                Self { status: 403, message: "Permission check failed\n".into(), errors: BTreeMap::new() }
            }
            Refused::Right(what) => Self::forbidden(what),
        }
    }
}

/// The words of a list parameter.
pub fn words(call: &Call, name: &str) -> Vec<String> {
    let text = call.text(name).unwrap_or_default();
    text.split([',', ';', ' ', '\0', '\n', '\t']).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

impl From<String> for Fail {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// A good answer.
pub struct Reply {
    pub data: Value,
    pub total: Option<usize>,
    /// Differences that wait to be applied.
    pub changes: Option<String>,
}

impl Reply {
    pub fn data(data: Value) -> Self {
        Self { data, total: None, changes: None }
    }

    pub fn null() -> Self {
        Self::data(Value::Null)
    }

    pub fn with_total(data: Value, total: usize) -> Self {
        Self { data, total: Some(total), changes: None }
    }
}

/// Carries out a call.
pub async fn dispatch(call: &Call) -> Result<Reply, Fail> {
    match handled(call).await {
        Err(fail) if fail.is_lacking() => index(call).ok_or(fail),
        other => other,
    }
}

/// Folders of the API that only name what is below them.
fn index(call: &Call) -> Option<Reply> {
    let method = call.contract().method(&call.verb, &call.template).filter(|_| call.verb == "GET")?;
    let key = method.links.first()?.strip_prefix('{')?.strip_suffix('}')?;
    let names = call.contract().children(&call.template)?;
    Some(Reply::data(json!(names.iter().map(|name| json!({key: name})).collect::<Vec<_>>())))
}

async fn handled(call: &Call) -> Result<Reply, Fail> {
    if let Some(found) = sections::dispatch(call) {
        return found;
    }
    let guest = call
        .template
        .strip_prefix("/nodes/{node}/qemu")
        .map(|rest| (guests::Kind::Vm, rest))
        .or_else(|| call.template.strip_prefix("/nodes/{node}/lxc").map(|rest| (guests::Kind::Ct, rest)));
    if let Some((kind, rest)) = guest {
        if let Some(found) = guests::dispatch(call, kind, rest).await {
            return found;
        }
    }
    if call.template.starts_with("/access") && !call.template.starts_with("/access/tfa") {
        return auth::dispatch(call).unwrap_or_else(|| Err(Fail::lacking(call)));
    }
    if let Some(found) = node::dispatch(call) {
        return found;
    }
    match (call.verb.as_str(), call.template.as_str()) {
        ("GET", "/cluster/options") => cluster::options::show(call),
        ("PUT", "/cluster/options") => cluster::options::update(call),
        ("POST", "/nodes/{node}/storage/{storage}/download-url") => storage::download::download(call),
        ("POST", "/nodes/{node}/storage/{storage}/upload") => storage::download::upload(call),
        ("GET" | "DELETE", "/nodes/{node}/storage/{storage}/prunebackups") => storage::prune::call(call),
        ("GET", "/nodes/{node}/query-url-metadata") => storage::download::metadata(call),
        ("GET", "/version" | "/nodes/{node}/version") => {
            Ok(Reply::data(json!({"version": "8.4.1", "release": "8.4", "repoid": "2a5fa54a8503f96d"})))
        }
        ("GET", "/cluster" | "/nodes/{node}" | "/nodes/{node}/storage/{storage}") => {
            Ok(Reply::data(cluster::index(&call.template)))
        }
        ("GET", "/nodes") => cluster::nodes(call),
        ("GET", "/nodes/{node}/status") => cluster::node_status(call),
        ("GET", "/cluster/status") => cluster::status(call),
        ("GET", "/cluster/resources") => cluster::resources(call),
        ("GET", "/cluster/nextid") => cluster::next_id(call),
        ("GET", "/cluster/jobs/schedule-analyze") => sections::jobs::analyze(call),
        ("GET", "/cluster/tasks") => tasks::views::cluster_list(call),
        ("GET", "/pools") => cluster::pools::list(call),
        ("GET", "/pools/{poolid}") => cluster::pools::one(call),
        ("POST", "/pools") => cluster::pools::create(call),
        ("PUT", "/pools" | "/pools/{poolid}") => cluster::pools::update(call),
        ("DELETE", "/pools" | "/pools/{poolid}") => cluster::pools::delete(call),
        ("GET", "/storage") => storage::config::list(call),
        ("GET", "/storage/{storage}") => storage::config::one(call),
        ("POST", "/storage") => storage::config::create(call),
        ("PUT", "/storage/{storage}") => storage::config::update(call),
        ("DELETE", "/storage/{storage}") => storage::config::delete(call),
        ("GET", "/nodes/{node}/storage") => storage::content::stores(call),
        ("GET", "/nodes/{node}/storage/{storage}/status") => storage::content::store_status(call),
        ("GET", "/nodes/{node}/storage/{storage}/content") => storage::content::list(call),
        ("POST", "/nodes/{node}/storage/{storage}/content") => storage::content::allocate(call),
        ("GET", "/nodes/{node}/storage/{storage}/content/{volume}") => storage::content::one(call),
        ("PUT", "/nodes/{node}/storage/{storage}/content/{volume}") => storage::content::annotate(call),
        ("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}") => {
            storage::content::delete(call).await
        }
        ("GET", "/nodes/{node}/tasks") => tasks::views::list(call),
        ("GET", "/nodes/{node}/tasks/{upid}") => {
            Ok(Reply::data(json!([{"name": "log"}, {"name": "status"}])))
        }
        ("GET", "/nodes/{node}/tasks/{upid}/status") => tasks::views::status(call),
        ("GET", "/nodes/{node}/tasks/{upid}/log") => tasks::views::log(call),
        ("DELETE", "/nodes/{node}/tasks/{upid}") => tasks::views::stop(call),
        _ => Err(Fail::lacking(call)),
    }
}
