//! The network card, the address, and what cloud-init tells the guest.

use super::Editor;
use crate::plan::Effect;
use crate::plan::planner::config::{self, Options};
use crate::plan::planner::{NoPlan, network};

impl Editor<'_, '_> {
    /// The network card, and the address where it is part of it.
    pub(super) fn card(&mut self) -> Result<(), NoPlan> {
        let mut card = Options::read(self.guest.config.get("net0").map_or("", String::as_str));
        let old = card.clone();
        if let Some(bridge) = &self.wish.bridge {
            let known =
                self.context.online(&self.guest.node).is_some_and(|node| node.bridges.contains_key(bridge));
            if !known {
                return Err(NoPlan::new(
                    format!("{} has no bridge {bridge}.", self.guest.node),
                    "Name a bridge that the node has.",
                ));
            }
            if self.differs("bridge", "bridge", self.guest.bridge(), bridge) {
                card.set("bridge", bridge);
            }
        }
        if let Some(vlan) = self.wish.vlan.map(|tag| tag.to_string())
            && self.differs("vlan", "VLAN", self.guest.vlan().map(|tag| tag.to_string()), &vlan)
        {
            card.set("tag", vlan);
        }
        if self.is_vm() {
            let value = self.guest.config.get("ipconfig0").map_or("", String::as_str);
            let mut address = Options::read(value);
            if self.address(&mut address)? {
                self.set("ipconfig0", address.write());
                self.waits("the address");
            }
        } else if self.address(&mut card)? {
            self.effect(Effect::Interrupts);
        }
        if card != old {
            if old.get("bridge").is_none() {
                return Err(NoPlan::new(
                    format!("{} has no network card.", self.guest.name),
                    "Give it one in Proxmox, then preview again.",
                ));
            }
            self.set("net0", card.write());
            if !self.is_vm() || self.hotplugs("network") {
                self.effect(Effect::Interrupts);
            } else {
                self.waits("the network card");
            }
        }
        Ok(())
    }

    /// Writes `ip` and `gw` into the options; false where nothing changes.
    fn address(&mut self, options: &mut Options) -> Result<bool, NoPlan> {
        let old = options.clone();
        let ip = match &self.wish.ip {
            Some(ip) => {
                network::free(self.context, ip, Some(self.guest.vmid), self.index)?;
                if self.differs("ip", "address", self.guest.ip(), ip) {
                    options.set("ip", ip);
                }
                ip.clone()
            }
            None => self.guest.ip().unwrap_or_default(),
        };
        let is_static = ip.contains('/') && ip != "dhcp";
        if let Some(gateway) = &self.wish.gateway {
            if !is_static {
                return Err(NoPlan::new(
                    format!("{} has no fixed address, so it takes no gateway.", self.guest.name),
                    "Give it an address with a prefix length, or leave the gateway out.",
                ));
            }
            if self.differs("gateway", "gateway", old.get("gw").map(str::to_owned), gateway) {
                options.set("gw", gateway);
            }
        } else if *options != old {
            // The gateway follows the address: kept if it lies in the new subnet, else that of the house rules.
            let vlan = self.wish.vlan.or(self.guest.vlan());
            let kept = old.get("gw").filter(|gateway| network::inside(&ip, gateway)).map(str::to_owned);
            match kept.or_else(|| network::gateway(self.context, vlan, &ip)).filter(|_| is_static) {
                Some(gateway) => options.set("gw", gateway),
                None => options.remove("gw"),
            }
        }
        Ok(*options != old)
    }

    pub(super) fn cloudinit(&mut self) {
        let guest = self.guest;
        if !self.wish.nameservers.is_empty() {
            let seen = guest.config.get("nameserver").map(|list| {
                list.split([' ', ',', ';']).filter(|item| !item.is_empty()).collect::<Vec<_>>().join(", ")
            });
            if self.differs("nameservers", "name servers", seen, &self.wish.nameservers.join(", ")) {
                self.set("nameserver", self.wish.nameservers.join(" "));
                self.waits("the name servers");
            }
        }
        if !self.is_vm() {
            return;
        }
        if let Some(user) = &self.wish.login_user
            && self.differs("login_user", "login", guest.config.get("ciuser").cloned(), user)
        {
            self.set("ciuser", user.clone());
            self.waits("the login");
        }
        if !self.wish.ssh_keys.is_empty() {
            let stored = guest.config.get("sshkeys").map_or("", String::as_str);
            let there: Vec<&str> = stored.split("%0A").filter(|key| !key.is_empty()).collect();
            let wished = self.wish.ssh_keys.iter().map(|key| config::ssh_keys(std::slice::from_ref(key)));
            let new: Vec<String> = wished.filter(|key| !there.contains(&key.as_str())).collect();
            let words = |count: usize| format!("{count} known");
            if self.differs("ssh_keys", "SSH keys", Some(words(there.len())), &words(there.len() + new.len()))
            {
                let all: Vec<&str> = there.iter().copied().chain(new.iter().map(String::as_str)).collect();
                self.set("sshkeys", all.join("%0A"));
                self.waits("the SSH keys");
            }
        }
    }
}
