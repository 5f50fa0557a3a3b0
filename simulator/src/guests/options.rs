//! Options of guests: which privilege each needs, which only root@pam may set, which change live.

use crate::api::{Call, Fail};
use crate::contract::props;
use crate::state::{Kind, World};
use base64::Engine as _;

const ROOT_ONLY: &[&str] =
    &["affinity", "args", "hugepages", "ivshmem", "keephugepages", "lock", "spice_enhancements", "vmgenid"];
const CPU: &[&str] = &["cores", "sockets", "cpu", "cpulimit", "cpuunits", "numa", "smp", "vcpus", "affinity"];
const MEMORY: &[&str] = &["memory", "balloon", "shares", "swap", "hugepages"];
const OPTIONS: &[&str] = &[
    "agent",
    "autostart",
    "bios",
    "boot",
    "bootdisk",
    "description",
    "freeze",
    "hotplug",
    "kvm",
    "localtime",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "onboot",
    "ostype",
    "protection",
    "reboot",
    "smbios1",
    "startdate",
    "tablet",
    "tags",
    "tdf",
    "template",
    "hookscript",
    "acpi",
    "cmode",
    "console",
    "tty",
    "features",
    "debug",
];
const CLOUDINIT: &[&str] =
    &["cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys"];
const LIVE: &[&str] = &[
    "description",
    "hookscript",
    "name",
    "onboot",
    "protection",
    "shares",
    "startup",
    "tags",
    "vmstatestorage",
    "lock",
    "migrate_downtime",
    "migrate_speed",
];

