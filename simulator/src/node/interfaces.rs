//! The interfaces file of a node: what it holds, how it is ordered, what reading it back adds.
//!
//! Begin with [`Interfaces`]. Changes go to a second copy until they are applied.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Options of one interface, as text. `method`, `method6` and `families` are worked out when it is shown.
pub type Iface = BTreeMap<String, String>;
/// Interfaces by name.
pub type Ifaces = BTreeMap<String, Iface>;

/// The file and its pending copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interfaces {
    pub current: Ifaces,
    pub staged: Option<Ifaces>,
    /// Physical cards; they are shown although the file may not name them.
    pub cards: Vec<String>,
}

/// Order of the kinds in the file.
fn rank(ifaces: &Ifaces, name: &str) -> u32 {
    let (base, child) = match name.rsplit_once(['.', ':']) {
        Some((base, number)) if number.bytes().all(|b| b.is_ascii_digit()) => (base, 1),
        _ => (name, 0),
    };
    let kind =
        ifaces.get(base).or_else(|| ifaces.get(name)).and_then(|i| i.get("type")).map_or("", String::as_str);
    child
        + match kind {
            "loopback" => 100_000,
            "eth" | "OVSPort" => 200_000,
            "OVSIntPort" => 300_000,
            "bond" | "OVSBond" => 400_000,
            "bridge" | "OVSBridge" => 500_000,
            _ => 600_000,
        }
}

fn position(iface: &Iface) -> u32 {
    iface.get("priority").and_then(|p| p.parse().ok()).unwrap_or(100)
}

impl Interfaces {
    /// What calls see: the pending copy where there is one.
    pub fn seen(&self) -> &Ifaces {
        self.staged.as_ref().unwrap_or(&self.current)
    }

    /// Writes a new pending copy; physical cards are then in it, and everything has its place.
    pub fn write(&mut self, mut ifaces: Ifaces) -> Result<(), String> {
        for card in &self.cards {
            ifaces.entry(card.clone()).or_insert_with(|| Iface::from([("type".into(), "eth".into())]));
        }
        for (name, iface) in &ifaces {
            fits(&ifaces, name, iface)?;
        }
        self.staged = Some(arranged(ifaces));
        Ok(())
    }

    /// The pending copy becomes the file.
    pub fn apply(&mut self) {
        if let Some(staged) = self.staged.take() {
            self.current = staged;
        }
    }

    /// The differences between file and pending copy, one line each; none without a copy.
    pub fn changes(&self) -> Option<String> {
        let staged = self.staged.as_ref()?;
        let (old, new) = (text(&self.current), text(staged));
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
        let mut out = String::from("--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n");
        out.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            head + 1,
            old.len() - head - tail,
            head + 1,
            new.len() - head - tail
        ));
        old[head..old.len() - tail].iter().for_each(|line| out.push_str(&format!("-{line}\n")));
        new[head..new.len() - tail].iter().for_each(|line| out.push_str(&format!("+{line}\n")));
        Some(out)
    }
}

/// Gives every interface the place it has in the file. The loopback device is the second entry.
pub fn arranged(mut ifaces: Ifaces) -> Ifaces {
    let mut names: Vec<String> = ifaces.keys().cloned().collect();
    names.sort_by_key(|name| (rank(&ifaces, name), ifaces.get(name).map_or(100, position), name.clone()));
    for (place, name) in names.iter().enumerate() {
        if let Some(iface) = ifaces.get_mut(name) {
            iface.insert("priority".into(), (place + 3).to_string());
        }
    }
    ifaces
}

/// What the writer of the file refuses.
fn fits(ifaces: &Ifaces, name: &str, iface: &Iface) -> Result<(), String> {
    let kind_of = |other: &str| ifaces.get(other).and_then(|i| i.get("type")).map_or("", String::as_str);
    let list = |key: &str| -> Vec<String> {
        iface.get(key).map(|l| l.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
    };
    match iface.get("type").map_or("", String::as_str) {
        "bond" => {
            for slave in list("slaves") {
                let kind = kind_of(&slave);
                if !matches!(kind, "eth" | "bond") {
                    return Err(format!(
                        "bond '{name}' - wrong interface type on slave '{slave}' ('{kind}' != 'eth or bond')"
                    ));
                }
            }
            Ok(())
        }
        "vlan" => {
            let raw = iface
                .get("vlan-raw-device")
                .cloned()
                .or_else(|| name.rsplit_once('.').map(|(base, _)| base.to_owned()));
            match raw {
                Some(raw) if !ifaces.contains_key(&raw) => {
                    Err(format!("vlan '{name}' - unable to find parent '{raw}'"))
                }
                _ => Ok(()),
            }
        }
        "alias" => match name.split_once(':') {
            Some((base, _)) if !ifaces.contains_key(base) => {
                Err(format!("alias '{name}' - unable to find parent '{base}'"))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The file as text, for the differences.
fn text(ifaces: &Ifaces) -> String {
    let mut names: Vec<&String> = ifaces.keys().collect();
    names.sort_by_key(|n| ifaces.get(*n).map_or(100, position));
    let mut out = String::from("auto lo\niface lo inet loopback\n");
    for name in names {
        let Some(iface) = ifaces.get(name) else { continue };
        out.push('\n');
        if iface.get("autostart").is_some_and(|a| a == "1") {
            out.push_str(&format!("auto {name}\n"));
        }
        let method = if iface.contains_key("address") { "static" } else { "manual" };
        out.push_str(&format!("iface {name} inet {method}\n"));
        if let (Some(address), Some(mask)) = (iface.get("address"), iface.get("netmask")) {
            out.push_str(&format!("\taddress {address}/{mask}\n"));
        }
        for (key, value) in iface {
            let known = matches!(
                key.as_str(),
                "type"
                    | "priority"
                    | "autostart"
                    | "address"
                    | "netmask"
                    | "address6"
                    | "netmask6"
                    | "comments"
            );
            if !known {
                out.push_str(&format!("\t{} {value}\n", key.replace('_', "-")));
            }
        }
        for line in iface.get("comments").map_or("", String::as_str).lines() {
            out.push_str(&format!("#{line}\n"));
        }
    }
    out
}
