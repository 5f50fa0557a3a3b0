//! Rights that a handler asks for in its code, for the calls we make: creating guests, changing their
//! configuration, cloning, backups, deleting volumes.
//!
//! The schema declares most of these calls as open to everybody and checks inside. What is here follows the
//! checks of qemu-server 8.3 and pve-container 5.2 as far as the arguments show them; rights that depend on
//! the present configuration (the storage of a disk to be resized, bridges of a clone's source) are not
//! known, and the server decides them.

use super::formats::items;
use super::privileges::PermExpr;
use super::property;
use super::table::{Method, Table};
use std::collections::BTreeMap;

type Args = BTreeMap<String, String>;

/// What the handler of this call asks for beyond the declared permission.
pub(super) fn needed(table: &Table, method: &Method, args: &Args) -> Vec<PermExpr> {
    let scope = Scope { table, args };
    if args.contains_key("skiplock") {
        return vec![PermExpr::RootOnly];
    }
    match (method.verb.as_str(), method.path.as_str()) {
        ("POST", "/nodes/{node}/qemu") => scope.create(true),
        ("POST", "/nodes/{node}/lxc") => scope.create(false),
        ("PUT" | "POST", "/nodes/{node}/qemu/{vmid}/config") => scope.change(true),
        ("PUT", "/nodes/{node}/lxc/{vmid}/config") => scope.change(false),
        ("POST", "/nodes/{node}/qemu/{vmid}/clone" | "/nodes/{node}/lxc/{vmid}/clone") => {
            args.get("storage").map(|id| space(id)).into_iter().collect()
        }
        ("POST", "/nodes/{node}/vzdump") => scope.backup(),
        ("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}") => scope.delete_volume(),
        _ => Vec::new(),
    }
}

struct Scope<'a> {
    table: &'a Table,
    args: &'a Args,
}

