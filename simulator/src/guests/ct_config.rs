//! Changing a container.

use super::config::known;
use super::ct::{given_options, is_mount, mounts, precheck};
use super::disks::{keep_unused, unlocked, volume_of};
use super::options::{self, stem};
use crate::api::{Call, Fail, Reply};
use crate::limits::GUEST_LOCK_WAIT_MS;
use crate::state::{Config, Guest, Kind};
use crate::storage;

const REQUIRED: &[&str] = &["arch", "memory", "rootfs", "swap"];
/// Options that wait for the next start of a running container.
const AT_START: &[&str] = &["arch", "cmode", "console", "debug", "features", "ostype", "tty"];

/// `PUT …/lxc/{vmid}/config`.
pub async fn put(call: &Call) -> Result<Reply, Fail> {
    let (node, vmid) = (call.node().to_owned(), call.vmid());
    let set = given_options(call);
    let words = |name: &str| -> Vec<String> {
        call.text(name)
            .unwrap_or_default()
            .split([',', ';', ' '])
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (delete, revert) = (words("delete"), words("revert"));
    if set.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(Fail::text("no options specified"));
    }
    for key in &delete {
        if set.contains_key(key) {
            return Err(Fail::param(
                "delete",
                format!("you can't use '-{key}' and -delete {key}' at the same time"),
            ));
        }
        if !known(call.contract(), Kind::Ct, key) {
            return Err(Fail::param("delete", format!("unknown option '{key}'")));
        }
    }
    let unprivileged;
    {
        let world = call.engine.world();
        let guest = world.guest(&node, Kind::Ct, vmid)?;
        unprivileged = guest.flag("unprivileged");
        for key in &delete {
            options::demand(call, &world, Kind::Ct, key, None)?;
        }
        precheck(call, &world, &set, unprivileged)?;
    }
    call.engine.guest_free(Kind::Ct, vmid, GUEST_LOCK_WAIT_MS).await?;
    let mut world = call.engine.world();
    let guest = world.guest(&node, Kind::Ct, vmid)?;
    unlocked(guest)?;
    if call.text("digest").is_some_and(|d| !d.is_empty() && d != guest.digest()) {
        return Err(Fail::text("detected modified configuration - file changed by other user? Try again."));
    }
    if let Some(key) = delete.iter().find(|k| REQUIRED.contains(&k.as_str())) {
        return Err(Fail::text(format!("unable to delete required option '{key}'")));
    }
    if set.contains_key("unprivileged") {
        return Err(Fail::text("unable to modify read-only option: 'unprivileged'"));
    }
    // New mounts first: they can fail, and then nothing else is written.
    let mut made: Config =
        set.iter().filter(|(k, _)| is_mount(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
    mounts(call.contract(), &mut world, &node, vmid, &mut made)?;
    let up: Vec<String> = world
        .nodes
        .get(&node)
        .map(|n| n.bridges.iter().filter(|(_, b)| b.up).map(|(k, _)| k.clone()).collect())
        .unwrap_or_default();
    let mut doomed = Vec::new();
    let mut broken = None;
    let guest = world.guest_mut(&node, Kind::Ct, vmid)?;
    for key in &revert {
        guest.pending.remove(key);
        guest.pending_delete.remove(key);
    }
    for key in &delete {
        remove(guest, key, &mut doomed);
    }
    for (key, value) in &set {
        let value = match key.as_str() {
            _ if is_mount(key) => made.get(key).cloned().unwrap_or_default(),
            "tags" => options::tags(value),
            _ if stem(key) == "net" => {
                let card = options::ct_net(call, value);
                if let Some(bridge) = missing_bridge(&card, &up) {
                    // The options before it are already written; that is how the server does it.
                    broken = Some(bridge);
                    continue;
                }
                card
            }
            _ => value.clone(),
        };
        if guest.running() && AT_START.contains(&key.as_str()) {
            guest.pending.insert(key.clone(), value);
        } else if value.is_empty() && key == "description" {
            guest.config.remove(key);
        } else {
            guest.config.insert(key.clone(), value);
        }
    }
    let old = guest
        .config
        .iter()
        .filter(|(k, _)| stem(k) == "net" && k.as_str() != "net")
        .find_map(|(_, v)| missing_bridge(v, &up));
    for volid in doomed {
        storage::remove(&mut world, &volid, &node);
    }
    match broken.or(old) {
        Some(bridge) => Err(Fail::text(format!("bridge '{bridge}' does not exist"))),
        None => Ok(Reply::null()),
    }
}

fn missing_bridge(card: &str, up: &[String]) -> Option<String> {
    let bridge = card.split(',').find_map(|p| p.strip_prefix("bridge="))?;
    (!up.iter().any(|u| u == bridge)).then(|| bridge.to_owned())
}

fn remove(guest: &mut Guest, key: &str, doomed: &mut Vec<String>) {
    guest.pending.remove(key);
    if guest.running() && AT_START.contains(&key) {
        guest.pending_delete.insert(key.to_owned());
        return;
    }
    let Some(line) = guest.config.remove(key) else { return };
    let own = volume_of(&line).filter(|v| v.contains(&format!("-{}-", guest.vmid)));
    match own {
        Some(volid) if stem(key) == "unused" => doomed.push(volid),
        Some(volid) if is_mount(key) => keep_unused(&mut guest.config, &volid),
        _ => {}
    }
}
