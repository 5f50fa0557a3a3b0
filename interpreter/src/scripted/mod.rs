//! A deterministic grammar for declarations: no model, no network, the same answer every time.
//!
//! Begin with [`Scripted`]. The text is cut into tokens, sentences and clauses; what speaks of forbidden things
//! is set aside (`screen`), each clause is read by the first reader that knows its kind of wish, and `finish`
//! fills house rules, checks everything and concludes. What is not understood is said, never guessed.

mod address;
mod answers;
mod attr;
mod backup;
mod clock;
mod create;
mod draft;
mod fill;
mod finish;
mod hidden;
mod image_words;
mod keep;
mod kube;
mod kube_old;
mod lexicon;
mod loss;
mod mention;
mod naming;
mod network_words;
mod place;
mod place_words;
mod problem;
mod quantity;
mod reader;
mod rename;
mod resize;
mod running;
mod say;
mod screen;
mod screened;
mod storage;
mod store;
mod token;
mod turns;
mod update;

use crate::{Answering, Context, Identity, Interpreter};
use create::{Count, Head};
use domain::facts::Facts;
use domain::interpretation::{GuestKind, Interpretation, QuestionAbout, RefusalReason};
use reader::{Focus, Reader};
use token::Kind;

/// The grammar as an interpreter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scripted;

impl Interpreter for Scripted {
    fn identity(&self) -> Identity {
        Identity {
            provider: "scripted".into(),
            model: "grammar".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    fn interpret<'a>(&'a self, text: &'a str, facts: &'a Facts, context: &'a Context<'a>) -> Answering<'a> {
        let answer = Self::read(text, facts, context);
        Box::pin(async move { answer })
    }
}

impl Scripted {
    /// The same without a future: reading needs no waiting.
    pub fn read(text: &str, facts: &Facts, context: &Context<'_>) -> Interpretation {
        if text.trim().is_empty() {
            return finish::refusal(
                RefusalReason::NotADeclaration,
                "The declaration is empty. Say what you want to have.",
                None,
            );
        }
        let most = facts.house.policy.text_bytes_max.min(domain::limits::TEXT_BYTES_MAX);
        if text.len() > most {
            return finish::refusal(
                RefusalReason::TooLarge,
                &format!("The text has {} bytes; at most {most} are read.", text.len()),
                None,
            );
        }
        let answered = answers::Answered::new(text, facts, context);
        let mut reader = Reader::new(&answered.whole, text.len(), facts, context, &answered);
        if reader.toks.len() > crate::limits::TOKENS_MAX {
            return finish::refusal(RefusalReason::TooLarge, "The text has more words than are read.", None);
        }
        if !reader.speaks_english() {
            return finish::question(
                QuestionAbout::Language,
                "This interpreter is certified for English only. Could you say it in English?",
            );
        }
        reader.read_all();
        reader.finish(text)
    }
}

