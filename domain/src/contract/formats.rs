//! Named formats: addresses, ids, lists of them. The pattern is in the table; rules that no pattern can
//! say are here.
//!
//! A format whose rule is not recorded accepts everything: the server has the last word.

use super::property;
use super::table::{Format, Table};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Checks a value against a named format; `NAME-list` is a separated list, `NAME-opt` may be empty.
pub(super) fn check(table: &Table, name: &str, path: &str, value: &str) -> Result<(), String> {
    if let Some(format) = table.formats.get(name) {
        return scalar(table, name, format, path, value);
    }
    if let Some(inner) = name.strip_suffix("-list") {
        return items(value).try_for_each(|item| check(table, inner, path, item));
    }
    match name.strip_suffix("-opt") {
        Some(_) if value.is_empty() => Ok(()),
        Some(inner) => check(table, inner, path, value),
        None => Ok(()),
    }
}

/// The server's way to split a list: commas, semicolons and white space.
pub(super) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace()).filter(|item| !item.is_empty())
}

fn scalar(table: &Table, name: &str, format: &Format, path: &str, value: &str) -> Result<(), String> {
    if let Some(shape) = &format.property_string {
        property::check(table, shape, path, value)?;
        return if name == "pve-vm-cpu-conf" { cpu_type(table, value) } else { Ok(()) };
    }
    let accepted = match special(table, name, value) {
        Some(accepted) => accepted,
        None => general(table, format, path, value),
    };
    if !accepted {
        let text = match name {
            "pve-hotplug-features" => "invalid hotplug feature '{v}'",
            "pve-volume-id-or-qm-path" | "pve-volume-id-or-absolute-path" => {
                "unable to parse volume ID '{v}'"
            }
            _ => format.error.as_deref().unwrap_or("value does not look like a valid {n}"),
        };
        return Err(format!("{}\n", text.replace("{v}", value).replace("{n}", name)));
    }
    match format.chars_max.filter(|max| value.chars().count() > *max) {
        Some(max) => Err(format!("value may only be {max} characters long\n")),
        None => Ok(()),
    }
}

fn general(table: &Table, format: &Format, path: &str, value: &str) -> bool {
    let open = format.pattern.is_none() && format.literals.is_empty() && format.any_of.is_empty();
    open || format.pattern.as_ref().is_some_and(|pattern| pattern.finds(value))
        || format.literals.iter().any(|literal| literal == value)
        || format.any_of.iter().any(|other| check(table, other, path, value).is_ok())
}

/// The formats that need more than a pattern. None: the table's entry decides.
fn special(table: &Table, name: &str, value: &str) -> Option<bool> {
    let is = |format: &str, value: &str| check(table, format, "", value).is_ok();
    Some(match name {
        "ip" => value.parse::<IpAddr>().is_ok(),
        "ipv4" => value.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => value.parse::<Ipv6Addr>().is_ok(),
        "ipv4mask" => value.parse::<Ipv4Addr>().is_ok_and(|mask| {
            let bits = u32::from(mask);
            bits.leading_ones() + bits.trailing_zeros() == 32
        }),
        "CIDRv4" => network(value).is_some_and(|(ip, len)| ip.is_ipv4() && (8..=32).contains(&len)),
        "CIDRv6" => network(value).is_some_and(|(ip, len)| ip.is_ipv6() && (8..=128).contains(&len)),
        "IPorCIDR" => value.parse::<IpAddr>().is_ok() || is("CIDR", value),
        "lxc-ip-with-ll-iface" => {
            let (ip, zone) = value.split_once('%').unwrap_or((value, "lo"));
            ip.parse::<IpAddr>().is_ok() && is("pve-iface", zone)
        }
        "bridge-pair" => pair(value, |id| is("pve-bridge-id", id)),
        "storage-pair" => pair(value, |id| is("pve-storage-id", id)),
        "pve-cpuset" => value.split(',').all(|part| range(part).is_some()),
        "pve-vlan-id-or-range" => {
            range(value).is_some_and(|(low, high)| low >= 2 && high <= 4094)
                && (!value.contains('-') || range(value).is_some_and(|(low, high)| low < high))
        }
        "pve-hotplug-features" => {
            matches!(value, "0" | "1")
                || items(value)
                    .all(|f| matches!(f, "network" | "disk" | "cpu" | "memory" | "usb" | "cloudinit"))
        }
        "pve-startup-order" => items(value).all(startup),
        "pve-qm-bootdisk" => bootdisk(value),
        "pve-volume-id-or-absolute-path" => value.starts_with('/') || is("pve-volume-id", value),
        "pve-lxc-dev-string" => value.starts_with("/dev/") && !has_dots(value),
        "pve-lxc-mp-string" => !has_dots(value),
        "pve-dir-override" => value.split_once('=').is_some_and(|(content, dir)| {
            is("pve-storage-content", content) && !dir.is_empty() && !dir.starts_with('/')
        }),
        "pve-storage-portal-dns" => {
            let host = match value.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
                _ => value,
            };
            is("address", host.trim_matches(['[', ']']))
        }
        "pve-priv" => {
            value.split('.').count() >= 2
                && value.split('.').all(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
        }
        "pem-certificate" | "pem-certificate-chain" | "pem-string" => value.contains("-----BEGIN "),
        "pve-command-batch" => serde_json::from_str::<Vec<serde_json::Value>>(value).is_ok(),
        _ => return None,
    })
}

