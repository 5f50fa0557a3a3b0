//! The end of reading: house rules where the text is silent, checks, and the conclusion.
//!
//! Begin with [`Reader::finish`]. Every answer passes the rules of the domain; an own answer that breaks one
//! becomes a question or refusal that says so.

use super::reader::{Reader, guest_kind};
use super::same::{already, became, holds};
use super::violation::for_violation;
use crate::limits;
use domain::interpretation::rules;
use domain::interpretation::{
    Change, Interpretation, Kind, Label, Question, QuestionAbout, Refusal, RefusalReason, Span, Unused,
    Warning, WarningAbout,
};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub fn refusal(reason: RefusalReason, text: &str, span: Option<Span>) -> Interpretation {
    let mut doc = Interpretation::empty(Kind::Refusal);
    doc.refusal = Some(Refusal { reason, text: limits::cut(text, limits::REFUSAL_CHARS_MAX), span });
    doc
}

pub fn question(about: QuestionAbout, text: &str) -> Interpretation {
    let mut doc = Interpretation::empty(Kind::Question);
    doc.questions.push(Question { about, text: text.to_owned(), options: Vec::new(), span: None });
    doc
}

/// The address and the ones after it.
pub fn following(first: &str, count: usize) -> Vec<String> {
    let Ok(first) = first.parse::<Ipv4Addr>() else { return Vec::new() };
    (0..count as u32).map(|n| Ipv4Addr::from(u32::from(first).saturating_add(n)).to_string()).collect()
}

