//! New guests: how many, of which kind, with which names, and what is said about each.
//!
//! Begin with [`Reader::create`]. A count is expanded here; what is said about some of a group (`the first
//! two`, `web-1 at …`, `workers with …`) goes to those only.

use super::attr::What;
use super::draft::GuestDraft;
use super::lexicon;
use super::reader::{Focus, Reader};
use super::token::Kind;
use domain::interpretation::{
    GuestChange, GuestKind, GuestWish, Label, Power, QuestionAbout, RefusalReason, WarningAbout,
};

/// A noun phrase that asks for new guests.
#[derive(Clone, Debug)]
pub struct Head {
    pub from: usize,
    pub noun: usize,
    pub kind: GuestKind,
    pub count: Count,
    pub plural: bool,
    /// Words before the noun that say what the guest is for, and where they stand.
    pub role: Option<(String, usize)>,
    /// A determiner, a number or the word `new` says that this is not there yet.
    pub clear: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    Exactly(usize),
    Vague,
    Silent,
}

/// From token `at` on, what is said holds for these guests of the group.
#[derive(Clone, Debug)]
pub struct Turn {
    pub at: usize,
    pub to: Vec<usize>,
}

impl Reader<'_> {
    /// Makes the guests of one head and says about them what stands in `[from, to)`. Gives their places.
    pub fn create(&mut self, head: &Head, from: usize, to: usize) -> Vec<usize> {
        let (names, mut region) = self.names_for(head, to);
        let span = self.span(head.from, head.noun + 1);
        let names = if names.is_empty() && head.plural && head.count == Count::Silent {
            let before = self.names_before(from, head.from);
            if let Some((_, a, z)) = before.first().filter(|(_, a, _)| before.iter().all(|(_, b, _)| a == b))
            {
                region = (*a, *z);
            }
            before
        } else if names.is_empty() && !head.plural && matches!(head.count, Count::Silent | Count::Exactly(1))
        {
            self.name_before(from, head.from).into_iter().collect()
        } else {
            names
        };
        let mut label_span = (head.from, head.noun + 1);
        let mut count = match head.count {
            Count::Exactly(n) => n,
            Count::Silent if !names.is_empty() => names.len(),
            Count::Silent if !head.plural => 1,
            _ => match self.answer(QuestionAbout::HowMany).and_then(count_in) {
                Some(n) => n,
                None => {
                    self.draft.ask(
                        QuestionAbout::HowMany,
                        format!("How many {} do you want?", self.low(head.noun)),
                        vec![],
                        Some(span),
                    );
                    self.use_up(head.from, head.noun + 1);
                    let kind = head.kind;
                    self.attributes(from, to, kind);
                    return Vec::new();
                }
            },
        };
        // One name for several: they are numbered.
        let names = match names.as_slice() {
            [(one, a, b)] if count > 1 => {
                (1..=count.min(crate::limits::COUNT_MAX)).map(|n| (format!("{one}-{n}"), *a, *b)).collect()
            }
            _ => names,
        };
        let told = self.answer(QuestionAbout::HowMany).and_then(count_in);
        let (names, count_said) = match told {
            Some(n) if !names.is_empty() && names.len() != count => {
                (names.into_iter().take(n).collect(), Some(n))
            }
            _ => (names, None),
        };
        if let Some(n) = count_said.filter(|n| *n >= names.len()) {
            // The rest is numbered on.
            count = n;
        }
        if count_said.is_none() && !names.is_empty() && names.len() != count {
            let text =
                format!("The text asks for {count} but names {}. How many shall there be?", names.len());
            self.draft.ask(
                QuestionAbout::HowMany,
                text,
                vec![count.to_string(), names.len().to_string()],
                Some(span),
            );
            count = names.len();
        }
        if count > crate::limits::COUNT_MAX || count > self.facts.house.policy.create_max {
            let cap = self.facts.house.policy.create_max;
            self.draft.refuse_all(
                RefusalReason::TooLarge,
                format!("{count} new guests are asked for; the policy allows {cap} in one declaration."),
                Some(span),
            );
            self.use_up(from, to);
            return Vec::new();
        }
        self.use_up(region.0, region.1);
        if lexicon::noun(self.low(head.noun)).is_some() {
            self.use_up(head.noun, head.noun + 1);
        }
        for i in head.from..head.noun {
            let is_iso = self.has((from, to), &["iso"]) && self.iso_for(self.low(i), &[]).is_some();
            if !lexicon::SYSTEMS.contains(&self.low(i))
                && !self.is_alias(self.low(i))
                && self.toks.get(i).is_some_and(|t| t.number.is_none() && t.kind != Kind::Quoted)
                && !lexicon::is_unit(self.low(i))
                && !is_iso
                && !self.is(i, &["privileged", "unprivileged", "ram", "memory", "highly", "available", "ha"])
            {
                self.use_up(i, i + 1);
            }
        }
        if let Count::Exactly(_) = head.count
            && self.toks.get(head.from).is_some_and(|t| t.number.is_some())
        {
            self.use_up(head.from, head.from + 1);
        }
        if self.is(head.from, &["a", "an", "one"]) {
            label_span.0 = head.from;
        }
        let base = self.draft.guests.len();
        let mut made = Vec::new();
        for n in 0..count {
            let mut wish = GuestWish::new(GuestChange::Create, head.kind, String::new());
            let mut labels = super::draft::Labels::new();
            let mut made_up = false;
            match names.get(n) {
                Some((name, a, b)) => {
                    let (legal, adjusted) = legal_name(name);
                    let words = self.span(*a, *b);
                    if adjusted && !legal.is_empty() {
                        self.draft.warn(
                            WarningAbout::NameAdjusted,
                            format!("The name was changed to {legal}, which is a legal host name."),
                            Some(words),
                        );
                    }
                    if legal.is_empty() {
                        self.draft.ask(QuestionAbout::WhatName, "That name cannot be used: letters, digits and hyphens, at most 63. Which name shall it have?", vec![], Some(words));
                    }
                    let plain_range = self
                        .span(*a, *b)
                        .of(self.text)
                        .is_some_and(|w| !super::reader::plain(w).contains(&super::reader::plain(&legal)));
                    let label = if adjusted || plain_range {
                        Label::derived("one of the names in the text", Some(words))
                    } else {
                        self.said(*a, *b)
                    };
                    labels.insert("name".into(), label);
                    wish.name = legal;
                }
                None => {
                    made_up = true;
                    let words = head
                        .role
                        .as_ref()
                        .map(|(words, _)| words.clone())
                        .or_else(|| self.software_in(from, to).map(|(name, _)| name));
                    let software = words.map(|w| legal_name(&w).0).filter(|w| !w.is_empty());
                    let stem = software.unwrap_or_else(|| {
                        if head.kind == GuestKind::Vm { "vm".into() } else { "ct".into() }
                    });
                    wish.name = stem;
                    labels.insert("name".into(), Label::derived("no name is said, so one was made up", None));
                }
            }
            let change = if head.clear || self.has((from, head.from + 1), lexicon::MAKING) {
                Label::derived("a new guest is asked for", Some(self.span(label_span.0, label_span.1)))
            } else {
                Label::derived(
                    "a guest of this name does not exist",
                    Some(self.span(label_span.0, label_span.1)),
                )
            };
            labels.insert("change".into(), change);
            labels.insert("kind".into(), self.said(head.noun, head.noun + 1));
            let mut draft = GuestDraft::new(wish);
            draft.labels = labels;
            draft.made_up = made_up;
            self.draft.guests.push(draft);
            made.push(base + n);
        }
        self.name_the_nameless(&made);
        self.software_warning(from, to, &made);
        let turns = self.turns(&made, (from, to), region);
        let attributes = self.attributes(from, to, head.kind);
        self.say_of_new(&made, &attributes, &turns);
        self.focus = Focus::New(made.clone());
        made
    }
}

