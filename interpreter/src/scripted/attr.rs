//! What is said about guests: image, place, network, sizes, start, tags, access.
//!
//! Begin with [`Reader::attributes`]. Each attribute keeps the tokens that say it; those are used up, so that
//! what is left over can be seen.

use super::lexicon;
use super::quantity::Quantity;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::GuestKind;

#[derive(Clone, Debug)]
pub enum What {
    Size(Quantity),
    Image(String),
    UnknownImage(String),
    Iso(String),
    Storage(String),
    UnknownStorage(String),
    /// The words fit several storages.
    SeveralStorages(Vec<String>),
    Node(String),
    UnknownNode(String),
    /// A node that it shall not be on.
    NotNode(String),
    Vlan(u16),
    UnknownVlan(String),
    BadVlan,
    Bridge(String),
    /// Addresses in order: one, or a range or list for several guests; without prefix unless said.
    Ips(Vec<String>, Option<u8>),
    BadAddress(String),
    Gateway(String),
    Dns(String),
    Dhcp,
    Tags(Vec<String>),
    Pool(String),
    /// The pool that the text makes just before: `in it`.
    RecentPool(String),
    Ha(bool),
    Protected(bool),
    OnBoot(bool),
    Order(u32),
    Delay(u32),
    Power(bool),
    User(String),
    Key(String),
    Uefi,
    Tpm,
    Notes(String),
    Spread,
    Together,
    Privileged,
    Unprivileged,
    /// A size is asked for without a number.
    VagueSize,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub what: What,
    pub from: usize,
    pub to: usize,
}

pub const SPREAD: &[&str] = &[
    "spread",
    "one per server",
    "one per node",
    "one per host",
    "one per machine",
    "one on each",
    "one each on",
    "different servers",
    "different nodes",
    "different hosts",
    "different machines",
    "separate servers",
    "separate nodes",
    "separate hosts",
    "distinct nodes",
    "across the nodes",
    "across nodes",
    "across the servers",
    "across all nodes",
    "across all servers",
    "across the cluster",
    "across my nodes",
    "across my servers",
    "not on the same",
    "never on the same",
    "anti-affinity",
    "own server",
    "own node",
    "own host",
    "distribute",
    "distributed",
    "each on a different",
    "each on another",
    "keep them apart",
    "apart from each other",
    "not share a node",
    "not share a server",
    "not share a host",
    "separate physical",
    "different physical",
    "one for each node",
    "one for each server",
    "not end up on the same",
    "not sit on the same",
    "not run on the same",
    "not be on the same",
    "not land on the same",
    "not live on the same",
    "one node each",
    "one server each",
    "a node each",
    "a server each",
    "per node",
    "per server",
    "per host",
    "on each node",
    "on each server",
    "on every node",
    "on every server",
    "on each host",
];
pub const TOGETHER: &[&str] = &[
    "on the same node",
    "on the same server",
    "on the same host",
    "together on one",
    "on one node",
    "on one server",
    "together on the same",
    "side by side",
];