impl Reader<'_> {
    pub fn finish(mut self, text: &str) -> Interpretation {
        self.take_own();
        self.existing_names();
        self.fill();
        self.addresses();
        self.space();
        self.name_members();
        self.conclude(text)
    }

    /// Guests that this declaration made before take the place of new ones with made-up or equal names.
    pub(super) fn take_own(&mut self) {
        let mut own: Vec<&domain::facts::Guest> = self
            .context
            .own_guests
            .iter()
            .filter_map(|id| self.facts.guest(*id))
            .filter(|g| g.managed)
            .collect();
        for n in 0..self.draft.guests.len() {
            let Some(draft) = self.draft.guests.get(n).filter(|d| d.is_new()) else { continue };
            let fits = |g: &&domain::facts::Guest| {
                guest_kind(&g.kind) == draft.wish.kind
                    && (if draft.made_up { true } else { g.name == draft.wish.name })
            };
            let Some(at) = own.iter().position(fits) else { continue };
            let guest = own.remove(at);
            if let Some(draft) = self.draft.guests.get_mut(n) {
                became(draft, guest);
            }
        }
    }

    /// A create whose name is taken: the same guest if everything said about it holds, else a question.
    pub(super) fn existing_names(&mut self) {
        for n in 0..self.draft.guests.len() {
            let Some(draft) = self.draft.guests.get(n).filter(|d| d.is_new()) else { continue };
            let Some(guest) = self.facts.guest_named(&draft.wish.name) else { continue };
            let equal = guest.managed && holds(draft, guest);
            let span = draft.labels.get("name").and_then(Label::span);
            if equal {
                if let Some(draft) = self.draft.guests.get_mut(n) {
                    became(draft, guest);
                }
            } else {
                let text = format!(
                    "{} exists already (guest {}). Which name shall the new one have?",
                    guest.name, guest.vmid
                );
                self.draft.ask(QuestionAbout::WhatName, text, vec![], span);
            }
        }
        let mut same: BTreeMap<String, usize> = BTreeMap::new();
        for draft in self.draft.guests.iter().filter(|d| d.is_new()) {
            *same.entry(draft.wish.name.clone()).or_default() += 1;
        }
        if let Some((name, _)) = same.iter().find(|(_, n)| **n > 1) {
            let text = format!("Two guests are to be called {name}. Which names shall they have?");
            self.draft.ask(QuestionAbout::WhatName, text, vec![], None);
        }
    }

    /// Guests of this document by their final names.
    pub(super) fn name_members(&mut self) {
        let names: Vec<String> = self.draft.guests.iter().map(|g| g.wish.name.clone()).collect();
        let real = |name: &mut String| {
            if let Some(real) =
                name.strip_prefix('#').and_then(|n| n.parse::<usize>().ok()).and_then(|n| names.get(n))
            {
                name.clone_from(real);
            }
        };
        let draft = &mut self.draft;
        draft.placement.iter_mut().flat_map(|p| p.value.guests.iter_mut()).for_each(real);
        draft.mounts.iter_mut().for_each(|m| real(&mut m.value.guest));
        draft.snapshots.iter_mut().for_each(|s| real(&mut s.value.guest));
        draft.backups.iter_mut().flat_map(|b| b.value.guests.iter_mut()).for_each(real);
        for cluster in &mut draft.kubernetes {
            cluster
                .value
                .control_planes
                .iter_mut()
                .chain(cluster.value.workers.iter_mut())
                .flatten()
                .for_each(real);
            let known = cluster.value.name.strip_prefix('=').map(str::to_owned);
            if let Some(name) = known {
                cluster.labels.insert("name".into(), Label::Observed { fact: format!("/kubernetes/{name}") });
                cluster.labels.insert("change".into(), Label::derived("the cluster exists", None));
                cluster.value.name = name;
                cluster.value.change = Change::Update;
            }
        }
        draft.placement.retain(|p| !p.value.guests.is_empty());
    }

    pub(super) fn conclude(mut self, text: &str) -> Interpretation {
        let already = already(&self.draft, self.facts);
        for name in already {
            self.draft.warn(WarningAbout::AlreadySo, format!("{name} is so already."), None);
        }
        let typo = self
            .toks
            .iter()
            .find(|t| t.mended && t.span.end <= self.own)
            .map(|t| (format!("\"{}\" was read as \"{}\".", limits::cut(&t.raw, 40), t.low), t.span));
        if let Some((note, span)) = typo {
            self.draft.warn(WarningAbout::TypoRead, note, Some(span));
        }
        if let Some(whole) = self.draft.obstacles.iter().position(|o| o.whole) {
            let o = self.draft.obstacles.swap_remove(whole);
            return self.own_words_only(refusal(o.reason, &o.text, o.span));
        }
        self.settle();
        let silent = self.draft.is_empty();
        if silent
            && !self.draft.obstacles.is_empty()
            && (self.draft.questions.is_empty()
                || self.draft.obstacles.iter().any(|o| {
                    matches!(
                        o.reason,
                        RefusalReason::ProtectedGuest
                            | RefusalReason::Approval
                            | RefusalReason::InstructionOverride
                    )
                }))
        {
            let o = self.draft.obstacles.swap_remove(0);
            return self.own_words_only(refusal(o.reason, &o.text, o.span));
        }
        if !self.draft.questions.is_empty() {
            let mut doc = Interpretation::empty(Kind::Question);
            doc.questions = std::mem::take(&mut self.draft.questions);
            doc.questions.truncate(limits::QUESTIONS_MAX);
            return self.own_words_only(doc);
        }
        if silent {
            return self.nothing();
        }
        let mut doc = self.document();
        self.leftovers(&mut doc, text);
        let form = serde_json::to_value(&doc).ok().and_then(|tree| crate::schema::problem(&tree));
        if let Some(problem) = form {
            return refusal(
                RefusalReason::InvalidValue,
                &format!("A value in the text can never be valid ({problem})."),
                None,
            );
        }
        let broken = rules::check_answered(&doc, text, self.facts, self.context.answers);
        if broken.is_empty() {
            return doc;
        }
        self.own_words_only(for_violation(&doc, &broken, self.facts))
    }

    /// A question or refusal has no spans beyond the declaration itself.
    pub(super) fn own_words_only(&self, mut doc: Interpretation) -> Interpretation {
        let own = self.own;
        let keep = |span: &mut Option<Span>| *span = span.filter(|s| s.end <= own);
        doc.questions.iter_mut().for_each(|q| keep(&mut q.span));
        doc.warnings.iter_mut().for_each(|w| keep(&mut w.span));
        if let Some(refusal) = &mut doc.refusal {
            keep(&mut refusal.span);
        }
        doc
    }

    /// Nothing was wished for, or nothing that was understood.
    pub(super) fn nothing(&self) -> Interpretation {
        if let Some(warning) = self.draft.warnings.iter().find(|w| w.about == WarningAbout::SecretInText) {
            return self.own_words_only(refusal(
                RefusalReason::Secrets,
                "The text holds a secret and nothing else that can be done.",
                warning.span,
            ));
        }
        if self.spared {
            return refusal(
                RefusalReason::NotADeclaration,
                "The text says what shall not be done, and asks for no change.",
                None,
            );
        }
        let trade = self
            .toks
            .iter()
            .filter(|t| {
                t.is(&[
                    "vm",
                    "vms",
                    "container",
                    "containers",
                    "kubernetes",
                    "k8s",
                    "k3s",
                    "snapshot",
                    "backup",
                    "storage",
                    "proxmox",
                    "cluster",
                    "node",
                    "ram",
                    "cores",
                    "vlan",
                    "nfs",
                    "homelab",
                    "lxc",
                ])
            })
            .count();
        let mentions =
            self.toks.iter().any(|t| self.facts.guests.values().any(|g| g.name.eq_ignore_ascii_case(&t.raw)));
        let asks = self.text.trim_end().ends_with('?');
        let nothing = self.has(
            (0, self.toks.len()),
            &[
                "nothing",
                "no change",
                "no changes",
                "as it is",
                "as they are",
                "leave everything",
                "hello",
                "thanks",
                "thank you",
                "change nothing",
            ],
        );
        let verb = (0..self.toks.len()).any(|i| {
            super::lexicon::VERBS.contains(&self.low(i)) || super::lexicon::MAKING.contains(&self.low(i))
        });
        let only_chat = self.chat && self.strange.len() == 1;
        // `Some storage for my backups`: a wish without a verb.
        let verb =
            verb || (trade > 0 && self.toks.first().is_some_and(|t| t.is(&["some", "a", "an", "more"])));
        if (trade > 0 || mentions) && !asks && !nothing && !only_chat && verb && self.toks.len() < 400 {
            return question(
                QuestionAbout::WhatGoal,
                "This was not understood. What shall hold afterwards: which guests, with which sizes, where?",
            );
        }
        refusal(
            RefusalReason::NotADeclaration,
            "The text asks for no change to the cluster that could be read. Name guests and what they shall be like.",
            None,
        )
    }

    pub(super) fn document(&mut self) -> Interpretation {
        let mut doc = Interpretation::empty(Kind::Desired);
        doc.language = Some("en".into());
        let draft = std::mem::take(&mut self.draft);
        let mut labels: BTreeMap<String, Label> = BTreeMap::new();
        let own = self.own;
        let reader = &*self;
        let mut add = |list: &str, n: usize, fields: BTreeMap<String, Label>| {
            for (field, label) in fields.into_iter().filter(|(field, _)| !field.starts_with('#')) {
                labels.insert(format!("/{list}/{n}/{field}"), reader.of_own_text(label));
            }
        };
        for (n, guest) in draft.guests.into_iter().enumerate() {
            let mut fields = guest.labels;
            let tree = serde_json::to_value(&guest.wish).unwrap_or_default();
            fields.retain(|field, _| tree.pointer(&format!("/{field}")).is_some());
            add("guests", n, fields);
            doc.guests.push(guest.wish);
        }
        macro_rules! list {
            ($list:ident) => {
                for (n, entry) in draft.$list.into_iter().enumerate() {
                    add(stringify!($list), n, entry.labels);
                    doc.$list.push(entry.value);
                }
            };
        }
        list!(placement);
        list!(moves);
        list!(storages);
        list!(mounts);
        list!(kubernetes);
        list!(snapshots);
        list!(backups);
        list!(pools);
        doc.provenance = labels;
        doc.warnings = draft.warnings;
        for obstacle in draft.obstacles {
            let about =
                if matches!(obstacle.reason, RefusalReason::InstructionOverride | RefusalReason::Approval) {
                    WarningAbout::InstructionIgnored
                } else {
                    WarningAbout::PartRefused
                };
            let reason = (about == WarningAbout::PartRefused).then_some(obstacle.reason);
            doc.warnings.push(Warning {
                about,
                text: Some(limits::cut(&obstacle.text, limits::WARNING_CHARS_MAX)),
                reason,
                span: obstacle.span,
            });
        }
        doc.warnings.truncate(limits::WARNINGS_MAX);
        for warning in &mut doc.warnings {
            warning.span = warning.span.filter(|s| s.end <= own);
        }
        doc
    }

    /// Numbers and sentences that nothing used.
    pub(super) fn leftovers(&self, doc: &mut Interpretation, text: &str) {
        let covered: Vec<Span> = doc
            .provenance
            .values()
            .filter_map(Label::span)
            .chain(doc.warnings.iter().filter_map(|w| w.span))
            .collect();
        let mut parts: Vec<Span> = Vec::new();
        for number in rules::number_spans(text) {
            if covered.iter().chain(&parts).any(|c| c.start < number.end && number.start < c.end) {
                continue;
            }
            let sentence = self
                .strange
                .iter()
                .map(|(a, b)| self.span(*a, *b))
                .find(|s| s.covers(number) && s.end <= text.len());
            let part = sentence
                .filter(|s| !covered.iter().any(|c| c.start < s.end && s.start < c.end))
                .unwrap_or(number);
            match parts.last_mut().filter(|last| {
                sentence.is_some()
                    && text.get(last.end..part.start).is_some_and(|between| between.chars().count() < 4000)
                    && !covered.iter().any(|c| c.start >= last.end && c.end <= part.start)
            }) {
                Some(last) if last.end - last.start + (part.end - last.end) < limits::UNUSED_CHARS_MAX => {
                    last.end = part.end
                }
                _ => parts.push(part),
            }
        }
        doc.unused = parts
            .into_iter()
            .take(limits::UNUSED_MAX)
            .filter_map(|span| Some(Unused { text: Some(span.of(text)?.to_owned()), span: Some(span) }))
            .collect();
    }
}
