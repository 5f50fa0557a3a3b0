//! Where the talk turns to some guests of a group: `the first two`, `web-1 at …`, `workers with …`.

use super::create::Turn;
use super::lexicon;
use super::reader::Reader;

impl Reader<'_> {
    /// `web-a, web-b (2 cores each)`: what stands in brackets is for all.
    fn all_in_brackets(&self, at: usize, to: usize) -> bool {
        let close = (at..to).find(|i| self.mark(*i, ")")).unwrap_or(to);
        self.mark(at, "(") && (at..close).any(|i| self.is(i, &["each", "both", "all", "apiece", "every"]))
    }

    /// Where in the text the talk turns to some of a group.
    pub fn turns(&self, made: &[usize], (from, to): (usize, usize), region: (usize, usize)) -> Vec<Turn> {
        let mut turns = vec![Turn { at: from, to: made.to_vec() }];
        if made.len() < 2 {
            return turns;
        }
        let name_of = |i: usize| {
            made.iter()
                .copied()
                .find(|g| self.draft.guests.get(*g).is_some_and(|g| g.wish.name == self.low(i) && !g.made_up))
        };
        let mut i = from;
        let mut last_name: Option<usize> = None;
        while i < to {
            if i >= region.0 && i < region.1 {
                // Inside the list of names only a name with something right behind it turns the talk.
                i += 1;
                if i == region.1 {
                    turns.push(Turn { at: i, to: made.to_vec() });
                    if region.1 - region.0 >= 1
                        && let Some(g) = name_of(i - 1)
                        && (self.is(i, &["at", "gets"]) || self.mark(i, "(=") && !self.all_in_brackets(i, to))
                    {
                        turns.push(Turn { at: i, to: vec![g] });
                        last_name = Some(i - 1);
                    }
                }
                continue;
            }
            if let Some(g) = name_of(i) {
                let joins = last_name
                    .is_some_and(|l| (l + 1..i).all(|at| self.mark(at, ",&") || self.is(at, &["and"])));
                match turns.last_mut().filter(|_| joins) {
                    Some(turn) => turn.to.push(g),
                    None => turns.push(Turn { at: i, to: vec![g] }),
                }
                last_name = Some(i);
                i += 1;
                continue;
            }
            let after_the = i > from && self.is(i - 1, &["the"]);
            if after_the && self.is(i, &["first", "last"]) {
                let (n, end) = self
                    .number_at(i + 1)
                    .filter(|(n, _)| n.fract() == 0.0 && *n >= 1.0 && !lexicon::is_unit(self.low(i + 2)))
                    .map_or((1, i + 1), |(n, end)| (n as usize, end));
                let n = if self.is(i + 1, &["one"]) { 1 } else { n };
                let some: Vec<usize> = if self.is(i, &["first"]) {
                    made.iter().take(n).copied().collect()
                } else {
                    made.iter().skip(made.len().saturating_sub(n)).copied().collect()
                };
                turns.push(Turn { at: i - 1, to: some });
                i = end;
                continue;
            }
            if after_the
                && let Some(n) =
                    lexicon::ordinal(self.low(i)).filter(|n| *n >= 2 && !self.is(i + 1, &["disk"]))
            {
                if let Some(g) = made.get(n as usize - 1) {
                    turns.push(Turn { at: i - 1, to: vec![*g] });
                }
            } else if self.is(i, &["others", "rest", "remaining"]) || (self.is(i, &["other"]) && after_the) {
                let spoken: Vec<usize> = turns
                    .iter()
                    .skip(1)
                    .filter(|t| t.to.len() < made.len())
                    .flat_map(|t| t.to.clone())
                    .collect();
                let rest: Vec<usize> = made.iter().copied().filter(|g| !spoken.contains(g)).collect();
                turns.push(Turn { at: i, to: rest });
            } else if self.is(i, &["each", "apiece"])
                && i > from
                && turns.last().is_some_and(|t| t.to.len() == 1 && t.at > from)
            {
                // `… and b at .62, 1 core and 512 MB each`: the sizes before `each` are for all.
                let sized = |at: usize| {
                    self.toks.get(at).is_some_and(|t| t.number.is_some())
                        || lexicon::is_unit(self.low(at))
                        || lexicon::number_word(self.low(at)).is_some()
                        || self.is(
                            at,
                            &["and", "memory", "ram", "disk", "of", "a", "half", "with", "storage", "swap"],
                        )
                        || self.mark(at, ",/")
                };
                // What stands right behind the last one's own words is its own, up to the next comma.
                let turned = turns.last().map_or(from, |t| t.at);
                let floor = (turned..i).find(|at| self.mark(*at, ",")).map_or(from, |at| at + 1);
                let mut start = i;
                while start > floor.max(from) && sized(start - 1) {
                    start -= 1;
                }
                turns.push(Turn { at: start, to: made.to_vec() });
            } else if self.is(i, &["each", "both", "all", "they", "them", "every", "apiece"])
                && !self.is(i + 1, &["on", "node", "server"])
            {
                turns.push(Turn { at: i, to: made.to_vec() });
            } else if (self.is(i, &["control"]) && self.is(i + 1, &["plane", "planes", "node", "nodes"]))
                || self.is(i, &["worker", "workers", "master", "masters", "cp", "cps", "control-plane"])
            {
                let control = self.is(i, &["control", "master", "masters", "cp", "cps", "control-plane"]);
                let some: Vec<usize> =
                    made.iter()
                        .copied()
                        .filter(|g| {
                            self.draft.guests.get(*g).is_some_and(|g| {
                                g.kubernetes && (g.labels.contains_key("#control")) == control
                            })
                        })
                        .collect();
                let mut word = if self.is(i, &["control"]) { i + 2 } else { i + 1 };
                while self.is(word, &["nodes", "node", "vm", "vms"]) {
                    word += 1;
                }
                let goes_on = self.is(
                    word,
                    &[
                        "with", "get", "gets", "have", "has", "need", "needs", "should", "having", "named",
                        "called",
                    ],
                ) || self.mark(word, ":(=–—-");
                if !some.is_empty() && !goes_on {
                    turns.push(Turn { at: i, to: made.to_vec() });
                } else if !some.is_empty() {
                    let start = if i > from && self.number_at(i - 1).is_some() { i - 1 } else { i };
                    turns.push(Turn { at: start, to: some });
                }
            }
            i += 1;
        }
        turns.sort_by_key(|turn| turn.at);
        turns
    }
}
