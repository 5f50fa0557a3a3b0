//! Addresses: which gateway belongs to one, and whether it is free.

use super::NoPlan;
use super::context::Context;
use crate::ids::Vmid;
use std::net::Ipv4Addr;

/// Is the address (with or without a prefix length) inside the network?
pub(super) fn inside(cidr: &str, address: &str) -> bool {
    let Some((network, length)) = cidr.split_once('/') else { return false };
    let (Ok(network), Ok(length)) = (network.parse::<Ipv4Addr>(), length.parse::<u32>()) else {
        return false;
    };
    let Ok(address) = plain(address).parse::<Ipv4Addr>() else { return false };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or(0);
    length <= 32 && u32::from(network) & mask == u32::from(address) & mask
}

/// The address without its prefix length.
pub(super) fn plain(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

/// The gateway of the subnet that an address lies in: that of the VLAN, or of the house network.
pub(super) fn gateway(context: &Context<'_>, vlan: Option<u16>, address: &str) -> Option<String> {
    let house = context.house();
    let (cidr, gateway) = match vlan {
        Some(tag) => {
            let vlan = house.vlans.get(&tag.to_string())?;
            (&vlan.cidr, vlan.gateway.as_ref()?)
        }
        None => (&house.network.cidr, &house.network.gateway),
    };
    inside(cidr, address).then(|| gateway.clone())
}

/// No node, gateway or other guest has the address, and no other new guest of this plan asks for it.
pub(super) fn free(
    context: &Context<'_>,
    address: &str,
    own: Option<Vmid>,
    index: usize,
) -> Result<(), NoPlan> {
    if address == "dhcp" {
        return Ok(());
    }
    let address = plain(address);
    let same = |other: Option<&str>| other.is_some_and(|other| plain(other) == address);
    let seen = context.seen();
    let guest = seen.guests.values().filter(|guest| Some(guest.vmid) != own);
    let owner = guest
        .filter(|guest| !moves_away(context, guest.vmid, address))
        .find(|guest| same(guest.ip().as_deref()))
        .map(|guest| guest.name.clone())
        .or_else(|| {
            seen.nodes.iter().find(|(_, node)| same(node.address.as_deref())).map(|(name, _)| name.clone())
        })
        .or_else(|| {
            let vlans = context.house().vlans.values().filter_map(|vlan| vlan.gateway.as_deref());
            vlans
                .chain([context.house().network.gateway.as_str()])
                .any(|gateway| gateway == address)
                .then(|| "a gateway".into())
        })
        .or_else(|| {
            let others = context.desired().guests.iter().enumerate().filter(|(other, _)| *other != index);
            others.into_iter().find(|(_, wish)| same(wish.ip.as_deref())).map(|(_, wish)| wish.name.clone())
        });
    match owner {
        None => Ok(()),
        Some(owner) => Err(NoPlan::new(
            format!("The address {address} belongs to {owner}."),
            "Choose another address, or write dhcp.",
        )),
    }
}

/// Does the declaration give this guest another address?
fn moves_away(context: &Context<'_>, vmid: Vmid, address: &str) -> bool {
    let wish = context.desired().guests.iter().find(|wish| wish.vmid == Some(vmid));
    wish.and_then(|wish| wish.ip.as_deref()).is_some_and(|ip| plain(ip) != address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_its_network_only() {
        assert!(inside("10.0.20.0/24", "10.0.20.90/24"));
        assert!(!inside("10.0.20.0/24", "10.0.30.90"));
        assert!(inside("0.0.0.0/0", "10.0.30.90"));
        assert!(!inside("10.0.20.0/40", "10.0.20.1"));
    }
}
