//! Software in guests: never installed; guests are made bare if the author agrees.
//!
//! Begin with [`Reader::ask_software`] and [`Reader::software_warning`].

use super::create::{Count, Head};
use super::lexicon;
use super::reader::{Focus, Reader};
use super::token::Kind;
use domain::interpretation::{GuestKind, QuestionAbout, WarningAbout};

impl Reader<'_> {
    /// `Jellyfin and Plex, each in its own container`: software, not guests, is listed.
    pub(super) fn own_each(&mut self, (from, to): (usize, usize), heads: &[Head]) -> bool {
        let many = (from..to)
            .filter(|i| lexicon::SOFTWARE.contains(&self.low(*i)) && !self.is(*i, &["kuma"]))
            .count();
        let each = self.has(
            (from, to),
            &[
                "each in its own",
                "each in their own",
                "each in a separate",
                "own container",
                "own vm",
                "separate container",
                "separate containers",
                "separate vms",
                "each in a container",
                "one container each",
                "environment",
                "stack",
            ],
        );
        if many >= 2 && each && heads.iter().all(|h| self.names_for(h, to).0.is_empty()) {
            self.ask_software((from, to));
            return true;
        }
        false
    }

    pub(super) fn ask_software(&mut self, (from, to): (usize, usize)) {
        let span = self.span(from, to);
        match self.agreed(QuestionAbout::Software, "") {
            Some(true) => return self.bare_guests((from, to)),
            Some(false) => {
                self.spared = true;
                self.heard.push(span);
                return self.use_up(from, to);
            }
            None => {}
        }
        self.use_up(from, to);
        let options = vec!["Yes, make the guests without the software".to_owned(), "No, leave it".to_owned()];
        self.draft.ask(QuestionAbout::Software, "Software is not installed in guests here. Shall guests be made with their system only, and how large?", options, Some(span));
    }

    /// One guest for each piece of software that is named, with its system only: the author agreed to that.
    pub(super) fn bare_guests(&mut self, (from, to): (usize, usize)) {
        let container =
            (from..to).find(|i| lexicon::noun(self.low(*i)).flatten() == Some(GuestKind::Container));
        let kind = if container.is_some() { GuestKind::Container } else { GuestKind::Vm };
        let vm = (from..to).find(|i| lexicon::noun(self.low(*i)).flatten() == Some(GuestKind::Vm));
        let named: Vec<usize> = (from..to)
            .filter(|i| {
                let word = lexicon::SOFTWARE.contains(&self.low(*i)) || self.is(*i, &["runner", "runners"]);
                word && !(self.is(*i, &["kuma"]) && self.is(i.wrapping_sub(1), &["uptime"]))
            })
            .collect();
        let mut made = Vec::new();
        for at in named {
            let count = at
                .checked_sub(1)
                .filter(|b| *b >= from)
                .and_then(|b| self.number_at(b))
                .map_or(1, |(n, _)| if n.fract() == 0.0 && n >= 1.0 { n as usize } else { 1 });
            let noun = container.or(vm).unwrap_or(at);
            let word = self.low(at).trim_end_matches('s').to_owned();
            let role = if self.is(at, &["uptime"]) { "uptime-kuma".to_owned() } else { word };
            let head = Head {
                from: at,
                noun,
                kind,
                count: Count::Exactly(count),
                plural: count > 1,
                role: Some((role, at)),
                clear: true,
            };
            let new = self.create(&head, at, at + 1);
            if container.or(vm).is_none() {
                for g in &new {
                    if let Some(draft) = self.draft.guests.get_mut(*g) {
                        let label = domain::interpretation::Label::derived(
                            "no kind is said; a VM takes any system",
                            None,
                        );
                        draft.set("kind", label);
                    }
                }
            }
            made.extend(new);
        }
        if made.is_empty() {
            let span = self.span(from, to);
            let text = "Which guests shall there be, and how large?";
            self.draft.ask(QuestionAbout::WhatGoal, text, vec![], Some(span));
            return;
        }
        self.focus = Focus::New(made);
    }

    /// A wish for a guest without a noun: `Ubuntu with 4 cores called x`, `Nextcloud, please`.
    pub(super) fn bare_head(&mut self, (from, to): (usize, usize)) -> Option<Head> {
        let asks = self.has((from, to), lexicon::MAKING) || self.is(from, &["a", "an", "one"]);
        let system = (from..to).find(|i| {
            lexicon::SYSTEMS.contains(&self.low(*i)) && !self.used.get(*i).copied().unwrap_or(true)
        });
        if let Some(at) = system {
            let sized = !self.quantities(from, to).is_empty() || self.has((from, to), &["called", "named"]);
            if sized {
                return Some(Head {
                    from: at,
                    noun: at,
                    kind: GuestKind::Vm,
                    count: Count::Exactly(1),
                    plural: false,
                    role: None,
                    clear: true,
                });
            }
        }
        let software = self.software_in(from, to).is_some();
        if software && asks && self.unknown_reference((from, to)).is_none() {
            self.ask_software((from, to));
        } else if asks && self.has((from, to), &["environment", "homelab", "stack", "setup"]) {
            let span = self.span(from, to);
            self.draft.ask(
                QuestionAbout::WhatGoal,
                "Which guests shall there be, and how large?",
                vec![],
                Some(span),
            );
        }
        None
    }

    /// Software that the words name, with its token.
    pub fn software_in(&self, from: usize, to: usize) -> Option<(String, usize)> {
        (from..to)
            .find(|i| {
                lexicon::SOFTWARE.contains(&self.low(*i))
                    && self.toks.get(*i).is_some_and(|t| t.kind == Kind::Word)
            })
            .map(|i| {
                let mut name = self.low(i).to_owned();
                if self.is(i + 1, &["backup", "server", "replica", "test"])
                    && i + 1 < to
                    && self.is(i + 1, &["backup", "replica", "test"])
                {
                    name = format!("{name}-{}", self.low(i + 1));
                }
                (name, i)
            })
    }

    pub(super) fn software_warning(&mut self, from: usize, to: usize, made: &[usize]) {
        let named: Vec<String> =
            made.iter().filter_map(|i| self.draft.guests.get(*i)).map(|g| g.wish.name.clone()).collect();
        let hit = (from..to).find(|i| {
            lexicon::SOFTWARE.contains(&self.low(*i))
                && self.toks.get(*i).is_some_and(|t| t.kind == Kind::Word)
                && !(named.iter().any(|n| n == self.low(*i))
                    && self.is(i.wrapping_sub(1), &["called", "named", "name"]))
                && !self.is(*i, &["dns", "registry", "mail"])
                || self.is(*i, &["mail", "registry", "dns"])
                    && self.is(i + 1, &["server", "vm", "container", "host"])
        });
        let runs =
            self.find((from, to), &["running", "to run", "with", "that runs", "for running", "hosting"]);
        let hit = hit.or_else(|| {
            runs.and_then(|(at, n)| {
                (at + n < to && lexicon::SOFTWARE.contains(&self.low(at + n))).then_some(at + n)
            })
        });
        if let Some(i) = hit {
            let span = self.span(i, i + 1);
            let name = self.raw(i).to_owned();
            self.draft.warn(
                WarningAbout::SoftwareNotInstalled,
                format!("{name} is not installed: the guest is made with its system only."),
                Some(span),
            );
        }
    }
}
