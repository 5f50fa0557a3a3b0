//! A deterministic grammar for declarations: no model, no network, the same answer every time.
//!
//! Begin with [`Scripted`]. The text is cut into tokens, sentences and clauses; what speaks of forbidden things
//! is set aside (`screen`), each clause is read by the first reader that knows its kind of wish, and `finish`
//! fills house rules, checks everything and concludes. What is not understood is said, never guessed.

mod address;
mod adopt;
mod answers;
mod around;
mod attr;
mod backup;
mod clock;
mod common_words;
mod create;
mod draft;
mod fill;
mod finish;
mod goes_on;
mod heads;
mod hidden;
mod image_words;
mod keep;
mod kube;
mod kube_late;
mod kube_old;
mod kube_words;
mod language;
mod lexicon;
mod loss;
mod loss_words;
mod mention;
mod name_list;
mod naming;
mod network_words;
mod offers;
mod place;
mod place_words;
mod pools;
mod problem;
mod quantity;
mod reader;
mod rename;
mod resize;
mod roles;
mod running;
mod same;
mod say;
mod screen;
mod screened;
mod second_thoughts;
mod secrets;
mod sizes;
mod software;
mod software_words;
mod spelling;
mod start_words;
mod storage;
mod store;
mod tag_words;
mod targets;
mod token;
mod turns;
mod unsaid;
mod update;
mod verbs;
mod violation;

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
        if self.forbids(range)
            || self.recounts(range)
            || self.names_snapshots(range)
            || self.makes_read_only(range)
        {
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
}
