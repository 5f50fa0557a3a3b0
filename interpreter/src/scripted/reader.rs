//! The text as the readers see it: tokens, which of them are used, the facts, and the draft being made.
//!
//! Begin with [`Reader::new`]. Sentences and clauses are ranges of token indices.

use super::answers::Answered;
use super::draft::Draft;
use super::lexicon;
use super::token::{Kind, Token, tokens};
use crate::Context;
use domain::facts::Facts;
use domain::ids::Vmid;
use domain::interpretation::{GuestKind, Label, Span};

/// What `it` and `them` stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Focus {
    Nothing,
    /// Existing guests.
    Guests(Vec<Vmid>),
    /// New guests: places in the draft.
    New(Vec<usize>),
}

pub struct Reader<'a> {
    /// The declaration, then answers that go on with it.
    pub text: &'a str,
    /// Bytes of the declaration itself.
    pub own: usize,
    pub facts: &'a Facts,
    pub context: &'a Context<'a>,
    pub answered: &'a Answered,
    /// Guests that an answer names.
    pub chosen: Vec<Vmid>,
    pub toks: Vec<Token>,
    pub used: Vec<bool>,
    pub draft: Draft,
    pub focus: Focus,
    /// Spans dealt with that no label carries: they may hold numbers that mean nothing else.
    pub heard: Vec<Span>,
    /// The pool made a moment ago: `in it`.
    pub recent_pool: Option<String>,
    /// The text says what must not be done.
    pub spared: bool,
    /// Sizes stand before the guests they are for: `4 GB to web-old and 2 cores to db-1`.
    pub behind: bool,
    /// What was refused a moment ago was about a node: `it` is that node.
    pub node_talk: bool,
    /// A sentence began with second thoughts about new guests.
    pub regret: bool,
    /// A sentence only asks something, or talks.
    pub chat: bool,
    /// Sentences that nothing understood.
    pub strange: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    pub fn new(
        text: &'a str,
        own: usize,
        facts: &'a Facts,
        context: &'a Context<'a>,
        answered: &'a Answered,
    ) -> Self {
        let names: Vec<String> = facts
            .guests
            .values()
            .map(|g| g.name.to_lowercase())
            .chain(facts.guests.values().flat_map(|g| g.snapshots.iter().map(|s| s.to_lowercase())))
            .chain(facts.nodes.keys().map(|n| n.to_lowercase()))
            .chain(facts.storages.keys().map(|n| n.to_lowercase()))
            .chain(
                facts
                    .pools
                    .keys()
                    .chain(facts.house.kubernetes.keys())
                    .chain(facts.house.backups.keys())
                    .map(|n| n.to_lowercase()),
            )
            .chain(
                facts
                    .house
                    .images
                    .vm
                    .keys()
                    .chain(facts.house.images.container.keys())
                    .map(|n| n.to_lowercase()),
            )
            .chain(facts.isos.keys().map(|n| n.to_lowercase()))
            .collect();
        let hidden = super::hidden::passages(text);
        let shown = super::hidden::blanked(text, &hidden);
        let mut toks = answered.placed(tokens(&shown, &names), &names);
        for token in &mut toks {
            // A misspelt word that is somebody's name is no misspelt word.
            if token.mended && names.contains(&token.raw.to_lowercase()) {
                token.low = token.raw.to_lowercase();
                token.mended = false;
            }
        }
        for i in 1..toks.len() {
            let counted =
                toks.get(i - 1).is_some_and(|t| t.number.is_some() || lexicon::number_word(&t.low).is_some());
            if let Some(token) = toks
                .get_mut(i)
                .filter(|t| counted && t.kind == Kind::Word && !t.mended && !names.contains(&t.low))
                && let Some(unit) = lexicon::mend_unit(&token.low)
            {
                unit.clone_into(&mut token.low);
                token.mended = true;
            }
        }
        let used = vec![false; toks.len()];
        let mut draft = Draft::default();
        for span in hidden {
            let text = "This part speaks to the interpreter or is hidden; it was not followed.";
            draft.refuse(domain::interpretation::RefusalReason::InstructionOverride, text, Some(span));
        }
        let mut reader = Self {
            text,
            own,
            facts,
            context,
            answered,
            chosen: Vec::new(),
            toks,
            used,
            draft,
            focus: Focus::Nothing,
            heard: Vec::new(),
            recent_pool: None,
            spared: false,
            behind: false,
            chat: false,
            regret: false,
            node_talk: false,
            strange: Vec::new(),
        };
        reader.choose();
        reader
    }

    pub fn low(&self, i: usize) -> &str {
        self.toks.get(i).map_or("", |t| t.low.as_str())
    }

    pub fn raw(&self, i: usize) -> &str {
        self.toks.get(i).map_or("", |t| t.raw.as_str())
    }

    pub fn is(&self, i: usize, words: &[&str]) -> bool {
        self.toks.get(i).is_some_and(|t| t.kind != Kind::Quoted && t.is(words))
    }

    pub fn mark(&self, i: usize, marks: &str) -> bool {
        self.toks.get(i).is_some_and(|t| t.mark(marks))
    }

    /// True if the words stand here one after the other.
    pub fn phrase(&self, i: usize, words: &str) -> bool {
        words.split(' ').enumerate().all(|(n, word)| self.low(i + n) == word)
    }

    /// The first place in a range where one of the phrases stands, and its length in tokens.
    pub fn find(&self, (from, to): (usize, usize), phrases: &[&str]) -> Option<(usize, usize)> {
        (from..to).find_map(|i| {
            let hit = phrases.iter().filter(|p| self.phrase(i, p)).map(|p| p.split(' ').count()).max()?;
            (i + hit <= to).then_some((i, hit))
        })
    }

    pub fn has(&self, range: (usize, usize), phrases: &[&str]) -> bool {
        self.find(range, phrases).is_some()
    }

    pub fn span(&self, from: usize, to: usize) -> Span {
        let start = self.toks.get(from).map_or(0, |t| t.span.start);
        let end = self.toks.get(to.saturating_sub(1).max(from)).map_or(start, |t| t.span.end);
        Span::new(start, end)
    }

    pub fn words(&self, from: usize, to: usize) -> &'a str {
        self.span(from, to).of(self.text).unwrap_or("")
    }

    pub fn use_up(&mut self, from: usize, to: usize) {
        for used in self.used.iter_mut().take(to).skip(from) {
            *used = true;
        }
    }

    pub fn said(&self, from: usize, to: usize) -> Label {
        Label::Said { quote: None, span: Some(self.span(from, to)) }
    }

    /// Sentences as token ranges without their ends. Line breaks end one before a list item or an empty line.
    pub fn sentences(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        let mut start = 0;
        let mut depth = 0_usize;
        for i in 0..self.toks.len() {
            let Some(token) = self.toks.get(i) else { break };
            match token.kind {
                Kind::Mark if token.raw == "(" => depth += 1,
                Kind::Mark if token.raw == ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let ends = match token.kind {
                Kind::Mark => ".!?;…".contains(token.raw.as_str()) && (depth == 0 || token.raw != ";"),
                Kind::Break => self.line_ends(i),
                _ => false,
            };
            if ends {
                depth = 0;
                if start < i {
                    out.push((start, i));
                }
                start = i + 1;
            }
        }
        if start < self.toks.len() {
            out.push((start, self.toks.len()));
        }
        out
    }

    fn line_ends(&self, i: usize) -> bool {
        let Some(next) = self.toks.get(i + 1) else { return true };
        let bullet = next.kind == Kind::Break
            || (next.kind == Kind::Mark && "-*•–—#>".contains(next.raw.as_str()))
            || (next.kind == Kind::Number && self.mark(i + 2, ".)"));
        let before = i.checked_sub(1).and_then(|at| self.toks.get(at));
        let closed = before.is_none_or(|t| t.kind == Kind::Break || t.mark(":.!?;"));
        bullet || closed || next.raw.starts_with(char::is_uppercase)
    }

    /// A sentence cut before verbs that open a wish of their own.
    pub fn clauses(&self, (from, to): (usize, usize)) -> Vec<(usize, usize)> {
        let mut starts = vec![from];
        for i in from + 1..to {
            if !self.opens(i, from) {
                continue;
            }
            // `keep 14`, `keep the last 3` and `keep the disks on …` go on with what was said.
            let goes_on = self.is(i, &["keep", "leave"])
                && (self.toks.get(i + 1).is_some_and(|t| t.number.is_some())
                    || lexicon::number_word(self.low(i + 1)).is_some()
                    || self.is(i + 1, &["the", "only", "last"]) && !self.is(i, &["leave"])
                    || self.is(i + 1, &["it", "them"])
                        && self.is(i + 2, &["stopped", "off", "powered", "turned", "shut"]));
            let starts_up = self.is(i, &["start", "boot"])
                && (self.is(i + 1, &["automatically", "at", "on", "order", "with"])
                    || self.is(i + 1, &["it", "them"])
                        && self.is(
                            i + 2,
                            &[
                                "automatically",
                                "at",
                                "on",
                                "with",
                                "first",
                                "second",
                                "last",
                                "when",
                                "after",
                                "before",
                            ],
                        ))
                || self.is(i, &["name", "call", "tag"])
                    && self.is(i + 1, &["it", "them"])
                    && self.has((from, i), &["clone", "copy"])
                || self.is(i, &["call", "name"]);
            // `no, make that 8 GB` corrects what was said.
            let goes_on = goes_on
                || self.is(i, &["make"])
                    && self.is(i + 1, &["that", "it"])
                    && self.number_at(i + 2).is_some_and(|(_, end)| lexicon::is_unit(self.low(end)));
            // `Every weekday at 18:00: back up db-1`
            let timed = starts.len() == 1
                && self.is(i, &["back", "backup", "run", "make", "take", "create", "snapshot"])
                && self.has((from, i), &["every", "daily", "nightly", "weekly", "monthly", "each", "once a"])
                && !(from..i).any(|at| {
                    lexicon::VERBS.contains(&self.low(at)) || self.facts.guest_named(self.raw(at)).is_some()
                });
            let noun = timed || i > from && self.is(i - 1, &["a", "the", "an", "of", "no", "with"]);
            if !goes_on && !starts_up && !noun {
                starts.push(i);
            }
        }
        let ends: Vec<usize> = starts.iter().skip(1).copied().chain([to]).collect();
        starts.into_iter().zip(ends).collect()
    }

    fn opens(&self, i: usize, from: usize) -> bool {
        if !self.toks.get(i).is_some_and(|t| t.kind == Kind::Word && lexicon::VERBS.contains(&t.low.as_str()))
        {
            return false;
        }
        // A guest may be called `build`; a verb is followed by something to do it to.
        if self.facts.guest_named(self.low(i)).is_some()
            && !self.is(i + 1, &["a", "an", "me", "the", "one", "two", "three"])
        {
            return false;
        }
        if self.toks.get(i + 1).is_none_or(|t| t.kind == Kind::Mark) && !self.is(i, &["reboot", "restart"]) {
            return false;
        }
        let mut at = i;
        while at > from
            && self.is(
                at - 1,
                &[
                    "please",
                    "also",
                    "then",
                    "finally",
                    "just",
                    "to",
                    "afterwards",
                    "me",
                    "should",
                    "must",
                    "can",
                    "you",
                ],
            )
        {
            if self.is(at - 1, &["then"]) && self.is(i, &["keep"]) {
                return false;
            }
            if self.is(at - 1, &["then"]) {
                return true;
            }
            at -= 1;
        }
        at > from && (self.is(at - 1, &["and", "but", "then", "or"]) || self.mark(at - 1, ",:–—"))
    }

    pub fn guest(&self, vmid: Vmid) -> Option<&'a domain::facts::Guest> {
        self.facts.guest(vmid)
    }

    /// What the owner answered to an earlier question of this declaration.
    pub fn answer(&self, about: domain::interpretation::QuestionAbout) -> Option<&'a str> {
        self.context
            .answers
            .iter()
            .rev()
            .find(|a| a.about == about)
            .map(|a| a.answer.trim())
            .filter(|a| !a.is_empty())
    }

    /// True if the author agreed, false if not, none if nothing was asked about it.
    pub fn agreed(&self, about: domain::interpretation::QuestionAbout, name: &str) -> Option<bool> {
        let mut answers = self.context.answers.iter().rev();
        answers.find(|a| a.about == about && (name.is_empty() || a.names(name))).map(crate::Answer::is_yes)
    }

    pub fn answered(&self, answer: &str) -> Label {
        Label::derived(
            crate::limits::cut(&format!("you answered \"{answer}\""), crate::limits::WHY_CHARS_MAX),
            None,
        )
    }
}

pub fn guest_kind(kind: &str) -> GuestKind {
    if kind == "container" { GuestKind::Container } else { GuestKind::Vm }
}

/// Letters and digits only, lower case.
pub fn plain(words: &str) -> String {
    words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
