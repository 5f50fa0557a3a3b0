//! Named formats of single values: VMIDs, storage ids, addresses and so on.
//!
//! Begin with [`verify`]. A format whose rule is not recorded accepts everything.

use super::{Contract, check};
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Compiled patterns, made when first needed.
#[derive(Default)]
pub struct Patterns(Mutex<HashMap<String, Option<Regex>>>);

impl Patterns {
    /// Does `text` match? A pattern that this engine cannot compile accepts everything.
    pub fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let regex = known
            .entry(pattern.to_owned())
            .or_insert_with(|| RegexBuilder::new(pattern).size_limit(64 * 1024 * 1024).build().ok());
        regex.as_ref().is_none_or(|r| r.is_match(text))
    }
}

const CPU_FLAGS: &str = "pcid, spec-ctrl, ibpb, ssbd, virt-ssbd, amd-ssbd, amd-no-ssb, pdpe1gb, md-clear, hv-tlbflush, hv-evmcs, aes";
const CPU_TYPES: &[&str] = &[
    "486",
    "Broadwell",
    "Broadwell-IBRS",
    "Broadwell-noTSX",
    "Broadwell-noTSX-IBRS",
    "Cascadelake-Server",
    "Cascadelake-Server-noTSX",
    "Conroe",
    "EPYC",
    "EPYC-Genoa",
    "EPYC-IBPB",
    "EPYC-Milan",
    "EPYC-Rome",
    "Haswell",
    "Haswell-IBRS",
    "Haswell-noTSX",
    "Icelake-Client",
    "Icelake-Server",
    "IvyBridge",
    "IvyBridge-IBRS",
    "KnightsMill",
    "Nehalem",
    "Nehalem-IBRS",
    "Opteron_G1",
    "Opteron_G2",
    "Opteron_G3",
    "Opteron_G4",
    "Opteron_G5",
    "Penryn",
    "SandyBridge",
    "SandyBridge-IBRS",
    "SapphireRapids",
    "Skylake-Client",
    "Skylake-Server",
    "Skylake-Server-IBRS",
    "Westmere",
    "Westmere-IBRS",
    "athlon",
    "core2duo",
    "coreduo",
    "host",
    "kvm32",
    "kvm64",
    "max",
    "pentium",
    "pentium2",
    "pentium3",
    "phenom",
    "qemu32",
    "qemu64",
    "x86-64-v2",
    "x86-64-v2-AES",
    "x86-64-v3",
    "x86-64-v4",
];

/// Checks `value` against the format `name`; the error ends with a newline, as the server's does.
pub fn verify(contract: &Contract, name: &str, value: &str, path: &str) -> Result<(), String> {
    if let Some(base) = name.strip_suffix("-list").filter(|_| !contract.formats.contains_key(name)) {
        let normal = value.replace([',', ';', '\0'], " ");
        return normal.split_whitespace().try_for_each(|item| verify(contract, base, item, path));
    }
    if let Some(base) = name.strip_suffix("-opt").filter(|_| !contract.formats.contains_key(name)) {
        return if value.is_empty() { Ok(()) } else { verify(contract, base, value, path) };
    }
    let Some(format) = contract.formats.get(name) else { return Ok(()) };
    if let Some(props) = &format.pfmt {
        check::property_string(contract, props, value, path)?;
        return if name == "pve-vm-cpu-conf" { cpu(value) } else { Ok(()) };
    }
    let length_ok =
        format.minl.is_none_or(|n| value.len() >= n) && format.maxl.is_none_or(|n| value.len() <= n);
    let passes = format.literals.iter().any(|l| l == value)
        || format.regex.as_ref().is_some_and(|r| length_ok && contract.patterns.matches(r, value))
        || format.regex_or.as_ref().is_some_and(|r| contract.patterns.matches(r, value))
        || format.any_of.iter().any(|other| verify(contract, other, value, path).is_ok())
        || rule(
            name,
            value,
            format.regex.is_none() && format.literals.is_empty() && format.any_of.is_empty(),
        );
    match name {
        "pve-priv" if crate::auth::PRIVILEGES.contains(&value) => Ok(()),
        "pve-priv" => Err(format!("invalid privilege '{value}'\n")),
        "pve-poolid" if value.matches('/').count() > 2 => {
            Err(format!("pool name '{value}' nested too deeply (max levels = 3)\n"))
        }
        "pve-hotplug-features" if !passes => {
            let bad = value.split(',').find(|w| !HOTPLUG.contains(w)).unwrap_or(value);
            Err(format!("invalid hotplug feature '{bad}'\n"))
        }
        "storage-pair" | "bridge-pair" if value != "1" => {
            let part = if name == "storage-pair" { "pve-storage-id" } else { "pve-bridge-id" };
            value
                .split(':')
                .try_for_each(|one| verify(contract, part, one, path).map_err(|e| format!("{e}\n")))
        }
        _ if passes => Ok(()),
        "pve-volume-id-or-qm-path" | "pve-volume-id-or-absolute-path" => {
            Err(format!("unable to parse volume ID '{value}'\n"))
        }
        _ => {
            let text =
                format.error.clone().unwrap_or_else(|| "value does not look like a valid value".into());
            Err(format!("{}\n", text.replace("{v}", value)))
        }
    }
}

