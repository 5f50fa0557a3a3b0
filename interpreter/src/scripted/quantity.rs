//! Sizes and cores: a number in digits or words, its unit, and what it is the size of.
//!
//! Begin with [`Reader::quantities`]. A number without a unit and without a word that says what it measures is
//! left alone: nothing is guessed.

use super::lexicon::{is_core_unit, number_word, size_unit};
use super::reader::Reader;
use super::token::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Cores,
    Memory,
    Swap,
    Disk,
    Extra,
    /// A size and no word for what.
    Bare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    AtMost,
    AtLeast,
}

#[derive(Clone, Debug)]
pub struct Quantity {
    /// Cores, or MiB.
    pub value: f64,
    pub role: Role,
    /// Tokens `[from, to)`, with the words that say the unit and the role.
    pub from: usize,
    pub to: usize,
    /// -1: less by this much, 1: more by this much, 0: this much.
    pub step: i8,
    pub bound: Option<Bound>,
    /// The value before, if the text names it too: `from 4 to 8`, `8 instead of 4`.
    pub before: Option<f64>,
    /// One end of a range, so no size at all.
    pub ranged: bool,
    /// The role word stands right at the number.
    pub unit_said: bool,
    /// So many disks of this size: `two data disks of 500 GB`.
    pub times: usize,
}

/// Words that take back what stood before.
pub(super) const CORRECTING: &[&str] = &[
    "sorry",
    "mean",
    "meant",
    "actually",
    "rather",
    "correction",
    "scratch that",
    "make that",
    "make it",
    "no",
    "oops",
    "wait",
];

/// Words behind which a value takes the place of the one before.
pub(super) fn takes_back(reader: &Reader<'_>, range: (usize, usize)) -> bool {
    reader.has(range, CORRECTING)
}
pub(super) const EXTRA: &[&str] =
    &["data", "second", "extra", "additional", "further", "another", "secondary", "third", "2nd", "separate"];