/// Attributes that are one field with one value.
pub fn simple(what: &What) -> Option<(&'static str, serde_json::Value)> {
    use serde_json::Value;
    Some(match what {
        What::Image(name) => ("image", Value::from(name.clone())),
        What::Iso(name) => ("iso", Value::from(name.clone())),
        What::Storage(id) => ("storage", Value::from(id.clone())),
        What::Node(name) => ("node", Value::from(name.clone())),
        What::Vlan(tag) => ("vlan", Value::from(*tag)),
        What::Bridge(name) => ("bridge", Value::from(name.clone())),
        What::Gateway(ip) => ("gateway", Value::from(ip.clone())),
        What::Dhcp => ("ip", Value::from("dhcp")),
        What::Pool(name) => ("pool", Value::from(name.clone())),
        What::Ha(on) => ("ha", Value::from(*on)),
        What::Protected(on) => ("protected", Value::from(*on)),
        What::OnBoot(on) => ("start_on_boot", Value::from(*on)),
        What::Order(n) => ("start_order", Value::from(*n)),
        What::Delay(n) => ("start_delay_s", Value::from(*n)),
        What::Power(on) => {
            ("power", serde_json::to_value(if *on { Power::Running } else { Power::Stopped }).ok()?)
        }
        What::User(name) => ("login_user", Value::from(name.clone())),
        What::Uefi => ("uefi", Value::from(true)),
        What::Tpm => ("tpm", Value::from(true)),
        What::Unprivileged => ("unprivileged", Value::from(true)),
        What::Notes(text) => ("description", Value::from(text.clone())),
        _ => return None,
    })
}

