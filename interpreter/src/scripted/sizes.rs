//! Sizes of new guests: memory, disks, cores, as far as the words say which.
//!
//! Begin with [`Reader::size_of_new`].

use super::attr::{Attribute, What};
use super::lexicon;
use super::quantity::{Bound, Role};
use super::reader::Reader;
use domain::interpretation::{DiskWish, GuestKind, Label, QuestionAbout};

impl Reader<'_> {
    pub(super) fn size_of_new(&mut self, g: usize, attribute: &Attribute, whole: bool) {
        let What::Size(q) = &attribute.what else { return };
        let span = self.span(attribute.from, attribute.to);
        let label = self.sized(attribute);
        let said = |reader: &Self, field: &str| {
            reader
                .draft
                .guests
                .get(g)
                .is_some_and(|d| matches!(d.labels.get(field), Some(Label::Said { .. })))
        };
        let on_storage = self.is(attribute.to, &["on"])
            && self
                .storage_at(attribute.to + 1, attribute.to, self.toks.len(), GuestKind::Vm)
                .or_else(|| self.storage_at(attribute.to + 2, attribute.to, self.toks.len(), GuestKind::Vm))
                .is_some();
        let role = match q.role {
            Role::Bare
                if !(said(self, "memory_mib")
                    || on_storage && q.value >= if said(self, "cores") { 20_480.0 } else { 8192.0 }) =>
            {
                Role::Memory
            }
            Role::Bare => Role::Disk,
            role => role,
        };
        let (field, value) = match role {
            Role::Cores => ("cores", q.value),
            Role::Memory | Role::Bare => ("memory_mib", q.value),
            Role::Swap => ("swap_mib", q.value),
            Role::Disk | Role::Extra => ("disk_gib", q.value / 1024.0),
        };
        if !q.unit_said && role != Role::Cores {
            // `memory 4096`: MiB by custom; anything smaller could be either.
            if role != Role::Memory || q.value < 256.0 {
                self.draft.ask(
                    QuestionAbout::WhatSize,
                    format!("{} of which unit is meant?", self.words(attribute.from, attribute.to)),
                    vec![],
                    Some(span),
                );
                return;
            }
        }
        if value.fract() != 0.0 || value < 1.0 {
            self.draft.ask(
                QuestionAbout::WhatSize,
                "This size cannot be set exactly. Which size shall it be?",
                vec![],
                Some(span),
            );
            return;
        }
        if q.step < 0 {
            let text = "A new guest cannot have less than nothing. Which size shall it be?";
            self.draft.ask(QuestionAbout::WhatSize, text, vec![], Some(span));
            return;
        }
        let value = value as u64;
        if q.ranged {
            self.draft.ask(
                QuestionAbout::WhatSize,
                "The text gives a range. Which size shall it be?",
                vec![],
                Some(span),
            );
            return;
        }
        if let Some(bound) = q.bound {
            let now = self.draft.guests.get(g).and_then(|d| match field {
                "cores" => d.wish.cores.map(u64::from),
                "memory_mib" => d.wish.memory_mib,
                "disk_gib" => d.wish.disk_gib,
                _ => None,
            });
            match now {
                Some(now)
                    if (bound == Bound::AtMost && now > value)
                        || (bound == Bound::AtLeast && now < value) =>
                {
                    self.draft.ask(
                        QuestionAbout::Contradiction,
                        "Two parts of the text cannot both hold for this size. Which one counts?",
                        vec![],
                        Some(span),
                    );
                }
                Some(_) => self.heard.push(span),
                None => self.draft.ask(
                    QuestionAbout::WhatSize,
                    "The text gives a bound, not a size. Which size shall it be?",
                    vec![],
                    Some(span),
                ),
            }
            return;
        }
        if role == Role::Disk && q.times > 1 {
            let text = format!("{} disks of {value} GiB: is the first of them the system disk?", q.times);
            self.draft.ask(QuestionAbout::WhatSize, text, vec![], Some(span));
            return;
        }
        if role == Role::Extra {
            if let Some(guest) = self.draft.guests.get_mut(g) {
                for _ in 0..q.times {
                    guest.wish.extra_disks.push(DiskWish { size_gib: value, storage: None, path: None });
                    let n = guest.wish.extra_disks.len() - 1;
                    guest.set(&format!("extra_disks/{n}/size_gib"), label.clone());
                }
            }
            return;
        }
        self.put(g, field, serde_json::Value::from(value), label, whole, span);
    }

    /// `three quarters of a gig` is worked out; any other size is said.
    pub(super) fn sized(&self, attribute: &Attribute) -> Label {
        // Words that the rules do not count with: the number is worked out from them.
        let uncommon = [
            "ninety",
            "seventy",
            "thirteen",
            "fourteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty-four",
            "twenty-five",
            "forty-eight",
        ];
        let counted = |i: &usize| {
            lexicon::number_word(self.low(*i)).is_some_and(|n| n >= 1.0) && !self.is(*i, &["hundred"])
        };
        let compound = (attribute.from..attribute.to).filter(counted).count() > 1;
        let digits =
            (attribute.from..attribute.to).any(|i| self.toks.get(i).is_some_and(|t| t.number.is_some()));
        if !digits && (compound || (attribute.from..attribute.to).any(|i| self.is(i, &uncommon))) {
            let span = self.span(attribute.from, attribute.to);
            return Label::derived("the number that these words make", Some(span));
        }
        if (attribute.from..attribute.to).any(|i| self.is(i, &["quarters"])) {
            let span = self.span(attribute.from, attribute.to);
            return Label::derived("so many quarters of the unit", Some(span));
        }
        self.said(attribute.from, attribute.to)
    }
}
