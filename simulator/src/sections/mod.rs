//! Configurations that are lists of entries with an id: high availability, backup jobs, networks and more.
//!
//! Begin with [`Sections`] for the data. Values are kept as text and get their type back when read.
//!
//! Never here: guests and volumes.

pub mod backup;
pub mod calendar;
pub mod firewall;
pub mod ha;
pub mod jobs;
pub mod lists;
pub mod sdn;
pub mod shelf;
mod vzdump;

use crate::api::{Call, Fail, Reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One entry: options as text.
pub type Entry = BTreeMap<String, String>;
/// Entries by kind (`ha/groups`, `backup` …) and id.
pub type Sections = BTreeMap<String, BTreeMap<String, Entry>>;

/// A value with the type that the contract declares for the parameter of the method that writes it.
pub fn typed(call: &Call, verb: &str, template: &str, key: &str, value: &str) -> Value {
    let kind = call
        .contract()
        .method(verb, template)
        .and_then(|m| m.param(key))
        .map_or("string", |p| p.kind.as_str());
    match kind {
        "integer" | "boolean" => value.parse::<i64>().map_or_else(|_| json!(value), |n| json!(n)),
        "number" => value.parse::<f64>().map_or_else(|_| json!(value), |n| json!(n)),
        _ => json!(value),
    }
}

/// Sends a call to the list it belongs to; none when it belongs to none.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    let template = call.template.as_str();
    if template.contains("/firewall/") {
        return firewall::dispatch(call);
    }
    if template.contains("/sdn") {
        return sdn::dispatch(call);
    }
    if template.contains("/backup") || template.contains("/vzdump") {
        return backup::dispatch(call);
    }
    ha::dispatch(call).or_else(|| lists::dispatch(call))
}
