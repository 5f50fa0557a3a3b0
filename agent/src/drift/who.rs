//! Who changed a guest: the newest task of another hand that fits what differs.
//!
//! Proxmox records a task for power, disks, moves and for changes made in its web pages' hardware view; a plain change of
//! options leaves none, and then nobody is named.

use super::Index;
use crate::api::Api;
use crate::limits::{TASK_LOOK_BACK_S, TASKS_LOOKED_THROUGH};
use chrono::DateTime;
use domain::cluster::Cluster;
use domain::drift::Drift;
use proxmox::client::{TaskEntry, TaskFilter};

/// Names the hand and the moment, if the task list of the guest's node tells.
pub(super) async fn name(api: &Api, index: &Index, cluster: &Cluster, drift: &mut Drift) {
    let Some(vmid) = drift.vmid else { return };
    let node = cluster.seen.as_ref().and_then(|seen| seen.guests.get(&vmid)).map(|guest| guest.node.clone());
    let node = node.or_else(|| index.applied.guests.get(&vmid).map(|guest| guest.node.clone()));
    let Some(node) = node else { return };
    let since = u64::try_from(drift.since.timestamp() - TASK_LOOK_BACK_S).ok();
    let filter =
        TaskFilter { since, vmid: Some(vmid), limit: Some(TASKS_LOOKED_THROUGH), ..TaskFilter::default() };
    let tasks = match api.client().tasks(&node, &filter).await {
        Ok(tasks) => tasks,
        Err(error) => {
            tracing::debug!(%error, node, "the task list does not tell who changed a guest");
            return;
        }
    };
    let kinds = kinds(&drift.field);
    let fits = |task: &&TaskEntry| {
        let kind = task.kind.as_deref().unwrap_or_default();
        let well = task.status.as_deref().is_none_or(|end| end == "OK" || end.starts_with("WARNINGS"));
        kinds.contains(&kind) && well && !index.is_own(&task.upid)
    };
    let newest = tasks.iter().filter(fits).max_by_key(|task| task.starttime);
    if let Some(task) = newest {
        let user = task.user.clone().unwrap_or_default();
        let by = match &task.tokenid {
            Some(token) => format!("{user}!{token}"),
            None => user,
        };
        drift.by = Some(by).filter(|by| !by.is_empty());
        drift.task = Some(task.upid.clone());
        let started = task.starttime.and_then(|at| DateTime::from_timestamp(i64::try_from(at).ok()?, 0));
        drift.since = started.unwrap_or(drift.since);
    }
}

/// Kinds of tasks that change a field.
fn kinds(field: &str) -> &'static [&'static str] {
    match field {
        "power" => &[
            "qmstop",
            "qmshutdown",
            "qmstart",
            "qmsuspend",
            "qmresume",
            "qmreboot",
            "vzstop",
            "vzshutdown",
            "vzstart",
            "vzreboot",
        ],
        "disk" => &["resize", "qmmove", "move_volume", "qmconfig", "qmrollback", "vzrollback"],
        "existence" => &["qmdestroy", "vzdestroy"],
        _ => &["qmconfig", "vzconfig", "qmrestore", "vzrestore", "qmrollback", "vzrollback"],
    }
}
