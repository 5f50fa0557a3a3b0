//! Words for places: nodes, storages, together or apart.
//!
//! Begin with [`Reader::storage_at`].

use super::attr::{Attribute, SPREAD, TOGETHER, What};
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::GuestKind;

impl Reader<'_> {
    pub(super) fn placing(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        if let Some((at, length)) = self.find((from, to), TOGETHER) {
            let not = (at.saturating_sub(4).max(from)..at)
                .any(|n| self.is(n, &["not", "never", "don't", "no", "mustn't", "shouldn't"]));
            self.take(found, at, at + length, if not { What::Spread } else { What::Together });
            return;
        }
        if let Some((at, length)) = self.find((from, to), SPREAD) {
            let mut end = at + length;
            while end < to
                && self.is(
                    end,
                    &[
                        "over",
                        "across",
                        "the",
                        "all",
                        "nodes",
                        "node",
                        "servers",
                        "hosts",
                        "server",
                        "host",
                        "out",
                        "three",
                        "two",
                        "four",
                        "machines",
                        "different",
                        "between",
                    ],
                )
            {
                end += 1;
            }
            self.take(found, at, end, What::Spread);
        }
    }

    pub(super) fn nodes(&mut self, from: usize, to: usize, found: &mut Vec<Attribute>) {
        for i in from..to {
            if !self.free(i) || self.toks.get(i).is_none_or(|t| !matches!(t.kind, Kind::Word | Kind::Quoted))
            {
                continue;
            }
            let low = self.low(i).to_owned();
            let known = self.facts.nodes.keys().find(|name| name.to_lowercase() == low).cloned();
            if let Some(name) = known {
                let online = self.facts.nodes.get(&name).is_some_and(|node| node.online);
                let start = if i > from && self.is(i - 1, &["node", "host"]) { i - 1 } else { i };
                let floor = start.saturating_sub(5).max(from);
                let refused = ["not", "never", "except", "avoid", "without", "don't", "mustn't", "shouldn't"];
                let no = (floor..start).rev().find(|at| {
                    self.is(*at, &refused)
                        || self.is(*at, &["but"])
                            && self.is(at.wrapping_sub(1), &["anywhere", "node", "server"])
                });
                let avoided = no.is_some_and(|at| {
                    !self.has((at, start), &["start", "boot", "and", "but on", "only"])
                        && !(at..start).any(|i| self.mark(i, ",;"))
                });
                if avoided {
                    self.take(found, start, i + 1, What::NotNode(name));
                    continue;
                }
                self.take(
                    found,
                    start,
                    i + 1,
                    if online { What::Node(name) } else { What::UnknownNode(name) },
                );
                continue;
            }
            let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
            let alike = self
                .facts
                .nodes
                .keys()
                .any(|name| stem(name) == stem(&low) && !stem(&low).is_empty() && stem(&low) != low);
            if alike && !self.is(i.wrapping_sub(1), &["called", "named"]) {
                let name = self.raw(i).to_owned();
                self.take(found, i, i + 1, What::UnknownNode(name));
            } else if self.is(i, &["node", "server", "host"])
                && self.is(i.wrapping_sub(1), &["on", "to", "the", "onto"])
            {
                if let Some(n) = self
                    .number_at(i + 1)
                    .filter(|(n, end)| n.fract() == 0.0 && *end <= to)
                    .map(|(n, _)| format!("{n}"))
                {
                    let fit: Vec<String> = self
                        .facts
                        .nodes
                        .keys()
                        .filter(|name| name.strip_prefix(stem(name).as_str()) == Some(n.as_str()))
                        .cloned()
                        .collect();
                    let what = match fit.as_slice() {
                        [name] => What::Node(name.clone()),
                        _ => What::UnknownNode(format!("{} {n}", self.raw(i))),
                    };
                    self.take(found, i, i + 2, what);
                } else if self.toks.get(i + 1).is_some_and(|t| {
                    i + 1 < to
                        && t.kind == Kind::Word
                        && !lexicon::is_common(&t.low)
                        && !self.facts.nodes.keys().any(|name| name.eq_ignore_ascii_case(&t.low))
                        && self.facts.guest_named(&t.low).is_none()
                }) && self.is(i.wrapping_sub(1), &["on", "to", "onto"])
                {
                    let name = self.raw(i + 1).to_owned();
                    self.take(found, i, i + 2, What::UnknownNode(name));
                }
            }
        }
    }

    pub(super) fn storages(&mut self, from: usize, to: usize, kind: GuestKind, found: &mut Vec<Attribute>) {
        for i in from..to {
            if !self.free(i) || self.toks.get(i).is_none_or(|t| !matches!(t.kind, Kind::Word | Kind::Quoted))
            {
                continue;
            }
            if let Some((what, end)) = self.storage_at(i, from, to, kind) {
                self.take(found, i, end, what);
            }
        }
    }

    /// A storage at token `i`: by its id, by its type, or by part of its id.
    pub fn storage_at(&self, i: usize, from: usize, to: usize, kind: GuestKind) -> Option<(What, usize)> {
        let low = self.low(i);
        let stores = &self.facts.storages;
        if let Some(id) = stores.keys().find(|id| id.to_lowercase() == low) {
            return Some((What::Storage(id.clone()), i + 1));
        }
        for length in [3, 2] {
            let joined =
                super::reader::plain(&(i..(i + length).min(to)).map(|at| self.raw(at)).collect::<String>());
            if i + length <= to
                && let Some(id) = stores.keys().find(|id| super::reader::plain(id) == joined)
            {
                return Some((What::Storage(id.clone()), i + length));
            }
        }
        let back = |n: usize| i.checked_sub(n).filter(|at| *at >= from);
        let placed = back(1).is_some_and(|b| self.is(b, &["on", "onto", "to", "using", "from", "in"]))
            || back(1).is_some_and(|b| self.is(b, &["the", "my", "our"]))
                && back(2).is_some_and(|b| self.is(b, &["on", "onto", "to", "using", "in", "from"]));
        let resource_pool = self.is(i + 1, &["pool"])
            && (self.facts.pools.contains_key(self.raw(i)) || self.pool_made(self.raw(i)));
        let storage_next = self.is(i + 1, &["storage", "pool", "datastore", "store"]) && !resource_pool;
        if !(placed || storage_next) {
            // `storage fastssd`, `storage: x`
            if self.is(i, &["storage", "datastore"]) && !self.is(i.wrapping_sub(1), &["of", "as"]) {
                let at = if self.mark(i + 1, ":=") || self.is(i + 1, &["called", "named"]) {
                    i + 2
                } else {
                    i + 1
                };
                let token =
                    self.toks.get(at).filter(|t| at < to && matches!(t.kind, Kind::Word | Kind::Quoted))?;
                return match stores.keys().find(|id| id.to_lowercase() == token.low) {
                    Some(id) => Some((What::Storage(id.clone()), at + 1)),
                    None if lexicon::is_common(&token.low) => None,
                    None => Some((What::UnknownStorage(token.raw.clone()), at + 1)),
                };
            }
            return None;
        }
        if self.is(i, &["storage", "datastore"]) {
            let at =
                if self.mark(i + 1, ":=") || self.is(i + 1, &["called", "named"]) { i + 2 } else { i + 1 };
            let token =
                self.toks.get(at).filter(|t| at < to && matches!(t.kind, Kind::Word | Kind::Quoted))?;
            return match stores.keys().find(|id| id.to_lowercase() == token.low) {
                Some(id) => Some((What::Storage(id.clone()), at + 1)),
                None if lexicon::is_common(&token.low) => None,
                None => Some((What::UnknownStorage(token.raw.clone()), at + 1)),
            };
        }
        let content = if kind == GuestKind::Container { "rootdir" } else { "images" };
        let by_type = |types: &[&str]| {
            stores
                .iter()
                .filter(|(_, s)| types.contains(&s.kind.as_str()))
                .map(|(id, _)| id.clone())
                .collect::<Vec<_>>()
        };
        let mut fit = match low {
            "nfs" | "nas" => by_type(&["nfs"]),
            "ceph" | "rbd" => by_type(&["rbd"]),
            "zfs" => by_type(&["zfspool", "zfs"]),
            "lvm" | "lvm-thin" | "lvmthin" => by_type(&["lvmthin", "lvm"]),
            "shared" => stores
                .iter()
                .filter(|(_, s)| s.shared && s.holds(content))
                .map(|(id, _)| id.clone())
                .collect(),
            _ => Vec::new(),
        };
        if fit.is_empty() {
            fit = stores
                .keys()
                .filter(|id| {
                    id.to_lowercase().split(['-', '_', '.']).any(|part| part == low) && low.len() > 2
                })
                .cloned()
                .collect();
        }
        let end = if storage_next { i + 2 } else { i + 1 };
        let usable: Vec<String> =
            fit.iter().filter(|id| stores.get(*id).is_some_and(|s| s.holds(content))).cloned().collect();
        match (fit.len(), usable.as_slice()) {
            (1, _) => Some((What::Storage(fit.remove(0)), end)),
            (0, _) => {
                let disks = back(2)
                    .is_some_and(|b| self.is(b, &["disk", "disks", "storage", "stored", "lives", "live"]))
                    || back(3).is_some_and(|b| self.is(b, &["disk", "disks", "storage"]));
                let odd = !lexicon::is_common(low) && !self.facts.nodes.contains_key(low);
                (odd && (storage_next || disks)
                    || matches!(low, "ssd" | "nvme" | "hdd" | "zfs" | "ceph" | "nfs" | "nas") && placed)
                    .then(|| (What::UnknownStorage(self.raw(i).to_owned()), end))
            }
            (_, [one]) => Some((What::Storage(one.clone()), end)),
            _ => Some((What::SeveralStorages(fit), end)),
        }
    }
}
