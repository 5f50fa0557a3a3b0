//! Guests that are there already: made by this declaration before, or just as the text wants them.

use super::draft::{Draft, GuestDraft};
use domain::interpretation::{GuestChange, Label};

/// An existing guest takes the place of a new one: what the text says becomes an update.
pub(super) fn became(draft: &mut GuestDraft, guest: &domain::facts::Guest) {
    let wish = &mut draft.wish;
    wish.change = GuestChange::Update;
    wish.vmid = Some(guest.vmid);
    wish.name.clone_from(&guest.name);
    wish.image = None;
    wish.iso = None;
    wish.copy_of = None;
    wish.storage = None;
    wish.node = None;
    wish.unprivileged = None;
    wish.login_user = None;
    wish.ssh_keys.clear();
    wish.uefi = None;
    wish.tpm = None;
    let have = guest.extra_disks.len().min(wish.extra_disks.len());
    wish.extra_disks.drain(..have);
    wish.tags.retain(|tag| !guest.tags.contains(tag));
    draft.labels.retain(|field, label| {
        !(matches!(label, Label::Observed { .. })
            && matches!(
                field.as_str(),
                "cores" | "memory_mib" | "disk_gib" | "image" | "storage" | "gateway"
            ))
    });
    for (field, label) in [
        ("change", Label::derived("this declaration made it before", None)),
        ("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) }),
        ("name", Label::Observed { fact: format!("/guests/{}/name", guest.vmid) }),
    ] {
        draft.labels.insert(field.into(), label);
    }
    let mut bare = domain::interpretation::GuestWish::new(GuestChange::Update, wish.kind, wish.name.clone());
    bare.vmid = wish.vmid;
    if bare == *wish {
        wish.change = GuestChange::Keep;
    }
}

/// True if everything that is said about a new guest holds for one that exists, and something is said.
pub(super) fn holds(draft: &GuestDraft, guest: &domain::facts::Guest) -> bool {
    let wish = &draft.wish;
    let said = wish.cores.is_some() || wish.memory_mib.is_some() || wish.disk_gib.is_some();
    said && guest.kind == wish.kind.as_str()
        && wish.cores.is_none_or(|c| c == guest.cores)
        && wish.memory_mib.is_none_or(|m| m == guest.memory_mib)
        && wish.disk_gib.is_none_or(|d| d == guest.disk_gib)
        && wish.ip.as_ref().is_none_or(|ip| guest.ip.as_ref() == Some(ip))
        && wish.vlan.is_none_or(|v| guest.vlan == Some(v))
        && wish.image.as_ref().is_none_or(|i| guest.image.as_ref() == Some(i))
        && wish.node.as_ref().is_none_or(|n| guest.node == *n)
        && wish.storage.as_ref().is_none_or(|s| guest.storage.as_ref() == Some(s))
        && wish.copy_of.is_none()
}

/// Names of guests for which everything that is asked for holds.
pub(super) fn already(draft: &Draft, facts: &domain::facts::Facts) -> Vec<String> {
    let updates = draft.guests.iter().filter(|g| g.wish.change == GuestChange::Update);
    updates
        .filter(|draft| {
            let Some(guest) = draft.wish.vmid.and_then(|id| facts.guest(id)) else { return false };
            let (Ok(wish), Ok(fact)) = (serde_json::to_value(&draft.wish), serde_json::to_value(guest))
            else {
                return false;
            };
            let Some(map) = wish.as_object() else { return false };
            map.iter().filter(|(k, _)| !matches!(k.as_str(), "change" | "kind" | "name" | "vmid")).all(
                |(k, v)| match k.as_str() {
                    "power" => fact.get("status") == Some(v),
                    "tags" => v
                        .as_array()
                        .is_some_and(|tags| tags.iter().all(|t| guest.tags.iter().any(|have| t == have))),
                    k => fact.get(k) == Some(v),
                },
            )
        })
        .map(|draft| draft.wish.name.clone())
        .collect()
}
