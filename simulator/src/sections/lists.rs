//! Small lists of the cluster that are only kept: device mappings, metric servers, replication jobs, realm syncs.

use super::shelf::{Shelf, free};
use crate::api::{Call, Fail, Reply};

const fn mapping(
    kind: &'static str,
    list: &'static str,
    exists: &'static str,
    absent: &'static str,
) -> Shelf {
    Shelf { kind, list, id: "id", exists, absent, failed: ["", "", ""], defaults: &[], digest: true }
}

const LISTS: &[Shelf] = &[
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
    LISTS.iter().find(|shelf| shelf.covers(&call.template)).map(|shelf| shelf.handle(call, free))
}
