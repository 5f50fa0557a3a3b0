//! Words around a quantity: from, instead of, by, more, at most; and ranges, which are no sizes.
//!
//! Begin with [`Reader::context_of`].

use super::lexicon::{is_core_unit, size_unit};
use super::quantity::CORRECTING;
use super::quantity::{Bound, Quantity, Role};
use super::reader::Reader;
use super::token::Kind;

impl Reader<'_> {
    /// Words around a quantity: from, instead of, by, more, at most.
    pub(super) fn context_of(&self, q: &mut Quantity, floor: usize, to: usize) {
        let scale = |n: f64, unit: &str| {
            size_unit(unit).map_or(if q.role == Role::Cores { n } else { n * 1024.0 }, |f| n * f)
        };
        // 8 instead of 4, 8 (was 4), 8 rather than 4, 8, not 4
        let mut at = q.to;
        if self.toks.get(at).is_some_and(|t| t.mark(",(")) {
            at += 1;
        }
        let old = if self.is(at, &["instead"]) && self.is(at + 1, &["of"])
            || self.is(at, &["rather"]) && self.is(at + 1, &["than"])
        {
            Some(at + 2)
        } else if self.is(at, &["was", "not", "currently", "up", "from"]) {
            Some(if self.is(at + 1, &["from", "the"]) { at + 2 } else { at + 1 })
        } else {
            None
        };
        if let Some((n, next)) = old.and_then(|at| {
            let at = if self.is(at, &["the", "its"]) { at + 1 } else { at };
            let at = if self.is(at, &["current", "present", "old"]) { at + 1 } else { at };
            self.number_at(at)
        }) && next <= to
        {
            let unit = self.low(next).to_owned();
            q.before = Some(scale(n, &unit));
            q.to = if size_unit(&unit).is_some() || is_core_unit(&unit) { next + 1 } else { next };
        }
        // from 4 to 8
        let back = |n: usize| q.from.checked_sub(n).filter(|at| *at >= floor);
        // `-2 GB`: a sign right at the number.
        let signed = back(1).is_some_and(|at| {
            self.mark(at, "-−")
                && self
                    .toks
                    .get(at)
                    .zip(self.toks.get(q.from))
                    .is_some_and(|(sign, n)| sign.span.end == n.span.start)
        });
        if signed && back(2).is_none_or(|at| self.number_at(at).is_none()) {
            q.step = -1;
            return;
        }
        // `between 2 and 4 GB`, `2-4 GB`, `2 or 4 GB`: a range is no size.
        let open = |at: usize| !self.used.get(at).copied().unwrap_or(true);
        let alike = |at: usize| {
            if q.role == Role::Cores { is_core_unit(self.low(at)) } else { size_unit(self.low(at)).is_some() }
        };
        let other = back(2)
            .is_some_and(|at| open(at) && self.number_at(at).is_some_and(|(_, end)| end == at + 1))
            || back(3).is_some_and(|at| open(at) && self.number_at(at).is_some())
                && back(2).is_some_and(alike);
        let between = back(1).is_some_and(|at| self.is(at, &["and"]))
            && (q.from.saturating_sub(5).max(floor)..q.from).any(|at| self.is(at, &["between"]));
        let either = back(1).is_some_and(|at| {
            self.is(at, &["or"])
                || self.mark(at, "-–") && !self.dashes_divide(at)
                || self.is(at, &["to"])
                    && !back(3).is_some_and(|b| self.is(b, &["from"]))
                    && !back(4).is_some_and(|b| self.is(b, &["from"]))
        });
        if other && (between || either) {
            q.bound = Some(Bound::AtMost);
            q.ranged = true;
        }
        if let Some(word) = back(1) {
            if self.is(word, &["to"]) {
                let unit_between =
                    back(2).filter(|at| size_unit(self.low(*at)).is_some() || is_core_unit(self.low(*at)));
                let number = back(if unit_between.is_some() { 3 } else { 2 });
                if let Some((n, _)) = number.and_then(|at| self.number_at(at))
                    && let Some(start) = number.filter(|at| *at >= 1 && self.is(at - 1, &["from"]))
                {
                    q.before = Some(scale(
                        n,
                        unit_between.map_or(self.low(q.to.saturating_sub(1)), |at| self.low(at)),
                    ));
                    q.from = start.saturating_sub(1);
                }
            } else if self.is(word, &["by", "another", "extra", "additional"]) {
                q.step = 1;
                q.from = word;
            } else if self.is(word, &["most", "maximum"]) && back(2).is_some_and(|w| self.is(w, &["at"])) {
                q.bound = Some(Bound::AtMost);
                q.from = word - 1;
            } else if self.is(word, &["least", "minimum"]) && back(2).is_some_and(|w| self.is(w, &["at"])) {
                q.bound = Some(Bound::AtLeast);
                q.from = word - 1;
            } else if self.is(word, &["than"]) {
                let less = back(2).is_some_and(|w| self.is(w, &["less", "fewer"]));
                let not =
                    back(3).is_some_and(|w| self.is(w, &["no", "not", "never", "be", "have", "use", "get"]));
                let negated = not
                    && (back(3).is_some_and(|w| self.is(w, &["no", "not", "never"]))
                        || back(4).is_some_and(|w| self.is(w, &["not", "never"])));
                q.bound = Some(if less == negated { Bound::AtLeast } else { Bound::AtMost });
                q.from = word.saturating_sub(if negated { 2 } else { 1 });
            } else if self.is(word, &["exceed", "max", "below", "under"]) {
                q.bound = Some(Bound::AtMost);
                q.from = word;
            } else if self.is(word, &["above", "over", "min"]) {
                q.bound = Some(Bound::AtLeast);
                q.from = word;
            }
        }
        if self.is(q.to, &["more", "extra", "additional"]) {
            q.step = 1;
            q.to += 1;
            let mut claimed = Vec::new();
            if q.role == Role::Bare
                && let Some((role, end)) = self.role_after(q.to, to, &mut claimed)
            {
                (q.role, q.to) = (role, end);
            }
        } else if self.is(q.to, &["less"]) {
            q.step = -1;
            q.to += 1;
        } else if self.is(q.to, &["max", "maximum", "tops"]) {
            q.bound = Some(Bound::AtMost);
            q.to += 1;
        } else if self.is(q.to, &["or"]) && self.is(q.to + 1, &["more", "less"]) {
            q.bound = Some(if self.is(q.to + 1, &["more"]) { Bound::AtLeast } else { Bound::AtMost });
            q.to += 2;
        }
        // `2 more cores`, `2 additional GB`: the word stands between number and unit and is seen there.
        if q.from + 1 < q.to
            && (q.from..q.to).any(|at| self.is(at, &["more", "extra", "additional", "further", "another"]))
            && q.bound.is_none()
            && q.role != Role::Extra
        {
            q.step = 1;
        }
    }

    /// `Ubuntu - 3 cores - 5 GB`: several dashes in one sentence part its items and make no range.
    pub(super) fn dashes_divide(&self, at: usize) -> bool {
        let ends =
            |i: &usize| self.mark(*i, ".;!?") || self.toks.get(*i).is_some_and(|t| t.kind == Kind::Break);
        let start = (0..at).rev().find(ends).map_or(0, |i| i + 1);
        let end = (at..self.toks.len()).find(ends).unwrap_or(self.toks.len());
        (start..end).filter(|i| self.mark(*i, "-–—")).count() > 1
    }

    /// `, no, make that`: nothing but words of correction.
    pub(super) fn only_takes_back(&self, (from, to): (usize, usize)) -> bool {
        let small = [
            "no",
            "i",
            "it",
            "that",
            "to",
            "a",
            "of",
            "need",
            "want",
            "should",
            "be",
            "its",
            "it's",
            "let's",
            "say",
            "better",
            "make",
            "sorry",
            "mean",
            "meant",
            "actually",
            "rather",
            "correction",
            "scratch",
            "oops",
            "wait",
            "hmm",
            "or",
            "well",
            "hold",
            "on",
            "not",
            "nope",
            "eh",
            "er",
            "um",
            "uh",
            "please",
            "the",
        ];
        self.has((from, to), CORRECTING)
            && (from..to).all(|i| self.is(i, &small) || self.mark(i, ",.;:!…-–—()"))
    }
}
