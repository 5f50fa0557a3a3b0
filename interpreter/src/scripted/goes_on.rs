//! Clauses that go on with what was spoken of, and clauses about nothing that was named.
//!
//! Begin with [`Reader::goes_on`].

use super::reader::{Focus, Reader};
use super::token::Kind;
use super::{lexicon, loss};
use domain::interpretation::{GuestKind, QuestionAbout};

impl Reader<'_> {
    /// A clause that goes on with what was spoken of: `Two cores.`, `Put them on pve1.`
    pub(super) fn goes_on(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        if !self.draft.questions.is_empty()
            && !self.quantities(from, to).is_empty()
            && self.focus == Focus::Nothing
        {
            return true;
        }
        match self.focus.clone() {
            Focus::New(group) => {
                let everyone = self.has(
                    (from, to.min(from + 4)),
                    &["all of them", "all", "everything", "each", "every one", "every", "they", "them"],
                ) || self
                    .has(range, &["all of them", "each of them", "all three", "all four", "all of these"]);
                let made: Vec<usize> = if everyone {
                    (0..self.draft.guests.len())
                        .filter(|g| self.draft.guests.get(*g).is_some_and(|d| d.is_new()))
                        .collect()
                } else {
                    group
                };
                let kind = made
                    .first()
                    .and_then(|g| self.draft.guests.get(*g))
                    .map_or(GuestKind::Vm, |g| g.wish.kind);
                let own = self.own_words(range);
                if !own {
                    return false;
                }
                let turns = self.turns(&made, range, (from, from));
                let attributes = self.attributes(from, to, kind);
                if attributes.is_empty() {
                    self.mounts_within(range);
                    return !self.draft.mounts.is_empty() && self.has(range, &["mount", "mounted"]);
                }
                self.say_of_new(&made, &attributes, &turns);
                self.mounts_within(range);
                true
            }
            Focus::Guests(_) => self.own_words(range) && self.update(range),
            Focus::Nothing => self.loose(range),
        }
    }

    /// Whether a clause can go on with earlier ones: it has sizes or other attributes of guests, and does not
    /// read like prose about something else.
    pub(super) fn own_words(&self, (from, to): (usize, usize)) -> bool {
        let trade = (from..to).any(|i| {
            lexicon::is_core_unit(self.low(i)) && self.low(i).len() > 1
                || lexicon::size_unit(self.low(i)).is_some() && i > from && self.number_at(i - 1).is_some()
                || self.is(
                    i,
                    &[
                        "vlan",
                        "memory",
                        "ram",
                        "disk",
                        "disks",
                        "dhcp",
                        "address",
                        "addresses",
                        "ip",
                        "ips",
                        "gateway",
                        "boot",
                        "tag",
                        "tags",
                        "tagged",
                        "pool",
                        "ha",
                        "ssh",
                        "start",
                        "stopped",
                        "key",
                        "login",
                        "user",
                        "node",
                        "nodes",
                        "servers",
                        "server",
                        "tpm",
                        "uefi",
                        "storage",
                        "protected",
                        "notes",
                        "description",
                        "stop",
                        "them",
                        "it",
                        "mount",
                        "mounted",
                        "spread",
                        "dns",
                        "power",
                        "off",
                        "highly",
                    ],
                )
                || self.facts.nodes.contains_key(self.low(i))
                || self.facts.storages.contains_key(self.low(i))
                || self.toks.get(i).is_some_and(|t| t.kind == Kind::Key)
                || lexicon::SYSTEMS.contains(&self.low(i))
        });
        trade && to - from < 60
    }

    /// Words of the trade about nothing that was named.
    pub(super) fn loose(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let span = self.span(from, to);
        if let Some((a, b)) = self
            .unknown_reference(range)
            .filter(|_| self.own_words(range) || lexicon::VERBS.contains(&self.low(from)))
        {
            let span = self.span(a, b);
            self.unknown_guest(Some(span));
            return true;
        }
        let verb = self.toks.get(from).is_some_and(|t| lexicon::VERBS.contains(&t.low.as_str()));
        if !self.quantities(from, to).is_empty() && (self.own_words(range) || verb) {
            self.unknown_guest(Some(span));
            return true;
        }
        let placed = ["vlan", "network", "pool", "ha", "pve", "address", "ip", "boot", "node"];
        if verb
            && self.is(
                from,
                &["put", "move", "give", "set", "assign", "connect", "place", "add", "bring", "take"],
            )
            && self.has(range, &placed)
            && self.own_words(range)
            && to - from > 3
        {
            self.unknown_guest(Some(span));
            return true;
        }
        let sized = ["memory", "ram", "disk", "cores", "cpu", "cpus", "space"];
        if verb && self.has(range, &sized) && self.has(range, &["it", "them", "that", "this", "one"]) {
            self.unknown_guest(Some(span));
            return true;
        }
        let vague = self.has(
            range,
            &[
                "faster",
                "better",
                "stuff",
                "things",
                "more reliable",
                "secure",
                "safer",
                "performance",
                "improve",
                "optimise",
                "optimize",
                "tidy",
                "fix",
                "quicker",
                "more memory",
                "more ram",
                "bigger",
                "some",
                "slow",
                "everything",
            ],
        );
        if vague
            && self.has(range, &["stuff", "things", "devices", "machines", "servers", "everything"])
            && self.has(range, &["vlan", "network", "pool", "tag", "move", "put", "all"])
        {
            self.unknown_guest(Some(span));
            return true;
        }
        if (verb || self.is(from, &["please"]))
            && (vague
                || self.has(
                    range,
                    &[
                        "it",
                        "them",
                        "vm",
                        "container",
                        "cluster",
                        "server",
                        "homelab",
                        "proxmox",
                        "memory",
                        "disk",
                    ],
                ))
        {
            self.draft.ask(
                QuestionAbout::WhatGoal,
                "What exactly shall hold afterwards, and for which guest?",
                vec![],
                Some(span),
            );
            return true;
        }
        false
    }

    /// A question about the cluster or the world: nothing shall change.
    pub(super) fn only_asks(&self, (from, to): (usize, usize)) -> bool {
        let asks = self.is(
            from,
            &[
                "how", "what", "which", "who", "where", "when", "why", "is", "are", "does", "did", "was",
                "has",
            ],
        );
        let ends = self.mark(to, "?") || self.mark(to.saturating_sub(1), "?");
        let first = (from..to)
            .find(|i| {
                !self.is(*i, &["please", "can", "could", "would", "you", "hey", "hi", "hello"])
                    && !self.mark(*i, ",")
            })
            .unwrap_or(from);
        let chat = (self.is(first, &["explain"])
            || self.is(first, &["describe"])
                && self.mentions((from, to)).is_empty()
                && self.heads((from, to)).is_empty()
            || self.is(first, &["tell", "explain", "describe", "teach", "remind"])
                && self.is(first + 1, &["me", "us"]))
            && !self.has((from, to), &["when", "once", "token", "password", "key", "keys"]);
        asks && ends && !self.has((from, to), &["what about", "how about"]) || chat
    }

    /// `Set up the following guests:`, `Please create:`: words of the trade without a name, a number or a place.
    pub(super) fn only_announces(&self, (from, to): (usize, usize)) -> bool {
        let plain = |i: usize| {
            self.toks.get(i).is_some_and(|t| match t.kind {
                Kind::Word => {
                    t.number.is_none()
                        && (lexicon::is_common(&t.low)
                            || lexicon::noun(&t.low).is_some()
                            || t.is(&[
                                "following",
                                "list",
                                "changes",
                                "tasks",
                                "todo",
                                "wishlist",
                                "plan",
                                "hi",
                                "dear",
                            ]))
                        && self.facts.guest_named(&t.low).is_none()
                }
                Kind::Mark | Kind::Break => true,
                _ => false,
            })
        };
        let told = self.has(
            (from, to),
            &[
                "following",
                "these",
                "list",
                "todo",
                "changes",
                "create",
                "make",
                "set up",
                "want",
                "need",
                "like",
            ],
        );
        let sized = (from..to).any(|i| self.number_at(i).is_some() || lexicon::is_core_unit(self.low(i)));
        let loses = loss::verb(self, (from, to)).is_some();
        told && !sized && !loses && (from..to).all(plain)
    }

    /// True if no guest spoken of has an image yet: a system named next is theirs.
    pub(super) fn image_is_open(&self) -> bool {
        let Focus::New(made) = &self.focus else { return false };
        made.iter()
            .filter_map(|g| self.draft.guests.get(*g))
            .all(|g| g.wish.image.is_none() && g.wish.iso.is_none())
    }
}
