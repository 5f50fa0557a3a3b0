//! What the author answered to earlier questions of the same declaration.
//!
//! Begin with [`Answered`]. An answer takes the place of the words it was asked about, or goes on with the text; a reader
//! that needs one asks for it with [`Reader::answer`]. A question that an answer has settled is not asked again.
//!
//! Never here: answers that nobody gave. Values that come from one are labelled so.

use super::reader::{Focus, Reader};
use super::token::{Token, tokens};
use super::{hidden, lexicon};
use crate::{Answer, Context};
use domain::facts::Facts;
use domain::ids::Vmid;
use domain::interpretation::{Label, QuestionAbout, Span};

/// Words that a question was about and that an answer may take the place of, at most.
const TOKENS_MAX: usize = 6;

/// The text with its answers.
pub struct Answered {
    /// The declaration, then answers that go on with it.
    pub whole: String,
    /// Which part of `whole` answers which question.
    pub appended: Vec<(QuestionAbout, Span)>,
    /// Words of the declaration and what stands in their place.
    pub put: Vec<(Span, String)>,
}

impl Answered {
    pub fn new(text: &str, facts: &Facts, context: &Context<'_>) -> Self {
        let mut all = Self { whole: text.to_owned(), appended: Vec::new(), put: Vec::new() };
        for answer in context.answers {
            if !all.puts(text, answer, facts) {
                all.append(text, answer);
            }
        }
        all
    }

    /// Puts an answer in the place of a few words. The last answer about a place counts.
    fn puts(&mut self, text: &str, answer: &Answer, facts: &Facts) -> bool {
        use QuestionAbout as Q;
        let Some(words) = answer.span.and_then(|span| span.of(text)) else { return false };
        let short = words.split_whitespace().count() <= TOKENS_MAX;
        let clause = words.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| {
            lexicon::VERBS.contains(&word) && !matches!(word, "build" | "backup" | "mail" | "copy")
        });
        let (Some(span), Some(said)) = (answer.span, known(answer, facts)) else { return false };
        if !short || clause && answer.about == Q::WhichGuest {
            return false;
        }
        self.put.retain(|(other, _)| other.end <= span.start || span.end <= other.start);
        self.put.push((span, said));
        true
    }

    fn append(&mut self, text: &str, answer: &Answer) {
        use QuestionAbout as Q;
        let goes_on = matches!(
            answer.about,
            Q::WhatSize
                | Q::WhatAddress
                | Q::WhichNetwork
                | Q::WhichNode
                | Q::WhichStorage
                | Q::WhatGoal
                | Q::Contradiction
                | Q::WhatSchedule
        );
        let said = answer.answer.trim();
        if !goes_on || said.is_empty() {
            return;
        }
        let start = self.whole.len() + 2;
        self.whole.push_str("\n\n");
        self.whole.push_str(said);
        // `60 GB` to a question about the disk is the size of a disk.
        let asked = answer.span.and_then(|span| span.of(text)).unwrap_or("").to_lowercase();
        let told = said.to_lowercase();
        let has = |words: &str, of: &[&str]| {
            words.split(|c: char| !c.is_alphanumeric()).any(|word| of.contains(&word))
        };
        const ROLES: [(&[&str], &str); 3] = [
            (&["disk", "disks", "space", "storage", "drive"], " disk"),
            (&["memory", "ram"], " memory"),
            (&["cores", "core", "cpu", "cpus"], " cores"),
        ];
        if answer.about == Q::WhatSize
            && !ROLES.iter().any(|(words, _)| has(&told, words))
            && let Some((_, role)) = ROLES.iter().find(|(words, _)| has(&asked, words))
        {
            self.whole.push_str(role);
        }
        self.appended.push((answer.about, Span::new(start, self.whole.len())));
    }

    /// The tokens with answers in the place of the words they are for.
    pub fn placed(&self, toks: Vec<Token>, names: &[String]) -> Vec<Token> {
        let mut out: Vec<Token> = Vec::with_capacity(toks.len());
        let mut done: Vec<Span> = Vec::new();
        for token in toks {
            let hit =
                self.put.iter().find(|(span, _)| span.start < token.span.end && token.span.start < span.end);
            let Some((span, said)) = hit else {
                out.push(token);
                continue;
            };
            if done.contains(span) {
                continue;
            }
            done.push(*span);
            let shown = hidden::blanked(said, &hidden::passages(said));
            for mut word in tokens(&shown, names) {
                word.span = *span;
                word.mended = false;
                out.push(word);
            }
        }
        out
    }
}

