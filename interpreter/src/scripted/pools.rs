//! Resource pools: made, taken away, and who is in them.
//!
//! Begin with [`Reader::pool`].

use super::draft::Entry;
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::{Change, Label, PoolWish, QuestionAbout, RefusalReason};

impl Reader<'_> {
    /// `make a pool called games`, `remove the pool games`.
    /// Guests that the text puts into the pool it has just made: `… with build and web-old in it`.
    pub(super) fn pool_members(&mut self, range: (usize, usize), name: &str) {
        if range.0 >= range.1
            || self.mentions(range).is_empty()
            || !self.heads(range).is_empty()
            || !self
                .has(range, &["with", "for", "containing", "holding", "in it", "members", "into it", "from"])
        {
            return;
        }
        self.put_in_pool(range, name);
        self.use_up(range.0, range.1);
    }

    pub(super) fn put_in_pool(&mut self, range: (usize, usize), name: &str) {
        let Some(targets) = self.targets(range, false) else { return };
        for target in &targets {
            let label = self.said(target.from, target.to);
            let span = match label {
                Label::Said { span, .. } => span,
                _ => None,
            };
            for guest in target.vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                let label = Label::derived("named as a member of the new pool", span);
                self.put_old(guest, "pool", serde_json::Value::from(name.to_owned()), label, &targets);
            }
        }
    }

    pub fn pool(&mut self, range: (usize, usize)) -> bool {
        let Some((at, _)) =
            self.find(range, &["pool"]).filter(|(at, _)| !self.is(at.wrapping_sub(1), &["storage"]))
        else {
            return false;
        };
        let lost = super::loss::verb(self, range).filter(|_| self.mentions(range).is_empty());
        // `put db-1 and web-old in a new pool called core`
        let members = self.is(at.wrapping_sub(1), &["new"])
            && self.has((range.0, at), &["in a new", "into a new", "to a new"])
            && self.heads((range.0, at)).is_empty()
            && !self.mentions((range.0, at)).is_empty();
        let makes = self.has((range.0, at), &["make", "create", "add a", "new", "set up", "add"])
            && (self.mentions((range.0, at)).is_empty() || members)
            && self.heads((range.0, at)).is_empty()
            && !self.has((range.0, at), &["to the"]);
        if lost.is_none() && !makes {
            return false;
        }
        let mut next = at + 1;
        while self.is(next, &["called", "named", "name"]) || self.mark(next, ":") {
            next += 1;
        }
        let good = |i: usize| {
            self.toks.get(i).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted) && i < range.1)
        };
        let after = Some(next).filter(|i| good(*i) && (*i > at + 1 || !lexicon::is_common(self.low(*i))));
        let before = at.checked_sub(1).filter(|b| {
            *b >= range.0
                && good(*b)
                && !lexicon::is_common(self.low(*b))
                && !self.is(*b, &["new", "resource", "the", "a"])
        });
        let Some(name_at) = after.or(before) else {
            let span = self.span(at, at + 1);
            self.draft.ask(QuestionAbout::WhatName, "Which name shall the pool have?", vec![], Some(span));
            return true;
        };
        let name = self.raw(name_at).to_owned();
        let span = self.span(name_at, name_at + 1);
        let exists = self.facts.pools.get(&name);
        if let Some((a, b)) = lost {
            match exists {
                None => self.draft.refuse(
                    RefusalReason::UnknownName,
                    format!("There is no pool {name}."),
                    Some(span),
                ),
                Some(pool) if !pool.members.is_empty() => {
                    self.draft.refuse(
                        RefusalReason::Unsupported,
                        format!("The pool {name} still has members; only an empty one can be removed."),
                        Some(span),
                    );
                }
                Some(_) => {
                    let entry = Entry::new(PoolWish { change: Change::Remove, name: name.clone() })
                        .label("change", self.said(a, b))
                        .label("name", self.said(name_at, name_at + 1));
                    self.draft.pools.push(entry);
                }
            }
        } else if exists.is_some() || !crate::shape::storage_id(&name) {
            self.draft.ask(
                QuestionAbout::WhatName,
                format!("The pool name {name} is taken or cannot be used. Which name shall it have?"),
                vec![],
                Some(span),
            );
        } else {
            let entry = Entry::new(PoolWish { change: Change::Create, name: name.clone() })
                .label("change", Label::derived("a new pool is asked for", None))
                .label("name", self.said(name_at, name_at + 1));
            self.recent_pool = Some(entry.value.name.clone());
            self.draft.pools.push(entry);
        }
        self.use_up(at.min(name_at), at.max(name_at) + 1);
        if !self.draft.pools.is_empty() && lost.is_none() && exists.is_none() {
            if members {
                self.put_in_pool((range.0, at), &name);
            }
            self.pool_members((at.max(name_at) + 1, range.1), &name);
        }
        true
    }
}