/// Models of Proxmox VE itself; the others are those that may be reported to a guest.
const OWN_MODELS: [&str; 4] = ["x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "x86-64-v4"];

/// A processor model is one of the built-in names or a custom one.
fn cpu_type(table: &Table, value: &str) -> Result<(), String> {
    let shape = "pve-vm-cpu-conf";
    let given = property::read(table, shape, value)?;
    let models = table.props.get(shape).and_then(|keys| keys.get("reported-model"));
    let models = models.and_then(|key| table.defs.get(key.definition?)).map(|def| def.allowed.as_slice());
    match given.get("cputype") {
        Some(name)
            if !name.starts_with("custom-")
                && !OWN_MODELS.contains(&name.as_str())
                && !models.unwrap_or_default().contains(name) =>
        {
            Err(format!("Built-in cputype '{name}' is not defined (missing 'custom-' prefix?)\n"))
        }
        _ => Ok(()),
    }
}

fn network(value: &str) -> Option<(IpAddr, u8)> {
    let (ip, len) = value.split_once('/')?;
    let plain = !len.is_empty() && len.bytes().all(|b| b.is_ascii_digit());
    Some((ip.parse().ok()?, len.parse().ok().filter(|_| plain)?))
}

/// `N` or `N-M`.
fn range(value: &str) -> Option<(u32, u32)> {
    let (low, high) = value.split_once('-').unwrap_or((value, value));
    let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    (low <= high).then_some((low, high))
}

/// `1` (the same on both sides), one id, or `SOURCE:TARGET`.
fn pair(value: &str, is_id: impl Fn(&str) -> bool) -> bool {
    match value.split_once(':') {
        Some((source, target)) => is_id(source) && is_id(target),
        None => value == "1" || is_id(value),
    }
}

fn startup(part: &str) -> bool {
    let number = match part.split_once('=') {
        Some(("order" | "up" | "down", number)) => number,
        Some(_) => return false,
        None => part,
    };
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn bootdisk(value: &str) -> bool {
    let families = [("ide", 3), ("scsi", 30), ("virtio", 15), ("sata", 5), ("efidisk", 0), ("tpmstate", 0)];
    families.iter().any(|(stem, max)| {
        let number = value.strip_prefix(stem).and_then(|number| number.parse::<u32>().ok());
        number.is_some_and(|number| number <= *max)
    })
}

/// Has the path a `.` or `..` component?
fn has_dots(path: &str) -> bool {
    path.split('/').any(|component| matches!(component, "." | ".."))
}