/// The part of an answer that names what was asked for: guests, a storage, a node, an image, a name. Nothing else of an
/// answer is put into the text.
fn known(answer: &Answer, facts: &Facts) -> Option<String> {
    use QuestionAbout as Q;
    let apart = |c: char| !(c.is_alphanumeric() || "-_.:/".contains(c));
    let words: Vec<&str> = answer
        .answer
        .split(apart)
        .map(|word| word.trim_matches(['.', ':']))
        .filter(|w| !w.is_empty())
        .collect();
    let one = |all: Vec<&String>| {
        all.into_iter().find(|name| words.iter().any(|word| word.eq_ignore_ascii_case(name))).cloned()
    };
    let house = &facts.house;
    match answer.about {
        Q::WhichGuest => {
            let names: Vec<&str> =
                words.iter().filter_map(|word| facts.guest_named(word)).map(|g| g.name.as_str()).collect();
            (!names.is_empty()).then(|| names.join(" and "))
        }
        Q::WhichStorage => one(facts.storages.keys().collect()),
        Q::WhichNode => one(facts.nodes.keys().collect()),
        Q::WhichCluster => one(house.kubernetes.keys().collect()),
        Q::WhichImage => {
            let images = house.images.vm.iter().chain(&house.images.container);
            let said = answer.answer.trim().to_lowercase();
            one(house
                .images
                .vm
                .keys()
                .chain(house.images.container.keys())
                .chain(facts.isos.keys())
                .collect())
            .or_else(|| {
                images
                    .into_iter()
                    .find(|(_, i)| i.aliases.iter().any(|a| a.to_lowercase() == said))
                    .map(|(n, _)| n.clone())
            })
        }
        Q::WhichNetwork => {
            let tag = words.iter().find_map(|word| word.parse::<u16>().ok()).map(|tag| format!("VLAN {tag}"));
            tag.or_else(|| one(facts.bridges.keys().collect()))
        }
        Q::WhatName => {
            let name = answer.answer.trim().trim_matches(['"', '\'', '.']);
            let one_word =
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
            one_word.then(|| format!("\"{name}\""))
        }
        Q::WhatAddress => words
            .iter()
            .find(|word| word.split('/').next().is_some_and(|ip| ip.parse::<std::net::Ipv4Addr>().is_ok()))
            .map(|word| (*word).to_owned()),
        _ => None,
    }
}

impl Reader<'_> {
    /// Guests that the answer to `which guest` names: what the text speaks of without a name.
    pub(super) fn choose(&mut self) {
        let Some(answer) = self.answer(QuestionAbout::WhichGuest) else { return };
        let apart = |c: char| !(c.is_alphanumeric() || c == '-' || c == '_' || c == '.');
        let chosen: Vec<Vmid> = answer
            .split(apart)
            .filter_map(|word| self.facts.guest_named(word.trim_matches('.')))
            .map(|guest| guest.vmid)
            .collect();
        if !chosen.is_empty() {
            self.focus = Focus::Guests(chosen.clone());
            self.chosen = chosen;
        }
    }

    /// The tokens of the answer that goes on with the text.
    pub(super) fn appended(&self, about: QuestionAbout) -> Option<(usize, usize)> {
        let (_, span) = self.answered.appended.iter().rev().find(|(other, _)| *other == about)?;
        let from = self.toks.iter().position(|t| span.covers(t.span))?;
        let to = self.toks.iter().rposition(|t| span.covers(t.span))?;
        Some((from, to + 1))
    }

    /// Questions about the declaration that an answer has settled: some of the answer's words were understood.
    pub(super) fn settle(&mut self) {
        let own = self.own;
        let settled: Vec<QuestionAbout> = self
            .answered
            .appended
            .iter()
            .filter(|(_, span)| {
                self.toks.iter().zip(&self.used).any(|(token, used)| *used && span.covers(token.span))
            })
            .map(|(about, _)| *about)
            .collect();
        self.draft
            .questions
            .retain(|q| !(settled.contains(&q.about) && q.span.is_none_or(|span| span.end <= own)));
    }

    /// A label on words that an answer stands in for, or on words of an answer, tells what was answered.
    pub(super) fn of_own_text(&self, label: Label) -> Label {
        let span = match &label {
            Label::Said { span, .. } | Label::Derived { span, .. } => *span,
            _ => None,
        };
        let Some(span) = span else { return label };
        let told = if span.end > self.own {
            let part = self
                .answered
                .appended
                .iter()
                .find(|(_, part)| part.start < span.end && span.start < part.end);
            Some(part.and_then(|(_, part)| part.of(self.text)).unwrap_or("").to_owned())
        } else {
            let part =
                self.answered.put.iter().find(|(part, _)| part.start < span.end && span.start < part.end);
            part.map(|(_, said)| said.clone())
        };
        told.map_or(label, |said| self.answered(&said))
    }
}
