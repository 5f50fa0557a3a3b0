//! Small lists of the cluster that are only kept: device mappings, metric servers, replication jobs, realm syncs,
//! targets of notifications. Nothing is sent anywhere.

use super::shelf::{Shelf, free};
use crate::api::{Call, Fail, Reply};
use serde_json::{Value, json};

const fn mapping(
    kind: &'static str,
    list: &'static str,
    exists: &'static str,
    absent: &'static str,
) -> Shelf {
    Shelf { kind, list, id: "id", exists, absent, failed: ["", "", ""], defaults: &[], digest: true }
}

const fn named(kind: &'static str, list: &'static str, exists: &'static str, absent: &'static str) -> Shelf {
    Shelf { kind, list, id: "name", exists, absent, failed: ["", "", ""], defaults: &[], digest: true }
}

const TARGET_EXISTS: &str = "endpoint with name '{id}' already exists";
const TARGET_ABSENT: &str = "endpoint '{id}' does not exist";

const LISTS: &[Shelf] = &[
    named("notify/gotify", "/cluster/notifications/endpoints/gotify", TARGET_EXISTS, TARGET_ABSENT),
    named("notify/sendmail", "/cluster/notifications/endpoints/sendmail", TARGET_EXISTS, TARGET_ABSENT),
    named("notify/smtp", "/cluster/notifications/endpoints/smtp", TARGET_EXISTS, TARGET_ABSENT),
    named("notify/webhook", "/cluster/notifications/endpoints/webhook", TARGET_EXISTS, TARGET_ABSENT),
    named(
        "notify/matchers",
        "/cluster/notifications/matchers",
        "matcher with name '{id}' already exists",
        "matcher '{id}' does not exist",
    ),
    Shelf {
        kind: "metrics",
        list: "/cluster/metrics/server",
        id: "id",
        exists: "metric server '{id}' already exists",
        absent: "status server entry '{id}' does not exist",
        failed: [
            "create metrics server failed",
            "update metrics server failed",
            "delete metrics server failed",
        ],
        defaults: &[],
        digest: true,
    },
    Shelf {
        kind: "realm-sync",
        list: "/cluster/jobs/realm-sync",
        id: "id",
        exists: "Job '{id}' already exists",
        absent: "no such realm-sync job '{id}'",
        failed: ["", "", ""],
        defaults: &[("enabled", "1"), ("type", "realm-sync")],
        digest: true,
    },
    mapping(
        "mapping/pci",
        "/cluster/mapping/pci",
        "mapping PCI ID '{id}' already defined",
        "mapping '{id}' not found",
    ),
    mapping(
        "mapping/usb",
        "/cluster/mapping/usb",
        "mapping USB ID '{id}' already defined",
        "mapping '{id}' not found",
    ),
    mapping(
        "mapping/dir",
        "/cluster/mapping/dir",
        "mapping dir ID '{id}' already defined",
        "mapping '{id}' not found",
    ),
    Shelf {
        kind: "replication",
        list: "/cluster/replication",
        id: "id",
        exists: "replication job '{id}' already exists",
        absent: "no such replication job '{id}'",
        failed: ["", "", ""],
        defaults: &[],
        digest: true,
    },
];

/// Sends a call to one of these lists; none when it belongs to none.
pub fn dispatch(call: &Call) -> Option<Result<Reply, Fail>> {
    match (call.verb.as_str(), call.template.as_str()) {
        // Nobody here has a second factor.
        ("GET", "/access/tfa" | "/access/tfa/{userid}" | "/cluster/log") => {
            return Some(Ok(Reply::data(json!([]))));
        }
        ("GET", "/cluster/notifications/targets") => return Some(Ok(targets(call))),
        ("GET", "/cluster/config/nodes") => return Some(Ok(members(call))),
        _ => {}
    }
    LISTS.iter().find(|shelf| shelf.covers(&call.template)).map(|shelf| shelf.handle(call, free))
}

/// All endpoints of notifications, whatever their type.
fn targets(call: &Call) -> Reply {
    let world = call.engine.world();
    let mut out: Vec<Value> = Vec::new();
    for (kind, list) in &world.sections {
        let Some(kind) = kind.strip_prefix("notify/").filter(|k| *k != "matchers") else { continue };
        out.extend(list.iter().map(|(name, entry)| {
            json!({"name": name, "type": kind, "comment": entry.get("comment"), "origin": "user-created"})
        }));
    }
    Reply::data(json!(out))
}

/// The members of the cluster.
fn members(call: &Call) -> Reply {
    let world = call.engine.world();
    let all = world.nodes.iter().map(|(name, node)| {
        json!({"node": name, "name": name, "nodeid": node.id.to_string(), "quorum_votes": "1", "ring0_addr": node.address})
    });
    Reply::data(json!(all.collect::<Vec<_>>()))
}
