//! What takes back, corrects, forbids or explains, instead of asking for something new.
//!
//! Begin with [`Reader::recounts`] and [`Reader::forbids`].

use super::create::{self};
use super::draft::{self};
use super::lexicon;
use super::mention::Meant;
use super::reader::{Focus, Reader};
use domain::ids::Vmid;
use domain::interpretation::QuestionAbout;

impl Reader<'_> {
    /// `Three VMs … make it two`: the count of new guests is put right.
    pub(super) fn recounts(&mut self, (from, to): (usize, usize)) -> bool {
        let Focus::New(made) = self.focus.clone() else { return false };
        let Some((at, n)) = self
            .find((from, to), &["make it", "make that", "make them", "only", "i mean", "i meant", "better"])
            .filter(|(at, _)| {
                (from..*at).all(|i| {
                    self.mark(i, ",.–—-")
                        || self.is(i, &["no", "wait", "actually", "sorry", "or", "rather", "oh", "hmm"])
                })
            })
        else {
            return false;
        };
        let Some((wanted, end)) =
            self.number_at(at + n).filter(|(n, _)| n.fract() == 0.0 && (1.0..=64.0).contains(n))
        else {
            return false;
        };
        let closes = (end..to).all(|i| {
            self.mark(i, ",.!")
                || self.is(
                    i,
                    &[
                        "of",
                        "them",
                        "instead",
                        "please",
                        "then",
                        "only",
                        "vms",
                        "vm",
                        "containers",
                        "container",
                        "machines",
                        "guests",
                        "ones",
                        "those",
                        "in",
                        "total",
                    ],
                )
        });
        if !closes || lexicon::is_unit(self.low(end)) || made.is_empty() {
            return false;
        }
        let wanted = wanted as usize;
        let span = self.span(at, end);
        let last = self.draft.guests.len();
        let at_end = made.iter().rev().enumerate().all(|(n, g)| *g + n + 1 == last);
        let loose =
            made.iter().all(|g| self.draft.guests.get(*g).is_some_and(|d| d.made_up && !d.kubernetes));
        let placed = self.draft.placement.iter().any(|p| !p.value.guests.is_empty());
        if !at_end || !loose || placed || wanted > self.facts.house.policy.create_max {
            let text = "The text gives two counts. How many guests shall there be?";
            self.draft.ask(
                QuestionAbout::HowMany,
                text,
                vec![made.len().to_string(), wanted.to_string()],
                Some(span),
            );
            return true;
        }
        self.use_up(from, end);
        let mut kept: Vec<usize> = made.iter().copied().take(wanted).collect();
        self.draft.guests.truncate(last - made.len().saturating_sub(wanted));
        while kept.len() < wanted {
            let Some(model) = kept.last().and_then(|g| self.draft.guests.get(*g)) else { break };
            let stem = model
                .wish
                .name
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .trim_end_matches('-')
                .to_owned();
            let mut draft = draft::GuestDraft::new(model.wish.clone());
            draft.labels = model.labels.clone();
            draft.made_up = true;
            draft.wish.name = self.free_name(&stem, true, None);
            kept.push(self.draft.guests.len());
            self.draft.guests.push(draft);
        }
        self.heard.push(span);
        self.focus = Focus::New(kept);
        true
    }

    /// `My kids want a Minecraft server.` before the wish itself: the reason for it, no second wish.
    pub(super) fn tells_why(&self, (from, to): (usize, usize), later: &[(usize, usize)]) -> bool {
        let others = self.is(from, &["my", "our", "the", "his", "her", "their"])
            && self.is(
                from + 1,
                &[
                    "kids",
                    "kid",
                    "wife",
                    "husband",
                    "son",
                    "daughter",
                    "boss",
                    "friend",
                    "friends",
                    "team",
                    "family",
                    "brother",
                    "sister",
                    "partner",
                    "children",
                    "colleague",
                    "colleagues",
                    "roommate",
                    "flatmate",
                    "neighbour",
                    "neighbor",
                    "students",
                    "users",
                    "girlfriend",
                    "boyfriend",
                    "parents",
                    "mother",
                    "father",
                    "mom",
                    "dad",
                ],
            )
            || self.is(from, &["he", "she", "they"]);
        let wants = self.has(
            (from, to),
            &[
                "want",
                "wants",
                "need",
                "needs",
                "asked for",
                "would like",
                "wish for",
                "ask for",
                "asks for",
                "love",
                "loves",
            ],
        );
        others
            && wants
            && self.quantities(from, to).is_empty()
            && !self.has((from, to), &["called", "named"])
            && later.iter().any(|range| {
                (self.is(range.0, lexicon::MAKING) || self.is(range.0, &["a", "an", "one", "so"]))
                    && self.heads(*range).iter().any(|h| h.clear)
            })
    }

    /// `do not move grafana`: nothing is done, and that is what was asked.
    pub(super) fn forbids(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let negated = (from..to).find(|i| {
            let no = self.is(*i, &["don't", "never", "not", "mustn't", "cannot", "can't"]);
            let verb = if self.is(i + 1, &["ever", "be"]) { i + 2 } else { i + 1 };
            let low = self.low(verb);
            let acts = lexicon::VERBS.contains(&low)
                || [
                    "moved",
                    "deleted",
                    "destroyed",
                    "removed",
                    "stopped",
                    "touched",
                    "migrated",
                    "started",
                    "renamed",
                    "changed",
                    "touch",
                ]
                .contains(&low);
            no && acts
                && verb < to
                && !self
                    .is(verb, &["run", "start", "started", "boot", "keep", "back", "tell", "mail", "show"])
        });
        if negated.is_none() || self.mentions(range).is_empty() || !self.heads(range).is_empty() {
            return false;
        }
        let span = self.span(from, to);
        self.heard.push(span);
        let vmids: Vec<Vmid> = self
            .mentions(range)
            .iter()
            .filter_map(|m| match &m.meant {
                Meant::Guests(ids) => Some(ids.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        self.focus = Focus::Guests(vmids);
        self.use_up(from, to);
        self.spared = true;
        true
    }

    /// `It should be called scribe`: the name of a new guest, said in a sentence of its own.
    pub(super) fn renames_new(&mut self, (from, to): (usize, usize)) -> bool {
        let Focus::New(made) = self.focus.clone() else { return false };
        let place = (from..to)
            .find_map(|i| match self.low(i) {
                "last" => Some(made.len()),
                "other" if made.len() == 2 => Some(2),
                word => lexicon::ordinal(word).map(|n| n as usize),
            })
            .and_then(|n| made.get(n.wrapping_sub(1)));
        let Some(g) = (if made.len() == 1 { made.first() } else { place }) else { return false };
        let open = self.draft.guests.get(*g).is_some_and(|guest| guest.made_up);
        let Some((at, n)) = self
            .find(
                (from, to),
                &[
                    "called",
                    "named",
                    "name it",
                    "call it",
                    "its name is",
                    "the name is",
                    "hostname",
                    "name :",
                    "name =",
                ],
            )
            .filter(|(at, _)| {
                open && !self.is(at.wrapping_sub(1), &["user", "login", "pool", "cluster", "tag", "storage"])
            })
        else {
            return false;
        };
        let mut start = at + n;
        while self.is(start, &["is", "shall", "be", "simply", "just"]) || self.mark(start, ":=") {
            start += 1;
        }
        let (names, end) = self.name_list(start, to, 1, true);
        let Some((written, a, b)) = names.first() else { return false };
        let (name, adjusted) = create::legal_name(written);
        let span = self.span(*a, *b);
        if name.is_empty() || self.facts.guest_named(&name).is_some() {
            let text = format!("The name {written} is taken or cannot be used. Which name shall it have?");
            self.draft.ask(QuestionAbout::WhatName, text, vec![], Some(span));
        } else {
            let label = if adjusted {
                domain::interpretation::Label::derived("a legal form of the name in the text", Some(span))
            } else {
                self.said(*a, *b)
            };
            if let Some(guest) = self.draft.guests.get_mut(*g) {
                guest.wish.name = name;
                guest.made_up = false;
                guest.set("name", label);
            }
        }
        self.use_up(at, end);
        if self.own_words((from, at)) || self.own_words((end, to)) {
            self.goes_on((from, to));
        }
        true
    }
}