impl Scope<'_> {
    fn create(&self, vm: bool) -> Vec<PermExpr> {
        let mut all = vec![self.on_guest("VM.Allocate")];
        if let Some(storage) = self.args.get("ostemplate").and_then(|volume| volume.split_once(':')) {
            all.push(readable(storage.0));
        }
        for (name, value) in self.args {
            all.extend(if vm {
                self.vm_option(name, value, true)
            } else {
                self.ct_option(name, value, true)
            });
        }
        all.dedup();
        all
    }

    fn change(&self, vm: bool) -> Vec<PermExpr> {
        let mut all = Vec::new();
        let deleted = self.args.get("delete").map(String::as_str).unwrap_or_default();
        let given = self.args.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in given.chain(items(deleted).map(|name| (name, ""))) {
            all.extend(if vm {
                self.vm_option(name, value, false)
            } else {
                self.ct_option(name, value, false)
            });
        }
        all.dedup();
        all
    }

    fn vm_option(&self, name: &str, value: &str, creating: bool) -> Vec<PermExpr> {
        let privilege = match stem(name) {
            "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate" | "unused" => {
                return self.drive(value, creating);
            }
            "net" => return self.net(value),
            "ipconfig" => return vec![self.cloudinit()],
            "numa" => "VM.Config.CPU",
            _ => match name {
                "cores" | "cpu" | "cpulimit" | "cpuunits" | "smp" | "sockets" | "vcpus" => "VM.Config.CPU",
                "memory" | "balloon" | "shares" => "VM.Config.Memory",
                "acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios1" | "tablet" | "vga"
                | "watchdog" | "audio0" => "VM.Config.HWType",
                "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime"
                | "migrate_downtime" | "migrate_speed" | "name" | "onboot" | "ostype" | "protection"
                | "reboot" | "startdate" | "tdf" | "template" | "tags" => "VM.Config.Options",
                "startup" => {
                    return vec![self.on_guest("VM.Config.Options"), PermExpr::on("/", "Sys.Modify")];
                }
                "boot" | "bootdisk" | "vmstatestorage" => "VM.Config.Disk",
                "freeze" => "VM.PowerMgmt",
                "cicustom" | "cipassword" | "citype" | "ciuser" | "ciupgrade" | "nameserver"
                | "searchdomain" | "sshkeys" => return vec![self.cloudinit()],
                "args" | "lock" | "affinity" | "vmgenid" | "hugepages" | "keephugepages" | "ivshmem"
                | "spice_enhancements" => return vec![PermExpr::RootOnly],
                _ => return Vec::new(),
            },
        };
        vec![self.on_guest(privilege)]
    }

    fn ct_option(&self, name: &str, value: &str, creating: bool) -> Vec<PermExpr> {
        let privilege = match stem(name) {
            "mp" | "unused" => return self.drive(value, creating),
            "net" => return self.net(value),
            _ => match name {
                "rootfs" => return self.drive(value, creating),
                "cores" | "cpulimit" | "cpuunits" => "VM.Config.CPU",
                "memory" | "swap" => "VM.Config.Memory",
                "nameserver" | "searchdomain" | "hostname" => "VM.Config.Network",
                "features" if value == "nesting=1" || value == "nesting=0" => "VM.Allocate",
                "features" | "hookscript" | "lock" => return vec![PermExpr::RootOnly],
                "startup" => {
                    return vec![self.on_guest("VM.Config.Options"), PermExpr::on("/", "Sys.Modify")];
                }
                "onboot" | "description" | "protection" | "tags" | "tty" | "console" | "cmode"
                | "timezone" | "debug" => "VM.Config.Options",
                _ => return Vec::new(),
            },
        };
        vec![self.on_guest(privilege)]
    }

    /// A disk or CD drive: new volumes need space on the storage, existing ones must be readable.
    fn drive(&self, value: &str, creating: bool) -> Vec<PermExpr> {
        let parts = property::read(self.table, "scsi", value).unwrap_or_default();
        let file = parts.get("file").map(String::as_str).unwrap_or_default();
        let cdrom = parts.get("media").is_some_and(|media| media == "cdrom") || file.ends_with(":cloudinit");
        let mut all = Vec::new();
        if !creating {
            all.push(self.on_guest(if cdrom { "VM.Config.CDROM" } else { "VM.Config.Disk" }));
        }
        if let Some((storage, volume)) = file.split_once(':') {
            let new = volume == "cloudinit" || volume.parse::<f64>().is_ok();
            if new {
                all.push(space(storage));
            } else if cdrom {
                all.push(readable(storage));
            }
        }
        if let Some((storage, _)) = parts.get("import-from").and_then(|source| source.split_once(':')) {
            all.push(readable(storage));
        }
        all
    }

    /// A network card: the guest's network right, and use of the bridge (or of its one VLAN).
    fn net(&self, value: &str) -> Vec<PermExpr> {
        let mut all = vec![self.on_guest("VM.Config.Network")];
        let part = |name: &str| {
            value.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        // A vnet of another zone has another path; which one is not in the arguments.
        if let Some(bridge) = part("bridge").filter(|bridge| bridge.starts_with("vmbr")) {
            let path = format!("/sdn/zones/localnetwork/{bridge}");
            all.push(PermExpr::on(
                part("tag").map_or(path.clone(), |tag| format!("{path}/{tag}")),
                "SDN.Use",
            ));
        }
        all
    }

    fn backup(&self) -> Vec<PermExpr> {
        let vmids = self.args.get("vmid").map(String::as_str).unwrap_or_default();
        let mut all: Vec<PermExpr> =
            items(vmids).map(|vmid| PermExpr::on(format!("/vms/{vmid}"), "VM.Backup")).collect();
        all.extend(self.args.get("storage").map(|id| space(id)));
        all
    }

    fn delete_volume(&self) -> Vec<PermExpr> {
        let storage = self.args.get("storage").map(String::as_str).unwrap_or_default();
        let volume = self.args.get("volume").map(String::as_str).unwrap_or_default();
        let path = format!("/storage/{storage}");
        let mut ways = vec![PermExpr::on(path.clone(), "Datastore.Allocate")];
        if volume.contains("backup/") {
            ways.push(PermExpr::on(path, "Datastore.AllocateSpace"));
        }
        vec![PermExpr::Any(ways)]
    }

    /// A right on the guest, which may also come from the pool it is made in.
    fn on_guest(&self, privilege: &str) -> PermExpr {
        let vmid = self.args.get("vmid").map(String::as_str).unwrap_or_default();
        let own = PermExpr::on(format!("/vms/{vmid}"), privilege);
        match self.args.get("pool") {
            Some(pool) => PermExpr::Any(vec![own, PermExpr::on(format!("/pool/{pool}"), privilege)]),
            None => own,
        }
    }

    fn cloudinit(&self) -> PermExpr {
        PermExpr::Any(vec![self.on_guest("VM.Config.Cloudinit"), self.on_guest("VM.Config.Network")])
    }
}

fn space(storage: &str) -> PermExpr {
    PermExpr::on(format!("/storage/{storage}"), "Datastore.AllocateSpace")
}

fn readable(storage: &str) -> PermExpr {
    PermExpr::On {
        path: format!("/storage/{storage}"),
        privs: vec!["Datastore.AllocateSpace".into(), "Datastore.Audit".into()],
        any: true,
    }
}

/// `scsi0` is of the family `scsi`; a name without a number is no family.
fn stem(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == name.len() { "" } else { stem }
}
