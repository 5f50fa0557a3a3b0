//! Names and tags of guests that exist, and guests that are left alone on purpose.

use super::create::legal_name;
use super::draft::GuestDraft;
use super::lexicon;
use super::mention::Meant;
use super::reader::{Focus, Reader, guest_kind};
use super::token::Kind;
use super::update::Target;
use domain::interpretation::{GuestChange, GuestWish, Label, QuestionAbout, Span, WarningAbout};

impl Reader<'_> {
    /// `leave db-1 as it is`, `do not touch vault`.
    pub(super) fn leave_alone(&mut self, range: (usize, usize)) -> bool {
        let words: &[&str] = &[
            "leave",
            "don't touch",
            "do not touch",
            "not touch",
            "keep",
            "never touch",
            "don't change",
            "do not change",
            "stays as it is",
            "stay as they are",
            "untouched",
            "as it is",
            "hands off",
        ];
        let Some((at, n)) = self.find(range, words) else { return false };
        let still = self.has(
            range,
            &[
                "alone",
                "as it is",
                "as is",
                "as they are",
                "untouched",
                "touch",
                "change",
                "unchanged",
                "hands off",
                "the way it is",
                "be",
            ],
        );
        if !still
            || self.has(range, &["tag", "cores", "memory"])
                && !self.has(range, &["as it is", "as is", "alone"])
        {
            return false;
        }
        let mentions = self.mentions(range);
        let mut kept = false;
        for mention in &mentions {
            let Meant::Guests(vmids) = &mention.meant else { continue };
            self.use_up(mention.from, mention.to);
            let span = self.span(mention.from, mention.to);
            for guest in vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                kept = true;
                if self.draft.guests.iter().any(|g| g.wish.vmid == Some(guest.vmid)) {
                    continue;
                }
                let mut draft = GuestDraft::new(GuestWish::new(
                    GuestChange::Keep,
                    guest_kind(&guest.kind),
                    guest.name.clone(),
                ));
                draft.wish.vmid = Some(guest.vmid);
                draft.set("change", self.said(at, at + n));
                draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
                draft.set("name", Label::derived(format!("guest {} is meant", guest.vmid), Some(span)));
                self.draft.guests.push(draft);
            }
        }
        kept
    }

    pub(super) fn rename(&mut self, range: (usize, usize)) -> bool {
        let words: &[&str] = &[
            "rename",
            "should be called",
            "shall be called",
            "change the name",
            "renamed",
            "be named",
            "new name",
            "name to",
            "name into",
            "name should be",
            "name shall be",
            "hostname to",
            "goes by",
        ];
        let Some((at, n)) = self.find(range, words) else { return false };
        let Some(targets) = self.targets(range, false) else { return true };
        let [Target { vmids, .. }] = targets.as_slice() else { return self.rename_many(&targets) };
        let Some(guest) = vmids.first().and_then(|id| self.facts.guest(*id)) else { return true };
        let last = targets.last().map_or(at + n, |t| t.to).max(at + n);
        let name_at = (last.min(range.1)..range.1).chain(range.0..range.1).find(|i| {
            *i >= at
                && !self.used.get(*i).copied().unwrap_or(true)
                && self.toks.get(*i).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
                && !self.is(
                    *i,
                    &[
                        "to",
                        "as",
                        "into",
                        "the",
                        "vm",
                        "container",
                        "rename",
                        "name",
                        "be",
                        "called",
                        "should",
                        "renamed",
                        "named",
                        "of",
                        "change",
                        "shall",
                        "it",
                        "machine",
                        "from",
                        "is",
                        "new",
                        "a",
                        "please",
                    ],
                )
        });
        let Some(name_at) = name_at else {
            self.draft.ask(
                QuestionAbout::WhatName,
                format!("Which name shall {} get?", guest.name),
                vec![],
                Some(self.span(range.0, range.1)),
            );
            return true;
        };
        let written = self.raw(name_at).to_owned();
        let span = self.span(name_at, name_at + 1);
        let (name, adjusted) = legal_name(&written);
        self.use_up(name_at, name_at + 1);
        if name.is_empty() || self.facts.guest_named(&name).is_some() {
            self.draft.ask(
                QuestionAbout::WhatName,
                format!(
                    "The name {written} is taken or cannot be used. Which name shall {} get?",
                    guest.name
                ),
                vec![],
                Some(span),
            );
            return true;
        }
        if adjusted {
            self.draft.warn(
                WarningAbout::NameAdjusted,
                format!("The name was changed to {name}, which is a legal host name."),
                Some(span),
            );
        }
        let label = if adjusted {
            Label::derived("a legal form of the name in the text", Some(span))
        } else {
            self.said(name_at, name_at + 1)
        };
        self.put_old(guest, "new_name", serde_json::Value::from(name), label, &targets);
        self.focus = Focus::Guests(vec![guest.vmid]);
        true
    }

    pub(super) fn rename_many(&mut self, targets: &[Target]) -> bool {
        // The second name exists already: it cannot be given again.
        let span = targets.last().map(|t| self.span(t.from, t.to));
        self.draft.ask(
            QuestionAbout::WhatName,
            "That name is taken. Which name shall the guest get?",
            vec![],
            span,
        );
        true
    }

    /// Tags to take away, with their words.
    pub(super) fn removed_tags(&mut self, (from, to): (usize, usize)) -> Vec<(String, Span)> {
        let Some((tag, _)) = self.find((from, to), &["tag", "tags", "untag"]) else { return Vec::new() };
        let verb = self.is(tag, &["untag"])
            || self
                .has((from, tag), &["remove", "drop", "delete", "strip", "untag", "lose", "loses", "clear"])
            || (self.has((from, tag), &["take"]) && self.has((tag, to), &["off", "away", "from"]));
        if !verb {
            return Vec::new();
        }
        let mut names: Vec<usize> = Vec::new();
        let mut at = tag;
        while at > from {
            at -= 1;
            if self.is(at, &["and", "the"]) || self.mark(at, ",") {
                continue;
            }
            let known = self.facts.guests.values().any(|g| g.tags.contains(&self.low(at).to_owned()));
            if !known
                && (lexicon::is_common(self.low(at))
                    || !self.toks.get(at).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted)))
            {
                break;
            }
            names.push(at);
        }
        if names.is_empty() {
            let mut at = tag + 1;
            while self.is(at, &["called", "named"]) {
                at += 1;
            }
            let guest = self.named_at(at, from, to).is_some() && self.is(tag, &["untag"]);
            while at < to && !guest {
                if self.is(at, &["and"]) || self.mark(at, ",") {
                    at += 1;
                    continue;
                }
                let known = self.facts.guests.values().any(|g| g.tags.contains(&self.low(at).to_owned()));
                if !known && lexicon::is_common(self.low(at)) {
                    break;
                }
                names.push(at);
                at += 1;
            }
        }
        let mut out = Vec::new();
        for i in names.into_iter().rev() {
            let span = self.span(i, i + 1);
            out.push((self.low(i).to_owned(), span));
            self.use_up(i, i + 1);
        }
        self.use_up(tag, tag + 1);
        out
    }
}
