//! Destroying a guest.

use super::disks::unlocked;
use super::options::root_flags;
use super::views::volumes;
use super::vm_create::forget;
use crate::api::{Call, Fail, Reply};
use crate::engine::lock_text;
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Kind, World};
use crate::storage;
use crate::tasks::{Halves, Job};
use serde_json::json;

/// `DELETE …/{vmid}`.
pub fn destroy(call: &Call, kind: Kind) -> Result<Reply, Fail> {
    root_flags(call)?;
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let label = kind.label();
    let force = kind == Kind::Ct && call.flag("force");
    {
        let world = call.engine.world();
        let guest = world.guest(&node, kind, vmid)?;
        if guest.flag("protection") {
            return Err(Fail::text(format!("can't remove {label} {vmid} - protection mode enabled")));
        }
        let managed = crate::sections::ha::shown(&world, kind, vmid)["managed"] == 1;
        if managed && !call.flag("purge") {
            return Err(Fail::text(format!(
                "unable to remove {label} {vmid} - used in HA resources and purge parameter not set."
            )));
        }
        if guest.running() && !force {
            let text = match kind {
                Kind::Vm => format!("VM {vmid} is running - destroy failed"),
                Kind::Ct => format!("unable to destroy CT {vmid} - container is running"),
            };
            return Err(Fail::text(text));
        }
    }
    let purge = call.flag("purge");
    // The server's default differs from its schema text: without the flag only referenced volumes go.
    let sweep = call.flag("destroy-unreferenced-disks");
    let upid = call.engine.start(
        call,
        Job {
            kind: if kind == Kind::Vm { "qmdestroy" } else { "vzdestroy" },
            id: vmid.to_string(),
            node: node.clone(),
            duration_ms: 1_500,
            locks: vec![(vmid, lock_text(kind, vmid))],
            wait_ms: GUEST_LOCK_WAIT_MS,
            work: Box::new(move |_, world, _| {
                let guest = world.guest(&node, kind, vmid)?;
                if !force {
                    unlocked(guest)?;
                }
                if guest.running() && !force {
                    return Err(format!("{label} {vmid} is running - destroy failed"));
                }
                let own: Vec<String> = volumes(&guest.config, kind)
                    .into_iter()
                    .filter(|v| storage::find(world, v, &node).is_some_and(|found| found.vmid == Some(vmid)))
                    .collect();
                still_free(world, &own)?;
                Ok(Halves::then(move |_, world, log| {
                    still_free(world, &own)?;
                    for volid in &own {
                        storage::remove(world, volid, &node);
                    }
                    if sweep {
                        world
                            .volumes
                            .retain(|v| v.vmid != Some(vmid) || v.node.as_deref().is_some_and(|n| n != node));
                    }
                    if purge {
                        log.push(format!("purging {label} {vmid} from related configurations.."));
                        purge_lists(world, vmid);
                    }
                    forget(world, vmid);
                    Ok(())
                }))
            }),
        },
    );
    Ok(Reply::data(json!(upid)))
}

/// Takes the guest out of backup jobs, replication and high availability.
fn purge_lists(world: &mut World, vmid: u32) {
    for (kind, list) in &mut world.sections {
        match kind.as_str() {
            "ha/resources" => list.retain(|sid, _| sid.split(':').nth(1) != Some(&vmid.to_string())),
            "replication" => list.retain(|id, _| id.split('-').next() != Some(&vmid.to_string())),
            "backup" => {
                for job in list.values_mut() {
                    for key in ["vmid", "exclude"] {
                        let Some(ids) = job.get(key) else { continue };
                        let rest: Vec<&str> = ids.split(',').filter(|id| id.parse() != Ok(vmid)).collect();
                        let rest = rest.join(",");
                        job.insert(key.into(), rest);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A base image stays as long as a linked clone needs it.
fn still_free(world: &World, own: &[String]) -> Result<(), String> {
    let used = own.iter().find(|volid| world.volumes.iter().any(|v| v.base.as_ref() == Some(volid)));
    match used {
        Some(volid) => Err(format!("base volume '{volid}' is still in use by linked cloned")),
        None => Ok(()),
    }
}
