//! Words for running, stopped, starting at boot, high availability and protection.
//!
//! Begin with [`Reader::starting`].

use super::attr::{Attribute, What};
use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn starting(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        let range = (from, to);
        let not_in = |reader: &Self, a: usize, b: usize| {
            (a..b).any(|n| {
                reader.is(
                    n,
                    &[
                        "not",
                        "never",
                        "don't",
                        "no",
                        "without",
                        "doesn't",
                        "shouldn't",
                        "stop",
                        "disable",
                        "longer",
                        "off",
                    ],
                )
            })
        };
        let boots: &[&str] = &[
            "start on boot",
            "starts on boot",
            "start at boot",
            "starts at boot",
            "start when",
            "starts when",
            "onboot",
            "autostart",
            "auto-start",
            "start automatically",
            "starts automatically",
            "start with the node",
            "start with the server",
            "start with the host",
            "start after a reboot",
            "started on boot",
            "started at boot",
            "starting at boot",
            "starting on boot",
            "come up when",
            "come up with",
            "comes up with",
            "come up automatically",
            "boot automatically",
            "start up with",
            "start-on-boot",
            "start on its own",
            "start by itself",
            "start itself",
            "automatic start",
            "boot with",
            "come up after",
            "come back after",
            "start again after",
            "start up automatically",
            "starts up automatically",
            "start after a power cut",
            "start together with",
            "start along with",
            "boot when",
        ];
        if let Some((at, length)) = self.find(range, boots) {
            let start = at.saturating_sub(5).max(from);
            let kept = self.has((from, at + 1), &["keep", "prevent", "stop", "hinder", "keeps"])
                && self.is(at.wrapping_sub(1), &["from"]);
            let wanted = !kept && !not_in(self, start, at) && !self.is(at + length, &["off", "disabled"]);
            let begin = (start..at)
                .find(|n| {
                    self.is(*n, &["not", "never", "don't", "no", "without", "disable", "stop", "doesn't"])
                })
                .unwrap_or(at);
            self.take(found, begin, at + length, What::OnBoot(wanted));
        }
        let late: &[&str] = &[
            "on boot",
            "at boot",
            "on startup",
            "at startup",
            "at boot time",
            "with the host",
            "with the node",
            "when the node boots",
            "when the host boots",
            "when the server boots",
            "after a power cut",
            "after a reboot",
        ];
        if let Some((at, length)) = self.find(range, late).filter(|(at, _)| {
            self.has((from, *at), &["start", "started", "boot", "starts", "start up", "come up", "up"])
                && self.free(*at)
        }) && !found.iter().any(|a| matches!(a.what, What::OnBoot(_)))
        {
            let wanted = !not_in(self, from, at);
            self.take(found, at, at + length, What::OnBoot(wanted));
        }
        let off: &[&str] = &[
            "leave it off",
            "leave it stopped",
            "keep it stopped",
            "keep it off",
            "leave them off",
            "leave them stopped",
            "keep them off",
            "keep them stopped",
            "do not start it",
            "don't start it",
            "not started",
            "stay off",
            "stays off",
            "do not start them",
            "don't start them",
            "without starting it",
            "without starting",
            "powered off",
            "switched off",
            "turned off",
            "stay stopped",
            "stays stopped",
            "not start yet",
            "not be started",
            "remain off",
            "remain stopped",
            "not start it",
            "not start them",
            "not running",
            "not yet started",
            "leave it powered",
            "don't power it on",
        ];
        if let Some((at, length)) = self.find(range, off) {
            self.take(found, at, at + length, What::Power(false));
        } else if let Some((at, length)) = self
            .find(
                range,
                &[
                    "start it right away",
                    "start it immediately",
                    "started right away",
                    "start it",
                    "start them",
                    "boot it",
                    "boot them",
                    "power it on",
                    "turn it on",
                    "switch it on",
                    "fire it up",
                    "and running",
                    "should be running",
                    "shall be running",
                    "should run",
                ],
            )
            .filter(|(at, n)| {
                !self.is(at + n, &["first", "last", "second", "third", "at", "on", "after", "before", "when"])
            })
        {
            self.take(found, at, at + length, What::Power(true));
        }
        let survives: &[&str] = &[
            "survive the failure",
            "survive a failure",
            "survive the loss",
            "survive the death",
            "survive a node",
            "survive if",
            "survive when",
            "fail over",
            "fails over",
            "failover",
            "when its node dies",
            "when its node fails",
            "if its node dies",
            "if its node fails",
            "if a node dies",
            "if a node fails",
            "when a node fails",
            "when a node dies",
        ];
        if let Some((at, length)) = self.find(range, survives).filter(|(at, _)| self.free(*at)) {
            let wanted = !not_in(self, at.saturating_sub(4).max(from), at);
            if wanted {
                self.take(found, at, at + length, What::Ha(true));
            }
        }
        for (i, phrase) in
            [(0, "highly available"), (0, "high availability"), (0, "high-availability"), (0, "ha")]
        {
            if let Some((at, length)) = self.find(range, &[phrase]).map(|(a, l)| (a + i, l)) {
                let before = at.saturating_sub(4).max(from);
                let wanted = !not_in(self, before, at)
                    && !(before..at).any(|n| self.is(n, &["remove", "out", "from", "stop"]));
                let begin = (before..at)
                    .find(|n| self.is(*n, &["not", "no", "without", "off", "remove", "out", "disable"]))
                    .unwrap_or(at);
                if self.free(at) {
                    self.take(found, begin, at + length, What::Ha(wanted));
                }
                break;
            }
        }
        if let Some((at, length)) = self.find(
            range,
            &["protected", "protection", "protect", "unprotect", "unprotected", "deletion protection"],
        ) {
            let off = self.is(at, &["unprotect", "unprotected"])
                || not_in(self, at.saturating_sub(4).max(from), at)
                || (at.saturating_sub(4).max(from)..at)
                    .any(|n| self.is(n, &["remove", "drop", "lift", "clear"]));
            self.take(found, at, at + length, What::Protected(!off));
        }
        for i in from..to {
            if self.is(i, &["order"])
                && self.has((i.saturating_sub(3).max(from), i), &["start", "boot", "startup"])
            {
                let at =
                    if self.is(i + 1, &["is", "of", "to"]) || self.mark(i + 1, ":=") { i + 2 } else { i + 1 };
                if let Some(n) = self
                    .toks
                    .get(at)
                    .and_then(|t| t.number)
                    .filter(|n| n.fract() == 0.0 && (1.0..=999.0).contains(n))
                {
                    self.take(found, i, at + 1, What::Order(n as u32));
                }
            }
            if let Some((n, at)) = self.number_at(i).filter(|(n, at)| {
                n.fract() == 0.0
                    && *at < to
                    && self.is(*at, &["seconds", "second", "sec", "secs", "s", "minutes", "minute", "min"])
            }) {
                let near =
                    self.has((from, to), &["delay", "pause", "wait", "after", "later", "waits", "gap"]);
                let seconds = if self.is(at, &["minutes", "minute", "min"]) { n * 60.0 } else { n };
                if near
                    && self.free(i)
                    && (0.0..=3600.0).contains(&seconds)
                    && !self.has((from, to), &["bake", "cook"])
                {
                    self.take(found, i, at + 1, What::Delay(seconds as u32));
                }
            }
        }
    }
}