impl Reader<'_> {
    fn read_all(&mut self) {
        let sentences = self.sentences();
        let skipped = self.screen(&sentences);
        let mut header: Option<(Head, Vec<usize>)> = None;
        for (n, sentence) in sentences.iter().copied().enumerate() {
            if skipped.contains(&sentence) {
                continue;
            }
            if self.tells_why(sentence, sentences.get(n + 1..).unwrap_or(&[])) {
                let span = self.span(sentence.0, sentence.1);
                self.heard.push(span);
                self.use_up(sentence.0, sentence.1);
                continue;
            }
            let (mut from, to) = sentence;
            let mut bullet = false;
            while from < to
                && (self.mark(from, "-*•–—>#") || self.toks.get(from).is_some_and(|t| t.kind == Kind::Break))
            {
                bullet |= self.mark(from, "-*•–—");
                from += 1;
            }
            if from >= to {
                continue;
            }
            if bullet
                && let Some((head, made)) = &mut header
                && self.heads((from, to)).is_empty()
            {
                let (head, next) = (head.clone(), (!made.is_empty()).then(|| made.remove(0)));
                self.item((from, to), &head, next);
                continue;
            }
            if !bullet {
                header = None;
            }
            let ends = self.mark(to - 1, ":") || self.low(to - 1).ends_with(':');
            let heads = if ends { self.heads((from, to)) } else { Vec::new() };
            if let [head] = heads.as_slice()
                && head.plural
                && self.names_for(head, to).0.is_empty()
            {
                let made = if matches!(head.count, Count::Exactly(_)) {
                    self.create(head, from, to)
                } else {
                    Vec::new()
                };
                self.use_up(from, to);
                header = Some((head.clone(), made));
                continue;
            }
            if ends && heads.len() < 2 && self.only_announces((from, to)) {
                self.use_up(from, to);
                continue;
            }
            self.sentence((from, to));
        }
    }

    /// `Set up the following guests:`, `Please create:`: words of the trade without a name, a number or a place.
    fn only_announces(&self, (from, to): (usize, usize)) -> bool {
        let plain = |i: usize| {
            self.toks.get(i).is_some_and(|t| match t.kind {
                Kind::Word => {
                    t.number.is_none()
                        && (lexicon::is_common(&t.low)
                            || lexicon::noun(&t.low).is_some()
                            || t.is(&[
                                "following",
                                "list",
                                "changes",
                                "tasks",
                                "todo",
                                "wishlist",
                                "plan",
                                "hi",
                                "dear",
                            ]))
                        && self.facts.guest_named(&t.low).is_none()
                }
                Kind::Mark | Kind::Break => true,
                _ => false,
            })
        };
        let told = self.has(
            (from, to),
            &[
                "following",
                "these",
                "list",
                "todo",
                "changes",
                "create",
                "make",
                "set up",
                "want",
                "need",
                "like",
            ],
        );
        let sized = (from..to).any(|i| self.number_at(i).is_some() || lexicon::is_core_unit(self.low(i)));
        let loses = loss::verb(self, (from, to)).is_some();
        told && !sized && !loses && (from..to).all(plain)
    }

    fn sentence(&mut self, range: (usize, usize)) {
        let made = self.draft.guests.iter().filter(|g| g.is_new()).count();
        self.sentence_alone(range);
        // `Four VMs … no wait, three VMs`: which of them shall there be?
        let regrets = self.is(range.0, &["no", "wait", "hmm", "oops", "nope", "actually", "scratch"])
            || self.has(
                (range.0, (range.0 + 4).min(range.1)),
                &["no wait", "no , wait", "scratch that", "never mind"],
            );
        let now = self.draft.guests.iter().filter(|g| g.is_new()).count();
        if made > 0 && (self.regret || regrets) && now > made {
            let span = self.span(range.0, range.1);
            let text = "The text takes something back. Which guests shall there be in the end?";
            self.draft.ask(QuestionAbout::Contradiction, text, vec![], Some(span));
        }
        self.regret |= regrets && made > 0;
    }

    fn sentence_alone(&mut self, range: (usize, usize)) {
        let mut understood = false;
        if self.only_asks(range) {
            if self.has(range, screen::SECRET_NOUNS) {
                let span = self.span(range.0, range.1);
                let text = "Keys, tokens and passwords are never shown, stored or sent.";
                self.draft.refuse_all(RefusalReason::Secrets, text, Some(span));
                return;
            }
            self.chat = true;
            self.strange.push(range);
            return;
        }
        let conditional = self.is(range.0, &["if", "unless", "whenever", "should"])
            && !self.is(range.0 + 1, &["possible", "you", "there", "that", "needed", "necessary"])
            && !self.has(range, &["boot", "boots", "power comes back", "power returns", "power cut"]);
        if conditional && !self.mentions(range).is_empty() {
            let span = self.span(range.0, range.1);
            self.draft.refuse(
                RefusalReason::Unsupported,
                "Conditions are not watched here; say what shall hold.",
                Some(span),
            );
            return;
        }
        let clauses = self.clauses(range);
        for clause in clauses {
            let before = (self.draft.obstacles.len(), self.draft.questions.len());
            let heard = self.clause(clause);
            understood |= heard || before != (self.draft.obstacles.len(), self.draft.questions.len());
        }
        if !understood {
            self.strange.push(range);
        }
    }

    /// A question about the cluster or the world: nothing shall change.
    fn only_asks(&self, (from, to): (usize, usize)) -> bool {
        let asks = self.is(
            from,
            &[
                "how", "what", "which", "who", "where", "when", "why", "is", "are", "does", "did", "was",
                "has",
            ],
        );
        let ends = self.mark(to, "?") || self.mark(to.saturating_sub(1), "?");
        let chat = self.is(from, &["tell", "explain", "describe", "teach", "remind"])
            && self.is(from + 1, &["me", "us"])
            && !self.has((from, to), &["when", "once", "token", "password", "key", "keys"]);
        asks && ends && !self.has((from, to), &["what about", "how about"]) || chat
    }

    /// One item of a list below a heading such as `Three containers:`.
    fn item(&mut self, (from, to): (usize, usize), head: &Head, next: Option<usize>) {
        let name_at = (from..to).find(|i| {
            self.toks.get(*i).is_some_and(|t| {
                matches!(t.kind, Kind::Word | Kind::Quoted)
                    && !lexicon::is_common(&t.low)
                    && !lexicon::SYSTEMS.contains(&t.low.as_str())
            })
        });
        let name_at = name_at.filter(|at| *at <= from + 1).or(Some(from).filter(|i| {
            self.toks.get(*i).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
                && self.number_at(*i).is_none()
        }));
        let made = match next {
            Some(g) => vec![g],
            None => {
                let mut head = head.clone();
                head.count = Count::Exactly(1);
                head.plural = false;
                head.role = None;
                self.create(&Head { noun: from, from, ..head }, from, from)
            }
        };
        if let (Some(at), [g]) = (name_at, made.as_slice()) {
            let (name, _) = create::legal_name(self.raw(at));
            let label = self.said(at, at + 1);
            self.use_up(at, at + 1);
            if let Some(guest) = self.draft.guests.get_mut(*g)
                && !name.is_empty()
            {
                guest.wish.name = name;
                guest.made_up = false;
                guest.set("name", label);
            }
        }
        let attributes = self.attributes(from, to, head.kind);
        let turns = self.turns(&made, (from, to), (from, from));
        self.say_of_new(&made, &attributes, &turns);
        self.focus = Focus::New(made);
    }

    /// Reads one clause with the first reader that knows its kind of wish. False: nothing was understood.
    fn clause(&mut self, range: (usize, usize)) -> bool {
        if self.forbids(range) || self.recounts(range) || self.names_snapshots(range) {
            return true;
        }
        if self.screened(range)
            || self.adopt(range)
            || self.snapshot(range)
            || self.backup(range)
            || self.storage(range)
            || self.pool(range)
            || self.kubernetes(range)
        {
            return true;
        }
        if self.clone_of(range) {
            self.mounts_within(range);
            return true;
        }
        let heads = self.heads(range);
        let (from, to) = range;
        let firm = heads.iter().any(|h| {
            h.clear
                || self
                    .names_for(h, to)
                    .0
                    .iter()
                    .any(|(name, _, _)| self.facts.guest_named(&name.to_lowercase()).is_none())
                || self.has((from, h.from + 1), lexicon::MAKING)
        });
        if (heads.is_empty() || !firm) && (self.mount(range) || self.destroy(range) || self.moved(range)) {
            return true;
        }
        let targets = !self.mentions(range).is_empty();
        if !heads.is_empty()
            && (firm || !targets)
            && (loss::verb(self, range).is_none() || self.has(range, lexicon::MAKING))
        {
            return self.create_all(&heads, range);
        }
        if targets && (heads.is_empty() || !firm) {
            return self.update(range);
        }
        if self.renames_new(range) {
            return true;
        }
        let goes_on = matches!(&self.focus, Focus::New(made) if !made.is_empty())
            && !self.has(range, lexicon::MAKING)
            && !self.has(range, &["called", "named"])
            && !self.is(from, &["a", "an", "one", "another"])
            && self.image_is_open();
        if !goes_on && let Some(head) = self.bare_head(range) {
            return self.create_all(&[head], range);
        }
        self.goes_on(range)
    }

    /// `Three VMs … make it two`: the count of new guests is put right.
    fn recounts(&mut self, (from, to): (usize, usize)) -> bool {
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
    fn tells_why(&self, (from, to): (usize, usize), later: &[(usize, usize)]) -> bool {
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
    fn forbids(&mut self, range: (usize, usize)) -> bool {
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
        self.use_up(from, to);
        self.spared = true;
        true
    }

    fn create_all(&mut self, heads: &[Head], (from, to): (usize, usize)) -> bool {
        if self.own_each((from, to), heads) {
            return true;
        }
        // `three servers (a, b, c): Debian VMs with …`: the second names the kind of the first.
        let kept: Vec<Head> = heads
            .iter()
            .enumerate()
            .filter(|(n, head)| {
                let again = *n > 0
                    && head.count == Count::Silent
                    && !head.clear
                    && self.names_for(head, to).0.is_empty()
                    && head.from.checked_sub(1).is_some_and(|b| self.mark(b, ":=–—(,"));
                !again
            })
            .map(|(_, head)| head.clone())
            .collect();
        let heads = kept.as_slice();
        let mut made = Vec::new();
        let common = heads.last().filter(|_| heads.len() > 1).and_then(|last| {
            (last.noun + 1..to).find(|i| {
                self.is(*i, &["each", "both", "all", "they", "everything", "everyone"])
                    && (self.mark(i - 1, ",;:")
                        || self.is(*i, &["both", "all", "each"]) && self.is(i - 1, &["and", "with"]))
                    && !self.is(i + 1, &["nodes"])
            })
        });
        let end = common.unwrap_or(to);
        for (n, head) in heads.iter().enumerate() {
            let start = if n == 0 { from } else { self.placed_before(head.from) };
            let until = heads.get(n + 1).map_or(end, |h| self.placed_before(h.from));
            let new = self.create(head, start, until);
            self.mounts_within((start, until));
            made.extend(new);
        }
        if let Some(at) = common {
            let kind = heads.first().map_or(GuestKind::Vm, |h| h.kind);
            let attributes = self.attributes(at, to, kind);
            let turns = self.turns(&made, (at, to), (at, at));
            self.say_of_new(&made, &attributes, &turns);
        }
        if !made.is_empty() {
            self.focus = Focus::New(made);
        }
        true
    }

    /// Where the words for a new guest begin: `… and on pve1 a VM` begins with `on`.
    fn placed_before(&self, head: usize) -> usize {
        let place = head.checked_sub(1).filter(|at| self.facts.nodes.contains_key(self.low(*at)));
        let on = place.and_then(|at| at.checked_sub(1)).filter(|at| self.is(*at, &["on"]));
        let joined = |at: usize| {
            at.checked_sub(1).is_some_and(|b| self.is(b, &["and", "then"]) || self.mark(b, ",;:."))
        };
        on.filter(|at| joined(*at)).unwrap_or(head)
    }

    /// `Jellyfin and Plex, each in its own container`: software, not guests, is listed.
    fn own_each(&mut self, (from, to): (usize, usize), heads: &[Head]) -> bool {
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

    fn ask_software(&mut self, (from, to): (usize, usize)) {
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
    fn bare_guests(&mut self, (from, to): (usize, usize)) {
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

    /// True if no guest spoken of has an image yet: a system named next is theirs.
    fn image_is_open(&self) -> bool {
        let Focus::New(made) = &self.focus else { return false };
        made.iter()
            .filter_map(|g| self.draft.guests.get(*g))
            .all(|g| g.wish.image.is_none() && g.wish.iso.is_none())
    }

    /// `It should be called scribe`: the name of a new guest, said in a sentence of its own.
    fn renames_new(&mut self, (from, to): (usize, usize)) -> bool {
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

    /// A wish for a guest without a noun: `Ubuntu with 4 cores called x`, `Nextcloud, please`.
    fn bare_head(&mut self, (from, to): (usize, usize)) -> Option<Head> {
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

    /// A clause that goes on with what was spoken of: `Two cores.`, `Put them on pve1.`
    fn goes_on(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        if !self.draft.questions.is_empty()
            && !self.quantities(from, to).is_empty()
            && self.focus == Focus::Nothing
        {
            return true;
        }
        match self.focus.clone() {
            Focus::New(group) => {
                let everyone = self.has(
                    (from, to.min(from + 4)),
                    &["all of them", "all", "everything", "each", "every one", "every", "they", "them"],
                ) || self
                    .has(range, &["all of them", "each of them", "all three", "all four", "all of these"]);
                let made: Vec<usize> = if everyone {
                    (0..self.draft.guests.len())
                        .filter(|g| self.draft.guests.get(*g).is_some_and(|d| d.is_new()))
                        .collect()
                } else {
                    group
                };
                let kind = made
                    .first()
                    .and_then(|g| self.draft.guests.get(*g))
                    .map_or(GuestKind::Vm, |g| g.wish.kind);
                let own = self.own_words(range);
                if !own {
                    return false;
                }
                let turns = self.turns(&made, range, (from, from));
                let attributes = self.attributes(from, to, kind);
                if attributes.is_empty() {
                    self.mounts_within(range);
                    return !self.draft.mounts.is_empty() && self.has(range, &["mount", "mounted"]);
                }
                self.say_of_new(&made, &attributes, &turns);
                self.mounts_within(range);
                true
            }
            Focus::Guests(_) => self.own_words(range) && self.update(range),
            Focus::Nothing => self.loose(range),
        }
    }

    /// Whether a clause can go on with earlier ones: it has sizes or other attributes of guests, and does not
    /// read like prose about something else.
    fn own_words(&self, (from, to): (usize, usize)) -> bool {
        let trade = (from..to).any(|i| {
            lexicon::is_core_unit(self.low(i)) && self.low(i).len() > 1
                || lexicon::size_unit(self.low(i)).is_some() && i > from && self.number_at(i - 1).is_some()
                || self.is(
                    i,
                    &[
                        "vlan",
                        "memory",
                        "ram",
                        "disk",
                        "disks",
                        "dhcp",
                        "address",
                        "addresses",
                        "ip",
                        "ips",
                        "gateway",
                        "boot",
                        "tag",
                        "tags",
                        "tagged",
                        "pool",
                        "ha",
                        "ssh",
                        "start",
                        "stopped",
                        "key",
                        "login",
                        "user",
                        "node",
                        "nodes",
                        "servers",
                        "server",
                        "tpm",
                        "uefi",
                        "storage",
                        "protected",
                        "notes",
                        "description",
                        "stop",
                        "them",
                        "it",
                        "mount",
                        "mounted",
                        "spread",
                        "dns",
                        "power",
                        "off",
                        "highly",
                    ],
                )
                || self.facts.nodes.contains_key(self.low(i))
                || self.facts.storages.contains_key(self.low(i))
                || self.toks.get(i).is_some_and(|t| t.kind == Kind::Key)
                || lexicon::SYSTEMS.contains(&self.low(i))
        });
        trade && to - from < 60
    }

    /// Words of the trade about nothing that was named.
    fn loose(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let span = self.span(from, to);
        if let Some((a, b)) = self
            .unknown_reference(range)
            .filter(|_| self.own_words(range) || lexicon::VERBS.contains(&self.low(from)))
        {
            let span = self.span(a, b);
            self.unknown_guest(Some(span));
            return true;
        }
        let verb = self.toks.get(from).is_some_and(|t| lexicon::VERBS.contains(&t.low.as_str()));
        if !self.quantities(from, to).is_empty() && (self.own_words(range) || verb) {
            self.unknown_guest(Some(span));
            return true;
        }
        let placed = ["vlan", "network", "pool", "ha", "pve", "address", "ip", "boot", "node"];
        if verb
            && self.is(
                from,
                &["put", "move", "give", "set", "assign", "connect", "place", "add", "bring", "take"],
            )
            && self.has(range, &placed)
            && self.own_words(range)
            && to - from > 3
        {
            self.unknown_guest(Some(span));
            return true;
        }
        let sized = ["memory", "ram", "disk", "cores", "cpu", "cpus", "space"];
        if verb && self.has(range, &sized) && self.has(range, &["it", "them", "that", "this", "one"]) {
            self.unknown_guest(Some(span));
            return true;
        }
        let vague = self.has(
            range,
            &[
                "faster",
                "better",
                "stuff",
                "things",
                "more reliable",
                "secure",
                "safer",
                "performance",
                "improve",
                "optimise",
                "optimize",
                "tidy",
                "fix",
                "quicker",
                "more memory",
                "more ram",
                "bigger",
                "some",
                "slow",
                "everything",
            ],
        );
        if vague
            && self.has(range, &["stuff", "things", "devices", "machines", "servers", "everything"])
            && self.has(range, &["vlan", "network", "pool", "tag", "move", "put", "all"])
        {
            self.unknown_guest(Some(span));
            return true;
        }
        if (verb || self.is(from, &["please"]))
            && (vague
                || self.has(
                    range,
                    &[
                        "it",
                        "them",
                        "vm",
                        "container",
                        "cluster",
                        "server",
                        "homelab",
                        "proxmox",
                        "memory",
                        "disk",
                    ],
                ))
        {
            self.draft.ask(
                QuestionAbout::WhatGoal,
                "What exactly shall hold afterwards, and for which guest?",
                vec![],
                Some(span),
            );
            return true;
        }
        false
    }
}