/// An option name without its index: `net3` gives `net`.
pub fn stem(key: &str) -> &str {
    key.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// Is this a disk of a machine?
pub fn is_drive(key: &str) -> bool {
    let indexed = stem(key).len() < key.len();
    indexed && matches!(stem(key), "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate")
}

/// Refuses `skiplock` and its like, which only root@pam may use.
pub fn root_flags(call: &Call) -> Result<(), Fail> {
    match call.flag("skiplock") && !call.access().is_root() {
        true => Err(Fail::param("skiplock", "Only root may use this option.")),
        false => Ok(()),
    }
}

/// Refuses options of a machine that a token cannot set.
pub fn root_options(key: &str, value: Option<&str>) -> Result<(), Fail> {
    let text = value.unwrap_or_default();
    if ROOT_ONLY.contains(&key) || stem(key) == "parallel" {
        return Err(Fail::text(format!("only root can set '{key}' config")));
    }
    match stem(key) {
        "hostpci" if !text.contains("mapping=") && value.is_some() => {
            Err(Fail::text(format!("only root can set '{key}' config for non-mapped devices")))
        }
        "usb"
            if !text.contains("mapping=")
                && !text.split(',').any(|p| p == "spice" || p == "host=spice")
                && value.is_some() =>
        {
            Err(Fail::text(format!("only root can set '{key}' config for real devices")))
        }
        "serial" if text.starts_with("/dev/") => {
            Err(Fail::text(format!("only root can modify '{key}' config for real devices")))
        }
        _ => Ok(()),
    }
}

/// Demands the privilege that setting or deleting an option needs.
pub fn demand(call: &Call, world: &World, kind: Kind, key: &str, value: Option<&str>) -> Result<(), Fail> {
    let path = format!("/vms/{}", call.vmid());
    let stem = stem(key);
    if CLOUDINIT.contains(&key) || stem == "ipconfig" {
        let access = call.access();
        let both = ["VM.Config.Cloudinit", "VM.Config.Network"];
        let wanted = if kind == Kind::Ct { "VM.Config.Network" } else { "VM.Config.Cloudinit" };
        return if both.iter().any(|p| access.allows(world, &path, p)) {
            Ok(())
        } else {
            on_guest(call, world, &path, wanted)
        };
    }
    if key == "startup" {
        return call.demand(world, "/", "Sys.Modify");
    }
    if stem == "net" {
        on_guest(call, world, &path, "VM.Config.Network")?;
        return value.map_or(Ok(()), |card| bridge(call, world, card));
    }
    let cdrom = value.is_some_and(|v| v.contains("media=cdrom"));
    let privilege = match key {
        _ if CPU.contains(&key) => "VM.Config.CPU",
        _ if MEMORY.contains(&key) => "VM.Config.Memory",
        _ if OPTIONS.contains(&key) => "VM.Config.Options",
        _ if is_drive(key) && cdrom => "VM.Config.CDROM",
        "hostname" => "VM.Config.Network",
        _ if is_drive(key) || matches!(stem, "unused" | "mp" | "rootfs") => "VM.Config.Disk",
        _ if kind == Kind::Ct => "VM.Config.Options",
        _ => "VM.Config.HWType",
    };
    on_guest(call, world, &path, privilege)
}

/// A privilege on the guest, or on the pool that it is being made in.
fn on_guest(call: &Call, world: &World, path: &str, privilege: &str) -> Result<(), Fail> {
    let pooled = call.text("pool").filter(|_| call.verb == "POST");
    match pooled.is_some_and(|pool| call.access().allows(world, &format!("/pool/{pool}"), privilege)) {
        true => Ok(()),
        false => call.demand(world, path, privilege),
    }
}

/// Demands the use of a card's bridge: of its one VLAN where the card has a tag.
pub fn bridge(call: &Call, world: &World, card: &str) -> Result<(), Fail> {
    let part = |name: &str| card.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let Some(bridge) = part("bridge") else { return Ok(()) };
    let vnet = world.sections.get("sdn/vnets").and_then(|all| all.get(bridge));
    let zone = vnet.and_then(|vnet| vnet.get("zone")).map_or("localnetwork", String::as_str);
    let path = format!("/sdn/zones/{zone}/{bridge}");
    call.demand(world, &part("tag").map_or(path.clone(), |tag| format!("{path}/{tag}")), "SDN.Use")
}

/// Does a change of this option reach a running machine at once?
pub fn live(key: &str, hotplug: Option<&str>) -> bool {
    let features = match hotplug {
        None | Some("1") => "network,disk,usb",
        Some("0") => "",
        Some(list) => list,
    };
    let has = |word: &str| features.split(',').any(|f| f == word);
    match stem(key) {
        _ if LIVE.contains(&key) => true,
        "net" => has("network"),
        "scsi" | "virtio" | "unused" => has("disk"),
        "usb" => has("usb"),
        "ipconfig" => has("cloudinit"),
        _ if CLOUDINIT.contains(&key) => has("cloudinit"),
        "cores" | "sockets" | "vcpus" if key != "cores" && key != "sockets" => has("cpu"),
        _ => false,
    }
}

/// A network card of a machine, with a MAC address.
pub fn vm_net(call: &Call, value: &str) -> String {
    let mut card = props::parse(call.contract(), "net-2", value);
    if !card.contains_key("macaddr") {
        card.insert("macaddr".into(), call.engine.chance.mac());
    }
    props::print_vm_net(&card)
}

/// A network card of a container, with address and type.
pub fn ct_net(call: &Call, value: &str) -> String {
    let mut card = props::parse(call.contract(), "net", value);
    if !card.contains_key("hwaddr") {
        card.insert("hwaddr".into(), call.engine.chance.mac());
    }
    card.insert("type".into(), "veth".into());
    props::print_ct_net(&card)
}

/// Tags split, sorted, without doubles.
pub fn tags(value: &str) -> String {
    let normal = value.replace([',', ';'], " ");
    let mut words: Vec<&str> = normal.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    words.join(";")
}

/// Are these public keys, one a line?
pub fn public_keys(text: &str) -> Result<(), Fail> {
    let good = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')).all(|line| {
        let mut words = line.split_whitespace();
        let (Some(kind), Some(blob)) = (words.next(), words.next()) else { return false };
        let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(blob) else { return false };
        fields(&bytes).is_some_and(|f| f.len() >= 2 && f[0] == kind.as_bytes())
    });
    if good { Ok(()) } else { Err(Fail::text("SSH public key validation error")) }
}

/// The length-prefixed fields of a key blob; none when it is cut short.
fn fields(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at_checked(4)?;
        let length = u32::from_be_bytes(head.try_into().ok()?) as usize;
        let (field, rest) = rest.split_at_checked(length)?;
        out.push(field);
        bytes = rest;
    }
    Some(out)
}

/// The pool of a create or clone: it must exist, whatever the caller may do.
pub fn pool(call: &Call, world: &World) -> Result<Option<String>, Fail> {
    match call.text("pool") {
        Some(name) if !world.pools.contains_key(name) => {
            Err(Fail::forbidden(format!("pool '{name}' does not exist")))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

/// May the caller make a guest with this id?
pub fn may_allocate(call: &Call, world: &World, vmid: u32, pool: Option<&str>) -> Result<(), Fail> {
    let access = call.access();
    if pool.is_some_and(|p| access.allows(world, &format!("/pool/{p}"), "VM.Allocate")) {
        return Ok(());
    }
    match access.allows(world, &format!("/vms/{vmid}"), "VM.Allocate") {
        true => Ok(()),
        false => Err(crate::auth::rights::Refused::Right(String::new()).into()),
    }
}
