//! What plans may reach at most: places, addresses, sums, and who may approve what they wrote.
//!
//! An empty list and an absent number mean: no limit. The planner refuses what goes beyond ([`crate::plan::planner`]);
//! what is beyond already may stay as it is, and shrink.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// Entries of one list of limits.
const ENTRIES_MAX: usize = 200;
/// Characters of one entry.
const ENTRY_CHARS_MAX: usize = 64;
/// Largest VLAN tag; 0 stands for no tag.
const VLAN_MAX: u16 = 4094;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Where guests may be put.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Where disks and backups may lie.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub storages: Vec<String>,
    /// VLANs that guests may be in; 0 stands for the untagged network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
    /// Fixed addresses that guests may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<AddressRange>,
    /// Guests of ours in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guests_max: Option<u32>,
    /// Virtual cores of all guests of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores_max: Option<u32>,
    /// Memory of all guests of ours, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib_max: Option<u64>,
    /// Disks of all guests of ours, in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_gib_max: Option<u64>,
    /// Guests that one plan may destroy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destroys_max: Option<u32>,
    /// Admins, by name, who may approve plans they wrote themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own_plans: Vec<String>,
    /// Copies of a template share its disk where the storage can do that. They are made at once, take little space
    /// and need the template as long as they live.
    #[serde(skip_serializing_if = "is_false")]
    pub linked_clones: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Limits {
    /// Nothing is set.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    pub fn allows_node(&self, node: &str) -> bool {
        self.nodes.is_empty() || self.nodes.iter().any(|allowed| allowed == node)
    }

    pub fn allows_storage(&self, id: &str) -> bool {
        self.storages.is_empty() || self.storages.iter().any(|allowed| allowed == id)
    }

    /// `vlan`: the tag; none for the untagged network.
    pub fn allows_vlan(&self, vlan: Option<u16>) -> bool {
        self.vlans.is_empty() || self.vlans.contains(&vlan.unwrap_or(0))
    }

    /// `address` with or without prefix length. What is no fixed IPv4 address (`dhcp`) is not limited.
    pub fn allows_address(&self, address: &str) -> bool {
        let plain = address.split('/').next().unwrap_or(address);
        match plain.parse::<Ipv4Addr>() {
            Ok(address) => {
                self.addresses.is_empty() || self.addresses.iter().any(|range| range.holds(address))
            }
            Err(_) => true,
        }
    }

    /// May this person approve a plan they wrote, though there are other Admins?
    pub fn may_approve_own(&self, name: &str) -> bool {
        self.own_plans.iter().any(|allowed| allowed == name)
    }

    /// Why these limits cannot be, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        let lists = [&self.nodes, &self.storages, &self.own_plans];
        let odd = |entry: &String| entry.is_empty() || entry.chars().count() > ENTRY_CHARS_MAX;
        if lists.iter().any(|list| list.len() > ENTRIES_MAX || list.iter().any(odd))
            || self.vlans.len() > ENTRIES_MAX
            || self.addresses.len() > ENTRIES_MAX
        {
            return Err(format!(
                "a list of limits has up to {ENTRIES_MAX} entries of up to {ENTRY_CHARS_MAX} characters"
            ));
        }
        if let Some(tag) = self.vlans.iter().find(|tag| **tag > VLAN_MAX) {
            return Err(format!("{tag} is no VLAN; they go from 1 to {VLAN_MAX}, and 0 means untagged"));
        }
        if let Some(range) = self.addresses.iter().find(|range| range.first > range.last) {
            return Err(format!("the address range {range} ends before it begins"));
        }
        Ok(())
    }
}

/// IPv4 addresses from `first` up to and including `last`, written `10.0.20.50-10.0.20.99`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
}

impl AddressRange {
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

impl TryFrom<String> for AddressRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for AddressRange {
    type Err = String;

    /// One address, a range with `-`, or a network with its prefix length.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text} is no range of addresses; write 10.0.20.50-10.0.20.99 or 10.0.20.0/24");
        let address = |text: &str| text.trim().parse::<Ipv4Addr>().map_err(|_| bad());
        if let Some((first, last)) = text.split_once('-') {
            return Ok(Self { first: address(first)?, last: address(last)? });
        }
        let Some((network, length)) = text.split_once('/') else {
            let one = address(text)?;
            return Ok(Self { first: one, last: one });
        };
        let length: u32 = length.trim().parse().ok().filter(|length| *length <= 32).ok_or_else(bad)?;
        let rest = u32::MAX.checked_shr(length).unwrap_or(0);
        let first = u32::from(address(network)?) & !rest;
        Ok(Self { first: first.into(), last: (first | rest).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_three_spellings() {
        let range = |text: &str| text.parse::<AddressRange>().map(|range| range.to_string());
        assert_eq!(range("10.0.20.50-10.0.20.99").unwrap(), "10.0.20.50-10.0.20.99");
        assert_eq!(range("10.0.20.0/24").unwrap(), "10.0.20.0-10.0.20.255");
        assert_eq!(range("0.0.0.0/0").unwrap(), "0.0.0.0-255.255.255.255");
        assert_eq!(range("10.0.20.7").unwrap(), "10.0.20.7");
        assert!(range("10.0.20.0/33").is_err() && range("here").is_err());
    }

    #[test]
    fn an_empty_limit_allows_everything_and_a_set_one_only_what_it_names() {
        let open = Limits::default();
        assert!(open.is_open() && open.allows_node("pve9") && open.allows_vlan(Some(7)));
        let limits = Limits {
            nodes: vec!["pve1".into()],
            vlans: vec![0, 30],
            addresses: vec!["10.0.20.50-10.0.20.99".parse().unwrap()],
            ..Limits::default()
        };
        assert!(limits.allows_node("pve1") && !limits.allows_node("pve2"));
        assert!(limits.allows_vlan(None) && limits.allows_vlan(Some(30)) && !limits.allows_vlan(Some(40)));
        assert!(limits.allows_address("10.0.20.60/24") && limits.allows_address("dhcp"));
        assert!(!limits.allows_address("10.0.20.100/24"));
        assert!(limits.check().is_ok());
        assert!(Limits { vlans: vec![5000], ..Limits::default() }.check().is_err());
    }
}
