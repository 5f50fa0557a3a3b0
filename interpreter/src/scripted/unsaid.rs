//! Guests that are named without a wish, and wishes without a value: asked about.

use super::reader::Reader;
use super::targets::Target;
use super::token::Kind;
use domain::interpretation::QuestionAbout;

impl Reader<'_> {
    /// Guests that are named without anything being said about them, and wishes without a value: asked about.
    pub(super) fn unsaid(&mut self, range: (usize, usize), targets: &[Target], done: bool) -> bool {
        let span = self.span(range.0, range.1);
        let waiting = !self.draft.questions.is_empty() || !self.draft.obstacles.is_empty();
        if done {
            let named =
                targets.iter().filter(|t| t.to > t.from).flat_map(|t| t.vmids.clone()).collect::<Vec<_>>();
            let silent = named.iter().filter_map(|id| self.facts.guest(*id)).find(|g| {
                !self.draft.guests.iter().any(|d| d.wish.vmid == Some(g.vmid))
                    && !self.draft.moves.iter().any(|m| m.value.guest == g.name)
            });
            if let Some(guest) = silent.filter(|_| !waiting) {
                let text = format!("What exactly shall change for {}?", guest.name);
                self.draft.ask(QuestionAbout::WhatGoal, text, vec![], Some(span));
            }
            return true;
        }
        let name = targets
            .iter()
            .flat_map(|t| &t.vmids)
            .filter_map(|id| self.facts.guest(*id))
            .map(|g| g.name.clone())
            .next();
        let Some(name) = name.filter(|_| !waiting) else { return false };
        let sized = self.has(range, &["ram", "memory", "disk", "cores", "cpu", "cpus", "space", "storage"]);
        let grows = self.has(
            range,
            &[
                "increase", "raise", "more", "bump", "grow", "extend", "expand", "reduce", "lower",
                "decrease", "shrink", "upgrade", "bigger", "larger", "smaller", "resize", "less", "add",
            ],
        );
        if sized && grows {
            self.draft.ask(
                QuestionAbout::WhatSize,
                format!("Which size shall {name} get?"),
                vec![],
                Some(span),
            );
        } else if self.has(
            range,
            &[
                "static ip",
                "fixed ip",
                "an ip",
                "ip address",
                "static address",
                "fixed address",
                "new ip",
                "new address",
            ],
        ) {
            self.draft.ask(
                QuestionAbout::WhatAddress,
                format!("Which address shall {name} get?"),
                vec![],
                Some(span),
            );
        } else if self.has(
            range,
            &[
                "slow",
                "full",
                "struggling",
                "struggles",
                "swapping",
                "swaps",
                "overloaded",
                "too small",
                "laggy",
                "dying",
            ],
        ) && (range.1..self.toks.len())
            .any(|i| self.toks.get(i).is_some_and(|t| t.kind == Kind::Word))
        {
            // `web-old is too slow, give it four cores`: the reason; the wish follows.
            self.heard.push(span);
            return true;
        } else if self.has(
            range,
            &[
                "faster", "better", "secure", "improve", "optimise", "optimize", "tune", "fix", "safer",
                "reliable", "slow", "healthy", "nicer",
            ],
        ) {
            self.draft.ask(
                QuestionAbout::WhatGoal,
                format!("What exactly shall hold for {name} afterwards?"),
                vec![],
                Some(span),
            );
        } else {
            return false;
        }
        true
    }
}
