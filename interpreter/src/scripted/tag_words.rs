//! Words for tags and resource pools.
//!
//! Begin with [`Reader::naming`].

use super::attr::{Attribute, What};
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;

impl Reader<'_> {
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
    pub(super) fn tag_list(&self, at: usize, to: usize) -> (Vec<String>, usize) {
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
    pub(super) fn tags_until(&self, start: usize, to: usize) -> (Vec<String>, usize) {
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
}
