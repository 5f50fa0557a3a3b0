//! House rules where the text is silent, addresses in their networks, room on the storages.

use super::address;
use super::reader::Reader;
use domain::interpretation::{
    Change, GuestKind, Label, Power, QuestionAbout, RefusalReason, Span, WarningAbout,
};
use std::collections::BTreeMap;

impl Reader<'_> {
    /// House rules where the text is silent about a new guest.
    pub(super) fn fill(&mut self) {
        let facts = self.facts;
        for n in 0..self.draft.guests.len() {
            let Some(draft) = self.draft.guests.get_mut(n).filter(|d| d.is_new()) else { continue };
            let (house, base, images) = match draft.wish.kind {
                GuestKind::Vm => (&facts.house.defaults.vm, "vm", &facts.house.images.vm),
                GuestKind::Container => {
                    (&facts.house.defaults.container, "container", &facts.house.images.container)
                }
            };
            let kube = &facts.house.defaults.kubernetes;
            let rule =
                |group: &str, field: &str| Label::Default { rule: format!("/defaults/{group}/{field}") };
            let copied = draft.wish.copy_of.is_some();
            if draft.wish.image.is_none() && draft.wish.iso.is_none() && !copied {
                let (image, group) =
                    if draft.kubernetes { (&kube.image, "kubernetes") } else { (&house.image, base) };
                if images.contains_key(image) {
                    draft.wish.image = Some(image.clone());
                    draft.set("image", rule(group, "image"));
                }
            }
            if !copied {
                let group = if draft.kubernetes { "kubernetes" } else { base };
                let (cores, memory, disk) = if draft.kubernetes {
                    (kube.cores, kube.memory_mib, kube.disk_gib)
                } else {
                    (house.cores, house.memory_mib, house.disk_gib)
                };
                if draft.wish.cores.is_none() {
                    draft.wish.cores = Some(cores);
                    draft.set("cores", rule(group, "cores"));
                }
                if draft.wish.memory_mib.is_none() {
                    draft.wish.memory_mib = Some(memory);
                    draft.set("memory_mib", rule(group, "memory_mib"));
                }
                if draft.wish.disk_gib.is_none() {
                    let least = draft
                        .wish
                        .image
                        .as_ref()
                        .and_then(|name| images.get(name).map(|i| (name.clone(), i.disk_gib)));
                    match least.filter(|(_, least)| *least > disk) {
                        Some((name, least)) => {
                            draft.wish.disk_gib = Some(least);
                            draft.set(
                                "disk_gib",
                                Label::Observed { fact: format!("/images/{base}/{name}/disk_gib") },
                            );
                        }
                        None => {
                            draft.wish.disk_gib = Some(disk);
                            draft.set("disk_gib", rule(group, "disk_gib"));
                        }
                    }
                }
            }
            if draft.wish.power.is_none() {
                draft.wish.power =
                    Some(if house.power == "stopped" { Power::Stopped } else { Power::Running });
                draft.set("power", rule(base, "power"));
            }
            if draft.wish.start_on_boot.is_none() {
                draft.wish.start_on_boot = Some(house.start_on_boot);
                draft.set("start_on_boot", rule(base, "start_on_boot"));
            }
            if draft.wish.ip.is_none() {
                draft.wish.ip = Some(facts.house.defaults.network.ip.clone());
                draft.set("ip", rule("network", "ip"));
            }
            if draft.wish.bridge.is_none()
                && !copied
                && facts.bridges.contains_key(&facts.house.defaults.network.bridge)
            {
                draft.wish.bridge = Some(facts.house.defaults.network.bridge.clone());
                draft.set("bridge", rule("network", "bridge"));
            }
            if draft.wish.kind == GuestKind::Container
                && draft.wish.unprivileged.is_none()
                && !copied
                && let Some(unprivileged) = house.unprivileged
            {
                draft.wish.unprivileged = Some(unprivileged);
                draft.set("unprivileged", rule(base, "unprivileged"));
            }
            let nfs = |id: &String| facts.storages.get(id).is_some_and(|s| s.kind == "nfs");
            if draft.wish.storage.as_ref().is_some_and(nfs) {
                self.draft.warn(
                    WarningAbout::SlowDisk,
                    "The boot disk will live on NFS, which is slower than a local disk.",
                    None,
                );
            }
        }
        for entry in &mut self.draft.kubernetes {
            if entry.value.change == Change::Create && entry.value.distribution.is_none() {
                entry.value.distribution = Some(facts.house.defaults.kubernetes.distribution.clone());
                entry.labels.insert(
                    "distribution".into(),
                    Label::Default { rule: "/defaults/kubernetes/distribution".into() },
                );
            }
        }
    }

    /// Addresses lie in their network; the gateway is the network's.
    pub(super) fn addresses(&mut self) {
        let facts = self.facts;
        for n in 0..self.draft.guests.len() {
            let Some(draft) = self.draft.guests.get(n) else { continue };
            let Some(ip) = draft.wish.ip.clone().filter(|ip| ip != "dhcp") else { continue };
            let span = draft.labels.get("ip").and_then(Label::span);
            let plain = ip.split('/').next().unwrap_or("").to_owned();
            let old = draft.wish.vmid.and_then(|id| facts.guest(id));
            let tag = draft.wish.vlan.or(old.and_then(|g| g.vlan));
            let vlan = tag.and_then(|tag| facts.house.vlans.get(&tag.to_string()));
            let cidr = vlan.map_or(facts.house.network.cidr.as_str(), |v| v.cidr.as_str());
            if !address::usable_in(&plain, cidr) {
                self.draft.ask(
                    QuestionAbout::WhatAddress,
                    format!(
                        "{plain} does not lie in {cidr}, where this guest is. Which address shall it have?"
                    ),
                    vec![],
                    span,
                );
                continue;
            }
            let house = &facts.house.network;
            if vlan.is_none() && !address::within(&plain, &house.static_from, &house.static_to) {
                self.draft.warn(
                    WarningAbout::AddressRange,
                    format!("{plain} is outside the range for static addresses."),
                    span,
                );
            }
            let Some(draft) = self.draft.guests.get_mut(n) else { continue };
            if draft.wish.gateway.is_none() && draft.is_new() {
                let (gateway, label) = match (tag, vlan) {
                    (Some(tag), Some(vlan)) => {
                        (vlan.gateway.clone(), Label::Observed { fact: format!("/vlans/{tag}/gateway") })
                    }
                    _ => (
                        Some(facts.house.defaults.network.gateway.clone()),
                        Label::Default { rule: "/defaults/network/gateway".into() },
                    ),
                };
                if let Some(gateway) = gateway {
                    draft.wish.gateway = Some(gateway);
                    draft.set("gateway", label);
                }
            }
        }
    }

    /// Disks fit on their storages.
    pub(super) fn space(&mut self) {
        let mut wanted: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut short: Option<(u64, u64, Option<Span>)> = None;
        for draft in &self.draft.guests {
            let old = draft.wish.vmid.and_then(|id| self.facts.guest(id));
            let content = if draft.wish.kind == GuestKind::Container { "rootdir" } else { "images" };
            let grown = draft.wish.disk_gib.map(|size| {
                (
                    size.saturating_sub(old.map_or(0, |g| g.disk_gib)),
                    draft.wish.storage.clone().or(old.and_then(|g| g.storage.clone())),
                    "disk_gib",
                )
            });
            let extra = draft.wish.extra_disks.iter().map(|d| {
                (
                    d.size_gib,
                    d.storage.clone().or(draft.wish.storage.clone()).or(old.and_then(|g| g.storage.clone())),
                    "extra_disks/0/size_gib",
                )
            });
            for (size, storage, field) in grown.into_iter().chain(extra) {
                let span = draft.labels.get(field).and_then(Label::span);
                let node = draft.wish.node.as_deref().or(old.map(|g| g.node.as_str()));
                let most = |s: &domain::facts::Storage| {
                    node.map_or_else(|| s.free_gib.values().copied().max().unwrap_or(0), |n| s.free_on(n))
                };
                let free = match &storage {
                    Some(id) => self.facts.storages.get(id).map(most),
                    None => self.facts.storages.values().filter(|s| s.holds(content)).map(most).max(),
                };
                let Some(free) = free else { continue };
                let shared =
                    storage.as_ref().and_then(|id| self.facts.storages.get(id)).is_some_and(|s| s.shared);
                let sum = if shared || node.is_some() && storage.is_some() {
                    let sum = wanted
                        .entry((
                            storage.clone().unwrap_or_default(),
                            if shared { String::new() } else { node.unwrap_or("").to_owned() },
                        ))
                        .or_default();
                    *sum += size;
                    *sum
                } else {
                    size
                };
                if sum > free && short.is_none() {
                    short = Some((sum, free, span));
                }
            }
        }
        if let Some((need, free, span)) = short {
            self.draft.refuse_all(
                RefusalReason::Capacity,
                format!("{need} GiB of disk are asked for, {free} GiB are free there."),
                span,
            );
        }
    }
}
