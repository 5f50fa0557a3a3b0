//! Running and stopped, and who starts when the power comes back.
//!
//! Begin with [`Reader::power`] and [`Reader::order`].

use super::attr::{Attribute, What};
use super::lexicon;
use super::mention::{Meant, Mention};
use super::reader::{Focus, Reader};
use super::update::Target;
use domain::ids::Vmid;
use domain::interpretation::{Label, Power, RefusalReason, Span};

impl Reader<'_> {
    pub(super) fn power(&mut self, range: (usize, usize), all: &[Vmid], targets: &[Target]) -> bool {
        let on: &[&str] = &[
            "start",
            "power on",
            "turn on",
            "switch on",
            "boot",
            "boot up",
            "fire up",
            "start up",
            "started",
            "power up",
            "should be running",
            "must be running",
            "shall run",
            "should be on",
            "be switched on",
            "wake",
            "should run",
            "turned on",
            "powered on",
            "switched on",
            "bring up",
            "keep running",
            "shall be running",
            "must run",
            "should be up",
        ];
        let off: &[&str] = &[
            "stop",
            "shut down",
            "power off",
            "turn off",
            "switch off",
            "shutdown",
            "halt",
            "stopped",
            "be off",
            "powered off",
            "turned off",
            "switched off",
            "power down",
            "turn down",
            "shut off",
        ];
        let never: &[&str] = &[
            "must not be running",
            "should not be running",
            "shall not be running",
            "shouldn't be running",
            "must not run",
            "should not run",
            "shall not run",
            "not be on",
            "not stay on",
            "no longer be running",
            "no longer run",
            "must be off",
            "should be off",
        ];
        let again: &[&str] = &["reboot", "restart", "reset", "power cycle", "power-cycle"];
        if self.has(
            range,
            &[
                "boot",
                "boots",
                "onboot",
                "autostart",
                "booting",
                "first",
                "order",
                "starts",
                "auto-start",
                "automatically",
                "outage",
                "power cut",
                "startup",
            ],
        ) && !self.has((range.0, range.0 + 1), &["boot"])
        {
            return false;
        }
        if let Some((at, n)) = self.find(range, again) {
            let span = self.span(at, at + n);
            self.use_up(at, at + n);
            self.draft.refuse(
                RefusalReason::Unsupported,
                "A restart is an action, not a state; ask for stopped or running.",
                Some(span),
            );
            return true;
        }
        // `turn web-old off`, `shut the build VM down`.
        let apart = |first: &[&str], second: &[&str]| {
            let a = (range.0..range.1).find(|i| self.is(*i, first))?;
            let b = (a + 1..range.1).find(|i| self.is(*i, second))?;
            Some((a, b + 1 - a))
        };
        // `must not run on the same host` is about the place.
        let closed = |(at, n): &(usize, usize)| {
            at + n >= range.1
                || self.mark(at + n, ",.;:!")
                || self.is(at + n, &["any", "anymore", "now", "today", "and", "but", "at", "for", "please"])
        };
        let never = self.find(range, never).filter(closed);
        let stop = never.or_else(|| self.find(range, off)).or_else(|| {
            apart(&["turn", "shut", "switch", "power"], &["off", "down"])
                .or_else(|| apart(&["take"], &["offline", "down"]))
        });
        let placed = |(at, n): &(usize, usize)| {
            self.is(at + n - 1, &["run"])
                && self.is(
                    at + n,
                    &["on", "in", "as", "with", "only", "from", "under", "at", "side", "together"],
                )
        };
        let start = self
            .find(range, on)
            .filter(|hit| !placed(hit))
            .or_else(|| apart(&["turn", "switch", "power", "bring"], &["on", "up", "online"]))
            .or_else(|| apart(&["keep", "leave"], &["running", "on", "up", "online"]))
            .or_else(|| apart(&["have", "want", "need"], &["running", "started", "online"]))
            .filter(|(at, _)| never.is_none_or(|(from, n)| *at < from || *at >= from + n));
        if let Some(done) = self.each_its_own(range, targets) {
            return done;
        }
        let (hit, wanted) = match (stop, start) {
            (Some(hit), _) => (hit, false),
            (None, Some(hit)) => (hit, true),
            _ => return false,
        };
        let (at, n) = hit;
        if never.is_none()
            && (range.0..at)
                .rev()
                .take(3)
                .any(|i| self.is(i, &["not", "don't", "never", "without", "nobody", "cannot", "mustn't"]))
        {
            // What must not be done is not done.
            let span = self.span(range.0, range.1);
            self.heard.push(span);
            return true;
        }
        if wanted && self.is(at, &["start"]) && self.is(at + 1, &["over", "with"]) {
            return false;
        }
        // `bring build up to 8 cores` is about cores.
        if wanted && self.is(at + n - 1, &["up"]) && self.is(at + n, &["to"]) {
            return false;
        }
        let span = self.span(at, at + 1);
        let when: &[&str] = &[
            "at night",
            "every",
            "tonight",
            "tomorrow",
            "daily",
            "weekly",
            "weekends",
            "on weekends",
            "overnight",
            "o'clock",
            "during the night",
            "at midnight",
            "nightly",
            "in the evening",
            "when idle",
            "between",
            "if",
            "unless",
            "whenever",
            "as soon as",
            "until",
            "in an hour",
            "later",
            "once",
        ];
        if self.has(range, when) {
            self.draft.refuse(
                RefusalReason::Unsupported,
                "Guests are not started or stopped by the clock here.",
                Some(span),
            );
            return true;
        }
        self.use_up(at, at + 1);
        if n > 1 {
            self.use_up(at + n - 1, at + n);
        }
        let power =
            serde_json::to_value(if wanted { Power::Running } else { Power::Stopped }).unwrap_or_default();
        for guest in all.iter().filter_map(|id| self.facts.guest(*id)) {
            self.put_old(
                guest,
                "power",
                power.clone(),
                Label::Said { quote: None, span: Some(span) },
                targets,
            );
        }
        true
    }

    /// `turn web-old off and build on`: every guest has its own word behind it.
    fn each_its_own(&mut self, range: (usize, usize), targets: &[Target]) -> Option<bool> {
        if targets.len() < 2 || !self.has(range, &["turn", "switch", "power", "shut", "bring", "take"]) {
            return None;
        }
        let mut said: Vec<(Vec<Vmid>, bool, usize)> = Vec::new();
        for (n, target) in targets.iter().enumerate() {
            let until = targets.get(n + 1).map_or(range.1, |next| next.from);
            let at = (target.to..until)
                .find(|i| self.is(*i, &["on", "off", "up", "down", "online", "offline"]))?;
            said.push((target.vmids.clone(), self.is(at, &["on", "up", "online"]), at));
        }
        let timed =
            self.has(range, &["at night", "every", "tonight", "tomorrow", "daily", "when", "if", "until"]);
        if timed || said.iter().all(|(_, on, _)| *on) || said.iter().all(|(_, on, _)| !*on) {
            return None;
        }
        for (vmids, on, at) in said {
            let power = serde_json::to_value(if on { Power::Running } else { Power::Stopped }).ok()?;
            let span = self.span(at, at + 1);
            self.use_up(at, at + 1);
            for guest in vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                let label = Label::Said { quote: None, span: Some(span) };
                self.put_old(guest, "power", power.clone(), label, targets);
            }
        }
        Some(true)
    }

    /// `db-1 starts first, web-old second`.
    pub(super) fn order(&mut self, range: (usize, usize)) -> bool {
        let spoken = self.has(
            range,
            &[
                "start",
                "starts",
                "boot",
                "boots",
                "come up",
                "comes up",
                "started",
                "order",
                "booted",
                "come back",
                "startup",
                "starting",
                "up",
            ],
        );
        let ordinal = (range.0..range.1).any(|i| {
            lexicon::ordinal(self.low(i)).is_some() && !self.is(i + 1, &["disk", "nic", "cluster"])
                || self.is(i, &["before", "last"])
        }) || self
            .has(range, &["start order", "boot order", "startup order", "starting order"]);
        let listed = self.has(range, &["start order", "boot order", "startup order", "starting order"]);
        if !spoken || !ordinal || self.has(range, &["disk", "snapshot"]) {
            return false;
        }
        let mut mentions: Vec<Mention> = self.mentions(range);
        // `start it first at boot`
        if mentions.is_empty()
            && let Focus::Guests(ids) = &self.focus
            && let [_] = ids.as_slice()
            && let Some(at) = (range.0..range.1).find(|i| self.is(*i, &["it", "that"]))
        {
            mentions.push(Mention { meant: Meant::Guests(ids.clone()), from: at, to: at + 1, group: false });
        }
        if mentions.is_empty() {
            return false;
        }
        let vmids: Vec<Vmid> = mentions
            .iter()
            .filter_map(|m| match &m.meant {
                Meant::Guests(ids) => ids.first().copied(),
                _ => None,
            })
            .collect();
        if vmids.is_empty() {
            return false;
        }
        if !self.allowed(
            &vmids,
            (mentions.first().map_or(range.0, |m| m.from), mentions.first().map_or(range.1, |m| m.to)),
            false,
        ) {
            return true;
        }
        let mut set: Vec<(Vmid, u32, Span)> = Vec::new();
        let mut counted: Vec<Vmid> = Vec::new();
        for (n, mention) in mentions.iter().enumerate() {
            let Meant::Guests(ids) = &mention.meant else { continue };
            let Some(id) = ids.first() else { continue };
            let until = mentions.get(n + 1).map_or(range.1, |m| m.from);
            let hit = (mention.to..until).find_map(|i| lexicon::ordinal(self.low(i)).map(|o| (i, o)));
            // `start order: db-1 1, web-old 2`
            let hit = hit.or_else(|| {
                let number = (mention.to..until).find_map(|i| {
                    let n =
                        self.toks.get(i)?.number.filter(|n| n.fract() == 0.0 && (1.0..=999.0).contains(n))?;
                    Some((i, n as u32))
                });
                number.filter(|_| listed)
            });
            let before = (n == 0)
                .then(|| (range.0..mention.from).find_map(|i| lexicon::ordinal(self.low(i)).map(|o| (i, o))))
                .flatten();
            if let Some((i, order)) =
                hit.or(before).filter(|_| !self.is(mention.from.wrapping_sub(1), &["after"]))
            {
                set.push((*id, order, self.span(i, i + 1)));
            }
        }
        // `grafana first, then web-old, then build`: counted on from the first.
        if let Some((_, first, _)) = set.first().copied().filter(|_| set.len() == 1)
            && self.has(range, &["then", "afterwards", "next", "followed by"])
        {
            for (n, (mention, id)) in mentions.iter().zip(&vmids).enumerate().skip(1) {
                let word = (mention.from.saturating_sub(3)..mention.from)
                    .find(|i| self.is(*i, &["then", "next", "followed", "afterwards"]));
                if let Some(word) = word.filter(|_| !set.iter().any(|(known, _, _)| known == id)) {
                    set.push((*id, first + n as u32, self.span(word, mention.to)));
                    counted.push(*id);
                }
            }
        }
        if let Some((at, _)) = self.find(range, &["before"]).filter(|_| set.is_empty())
            && let [first, second] = vmids.as_slice()
        {
            let span = self.span(at, at + 1);
            set = vec![(*first, 1, span), (*second, 2, span)];
        }
        if set.is_empty() {
            return false;
        }
        let targets: Vec<Target> = mentions
            .iter()
            .zip(&vmids)
            .map(|(m, id)| Target { vmids: vec![*id], from: m.from, to: m.to })
            .collect();
        let derived = self.has(range, &["before"]);
        for (id, order, span) in &set {
            if let Some(guest) = self.facts.guest(*id) {
                let label = if derived || counted.contains(id) {
                    Label::derived("the order that the text asks for", Some(*span))
                } else {
                    Label::Said { quote: None, span: Some(*span) }
                };
                self.put_old(guest, "start_order", serde_json::Value::from(*order), label, &targets);
            }
        }
        for mention in &mentions {
            self.use_up(mention.from, mention.to);
        }
        let (delays, rest): (Vec<Attribute>, Vec<Attribute>) = self
            .attributes(range.0, range.1, domain::interpretation::GuestKind::Vm)
            .into_iter()
            .filter(|a| !matches!(a.what, What::OnBoot(_) | What::Order(_) | What::Power(_)))
            .partition(|a| matches!(a.what, What::Delay(_)));
        for attribute in &rest {
            let meant = self.meant_by(attribute, &targets, &vmids);
            self.say_of_existing(attribute, &meant, &targets, range, &mut None);
        }
        for delay in delays {
            let What::Delay(seconds) = delay.what else { continue };
            let after = mentions
                .iter()
                .zip(&vmids)
                .find(|(m, _)| m.from > delay.to && self.is(m.from - 1, &["after"]))
                .map(|(_, id)| *id);
            let earlier = set.iter().min_by_key(|(_, order, _)| *order).map(|(id, _, _)| *id);
            if let Some(guest) = after.or(earlier).and_then(|id| self.facts.guest(id)) {
                let label = self.said(delay.from, delay.to);
                self.put_old(guest, "start_delay_s", serde_json::Value::from(seconds), label, &targets);
            }
        }
        self.focus = Focus::Guests(vmids);
        true
    }
}
