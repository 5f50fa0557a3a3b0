//! What new VMs and containers have in common: the step, its sentence, where each value comes from.

use super::context::{Context, Silent};
use super::draft::{Draft, Target, change, step};
use super::placement::NewGuest;
use super::spec::Source;
use super::{Made, NoPlan, create_container, create_vm, ha, power, reverse, sentence};
use crate::interpretation::GuestKind;
use crate::mark::TAG;
use crate::plan::{FieldChange, Origin, StepVerb, TimeClass};

/// Adds the step that makes the guest and, where it shall run, the one that starts it, and the one that makes it
/// highly available. `made_before`: the steps that make storages and pools of this plan.
pub(super) fn plan(
    context: &Context<'_>,
    guest: &NewGuest<'_>,
    made_before: &Made,
    draft: &mut Draft,
) -> Result<(), NoPlan> {
    let (spec, target) = (&guest.spec, guest.target());
    let phrases = context.phrases("guests", spec.index, spec.wish);
    let mut made = step(StepVerb::Create, target.subject(), words(guest), phrases);
    let used = guest.disks.iter().map(|(_, id)| id).chain([&guest.storage]);
    made.after = used.filter_map(|id| made_before.storages.get(id).copied()).collect();
    made.after.extend(spec.pool.and_then(|pool| made_before.pools.get(pool)));
    made.after.sort_unstable();
    made.after.dedup();
    made.time = TimeClass::Minutes;
    made.changes = changes(context, guest);
    made.calls = match spec.wish.kind {
        GuestKind::Vm => create_vm::calls(guest)?,
        GuestKind::Container => create_container::calls(guest),
    };
    if let Source::Clone { guest: source, .. } = &spec.source {
        // Copies of one template wait for its lock, so they are made one after the other.
        made.lane = format!("{} {}", if source.template { "template" } else { "guest" }, source.vmid);
    }
    made.reverse = reverse::of_create(&target, spec.running, spec.wish.protected == Some(true));
    let no = draft.push(made);
    let mut last = no;
    if spec.running {
        last = power::start_new(context, guest, no, draft);
    }
    if ha::differs(context, spec.wish.kind, guest.vmid, spec.wish.ha)? == Some(true) {
        let used = guest.disks.iter().map(|(_, id)| id.as_str()).chain([guest.storage.as_str()]);
        ha::movable(context, &spec.wish.name, used)?;
        let origin = context.origin(spec.index, "ha", Silent::Planner("the text says so"));
        let shown = change("high availability", None, Some(sentence::on_off(true)), origin);
        let said = context.phrase("guests", spec.index, "ha");
        ha::manage(context, &target, spec.running, shown, said, vec![last], draft);
    }
    Ok(())
}

impl NewGuest<'_> {
    pub fn target(&self) -> Target {
        Target {
            vmid: self.vmid,
            kind: self.spec.wish.kind,
            node: self.node.clone(),
            name: self.spec.wish.name.clone(),
            mark: self.mark,
            // Not known before it exists; the mark tells it from others.
            stamp: None,
        }
    }

    /// The tags of the text and our own, as Proxmox sorts them.
    pub fn tags(&self) -> Vec<String> {
        let mut tags = self.spec.wish.tags.clone();
        tags.push(TAG.to_owned());
        tags.sort();
        tags.dedup();
        tags
    }

    fn source(&self) -> String {
        match &self.spec.source {
            Source::Clone { words, .. } if self.linked => format!("{words}, sharing its disk"),
            Source::Clone { words, .. } => words.clone(),
            Source::File { image, .. } => format!("from image {image}"),
            Source::Iso { file } => format!("with the ISO {file}"),
        }
    }
}

fn words(guest: &NewGuest<'_>) -> String {
    let (spec, wish) = (&guest.spec, guest.spec.wish);
    let mut parts = vec![
        sentence::count(spec.cores.into(), "core"),
        format!("{} of memory", sentence::memory(spec.memory_mib)),
        format!("{} of disk on {}", sentence::disk(spec.disk_gib), guest.storage),
    ];
    parts.extend(
        guest.disks.iter().map(|(gib, id)| format!("a further disk of {} on {id}", sentence::disk(*gib))),
    );
    parts.push(match spec.ip.as_str() {
        "dhcp" => "address by DHCP".to_owned(),
        ip => format!("address {ip}"),
    });
    parts.extend(wish.vlan.map(|tag| format!("VLAN {tag}")));
    parts.extend(wish.login_user.as_ref().map(|user| format!("login {user}")));
    parts.extend((!wish.tags.is_empty()).then(|| format!("tags {}", sentence::list(&wish.tags))));
    let subject = guest.target().subject().words();
    let end = if spec.running { "" } else { " It is not started." };
    format!("Create {subject} on {} {}: {}.{end}", guest.node, guest.source(), parts.join(", "))
}