/// Content types of a storage.
const CONTENTS: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"];
/// Names of protocols that firewall rules use.
const PROTOCOLS: &[&str] = &[
    "tcp",
    "udp",
    "icmp",
    "igmp",
    "ggp",
    "ipencap",
    "st",
    "egp",
    "igp",
    "pup",
    "hmp",
    "xns-idp",
    "rdp",
    "dccp",
    "ipv6",
    "ipv6-route",
    "ipv6-frag",
    "idrp",
    "rsvp",
    "gre",
    "esp",
    "ah",
    "skip",
    "ipv6-icmp",
    "icmpv6",
    "ipv6-nonxt",
    "ipv6-opts",
    "vmtp",
    "eigrp",
    "ospf",
    "ax.25",
    "ipip",
    "etherip",
    "encap",
    "pim",
    "ipcomp",
    "vrrp",
    "l2tp",
    "isis",
    "sctp",
    "fc",
    "udplite",
];
const HOTPLUG: &[&str] = &["network", "disk", "cpu", "memory", "usb", "cloudinit"];

/// Rules that are no pattern. `otherwise` is the answer for formats without a rule here.
fn rule(name: &str, value: &str, otherwise: bool) -> bool {
    match name {
        "ip" => value.parse::<IpAddr>().is_ok(),
        "ipv4" => value.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => value.parse::<Ipv6Addr>().is_ok(),
        "CIDRv4" => cidr(value, 8, 32, |a| a.parse::<Ipv4Addr>().is_ok()),
        "CIDRv6" => cidr(value, 8, 128, |a| a.parse::<Ipv6Addr>().is_ok()),
        "IPorCIDR" => {
            value.parse::<IpAddr>().is_ok() || rule("CIDRv4", value, false) || rule("CIDRv6", value, false)
        }
        "pve-volume-id-or-absolute-path" => value.starts_with('/') || volume_id(value),
        "pve-volume-id-or-qm-path" => value.starts_with('/') || volume_id(value),
        "pve-hotplug-features" => value.split(',').all(|word| HOTPLUG.contains(&word)),
        "ipv4mask" => value.parse::<Ipv4Addr>().is_ok_and(|mask| {
            let bits = u32::from(mask);
            bits.leading_ones() + bits.trailing_zeros() >= 32
        }),
        "pve-dir-override" => value.split_once('=').is_some_and(|(content, folder)| {
            CONTENTS.contains(&content) && !folder.is_empty() && !folder.split('/').any(|p| p == "..")
        }),
        "pve-storage-portal-dns" => {
            let host = value.rsplit_once(':').map_or(value, |(host, port)| {
                if port.bytes().all(|b| b.is_ascii_digit()) { host } else { value }
            });
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-[]:".contains(&b))
        }
        "pve-fw-protocol-spec" => PROTOCOLS.contains(&value) || value.parse::<u8>().is_ok(),
        "pve-fw-icmp-type-spec" => value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/".contains(&b)),
        "pve-qm-bootdisk" => {
            let stem = value.trim_end_matches(|c: char| c.is_ascii_digit());
            let number = value[stem.len()..].parse::<u32>();
            let most = match stem {
                "ide" => 4,
                "scsi" => 31,
                "virtio" => 16,
                "sata" => 6,
                "efidisk" | "tpmstate" => 1,
                _ => 0,
            };
            number.is_ok_and(|n| n < most)
        }
        "pve-cpuset" => value.split(',').all(|range| {
            range.split('-').count() <= 2
                && range.split('-').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        }),
        "pve-startup-order" => value.split(',').filter(|p| !p.is_empty()).all(|part| {
            let number = part
                .strip_prefix("order=")
                .or_else(|| part.strip_prefix("up="))
                .or_else(|| part.strip_prefix("down="))
                .unwrap_or(part);
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        }),
        "pve-lxc-mp-string" => !value.contains("/./") && !value.contains("/../") && !value.ends_with("/.."),
        "pve-lxc-dev-string" => {
            value.starts_with("/dev/") && !value.contains("/../") && !value.contains("/./")
        }
        "lxc-ip-with-ll-iface" => value.split('%').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()),
        _ => otherwise,
    }
}

fn cidr(value: &str, low: u8, high: u8, address: impl Fn(&str) -> bool) -> bool {
    value.split_once('/').is_some_and(|(ip, prefix)| {
        address(ip)
            && prefix.parse::<u8>().is_ok_and(|p| (low..=high).contains(&p))
            && !prefix.starts_with('+')
    })
}

fn volume_id(value: &str) -> bool {
    value.split_once(':').is_some_and(|(store, rest)| {
        !rest.is_empty()
            && store.len() >= 2
            && store.starts_with(|c: char| c.is_ascii_alphabetic())
            && store.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    })
}

/// A CPU model must exist and its flags must be among the ones a guest may set.
fn cpu(value: &str) -> Result<(), String> {
    for part in value.split(',') {
        match part.split_once('=') {
            None | Some(("cputype", _)) => {
                let name = part.strip_prefix("cputype=").unwrap_or(part);
                if !name.starts_with("custom-") && !CPU_TYPES.contains(&name) {
                    return Err(format!(
                        "Built-in cputype '{name}' is not defined (missing 'custom-' prefix?)\n"
                    ));
                }
            }
            Some(("flags", flags)) => {
                let known = |f: &str| CPU_FLAGS.split(", ").any(|k| k == f.trim_start_matches(['+', '-']));
                if !flags.split(';').all(known) {
                    return Err(format!("VM-specific CPU flags must be a subset of: {CPU_FLAGS}\n"));
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}