impl Reader<'_> {
    /// The attributes that stand in the tokens `[from, to)`, in the order of the text.
    pub fn attributes(&mut self, from: usize, to: usize, kind: GuestKind) -> Vec<Attribute> {
        let mut found = Vec::new();
        self.notes(from, to, &mut found);
        self.network(from, to, &mut found);
        self.placing(from, to, &mut found);
        self.starting(from, to, &mut found);
        self.naming(from, to, &mut found);
        self.images(from, to, kind, &mut found);
        self.nodes(from, to, &mut found);
        for quantity in self.quantities(from, to) {
            self.use_up(quantity.from, quantity.to);
            found.push(Attribute { from: quantity.from, to: quantity.to, what: What::Size(quantity) });
        }
        self.storages(from, to, kind, &mut found);
        self.vague(from, to, &mut found);
        found.sort_by_key(|a| a.from);
        found
    }

    pub(super) fn take(&mut self, found: &mut Vec<Attribute>, from: usize, to: usize, what: What) {
        self.use_up(from, to);
        found.push(Attribute { what, from, to });
    }

    pub(super) fn free(&self, i: usize) -> bool {
        !self.used.get(i).copied().unwrap_or(true)
    }

    pub(super) fn notes(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        for i in from..to {
            let Some(token) = self.toks.get(i).cloned() else { continue };
            if token.kind == Kind::Key {
                self.take(found, i, i + 1, What::Key(token.raw));
            } else if token.kind == Kind::Quoted {
                let before = (i.saturating_sub(8).max(from), i);
                if self.has(before, &["notes", "note", "description", "comment", "describe", "described"]) {
                    self.take(found, i, i + 1, What::Notes(token.raw));
                }
            } else if self.is(i, &["tpm"]) {
                let end =
                    if self.toks.get(i + 1).is_some_and(|t| t.number == Some(2.0)) { i + 2 } else { i + 1 };
                self.take(found, i, end, What::Tpm);
            } else if self.is(i, &["uefi", "efi", "ovmf"]) {
                self.take(found, i, i + 1, What::Uefi);
            } else if self.is(i, &["privileged"]) {
                let not = i > from && self.is(i - 1, &["not", "non", "no"]);
                self.take(found, i, i + 1, if not { What::Unprivileged } else { What::Privileged });
            } else if self.is(i, &["unprivileged", "non-privileged"]) {
                self.take(found, i, i + 1, What::Unprivileged);
            } else if self.is(i, &["user", "username", "account"]) && self.free(i) {
                let mut at = i + 1;
                while self.is(at, &["called", "named", "is", "name", "shall", "be", "should"])
                    || self.mark(at, ":=")
                {
                    at += 1;
                }
                let name = self
                    .toks
                    .get(at)
                    .filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted) && at < to)
                    .map(|t| t.raw.clone());
                if let Some(name) = name.filter(|n| !lexicon::is_common(&n.to_lowercase()) && login(n)) {
                    let start = if i > from && self.is(i - 1, &["login"]) { i - 1 } else { i };
                    self.take(found, start, at + 1, What::User(name));
                }
            } else if self.is(i, &["login"]) && !self.is(i + 1, &["user", "name", "username", "account"]) {
                let at = if self.is(i + 1, &["as", "is", "with"]) || self.mark(i + 1, ":") {
                    i + 2
                } else {
                    i + 1
                };
                let name = self
                    .toks
                    .get(at)
                    .filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted) && at < to)
                    .map(|t| t.raw.clone());
                if let Some(name) = name.filter(|n| !lexicon::is_common(&n.to_lowercase()) && login(n)) {
                    self.take(found, i, at + 1, What::User(name));
                }
            }
        }
    }

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

    /// Tags and pools.
    pub(super) fn naming(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        if let (Some(pool), Some((at, n))) = (
            self.recent_pool.clone(),
            self.find((from, to), &["in it", "into it", "in there", "in that pool", "in this pool", "to it"]),
        ) {
            self.take(found, at, at + n, What::RecentPool(pool));
        }
        for i in from..to {
            if !self.free(i) {
                continue;
            }
            if self.is(i, &["tag", "tags", "tagged", "label", "labels", "labelled", "labeled"])
                && !self.is(i.wrapping_sub(1), &["vlan"])
            {
                let mut at = i + 1;
                while at < to
                    && (self.is(at, &["it", "them", "with", "as", "the", "a", "of", "both", "all", "by"])
                        || self.mark(at, ":=")
                        || (!self.free(at) && !self.mark(at, ",;."))
                        || self.mark(at, ",") && at + 1 < to && !self.free(at + 1)
                        || self.is(at, &["and"]) && !self.free(at - 1) && at > i + 1)
                {
                    at += 1;
                }
                let listed = self.is(i, &["tags", "tag", "labels", "label"])
                    && self.is(i.wrapping_sub(1), &["the", "a", "an", "add", "these", "set"]);
                let (tags, end) = self.tag_list(at, to);
                let (tags, end) =
                    if listed && tags.is_empty() { self.tags_until(at, to) } else { (tags, end) };
                if !tags.is_empty() {
                    self.take(found, i, end, What::Tags(tags));
                }
            } else if self.is(i, &["pool"])
                && !self.is(i.wrapping_sub(1), &["storage", "ceph", "rbd", "zfs", "lvm", "nfs", "disk"])
                && !i.checked_sub(1).is_some_and(|b| self.facts.storages.contains_key(self.raw(b)))
            {
                let mut at = i + 1;
                while self.is(at, &["called", "named"]) || self.mark(at, ":") {
                    at += 1;
                }
                let next = self
                    .toks
                    .get(at)
                    .filter(|t| {
                        at < to && matches!(t.kind, Kind::Word | Kind::Quoted) && !lexicon::is_common(&t.low)
                    })
                    .map(|t| t.raw.clone());
                let before = i.checked_sub(1).filter(|b| {
                    *b >= from
                        && self.toks.get(*b).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
                        && !lexicon::is_common(self.low(*b))
                });
                let known = before
                    .filter(|b| self.facts.pools.contains_key(self.raw(*b)) || self.pool_made(self.raw(*b)));
                if let Some(b) = known.or(before.filter(|_| next.is_none())) {
                    let name = self.raw(b).to_owned();
                    self.take(found, b, i + 1, What::Pool(name));
                } else if let Some(name) = next {
                    self.take(found, i, at + 1, What::Pool(name));
                }
            }
        }
    }

    /// Tags after `tag it with`: the first may be any word but one that only joins others.
    fn tag_list(&self, at: usize, to: usize) -> (Vec<String>, usize) {
        let (tags, end) = self.list(at, to);
        let plain = self.toks.get(at).is_some_and(|t| {
            t.kind == Kind::Word
                && t.low.len() >= 3
                && t.low.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        let joined = self.is(at.wrapping_sub(1), &["with", "as"]) || self.mark(at.wrapping_sub(1), ":");
        let joins = self.is(
            at,
            &[
                "the", "and", "with", "for", "that", "this", "both", "each", "all", "its", "them", "their",
                "same", "new", "some", "any", "first", "second", "same",
            ],
        );
        let closed = at + 1 >= to || self.mark(at + 1, ",.;") || self.is(at + 1, &["and"]);
        if !tags.is_empty() || !plain || !joined || joins || !closed || at >= to {
            return (tags, end);
        }
        (vec![self.low(at).to_owned()], at + 1)
    }

    /// Any words joined by commas and `and` up to `to`, `on`, `for` or the end: `the tags linux and web to web-old`.
    fn tags_until(&self, start: usize, to: usize) -> (Vec<String>, usize) {
        let end = (start..to)
            .find(|i| self.is(*i, &["to", "on", "for", "from", "of"]) || self.mark(*i, ".;:"))
            .unwrap_or(to);
        let parts: Vec<usize> =
            (start..end).filter(|i| !(self.is(*i, &["and"]) || self.mark(*i, ",&"))).collect();
        let legal = |i: &usize| {
            self.toks.get(*i).is_some_and(|t| {
                t.kind == Kind::Quoted && !t.low.is_empty()
                    || t.kind == Kind::Word
                        && t.low.len() > 1
                        && t.low.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            })
        };
        let apart = parts.windows(2).all(|pair| matches!(pair, [a, b] if b - a > 1));
        if parts.is_empty() || parts.len() > 8 || !apart || !parts.iter().all(legal) {
            return (Vec::new(), start);
        }
        (parts.iter().map(|i| self.low(*i).to_owned()).collect(), end)
    }

    pub fn pool_made(&self, name: &str) -> bool {
        self.draft.pools.iter().any(|p| p.value.name == name)
    }

    /// Names joined by commas and `and`: `prod and critical`, `a, b and c`.
    pub fn list(&self, start: usize, to: usize) -> (Vec<String>, usize) {
        let (mut names, mut at, mut end) = (Vec::new(), start, start);
        while at < to {
            let Some(token) = self.toks.get(at) else { break };
            let good = matches!(token.kind, Kind::Word | Kind::Quoted)
                && (token.kind == Kind::Quoted
                    || !lexicon::COMMON.contains(&token.low.as_str())
                    || self.facts.guests.values().any(|g| g.tags.contains(&token.low))
                    || matches!(
                        token.low.as_str(),
                        "test"
                            | "dev"
                            | "web"
                            | "backup"
                            | "dns"
                            | "production"
                            | "staging"
                            | "critical"
                            | "home"
                            | "monitoring"
                            | "k8s"
                    ))
                && !(lexicon::VERBS.contains(&token.low.as_str())
                    && !names.is_empty()
                    && token.kind != Kind::Quoted
                    && self.toks.get(at + 1).is_some_and(|t| t.kind == Kind::Word));
            if !good {
                break;
            }
            names.push(token.low.clone().trim().to_owned());
            at += 1;
            end = at;
            let mut joined = false;
            while self.mark(at, ",&+/") || self.is(at, &["and"]) {
                at += 1;
                joined = true;
            }
            if !joined {
                break;
            }
        }
        names.retain(|n| !n.is_empty());
        (names, end)
    }

    pub(super) fn vague(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        let sized: &[&str] = &["memory", "ram", "disk", "cores", "cpu", "space", "cpus", "storage"];
        if let Some((at, _)) = self.find((from, to), &["sockets", "socket"]).filter(|(at, _)| self.free(*at))
        {
            self.take(found, at, at + 1, What::VagueSize);
        }
        for i in from..to {
            let vague = self.is(
                i,
                &[
                    "more",
                    "less",
                    "enough",
                    "plenty",
                    "lots",
                    "much",
                    "bigger",
                    "larger",
                    "smaller",
                    "sufficient",
                    "decent",
                    "faster",
                    "generous",
                    "reasonable",
                    "ample",
                    "fewer",
                ],
            );
            if !vague || !self.free(i) {
                continue;
            }
            let mut at = i + 1;
            while self.is(at, &["of", "a", "the"]) {
                at += 1;
            }
            if self.is(at, sized) && self.free(at) && at < to {
                self.take(found, i, at + 1, What::VagueSize);
            }
        }
    }
}

/// A name that a login account may have.
fn login(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        && name.len() <= 32
}
