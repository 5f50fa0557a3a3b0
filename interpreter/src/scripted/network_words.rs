//! Words for the network: VLANs, bridges, addresses, gateways, name servers.

use super::address;
use super::attr::{Attribute, What};
use super::lexicon;
use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn network(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        let mut i = from;
        while i < to {
            if !self.free(i) {
                i += 1;
                continue;
            }
            if self.is(i, &["vlan", "vlans"]) {
                let mut at = i + 1;
                while self.is(at, &["tag", "id", "number", "no"]) || self.mark(at, "#:=") {
                    at += 1;
                }
                if let Some(tag) =
                    self.toks.get(at).filter(|_| at < to).and_then(|t| t.number).filter(|n| n.fract() == 0.0)
                {
                    let what = if !(1.0..=4094.0).contains(&tag) {
                        What::BadVlan
                    } else if self.facts.house.vlans.contains_key(&(tag as u16).to_string()) {
                        What::Vlan(tag as u16)
                    } else {
                        What::UnknownVlan(format!("{tag}"))
                    };
                    self.take(found, i, at + 1, what);
                    i = at + 1;
                    continue;
                }
                let named = |at: usize| self.vlan_named(self.low(at));
                if let Some(tag) = named(at).filter(|_| at < to) {
                    self.take(found, i, at + 1, What::Vlan(tag));
                } else if let Some(tag) = i.checked_sub(1).filter(|b| *b >= from).and_then(named) {
                    self.take(found, i - 1, i + 1, What::Vlan(tag));
                } else if let Some(before) = i
                    .checked_sub(1)
                    .filter(|b| *b >= from && self.is(b.saturating_sub(1), &["the", "my", "on", "in", "a"]))
                {
                    let word = self.raw(before).to_owned();
                    if !lexicon::is_common(self.low(before)) {
                        self.take(found, before, i + 1, What::UnknownVlan(word));
                    }
                }
            } else if self.is(i, &["network", "net", "subnet", "lan", "segment"]) && i > from {
                let word = self.low(i - 1).to_owned();
                if let Some(tag) = self.vlan_named(&word) {
                    self.take(found, i - 1, i + 1, What::Vlan(tag));
                } else if i >= from + 2
                    && (self.is(i - 2, &["the", "my", "our", "on", "in"])
                        || i >= from + 3 && self.is(i - 3, &["the", "my", "our"]))
                    && self.has((i.saturating_sub(4).max(from), i), &["on", "in", "into", "to"])
                    && !lexicon::is_common(&word)
                    && !matches!(
                        word.as_str(),
                        "main" | "internal" | "local" | "pod" | "service" | "untagged" | "lan"
                    )
                    && self.free(i - 1)
                {
                    let word = self.raw(i - 1).to_owned();
                    self.take(found, i - 1, i + 1, What::UnknownVlan(word));
                }
            } else if let Some(tag) = self.vlan_named(self.low(i))
                && i > from
                && (self.is(i - 1, &["on", "in", "into"])
                    || self.is(i - 1, &["the"])
                        && i >= from + 2
                        && self.is(i - 2, &["on", "in", "into", "to"]))
                && !self.is(i + 1, &["vlan", "network", "net", "subnet", "lan", "pool"])
            {
                self.take(found, i, i + 1, What::Vlan(tag));
            } else if self.low(i).starts_with("vmbr") && self.low(i).len() > 4 {
                let name = self.raw(i).to_owned();
                let what = if self.facts.bridges.contains_key(&name) {
                    What::Bridge(name)
                } else {
                    What::UnknownVlan(name)
                };
                self.take(found, i, i + 1, what);
            } else if self.is(i, &["dhcp"]) {
                self.take(found, i, i + 1, What::Dhcp);
            } else if let Some((ips, prefix, end)) = address::at(self, i, to) {
                self.addressed(found, from, i, end, ips, prefix);
                i = end;
                continue;
            } else if address::looks_wrong(self.raw(i)) {
                let words = self.raw(i).to_owned();
                self.take(found, i, i + 1, What::BadAddress(words));
            }
            i += 1;
        }
    }

    pub(super) fn addressed(
        &mut self,
        found: &mut Vec<Attribute>,
        from: usize,
        i: usize,
        end: usize,
        ips: Vec<String>,
        prefix: Option<u8>,
    ) {
        let back: Vec<String> = (1..=5)
            .map_while(|n| i.checked_sub(n).filter(|at| *at >= from))
            .take_while(|at| !self.mark(*at, ",;"))
            .map(|at| self.low(at).to_owned())
            .collect();
        let behind = if self.is(end, &["as", "for"]) {
            let at =
                if self.is(end + 1, &["a", "the", "its", "their", "default"]) { end + 2 } else { end + 1 };
            self.low(at).to_owned()
        } else {
            String::new()
        };
        let near = |words: &[&str]| back.iter().take(4).any(|w| words.contains(&w.as_str()));
        let first = ips.first().cloned().unwrap_or_default();
        let role = |w: &str| {
            matches!(
                w,
                "gateway"
                    | "gw"
                    | "router"
                    | "dns"
                    | "nameserver"
                    | "nameservers"
                    | "resolver"
                    | "ip"
                    | "address"
                    | "addresses"
                    | "ips"
            )
        };
        let named = matches!(
            behind.as_str(),
            "gateway" | "gw" | "router" | "dns" | "nameserver" | "nameservers" | "resolver"
        );
        let word =
            if named { Some(behind.as_str()) } else { back.iter().find(|w| role(w)).map(String::as_str) };
        match word {
            Some("gateway" | "gw" | "router") => self.take(found, i, end, What::Gateway(first)),
            Some("dns" | "nameserver" | "nameservers" | "resolver") => {
                for ip in ips {
                    self.take(found, i, end, What::Dns(ip));
                }
            }
            None if near(&["via"]) => self.take(found, i, end, What::Gateway(first)),
            _ if prefix.is_some_and(|p| first == address::network_of(&first, p)) && ips.len() == 1 => {
                self.use_up(i, end)
            }
            _ => self.take(found, i, end, What::Ips(ips, prefix)),
        }
    }

    pub(super) fn vlan_named(&self, word: &str) -> Option<u16> {
        let hit = self
            .facts
            .house
            .vlans
            .iter()
            .find(|(_, vlan)| !word.is_empty() && vlan.name.to_lowercase() == word)?;
        hit.0.parse().ok()
    }
}