/// A legal host name made of the words, and whether it differs from them.
pub fn legal_name(written: &str) -> (String, bool) {
    let mut name = String::new();
    for c in written.trim().chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '-' => name.push(c),
            'ä' => name.push_str("ae"),
            'ö' => name.push_str("oe"),
            'ü' => name.push_str("ue"),
            'ß' => name.push_str("ss"),
            '_' | ' ' | '.' => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_matches('-').to_owned();
    if name.len() > 63 {
        return (String::new(), true);
    }
    let differs = name != written;
    (name, differs)
}

/// `c1` and `c4` as four names, `web-1` and `3` as three.
pub fn name_range(first: &str, last: &str) -> Option<Vec<String>> {
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let (a, b) = (stem(first), stem(last));
    if (a != b && !b.is_empty()) || a.len() == first.len() {
        return None;
    }
    let digits = first.get(a.len()..)?;
    let from: u32 = digits.parse().ok()?;
    let to: u32 = last.get(b.len()..)?.parse().ok()?;
    let width = if digits.starts_with('0') { digits.len() } else { 0 };
    (from < to && to - from < 64).then(|| (from..=to).map(|n| format!("{a}{n:0width$}")).collect())
}

/// `c1-c4` as four names.
pub fn range_in_word(word: &str) -> Option<Vec<String>> {
    if let Some((first, last)) = word.split_once("..") {
        return name_range(first, last);
    }
    let (at, _) = word.match_indices('-').find(|(at, _)| {
        word.get(..*at).is_some_and(|a| a.ends_with(|c: char| c.is_ascii_digit()))
            && word.get(at + 1..).is_some_and(|b| !b.is_empty())
    })?;
    name_range(word.get(..at)?, word.get(at + 1..)?)
}

pub fn count_in(answer: &str) -> Option<usize> {
    answer
        .split(|c: char| !c.is_alphanumeric())
        .find_map(|word| {
            word.parse::<usize>().ok().or_else(|| {
                lexicon::number_word(&word.to_lowercase()).filter(|n| n.fract() == 0.0).map(|n| n as usize)
            })
        })
        .filter(|n| (1..=crate::limits::COUNT_MAX).contains(n))
}
