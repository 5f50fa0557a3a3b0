//! The calls that make a VM: a full copy of a template, or an imported disk, or an empty disk and an ISO.
//!
//! The first call carries the ownership mark in the description, so that no VM of ours exists without it.

use super::placement::NewGuest;
use super::spec::Source;
use super::{NoPlan, config, reverse};
use crate::interpretation::GuestKind;
use crate::observation::GuestSeen;
use crate::plan::{Call, Condition, Guard, Verb};
use std::collections::BTreeMap;

/// Where a cloud-init drive may go, the usual place first.
const CLOUDINIT_KEYS: [&str; 5] = ["ide2", "ide0", "ide1", "ide3", "sata5"];

type Args = BTreeMap<String, String>;

pub(super) fn calls(guest: &NewGuest<'_>) -> Result<Vec<Call>, NoPlan> {
    match &guest.spec.source {
        Source::Clone { guest: model, disk, .. } => {
            let mut calls = vec![clone(guest, model), configure(guest, model)?];
            let size = disk.size_gib.unwrap_or(0);
            calls.extend((guest.spec.disk_gib > size).then(|| grow(guest, &disk.key)));
            Ok(calls)
        }
        Source::File { .. } => {
            let volume = guest.volume.clone().unwrap_or_default();
            let disk = format!("{}:0,import-from={volume}", guest.storage);
            let mut args = new_args(guest, disk, "order=scsi0")?;
            args.insert("ide2".into(), format!("{}:cloudinit", guest.storage));
            args.insert("serial0".into(), "socket".into());
            args.extend(cloudinit(guest));
            // An imported disk is as large as its image, whatever that is.
            Ok(vec![create(guest, args, "make the VM and import its disk"), grow(guest, "scsi0")])
        }
        Source::Iso { .. } => {
            let volume = guest.volume.clone().unwrap_or_default();
            let disk = format!("{}:{}", guest.storage, guest.spec.disk_gib);
            let mut args = new_args(guest, disk, "order=scsi0;ide2")?;
            args.insert("ide2".into(), format!("{volume},media=cdrom"));
            Ok(vec![create(guest, args, "make the VM with an empty disk and the ISO")])
        }
    }
}

fn exists(guest: &NewGuest<'_>) -> Condition {
    let node = guest.node.clone();
    Condition::GuestExists { vmid: guest.vmid, kind: GuestKind::Vm, node, mark: guest.mark }
}

fn free(guest: &NewGuest<'_>) -> Guard {
    Guard::VmidFree { vmid: guest.vmid, kind: GuestKind::Vm, node: guest.node.clone() }
}