fn changes(context: &Context<'_>, guest: &NewGuest<'_>) -> Vec<FieldChange> {
    let (spec, wish) = (&guest.spec, guest.spec.wish);
    let kind = wish.kind.as_str();
    let mut all = Vec::new();
    let planner = |why: &str| Origin::Planner { why: why.to_owned() };
    let mut add =
        |field: &str, value: String, origin: Origin| all.push(change(field, None, Some(value), origin));
    let said = |field: &str, why: &str| context.origin(spec.index, field, Silent::Planner(why));
    let house = |field: &str, rule: &str| context.origin(spec.index, field, Silent::Default(rule));
    // A copy takes from its model what the text leaves open.
    let sized = |field: &str| match &spec.source {
        Source::Clone { guest: model, .. } if !model.template => {
            said(field, &format!("as {} has it", model.name))
        }
        _ => house(field, &format!("{kind}/{field}")),
    };
    let first = context.request.rules.vmid_first;
    add("number", guest.vmid.to_string(), planner(&format!("the lowest free number from {first}")));
    add("name", wish.name.clone(), said("name", "made up by the planner"));
    add("node", guest.node.clone(), said("node", &guest.why));
    match &spec.source {
        Source::Clone { guest: model, .. } if model.template => {
            add(
                "template",
                format!("{} ({})", model.name, model.vmid),
                house("image", &format!("{kind}/image")),
            );
        }
        Source::Clone { guest: model, .. } => {
            add("copy of", format!("{} ({})", model.name, model.vmid), said("copy_of", "the text says so"));
        }
        Source::File { image, .. } => add("image", image.clone(), house("image", &format!("{kind}/image"))),
        Source::Iso { file } => add("ISO", (*file).to_owned(), said("iso", "the text says so")),
    }
    add("cores", spec.cores.to_string(), sized("cores"));
    add("memory", sentence::memory(spec.memory_mib), sized("memory_mib"));
    let grown = wish.disk_gib.is_none() && spec.disk_gib != context.defaults(wish.kind).disk_gib;
    let disk = if grown { said("disk_gib", "as large as what it is made from") } else { sized("disk_gib") };
    add("disk", sentence::disk(spec.disk_gib), disk);
    let storage = match &spec.source {
        Source::Clone { .. } => "where the disk it is copied from lies",
        _ => "the most free space of the storages that can hold it, shared ones first",
    };
    add("storage", guest.storage.clone(), said("storage", storage));
    for (n, (gib, id)) in guest.disks.iter().enumerate() {
        let origin = said(&format!("extra_disks/{n}"), "the text says so");
        add("further disk", format!("{} on {id}", sentence::disk(*gib)), origin);
    }
    add("address", spec.ip.clone(), house("ip", "network/ip"));
    if let Some(gateway) = &spec.gateway {
        add("gateway", gateway.clone(), said("gateway", "the gateway of the subnet, by the house rules"));
    }
    add("bridge", spec.bridge.clone(), house("bridge", "network/bridge"));
    if let Some(tag) = wish.vlan {
        add("VLAN", tag.to_string(), said("vlan", "the text says so"));
    }
    add("MAC address", guest.mark.mac(0), planner("made from the ownership mark, so that it stays the same"));
    add(
        "start on boot",
        sentence::on_off(spec.on_boot),
        house("start_on_boot", &format!("{kind}/start_on_boot")),
    );
    add("tags", guest.tags().join(", "), said("tags", "the tag of MycoPod's guests"));
    let optional = [
        ("pool", "pool", spec.pool.map(str::to_owned)),
        ("name servers", "nameservers", (!wish.nameservers.is_empty()).then(|| wish.nameservers.join(", "))),
        ("login", "login_user", wish.login_user.clone()),
        ("SSH keys", "ssh_keys", (!wish.ssh_keys.is_empty()).then(|| wish.ssh_keys.len().to_string())),
        ("start order", "start_order", wish.start_order.map(|order| order.to_string())),
        ("start delay", "start_delay_s", wish.start_delay_s.map(|delay| format!("{delay} s"))),
        ("protection", "protected", wish.protected.map(sentence::on_off)),
        ("swap", "swap_mib", wish.swap_mib.map(sentence::memory)),
        ("UEFI", "uefi", wish.uefi.map(sentence::on_off)),
        ("TPM", "tpm", wish.tpm.map(sentence::on_off)),
        ("notes", "description", wish.description.clone()),
    ];
    for (word, field, value) in optional {
        if let Some(value) = value {
            add(word, value, said(field, "the text says so"));
        }
    }
    all
}
