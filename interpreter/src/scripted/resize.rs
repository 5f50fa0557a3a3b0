//! Sizes of guests that exist: set, more, less, times.
//!
//! Begin with [`Reader::resize`]. Amounts to add become the value wanted afterwards; a disk never shrinks.

use super::attr::Attribute;
use super::quantity::{Quantity, Role};
use super::reader::Reader;
use super::update::Target;
use domain::facts::Guest;
use domain::ids::Vmid;
use domain::interpretation::{DiskWish, Label, QuestionAbout, RefusalReason};

impl Reader<'_> {
    pub(super) fn is_new_disk(&self, q: &Quantity, (from, _): (usize, usize)) -> bool {
        let near = |at: usize| {
            self.is(at, &["a", "another", "second", "new", "extra", "additional", "third", "further"])
        };
        if q.role == Role::Extra || q.role == Role::Disk && q.times > 1 {
            return true;
        }
        if q.role != Role::Disk {
            return false;
        }
        let said_here = (q.from..q.to)
            .any(|at| self.is(at, &["disk", "drive", "volume"]) && !self.is(at + 1, &["space"]));
        let before = (from..q.from).rev().take(4).find(|at| self.is(*at, &["disk", "drive", "volume"]));
        (said_here && q.from > from && near(q.from - 1)) || before.is_some_and(|at| at > from && near(at - 1))
    }

    /// `add 2 cores and 4 GB`: the verb is for all numbers; `an extra 4 GB and 60 GB of disk`: the word for one.
    fn added(&self, q: &Quantity, (from, to): (usize, usize)) -> bool {
        if self.is(q.from.wrapping_sub(1), &["to", "be", "at", "is", "exactly", "total"]) {
            return false;
        }
        let mine =
            |at: usize| !(at + 1..q.from).any(|i| self.number_at(i).is_some_and(|(_, end)| end <= q.from));
        self.mark(q.from.wrapping_sub(1), "+")
            || self.has((from, q.from), &["add"])
            || (from..q.from)
                .any(|at| self.is(at, &["extra", "additional", "another", "more", "further"]) && mine(at))
            || self.is(q.to, &["more", "extra", "additional"])
            || self.has((q.to, to.min(q.to + 6)), &["extra on top", "on top"])
    }

    pub(super) fn resize(
        &mut self,
        guest: &Guest,
        q: &Quantity,
        attribute: &Attribute,
        targets: &[Target],
        range: (usize, usize),
    ) {
        let span = self.span(attribute.from, attribute.to);
        let (from, _) = range;
        if q.ranged {
            let text = format!("The text gives a range. Which size shall {} get?", guest.name);
            self.draft.ask(QuestionAbout::WhatSize, text, vec![], Some(span));
            return;
        }
        let adds = self.added(q, range);
        let taken = self.has((from, q.from), &["take", "remove", "drop", "strip"])
            && self.has((q.to, range.1), &["away", "off", "from"]);
        let lowers = self.has(
            range,
            &["reduce", "lower", "decrease", "shrink", "cut", "take away", "less", "down by", "trim"],
        ) || taken;
        let new_disk = self.is_new_disk(q, range);
        let mut role = q.role;
        if role == Role::Bare {
            let earlier = (from.saturating_sub(14), q.from);
            role = match q.before {
                Some(old) if old as u64 == guest.memory_mib => Role::Memory,
                Some(old) if (old / 1024.0) as u64 == guest.disk_gib => Role::Disk,
                _ if self.has(earlier, &["space", "disk", "full", "storage"]) => Role::Disk,
                _ if self.has(earlier, &["memory", "ram", "swapping", "oom", "swap", "swaps"]) => {
                    Role::Memory
                }
                _ if self.answer(QuestionAbout::WhatSize).is_some_and(|a| a.eq_ignore_ascii_case("disk")) => {
                    Role::Disk
                }
                _ if self
                    .answer(QuestionAbout::WhatSize)
                    .is_some_and(|a| a.eq_ignore_ascii_case("memory")) =>
                {
                    Role::Memory
                }
                _ if (adds || q.step != 0) && q.before.is_none() => {
                    self.draft.ask(
                        QuestionAbout::WhatSize,
                        "Is that memory or disk?",
                        vec!["memory".into(), "disk".into()],
                        Some(span),
                    );
                    return;
                }
                _ => Role::Memory,
            };
        }
        if q.bound.is_some() {
            self.draft.ask(
                QuestionAbout::WhatSize,
                "The text gives a bound, not a size. Which size shall it be?",
                vec![],
                Some(span),
            );
            return;
        }
        if !q.unit_said && role != Role::Cores {
            let same_as_before = q.before.is_some();
            if !(same_as_before || (role == Role::Memory && q.value >= 256.0)) {
                self.draft.ask(
                    QuestionAbout::WhatSize,
                    "Of which unit is this number, GB or MB?",
                    vec![],
                    Some(span),
                );
                return;
            }
        }
        if new_disk {
            let size = q.value / 1024.0;
            if size.fract() != 0.0 || size < 1.0 {
                self.draft.ask(
                    QuestionAbout::WhatSize,
                    "A disk has a whole number of GiB. Which size shall it be?",
                    vec![],
                    Some(span),
                );
                return;
            }
            let label = Label::Said { quote: None, span: Some(span) };
            let draft = self.draft_of(guest, targets);
            for _ in 0..q.times {
                draft.wish.extra_disks.push(DiskWish { size_gib: size as u64, storage: None, path: None });
                let n = draft.wish.extra_disks.len() - 1;
                draft.set(&format!("extra_disks/{n}/size_gib"), label.clone());
            }
            return;
        }
        let (field, old, amount) = match role {
            Role::Cores => ("cores", u64::from(guest.cores), q.value),
            Role::Disk | Role::Extra => ("disk_gib", guest.disk_gib, q.value / 1024.0),
            Role::Swap => ("swap_mib", 0, q.value),
            Role::Memory | Role::Bare => ("memory_mib", guest.memory_mib, q.value),
        };
        let by = (q.step != 0 || adds || taken) && q.before.is_none();
        if amount.fract() != 0.0 || amount < 0.0 {
            self.draft.ask(
                QuestionAbout::WhatSize,
                "This size cannot be set exactly. Which size shall it be?",
                vec![],
                Some(span),
            );
            return;
        }
        let amount = amount as u64;
        let (value, label) = if by {
            let value =
                if lowers || q.step < 0 { old.saturating_sub(amount) } else { old.saturating_add(amount) };
            (
                value,
                Label::derived(
                    format!("{old} now and {amount} {}", if value < old { "less" } else { "more" }),
                    Some(span),
                ),
            )
        } else {
            (amount, self.sized(attribute))
        };
        if value == 0 {
            self.draft.ask(
                QuestionAbout::WhatSize,
                "That would leave nothing. Which size shall it be?",
                vec![],
                Some(span),
            );
            return;
        }
        if let Some(said) = q.before.filter(|_| field != "disk_gib").or(q.before.map(|b| b / 1024.0))
            && said as u64 != old
            // Where the wish holds already, what was before is history: the same text may be said again.
            && value != old
        {
            self.draft.ask(
                QuestionAbout::WhatSize,
                format!(
                    "The text says {said} before, but {} has {old} now. Which size shall it have?",
                    guest.name
                ),
                vec![],
                Some(span),
            );
            return;
        }
        if field == "disk_gib" && value < old {
            self.draft.refuse(
                RefusalReason::ShrinkDisk,
                format!("The disk of {} has {old} GiB and cannot become smaller.", guest.name),
                Some(span),
            );
            return;
        }
        let at = (serde_json::Value::from(value), label);
        self.put_old(guest, field, at.0, at.1, targets);
    }

    /// Double, twice, triple, halve.
    pub(super) fn multiplied(&mut self, range: (usize, usize), all: &[Vmid], targets: &[Target]) -> bool {
        let words: &[(&str, f64)] = &[
            ("double", 2.0),
            ("doubled", 2.0),
            ("twice", 2.0),
            ("triple", 3.0),
            ("quadruple", 4.0),
            ("halve", 0.5),
            ("halved", 0.5),
            ("quadrupled", 4.0),
            ("tripled", 3.0),
        ];
        let Some((at, factor)) = (range.0..range.1)
            .find_map(|i| words.iter().find(|(w, _)| self.is(i, &[w])).map(|(_, f)| (i, *f)))
            .or_else(|| {
                self.find(range, &["in half", "by half", "half the", "half as much", "half as many"])
                    .map(|(at, _)| (at, 0.5))
            })
        else {
            return false;
        };
        let mut hit = false;
        for i in range.0..range.1 {
            let role = match self.low(i) {
                "memory" | "ram" => "memory_mib",
                "cores" | "cpus" | "vcpus" | "cpu" => "cores",
                "disk" | "storage" | "space" => "disk_gib",
                _ => continue,
            };
            if self.used.get(i).copied().unwrap_or(true) {
                continue;
            }
            hit = true;
            let span = self.span(at, at + 1);
            self.use_up(at, at + 1);
            self.use_up(i, i + 1);
            for guest in all.iter().filter_map(|id| self.facts.guest(*id)) {
                let old = match role {
                    "memory_mib" => guest.memory_mib,
                    "cores" => u64::from(guest.cores),
                    _ => guest.disk_gib,
                };
                let value = (old as f64 * factor) as u64;
                if role == "disk_gib" && factor < 1.0 {
                    self.draft.refuse(
                        RefusalReason::ShrinkDisk,
                        format!("The disk of {} cannot become smaller.", guest.name),
                        Some(span),
                    );
                    continue;
                }
                let label = Label::derived(format!("{factor} times the {old} it has"), Some(span));
                self.put_old(guest, role, serde_json::Value::from(value.max(1)), label, targets);
            }
        }
        hit
    }
}
