//! Sensible wishes that this version does not offer: devices, several network cards, messages, firewalls.
//!
//! Begin with [`Reader::not_offered`].

use super::create::Head;
use super::reader::Reader;
use domain::interpretation::{QuestionAbout, RefusalReason};

impl Reader<'_> {
    /// True if the word is somebody's name here: `called firewall`, or a guest of that name.
    fn named_so(&self, (from, to): (usize, usize), words: &[&str]) -> bool {
        (from..to).any(|i| {
            self.is(i, words)
                && (self.facts.guest_named(self.low(i)).is_some()
                    || i > from && self.is(i - 1, &["called", "named", "name", "tag", "tagged", "pool"]))
        })
    }

    /// Asks about, or refuses, what is not offered. True: it was such a wish.
    pub(super) fn not_offered(&mut self, range: (usize, usize), guest: bool, heads: &[Head]) -> bool {
        let span = self.span(range.0, range.1);
        if self.has(
            range,
            &[
                "nics",
                "network cards",
                "network interfaces",
                "network adapters",
                "two interfaces",
                "2 interfaces",
                "dual-homed",
                "dual homed",
                "two networks",
                "both networks",
                "both vlans",
                "two vlans",
            ],
        ) && (guest || !heads.is_empty())
        {
            self.draft.ask(
                QuestionAbout::WhichNetwork,
                "A guest has one network card here. Which network shall it be on?",
                vec![],
                Some(span),
            );
            return true;
        }
        if self.has(range, &["pass", "passthrough", "pass-through", "passed"])
            && self.has(range, &["through", "passthrough", "pass-through"])
            || self.has(
                range,
                &[
                    "gpu",
                    "graphics card",
                    "usb stick",
                    "usb device",
                    "pci",
                    "zigbee stick",
                    "coral",
                    "usb",
                    "tpu",
                    "hba",
                ],
            ) && (guest || !heads.is_empty())
        {
            if self.agreed(QuestionAbout::WhichDevice, "") == Some(true) {
                self.heard.push(span);
                return heads.is_empty();
            }
            let mut options: Vec<String> = self.facts.devices.keys().cloned().collect();
            if options.is_empty() {
                options = vec!["Yes, leave it out".into(), "No, then not at all".into()];
            }
            options.truncate(4);
            self.draft.ask(QuestionAbout::WhichDevice, "There is no device mapping for this; devices cannot be passed through here. Shall it be left out?", options, Some(span));
            return true;
        }
        if self.has(
            range,
            &[
                "mail me",
                "email me",
                "e-mail",
                "notify me",
                "notify",
                "send me",
                "tell me when",
                "alert me",
                "let me know",
                "ping me",
                "message me",
                "text me",
                "remind me",
                "call me",
                "slack",
                "telegram",
                "inform me",
            ],
        ) && heads.iter().all(|h| !h.clear)
        {
            self.draft.refuse(RefusalReason::Unsupported, "Messages are not sent from here.", Some(span));
            return true;
        }
        if self.has(
            range,
            &[
                "firewall",
                "port forwarding",
                "port forward",
                "dns record",
                "dns entry",
                "load balancer",
                "reverse proxy entry",
                "open port",
                "certificate",
                "letsencrypt",
                "monitoring alert",
                "cpu type",
                "cpu limit",
                "ballooning",
                "nested virtualization",
                "numa",
                "hotplug",
                "replication",
                "qos",
                "bandwidth limit",
                "rate limit",
                "forward port",
                "second network card",
                "second nic",
                "another nic",
                "cpu pinning",
                "hugepages",
                "autoscale",
                "autoscaling",
                "io limit",
                "port 80",
                "port 443",
            ],
        ) && !heads.iter().any(|h| {
            h.role.is_some()
                && self.has((h.from, h.noun), &["firewall", "monitoring", "replication", "certificate"])
        }) && !self.named_so(range, &["firewall", "replication", "certificate"])
        {
            self.draft.refuse(RefusalReason::Unsupported, "This is not offered by this version.", Some(span));
            return true;
        }
        false
    }
}
