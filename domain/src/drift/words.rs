//! Configuration keys in the words of the page, values as people write them.

use crate::plan::Expected;
use std::collections::BTreeMap;

/// `memory`, `start on boot`, `disk scsi1`; a key without a word stands for itself.
pub(super) fn field(key: &str) -> String {
    let word = match key {
        "name" | "hostname" => "name",
        "onboot" => "start on boot",
        "description" => "notes",
        "nameserver" => "name servers",
        "ciuser" => "login",
        "sshkeys" => "SSH keys",
        "startup" => "start order",
        "unprivileged" => "unprivileged",
        "bios" => "firmware",
        "boot" => "boot order",
        other => other,
    };
    word.to_owned()
}

/// A part of a property string: `net0` and `tag` are the VLAN. Further cards keep their key.
pub(super) fn part(key: &str, option: &str) -> String {
    let word = match (key.trim_end_matches(|c: char| c.is_ascii_digit()), option) {
        ("net", "bridge") => "bridge",
        ("net", "tag") => "VLAN",
        ("net", "hwaddr" | "virtio" | "e1000" | "vmxnet3" | "rtl8139") => "MAC address",
        ("net" | "ipconfig", "ip") => "address",
        ("net" | "ipconfig", "gw") => "gateway",
        ("startup", "order") => "start order",
        ("startup", "up") => "start delay",
        (_, other) => other,
    };
    let first = key.ends_with('0') || !key.ends_with(|c: char| c.is_ascii_digit());
    if first { word.to_owned() } else { format!("{word} of {key}") }
}

/// A value with its unit.
pub(super) fn value(key: &str, text: &str) -> String {
    match (key, text.trim().parse::<u64>()) {
        ("memory" | "swap" | "balloon", Ok(mib)) => memory(mib),
        ("onboot" | "protection" | "unprivileged" | "template", Ok(flag)) => {
            if flag == 1 {
                "on".into()
            } else {
                "off".into()
            }
        }
        ("tags", _) => text.replace(';', ", "),
        ("sshkeys", _) => "other keys".into(),
        _ => bounded(text),
    }
}

pub(super) fn expected(key: &str, expected: &Expected) -> String {
    match expected {
        Expected::Equal(_) if key == "sshkeys" => "the declared keys".into(),
        Expected::Equal(text) => value(key, text),
        Expected::Number(number) => value(key, &number.to_string()),
        Expected::Tags(tags) => tags.join(", "),
        Expected::Options(options) => written(options),
        Expected::Present => "there".into(),
        Expected::Absent => "not set".into(),
    }
}

fn written(options: &BTreeMap<String, String>) -> String {
    options.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn memory(mib: u64) -> String {
    if mib >= 1024 && mib % 1024 == 0 { format!("{} GiB", mib / 1024) } else { format!("{mib} MiB") }
}

/// Foreign text: one line, cut at a length that a table bears.
fn bounded(text: &str) -> String {
    let line: String = text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(crate::limits::DRIFT_VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
