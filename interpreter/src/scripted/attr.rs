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
                    "some",
                    "few",
                    "several",
                    "many",
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