fn clone(guest: &NewGuest<'_>, model: &GuestSeen) -> Call {
    let wish = guest.spec.wish;
    let mut args: Args = [
        ("newid", guest.vmid.to_string()),
        ("name", wish.name.clone()),
        ("description", guest.mark.describe(wish.description.as_deref())),
        ("full", u8::from(!guest.linked).to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    // A linked copy lies where its template lies; naming a storage is refused.
    if !guest.linked {
        args.insert("storage".into(), guest.storage.clone());
    }
    if model.node != guest.node {
        args.insert("target".into(), guest.node.clone());
    }
    if let Some(pool) = guest.spec.pool {
        args.insert("pool".into(), pool.to_owned());
    }
    Call {
        verb: Verb::Post,
        path: format!("/nodes/{}/qemu/{}/clone", model.node, model.vmid),
        args,
        purpose: match guest.linked {
            true => format!("copy {}, sharing its disks", model.name),
            false => format!("copy {} with its disks", model.name),
        },
        done_when: exists(guest),
        guards: vec![free(guest)],
    }
}

fn configure(guest: &NewGuest<'_>, model: &GuestSeen) -> Result<Call, NoPlan> {
    let mut args = common(guest, &model.config)?;
    args.extend(cloudinit(guest));
    // Cores are counted over all sockets, and a balloon may not be larger than the memory.
    if model.config.get("sockets").is_some_and(|sockets| sockets != "1") {
        args.insert("sockets".into(), "1".into());
    }
    let balloon = model.config.get("balloon").and_then(|balloon| balloon.parse::<u64>().ok());
    if balloon.is_some_and(|balloon| balloon > guest.spec.memory_mib) {
        args.insert("balloon".into(), guest.spec.memory_mib.to_string());
    }
    if model.protection() && guest.spec.wish.protected.is_none() {
        args.insert("protection".into(), "0".into());
    }
    if !model.has_cloudinit() {
        let used = |key: &&&str| model.config.contains_key(**key) || args.contains_key(**key);
        let key = CLOUDINIT_KEYS.iter().find(|key| !used(key)).ok_or_else(|| {
            NoPlan::new(
                format!("{} has no room for a cloud-init drive.", model.name),
                "Remove a CD drive from the template, or add a cloud-init drive to it.",
            )
        })?;
        args.insert((*key).to_owned(), format!("{}:cloudinit", guest.storage));
    }
    let values = config::all_expected(GuestKind::Vm, &args);
    let purpose = "set cores, memory, network and login";
    Ok(reverse::configure_call(&guest.target(), args, values, purpose))
}

fn create(guest: &NewGuest<'_>, args: Args, purpose: &str) -> Call {
    Call {
        verb: Verb::Post,
        path: format!("/nodes/{}/qemu", guest.node),
        args,
        purpose: purpose.to_owned(),
        done_when: exists(guest),
        guards: vec![free(guest)],
    }
}

fn grow(guest: &NewGuest<'_>, disk: &str) -> Call {
    resize(&guest.target(), disk, guest.spec.disk_gib)
}

/// Grows a disk to an absolute size: said twice, done once.
pub(super) fn resize(target: &super::draft::Target, disk: &str, size_gib: u64) -> Call {
    Call {
        verb: Verb::Put,
        path: target.path("/resize"),
        args: [("disk", disk.to_owned()), ("size", format!("{size_gib}G"))]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        purpose: format!("grow {disk} to {size_gib} GiB"),
        done_when: Condition::DiskAtLeast {
            vmid: target.vmid,
            kind: target.kind,
            node: target.node.clone(),
            disk: disk.to_owned(),
            size_gib,
        },
        guards: vec![target.guard()],
    }
}

/// Arguments of a VM that is made without a template.
fn new_args(guest: &NewGuest<'_>, disk: String, boot: &str) -> Result<Args, NoPlan> {
    let wish = guest.spec.wish;
    let scsi0 = BTreeMap::from([("scsi0".to_owned(), String::new())]);
    let mut args = common(guest, &scsi0)?;
    for (key, value) in [
        ("vmid", guest.vmid.to_string()),
        ("name", wish.name.clone()),
        ("description", guest.mark.describe(wish.description.as_deref())),
        ("scsihw", "virtio-scsi-single".into()),
        ("ostype", "l26".into()),
        ("scsi0", disk),
        ("boot", boot.to_owned()),
    ] {
        args.insert(key.to_owned(), value);
    }
    // Windows 11 is the system that asks for a TPM; of any other ISO nobody knows what is on it.
    if let Source::Iso { .. } = guest.spec.source {
        args.insert(
            "ostype".into(),
            if wish.tpm == Some(true) { "win11".into() } else { "other".to_owned() },
        );
    }
    args.extend(guest.spec.pool.map(|pool| ("pool".to_owned(), pool.to_owned())));
    Ok(args)
}

/// What every new VM is told: size, network card, tags, further disks.
fn common(guest: &NewGuest<'_>, present: &BTreeMap<String, String>) -> Result<Args, NoPlan> {
    let (spec, wish) = (&guest.spec, guest.spec.wish);
    let tag = wish.vlan.map(|tag| format!(",tag={tag}")).unwrap_or_default();
    let mut args: Args = [
        ("cores", spec.cores.to_string()),
        ("memory", spec.memory_mib.to_string()),
        ("onboot", u8::from(spec.on_boot).to_string()),
        ("tags", guest.tags().join(";")),
        ("net0", format!("virtio={},bridge={}{tag}", guest.mark.mac(0), spec.bridge)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    let flag = |flag: bool| u8::from(flag).to_string();
    args.extend(wish.protected.map(|on| ("protection".to_owned(), flag(on))));
    args.extend(
        config::startup(wish.start_order, wish.start_delay_s).map(|order| ("startup".to_owned(), order)),
    );
    if wish.uefi == Some(true) && !present.contains_key("efidisk0") {
        args.insert("bios".into(), "ovmf".into());
        args.insert("efidisk0".into(), format!("{}:1,efitype=4m,pre-enrolled-keys=1", guest.storage));
    }
    if wish.tpm == Some(true) && !present.contains_key("tpmstate0") {
        args.insert("tpmstate0".into(), format!("{}:1,version=v2.0", guest.storage));
    }
    let mut keys = config::free_keys("scsi", 1, 30, present);
    for (gib, id) in &guest.disks {
        let key =
            keys.next().ok_or_else(|| NoPlan::new("A VM has at most 30 further disks.", "Ask for fewer."))?;
        args.insert(key, format!("{id}:{gib}"));
    }
    Ok(args)
}

fn cloudinit(guest: &NewGuest<'_>) -> Args {
    let (spec, wish) = (&guest.spec, guest.spec.wish);
    let mut args =
        Args::from([("ipconfig0".to_owned(), config::ipconfig(&spec.ip, spec.gateway.as_deref()))]);
    if !wish.nameservers.is_empty() {
        args.insert("nameserver".into(), wish.nameservers.join(" "));
    }
    args.extend(wish.login_user.clone().map(|user| ("ciuser".to_owned(), user)));
    if !wish.ssh_keys.is_empty() {
        args.insert("sshkeys".into(), config::ssh_keys(&wish.ssh_keys));
    }
    args
}
