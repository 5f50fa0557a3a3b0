//! The one call that makes a container: everything is in it, and the root disk has its size from the start.

use super::config;
use super::placement::NewGuest;
use crate::interpretation::GuestKind;
use crate::plan::{Call, Condition, Guard, Verb};
use std::collections::BTreeMap;

/// Swap of a container where the text is silent, in MiB; what Proxmox itself takes.
const SWAP_MIB: u64 = 512;

pub(super) fn calls(guest: &NewGuest<'_>) -> Vec<Call> {
    let (kind, vmid, node) = (GuestKind::Container, guest.vmid, guest.node.clone());
    vec![Call {
        verb: Verb::Post,
        path: format!("/nodes/{node}/lxc"),
        args: args(guest),
        purpose: "make the container and unpack its template".into(),
        done_when: Condition::GuestExists { vmid, kind, node: node.clone(), mark: guest.mark },
        guards: vec![Guard::VmidFree { vmid, kind, node }],
    }]
}

fn args(guest: &NewGuest<'_>) -> BTreeMap<String, String> {
    let (spec, wish) = (&guest.spec, guest.spec.wish);
    let flag = |flag: bool| u8::from(flag).to_string();
    let mut args: BTreeMap<String, String> = [
        ("vmid", guest.vmid.to_string()),
        ("hostname", wish.name.clone()),
        ("ostemplate", guest.volume.clone().unwrap_or_default()),
        ("rootfs", format!("{}:{}", guest.storage, spec.disk_gib)),
        ("cores", spec.cores.to_string()),
        ("memory", spec.memory_mib.to_string()),
        ("swap", wish.swap_mib.unwrap_or(SWAP_MIB).to_string()),
        ("net0", card(guest)),
        ("unprivileged", flag(wish.unprivileged.unwrap_or(true))),
        ("onboot", flag(spec.on_boot)),
        ("tags", guest.tags().join(";")),
        ("description", guest.mark.describe(wish.description.as_deref())),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    args.extend(spec.pool.map(|pool| ("pool".to_owned(), pool.to_owned())));
    args.extend(wish.protected.map(|on| ("protection".to_owned(), flag(on))));
    args.extend(
        config::startup(wish.start_order, wish.start_delay_s).map(|order| ("startup".to_owned(), order)),
    );
    if !wish.nameservers.is_empty() {
        args.insert("nameserver".into(), wish.nameservers.join(" "));
    }
    if !wish.ssh_keys.is_empty() {
        args.insert("ssh-public-keys".into(), wish.ssh_keys.join("\n"));
    }
    for (n, (gib, id)) in guest.disks.iter().enumerate() {
        let path = wish.extra_disks.get(n).and_then(|disk| disk.path.clone());
        args.insert(format!("mp{n}"), format!("{id}:{gib},mp={}", path.unwrap_or_else(|| mount_point(n))));
    }
    args
}

/// Where a further disk appears inside the container when the text does not say.
pub(super) fn mount_point(n: usize) -> String {
    format!("/mnt/disk{}", n + 1)
}

fn card(guest: &NewGuest<'_>) -> String {
    let spec = &guest.spec;
    let mut card = config::Options::default();
    card.set("name", "eth0");
    card.set("bridge", &spec.bridge);
    if let Some(gateway) = &spec.gateway {
        card.set("gw", gateway);
    }
    card.set("hwaddr", guest.mark.mac(0));
    card.set("ip", &spec.ip);
    if let Some(tag) = spec.wish.vlan {
        card.set("tag", tag.to_string());
    }
    card.write()
}
