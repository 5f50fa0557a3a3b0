//! Machines and containers: what can be asked of them.
//!
//! Begin with [`dispatch`]. Errors that the real server reports only in a task are only in the task here.

pub mod agent;
pub mod cloudinit;
pub mod config;
pub mod ct;
pub mod ct_clone;
pub mod ct_config;
pub mod ct_move;
pub mod destroy;
pub mod disks;
pub mod drives;
pub mod extra;
pub mod migrate;
pub mod move_disk;
pub mod options;
pub mod power;
pub mod restore;
pub mod snapshots;
pub mod views;
pub mod vm_clone;
pub mod vm_create;

pub use crate::state::Kind;

use crate::api::{Call, Fail, Reply};
use serde_json::{Value, json};

/// Sends a call on `/nodes/{node}/qemu…` or `/nodes/{node}/lxc…` to its handler; none when there is none.
pub async fn dispatch(call: &Call, kind: Kind, rest: &str) -> Option<Result<Reply, Fail>> {
    let vm = kind == Kind::Vm;
    if let Some(command) = rest.strip_prefix("/{vmid}/agent").filter(|_| vm) {
        return agent::dispatch(call, command.trim_start_matches('/'));
    }
    Some(match (call.verb.as_str(), rest) {
        ("GET", "") => views::list(call, kind),
        ("POST", "") if vm => vm_create::create(call),
        ("POST", "") => ct::create(call),
        ("GET", "/{vmid}") => views::index(call, kind),
        ("DELETE", "/{vmid}") => destroy::destroy(call, kind),
        ("GET", "/{vmid}/config") => views::config(call, kind),
        ("GET", "/{vmid}/pending") => views::pending(call, kind),
        ("PUT", "/{vmid}/config") if vm => config::put(call).await,
        ("POST", "/{vmid}/config") if vm => config::post(call).await,
        ("PUT", "/{vmid}/config") => ct_config::put(call).await,
        ("GET", "/{vmid}/status") => Ok(Reply::data(status_index(kind))),
        ("GET", "/{vmid}/status/current") => views::current(call, kind),
        ("POST", "/{vmid}/status/start") => power::start(call, kind),
        ("POST", "/{vmid}/status/stop") => power::stop(call, kind),
        ("POST", "/{vmid}/status/shutdown") => power::shutdown(call, kind),
        ("POST", "/{vmid}/status/reboot") => power::reboot(call, kind),
        ("POST", "/{vmid}/status/reset") if vm => extra::signal(call, "reset"),
        ("POST", "/{vmid}/status/suspend") if vm => extra::signal(call, "suspend"),
        ("POST", "/{vmid}/status/resume") if vm => extra::signal(call, "resume"),
        ("PUT", "/{vmid}/sendkey") if vm => extra::key(call),
        ("POST", "/{vmid}/migrate") => migrate::migrate(call, kind),
        ("GET", "/{vmid}/interfaces") if !vm => extra::ct_interfaces(call),
        ("GET", "/{vmid}/feature") => extra::feature(call, kind),
        ("PUT", "/{vmid}/snapshot/{snapname}/config") => extra::describe_snapshot(call, kind).await,
        ("POST", "/{vmid}/clone") if vm => vm_clone::clone(call),
        ("POST", "/{vmid}/move_disk") if vm => move_disk::move_disk(call),
        ("POST", "/{vmid}/clone") => ct_clone::clone(call),
        ("PUT", "/{vmid}/resize") => disks::resize(call, kind),
        ("POST", "/{vmid}/template") if vm => disks::template(call),
        ("POST", "/{vmid}/template") => ct_clone::template(call),
        ("GET", "/{vmid}/snapshot") => snapshots::list(call, kind),
        ("GET", "/{vmid}/snapshot/{snapname}") => {
            Ok(Reply::data(json!([{"cmd": "rollback"}, {"cmd": "config"}])))
        }
        ("GET", "/{vmid}/snapshot/{snapname}/config") => snapshots::config(call, kind),
        ("POST", "/{vmid}/snapshot") => snapshots::create(call, kind),
        ("DELETE", "/{vmid}/snapshot/{snapname}") => snapshots::delete(call, kind),
        ("POST", "/{vmid}/snapshot/{snapname}/rollback") => snapshots::rollback(call, kind),
        ("PUT", "/{vmid}/cloudinit") if vm => config::cloudinit(call).await,
        ("POST", "/{vmid}/move_volume") if !vm => ct_move::move_volume(call),
        ("PUT", "/{vmid}/unlink") if vm => config::unlink(call).await,
        ("GET", "/{vmid}/cloudinit") if vm => cloudinit::pending(call),
        ("GET", "/{vmid}/cloudinit/dump") if vm => cloudinit::dump(call),
        ("POST", "/{vmid}/monitor") if vm => extra::monitor(call),
        ("GET", "/{vmid}/migrate") => migrate::conditions(call, kind),
        ("POST", "/{vmid}/status/suspend" | "/{vmid}/status/resume") => extra::ct_signal(call),
        _ => return None,
    })
}

fn status_index(kind: Kind) -> Value {
    let names: &[&str] = match kind {
        Kind::Vm => &["current", "start", "stop", "reset", "shutdown", "suspend", "reboot"],
        Kind::Ct => &["current", "start", "stop", "shutdown", "reboot", "migrate"],
    };
    json!(names.iter().map(|n| json!({"subdir": n})).collect::<Vec<_>>())
}
