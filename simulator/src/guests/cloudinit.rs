//! Cloud-init: what a machine is told at its start, and what waits to be told.

use crate::api::{Call, Fail, Reply};
use crate::contract::props;
use crate::http::decode::unescape;
use crate::state::{Config, Guest, Kind, sha1_hex};
use serde_json::{Value, json};

const KEYS: &[&str] =
    &["cicustom", "cipassword", "citype", "ciuser", "nameserver", "searchdomain", "sshkeys"];
const MASK: &str = "**********";

fn is_cloudinit(key: &str) -> bool {
    KEYS.contains(&key) || super::options::stem(key) == "ipconfig" || key == "name"
}

fn merged(guest: &Guest) -> Config {
    let mut config = guest.config.clone();
    config.retain(|key, _| !guest.pending_delete.contains(key));
    config.extend(guest.pending.clone());
    config
}

/// `GET …/qemu/{vmid}/cloudinit`: options with what the drive does not say yet.
pub fn pending(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), Kind::Vm, call.vmid())?;
    let now = merged(guest);
    let on_drive = guest.cloudinit.as_ref();
    let shown = |key: &str, value: &str| if key == "cipassword" { MASK.to_owned() } else { value.to_owned() };
    let mut out: Vec<Value> = Vec::new();
    for (key, value) in now.iter().filter(|(key, _)| is_cloudinit(key) && key.as_str() != "name") {
        let mut entry = json!({"key": key});
        match on_drive {
            Some(old) if old.get(key) != Some(value) => {
                entry["pending"] = json!(shown(key, value));
                if let Some(old) = old.get(key) {
                    entry["value"] = json!(shown(key, old));
                }
            }
            _ => entry["value"] = json!(shown(key, value)),
        }
        out.push(entry);
    }
    for (key, value) in
        on_drive.into_iter().flatten().filter(|(k, _)| is_cloudinit(k) && !now.contains_key(*k))
    {
        out.push(json!({"key": key, "value": shown(key, value), "delete": 1}));
    }
    Ok(Reply::data(json!(out)))
}

/// What the drive holds after it was made anew.
pub fn written(guest: &Guest) -> Config {
    let mut config = merged(guest);
    config.retain(|key, _| is_cloudinit(key));
    config
}

/// `GET …/qemu/{vmid}/cloudinit/dump`.
pub fn dump(call: &Call) -> Result<Reply, Fail> {
    let world = call.engine.world();
    let guest = world.guest(call.node(), Kind::Vm, call.vmid())?;
    let config = merged(guest);
    let text = match call.text("type") {
        Some("network") => network(call, &config),
        Some("meta") => format!(
            "instance-id: {}\n",
            sha1_hex(&format!("{}{}", user(guest.vmid, &config), network(call, &config)))
        ),
        _ => user(guest.vmid, &config),
    };
    Ok(Reply::data(json!(text)))
}

fn words(config: &Config, key: &str) -> Vec<String> {
    config
        .get(key)
        .map(|l| l.split([' ', ',', ';']).filter(|w| !w.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default()
}

fn user(vmid: u32, config: &Config) -> String {
    let name = config.get("name").cloned().unwrap_or_else(|| format!("VM{vmid}"));
    let host = name.split('.').next().unwrap_or_default().to_owned();
    let full = match words(config, "searchdomain").first() {
        _ if name.contains('.') => name.clone(),
        Some(domain) => format!("{host}.{domain}"),
        None => host.clone(),
    };
    let mut out = format!("#cloud-config\nhostname: {host}\nmanage_etc_hosts: true\nfqdn: {full}\n");
    let account = config.get("ciuser").map(String::as_str);
    if let Some(account) = account {
        out.push_str(&format!("user: {account}\n"));
        if account == "root" {
            out.push_str("disable_root: False\n");
        }
    }
    if config.contains_key("cipassword") {
        out.push_str(&format!("password: {MASK}\n"));
    }
    if let Some(keys) = config.get("sshkeys") {
        out.push_str("ssh_authorized_keys:\n");
        for line in unescape(keys).lines().filter(|l| !l.trim().is_empty()) {
            out.push_str(&format!("  - {line}\n"));
        }
    }
    out.push_str("chpasswd:\n  expire: False\n");
    if account != Some("root") {
        out.push_str("users:\n  - default\n");
    }
    if config.get("ciupgrade").is_none_or(|u| u != "0") {
        out.push_str("package_upgrade: true\n");
    }
    out
}

/// Prefix length as a dotted mask.
fn mask(prefix: &str) -> String {
    let bits = prefix.parse::<u32>().unwrap_or(24).min(32);
    let value = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    std::net::Ipv4Addr::from(value).to_string()
}

fn network(call: &Call, config: &Config) -> String {
    let mut out = String::from("version: 1\nconfig:\n");
    for index in 0..32 {
        let (Some(card), Some(address)) =
            (config.get(&format!("net{index}")), config.get(&format!("ipconfig{index}")))
        else {
            continue;
        };
        let mac = props::parse(call.contract(), "net-2", card).remove("macaddr").unwrap_or_default();
        let ip = props::parse(call.contract(), "pve-qm-ipconfig", address);
        out.push_str(&format!(
            "    - type: physical\n      name: eth{index}\n      mac_address: '{}'\n      subnets:\n",
            mac.to_lowercase()
        ));
        match ip.get("ip").map(|i| i.split_once('/').unwrap_or((i, ""))) {
            Some(("dhcp", _)) => out.push_str("      - type: dhcp4\n"),
            Some((host, prefix)) => {
                out.push_str(&format!(
                    "      - type: static\n        address: '{host}'\n        netmask: '{}'\n",
                    mask(prefix)
                ));
                if let Some(gateway) = ip.get("gw") {
                    out.push_str(&format!("        gateway: '{gateway}'\n"));
                }
            }
            None => {}
        }
        match ip.get("ip6").map(String::as_str) {
            Some("dhcp") => out.push_str("      - type: dhcp6\n"),
            Some("auto") => out.push_str("      - type: ipv6_slaac\n"),
            Some(address) => {
                out.push_str(&format!("      - type: static6\n        address: '{address}'\n"));
                if let Some(gateway) = ip.get("gw6") {
                    out.push_str(&format!("        gateway: '{gateway}'\n"));
                }
            }
            None => {}
        }
    }
    out.push_str("    - type: nameserver\n");
    for (label, key) in [("address", "nameserver"), ("search", "searchdomain")] {
        let list = words(config, key);
        if !list.is_empty() {
            out.push_str(&format!("      {label}:\n"));
            list.iter().for_each(|word| out.push_str(&format!("      - '{word}'\n")));
        }
    }
    out
}