impl Reader<'_> {
    /// A number at token `i`: value and the token after it.
    pub fn number_at(&self, i: usize) -> Option<(f64, usize)> {
        let token = self.toks.get(i)?;
        if let Some(number) = token.number {
            // 1 1/2 and the like are not read.
            return Some((number, i + 1));
        }
        if token.kind != Kind::Word {
            return None;
        }
        let low = token.low.as_str();
        let a = |at: usize| self.toks.get(at).is_some_and(|t| t.is(&["a", "an", "of"]));
        match low {
            "half" => {
                let mut at = i + 1;
                while a(at) {
                    at += 1;
                }
                if self.is(at, &["dozen"]) {
                    return Some((6.0, at + 1));
                }
                return Some((0.5, at));
            }
            "quarter" => {
                let mut at = i + 1;
                while a(at) {
                    at += 1;
                }
                return Some((0.25, at));
            }
            "½" => return Some((0.5, i + 1)),
            "another" if self.is_unit_word(i + 1) => return Some((1.0, i + 1)),
            "a" | "an" => {
                if self.is(i + 1, &["half", "quarter", "couple", "pair", "dozen", "hundred", "single"]) {
                    let (value, mut at) = self.number_at(i + 1)?;
                    if self.is(at, &["of"]) && value >= 1.0 {
                        at += 1;
                    }
                    return Some((value, at));
                }
                if self.is(i + 1, &["extra", "additional", "further"]) && self.is_unit_word(i + 2) {
                    return Some((1.0, i + 1));
                }
                let unit = self.low(i + 1);
                return (is_core_unit(unit) && unit.len() > 1 || size_unit(unit).is_some() && unit.len() > 1)
                    .then_some((1.0, i + 1));
            }
            _ => {}
        }
        let first = number_word(low)?;
        let mut at = i + 1;
        let mut value = first;
        if self.is(at, &["quarters"]) {
            // `three quarters of a gig`
            at += 1;
            while a(at) {
                at += 1;
            }
            return Some((first * 0.25, at));
        }
        if (20.0..100.0).contains(&first)
            && first % 10.0 == 0.0
            && let Some(ones) = number_word(self.low(at)).filter(|n| (1.0..10.0).contains(n))
        {
            value += ones;
            at += 1;
        } else if (1.0..10.0).contains(&first) && self.is(at, &["hundred"]) {
            value *= 100.0;
            at += 1;
            if self.is(at, &["and"])
                && let Some((rest, next)) = self.number_at(at + 1).filter(|(n, _)| *n < 100.0 && *n >= 1.0)
            {
                value += rest;
                at = next;
            } else if let Some((rest, next)) = self.number_at(at).filter(|(n, _)| *n < 100.0 && *n >= 1.0) {
                value += rest;
                at = next;
            }
        } else if low == "couple" && self.is(at, &["of"]) {
            at += 1;
        }
        if self.is(at, &["and"]) && self.is(at + 1, &["a"]) && self.is(at + 2, &["half"]) {
            value += 0.5;
            at += 3;
        }
        Some((value, at))
    }

    /// How many disks of one size, and where that is said: `two data disks of 500 GB`, `2 x 500 GB data disks`.
    fn disk_count(&self, q: &Quantity, floor: usize) -> Option<(usize, usize)> {
        if !matches!(q.role, Role::Extra | Role::Disk) {
            return None;
        }
        let many = |at: usize| {
            self.number_at(at)
                .filter(|(n, end)| *end == at + 1 && n.fract() == 0.0 && (2.0..=8.0).contains(n))
                .map(|(n, _)| (n as usize, at))
        };
        let disks = &["disks", "drives", "volumes"];
        if (q.from..q.to).any(|at| self.is(at, disks)) {
            let mut at = q.from.checked_sub(1).filter(|at| *at >= floor)?;
            if self.is(at, &["x", "×", "times"]) && at > floor {
                at -= 1;
            }
            return many(at);
        }
        let back = q.from.saturating_sub(4).max(floor);
        let mut at = (back..q.from).rev().find(|at| self.is(*at, disks))?;
        if !(at + 1..q.from).all(|i| self.is(i, &["of", "with", "at", "sized", "each"])) {
            return None;
        }
        while at > floor && self.is(at - 1, EXTRA) {
            at -= 1;
        }
        many(at.checked_sub(1).filter(|at| *at >= floor)?)
    }

    fn is_unit_word(&self, i: usize) -> bool {
        let unit = self.low(i);
        unit.len() > 1 && (is_core_unit(unit) || size_unit(unit).is_some())
    }

    /// The quantities of the tokens `[from, to)`, in order.
    pub fn quantities(&self, from: usize, to: usize) -> Vec<Quantity> {
        let mut found: Vec<Quantity> = Vec::new();
        let mut claimed: Vec<usize> = Vec::new();
        let mut i = from;
        while i < to {
            if self.used.get(i).copied().unwrap_or(true) {
                i += 1;
                continue;
            }
            let Some((value, mut at)) = self.number_at(i).filter(|(_, at)| *at <= to) else {
                i += 1;
                continue;
            };
            let floor = found.last().map_or(from, |q| q.to);
            if let Some(mut quantity) = self.measured(i, value, at, floor, to, &mut claimed) {
                self.context_of(&mut quantity, floor, to);
                // `2 GB of RAM, sorry, I mean 4 GB`: the second is of the same thing and stands in its place.
                let again = found.last().filter(|last| {
                    let alike = last.role == quantity.role
                        || quantity.role == Role::Bare && last.role != Role::Cores
                        || last.role == Role::Bare && quantity.role != Role::Cores;
                    alike && self.only_takes_back((last.to, i))
                });
                if let Some(last) = again {
                    if quantity.role == Role::Bare {
                        quantity.role = last.role;
                    }
                    found.pop();
                }
                if let Some((times, start)) = self.disk_count(&quantity, floor) {
                    quantity.times = times;
                    quantity.from = start;
                }
                at = quantity.to.max(at);
                found.push(quantity);
            } else if let Some(last) = found.last().filter(|q| self.only_takes_back((q.to, i))).cloned()
                && (at >= to || self.toks.get(at).is_some_and(|t| matches!(t.kind, Kind::Mark | Kind::Break)))
            {
                // `2 cores, or rather 4`: of the same unit.
                let factor = (last.from..last.to).find_map(|n| size_unit(self.low(n))).unwrap_or(1.0);
                let value = if last.role == Role::Cores { value } else { value * factor };
                found.pop();
                found.push(Quantity { value, from: i, to: at, before: None, step: 0, ..last });
            }
            i = at;
        }
        found
    }

    fn measured(
        &self,
        i: usize,
        value: f64,
        at: usize,
        floor: usize,
        to: usize,
        claimed: &mut Vec<usize>,
    ) -> Option<Quantity> {
        // `from 4 to 8 GB`: the first number is read with the second.
        if i > 0
            && self.is(i - 1, &["from"])
            && (self.is(at, &["to"])
                || (size_unit(self.low(at)).is_some() || is_core_unit(self.low(at)))
                    && self.is(at + 1, &["to"]))
        {
            return None;
        }
        let mut after = at;
        if self.toks.get(after).is_some_and(|t| t.raw == "-") {
            after += 1;
        }
        if self.is(after, &["more", "extra", "additional", "further"]) {
            after += 1;
        }
        // `1 dedicated core`, `4 virtual cores`, `2 CPU cores`.
        let mut unit = after;
        while self.is(unit, &["dedicated", "virtual", "physical", "vcpu", "cpu", "logical"])
            && is_core_unit(self.low(unit + 1))
        {
            unit += 1;
        }
        let quantity = |value, role, to| Quantity {
            value,
            role,
            from: i,
            to,
            step: 0,
            bound: None,
            before: None,
            ranged: false,
            unit_said: true,
            times: 1,
        };
        if unit < to && is_core_unit(self.low(unit)) {
            let mut end = unit + 1;
            if self.is(end, &["processor", "processors", "cpu", "cpus", "cores"]) {
                end += 1;
            }
            claimed.extend(unit..end);
            return Some(quantity(value, Role::Cores, end.min(to)));
        }
        if after < to
            && let Some(factor) = size_unit(self.low(after))
        {
            let mut end = after + 1;
            let mut value = value;
            if self.is(end, &["and"]) && self.is(end + 1, &["a"]) && self.is(end + 2, &["half"]) {
                value += 0.5;
                end += 3;
            }
            // `200 g of sugar` is no size of a guest.
            if self.low(after).len() == 1
                && self.is(end, &["of"])
                && self.role_after(end, to, &mut Vec::new()).is_none()
            {
                return None;
            }
            let another = i > floor
                && self.is(i - 1, &["additional", "extra", "another", "second", "further", "data"])
                && self.is(end, &["disk", "drive", "volume", "ssd", "hdd"])
                && !self.is(end + 1, &["space"]);
            if another {
                claimed.push(end);
                let whole = quantity(value * factor, Role::Extra, end + 1);
                return Some(Quantity { from: i - 1, ..whole });
            }
            let (role, next) = self.role_after(end, to, claimed).map_or_else(
                || (self.role_before(i, floor, claimed).unwrap_or(Role::Bare), end),
                |(role, next)| (role, next),
            );
            return Some(quantity(value * factor, role, next));
        }
        // Without a unit: only where a word before says what is measured.
        let role = self.role_before(i, floor, claimed)?;
        let near = self.toks.get(i.saturating_sub(1)).is_some_and(|t| {
            t.is(&[
                "to", "cores", "core", "cpus", "cpu", "vcpus", "vcpu", "by", "at", "is", "of", "memory",
                "ram", "disk", "swap", "from", "be", "count",
            ]) || t.mark(":=")
        });
        if !near {
            return None;
        }
        Some(Quantity { unit_said: false, ..quantity(value, role, at) })
    }
}
