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

const NOT_HEADS_BEFORE: &[&str] = &[
    "per",
    "same",
    "different",
    "separate",
    "own",
    "distinct",
    "any",
    "which",
    "physical",
    "nfs",
    "nas",
    "proxmox",
    "dns",
    "other",
    "every",
    "each",
    "across",
    "over",
    "between",
    "all",
    "pve",
    "file",
    "backup",
    "both",
    "their",
    "its",
    "these",
    "those",
    "bare-metal",
    "ssh",
    "another's",
    "time",
    "ntp",
    "whole",
    "truenas",
];
const NOT_HEADS_AFTER: &[&str] = &[
    "templates",
    "template",
    "disks",
    "images",
    "image",
    "notes",
    "disk",
    "backups",
    "names",
    "host",
    "hosts",
    "storage",
    "id",
    "ids",
    "volumes",
    "cluster",
    "registry",
    "isos",
    "iso",
    "should",
    "runtime",
];

impl Reader<'_> {
    pub fn heads(&self, (from, to): (usize, usize)) -> Vec<Head> {
        let mentions = self.mentions((from, to));
        let mut out: Vec<Head> = Vec::new();
        for noun in from..to {
            let again = noun > from
                && self.is(noun, &["one"])
                && self.is(noun - 1, &["another", "second", "third", "other"])
                && self.is(noun + 1, &["called", "named", "with"]);
            let kind = match (lexicon::noun(self.low(noun)), out.last()) {
                (Some(kind), _) => kind,
                (None, Some(last)) if again => Some(last.kind),
                _ => continue,
            };
            let inside = mentions.iter().any(|m| m.from <= noun && noun < m.to)
                || self.used.get(noun).copied().unwrap_or(true);
            let after_guest = noun > from
                && mentions.iter().any(|m| m.to == noun && !m.group)
                && !self.is(noun + 1, &["called", "named"]);
            if inside || after_guest || self.toks.get(noun).is_some_and(|t| t.kind == Kind::Quoted) {
                continue;
            }
            if lexicon::noun(self.low(noun + 1)).is_some() && noun + 1 < to {
                continue;
            }
            // `Windows Server 2022`, `Ubuntu Server 24.04`: a system.
            let edition = self.is(noun, &["server", "desktop", "workstation"])
                && noun > from
                && lexicon::SYSTEMS.contains(&self.low(noun - 1))
                && self.toks.get(noun + 1).is_some_and(|t| t.number.is_some());
            if edition {
                continue;
            }
            if self.is(noun + 1, NOT_HEADS_AFTER) && !self.is(noun + 1, &["should", "cluster"]) {
                continue;
            }
            if let Some(head) = self.head_at(noun, kind, from, out.last().map_or(from, |h| h.noun + 1)) {
                out.push(head);
            }
        }
        out
    }

    pub(super) fn head_at(
        &self,
        noun: usize,
        kind: Option<GuestKind>,
        from: usize,
        floor: usize,
    ) -> Option<Head> {
        let weak = self.is(
            noun,
            &["server", "servers", "host", "desktop", "appliance", "runner", "runners", "workstation"],
        );
        let word = self.low(noun);
        let plural = word.ends_with('s') && !matches!(word, "cts");
        let (mut count, mut definite, mut clear) = (Count::Silent, false, false);
        let mut roles: Vec<usize> = Vec::new();
        let mut start = noun;
        let mut at = noun;
        while at > floor.max(from) {
            let i = at - 1;
            let Some(token) = self.toks.get(i) else { break };
            if matches!(token.kind, Kind::Mark | Kind::Break | Kind::Key) {
                break;
            }
            if token.is(&[
                "virtual",
                "linux",
                "lxc",
                "small",
                "little",
                "tiny",
                "big",
                "large",
                "huge",
                "plain",
                "simple",
                "basic",
                "bare",
                "fresh",
                "more",
                "x",
                "×",
                "test",
                "additional",
                "extra",
                "identical",
                "similar",
                "qemu",
                "kvm",
                "vm",
                "ct",
                "medium",
                "separate",
                "further",
                "minimal",
                "lightweight",
                "beefy",
                "unprivileged",
                "privileged",
                "container",
                "proxmox",
                "equal",
                "headless",
                "cheap",
                "modest",
                "brand",
            ]) && !(weak && token.is(&["separate", "proxmox"]))
            {
                if token.is(&["test"]) {
                    roles.push(i);
                }
                if token.is(&["additional", "extra", "further", "more", "fresh"]) {
                    clear = true;
                }
                at = i;
                start = i;
                continue;
            }
            if weak && token.is(NOT_HEADS_BEFORE) {
                return None;
            }
            if token.is(&["new", "another"]) {
                clear = true;
                if count == Count::Silent {
                    count = Count::Exactly(1);
                }
                at = i;
                start = i;
                continue;
            }
            if token.is(&["a", "an"]) {
                clear = true;
                let one = self.is(i + 1, &["couple", "pair", "dozen"]);
                if !one && !self.is(i + 1, &["few", "bunch", "handful"]) {
                    count = Count::Exactly(1);
                }
                start = i;
                break;
            }
            if token.is(&[
                "the", "my", "our", "this", "that", "your", "those", "these", "its", "each", "every", "all",
                "both", "their", "which", "any", "other", "same",
            ]) {
                definite = true;
                start = i;
                break;
            }
            if token.is(&[
                "some",
                "several",
                "few",
                "many",
                "various",
                "bunch",
                "handful",
                "multiple",
                "enough",
                "couple-three",
            ]) {
                count = Count::Vague;
                clear = true;
                start = i;
                at = i;
                if token.is(&["few", "bunch", "handful"]) {
                    continue;
                }
                break;
            }
            if token.is(&["of"])
                && i > from
                && self.is(i - 1, &["couple", "pair", "bunch", "handful", "dozen"])
            {
                at = i;
                continue;
            }
            // A unit with its number is an attribute: `2-core VM`.
            if lexicon::is_unit(&token.low) && i > from && self.number_at(i - 1).is_some() {
                at = i - 1;
                start = i - 1;
                continue;
            }
            if token.is(&["ram", "memory"]) && i > from + 1 && lexicon::is_unit(self.low(i - 1)) {
                at = i;
                continue;
            }
            let number = self.number_at(i).map(|(n, _)| n).or_else(|| lexicon::number_word(&token.low));
            if let Some(n) = number {
                let linux = usize::from(i > from + 1 && self.is(i - 1, &["linux", "server"]));
                let system = i > from + linux
                    && (lexicon::SYSTEMS.contains(&self.low(i - 1 - linux))
                        || self.is_alias(self.low(i - 1 - linux)));
                if system && token.number.is_some() {
                    at = i;
                    start = i;
                    continue;
                }
                if n.fract() != 0.0 || n < 1.0 {
                    break;
                }
                // `half a dozen`, `half dozen`
                let article = usize::from(i > from && self.is(i - 1, &["a"]));
                if token.is(&["dozen"]) && i > from + article && self.is(i - 1 - article, &["half"]) {
                    start = i - 1 - article;
                    count = Count::Exactly(6);
                    clear = true;
                    break;
                }
                start = i;
                clear = true;
                let or = i > from + 1
                    && (self.is(i - 1, &["or", "to"]) || self.mark(i - 1, "-–"))
                    && self.number_at(i - 2).is_some();
                count = if or { Count::Vague } else { Count::Exactly(n as usize) };
                if or {
                    start = i - 2;
                }
                break;
            }
            let stops = token.is(&[
                "on", "in", "of", "for", "to", "with", "and", "or", "called", "named", "me", "us", "i",
                "want", "need", "inside", "into", "from", "at", "by", "is", "are", "as", "please", "up",
                "like", "us", "be", "it", "under", "per", "i'd", "would", "across", "over", "between",
                "than", "then", "should", "needs", "has", "have", "also", "out", "pls", "no", "not", "about",
                "because", "that", "which", "who", "but", "so", "if", "when", "while", "my", "was", "were",
                "did",
            ]) || lexicon::MAKING.contains(&token.low.as_str())
                || lexicon::VERBS.contains(&token.low.as_str())
                    && !token.is(&["build", "backup", "mail", "copy"]);
            if stops {
                if weak && token.is(&["per", "across", "over", "between", "on"]) {
                    return None;
                }
                break;
            }
            if self.facts.nodes.contains_key(token.low.as_str()) {
                break;
            }
            roles.push(i);
            at = i;
            start = i;
        }
        roles.reverse();
        if definite && !clear {
            return None;
        }
        let lost =
            ["delete", "destroy", "remove", "kill", "wipe", "erase", "purge", "nuke", "trash", "scrap"];
        if start > from && self.is(start - 1, &lost) {
            return None;
        }
        let systems = |i: &usize| {
            lexicon::SYSTEMS.contains(&self.low(*i))
                || self.is_alias(self.low(*i))
                || self.toks.get(*i).is_some_and(|t| t.kind == Kind::Quoted)
        };
        let had_system = roles.iter().any(systems);
        let kubernetes = |i: &usize| self.is(*i, &["k3s", "k8s", "kubernetes", "kubeadm"]);
        roles.retain(|i| {
            !systems(i)
                && !kubernetes(i)
                && !self.is(*i, &["highly", "available", "ha", "protected"])
                && !lexicon::is_unit(self.low(*i))
                && self.toks.get(*i).is_some_and(|t| t.number.is_none())
        });
        const KNOWN: &[&str] = &[
            "web",
            "mail",
            "file",
            "game",
            "gaming",
            "media",
            "backup",
            "build",
            "test",
            "docker",
            "app",
            "application",
            "proxy",
            "dns",
            "dhcp",
            "print",
            "db",
            "database",
            "monitoring",
            "git",
            "ci",
            "vpn",
            "log",
            "logging",
            "cache",
            "jump",
            "dev",
            "development",
            "staging",
            "production",
            "minecraft",
            "small",
            "chat",
            "photo",
            "music",
            "video",
            "streaming",
            "bastion",
            "login",
            "api",
            "sql",
            "ntp",
            "syslog",
            "windows",
            "linux",
            "remote",
            "office",
            "compute",
            "podman",
            "ansible",
            "automation",
            "search",
            "metrics",
            "terminal",
            "download",
            "voice",
            "wiki",
            "blog",
            "shop",
            "gitlab",
            "tftp",
            "pxe",
            "sftp",
            "ftp",
            "ssh",
            "redis",
            "rendering",
            "render",
            "transcoding",
            "ldap",
            "radius",
            "node",
        ];
        let role_known =
            roles.iter().any(|i| KNOWN.contains(&self.low(*i)) || lexicon::SOFTWARE.contains(&self.low(*i)));
        if weak && !role_known && !had_system && !self.is(noun + 1, &["called", "named"]) {
            return None;
        }
        if weak && roles.is_empty() && !had_system && !self.is(noun + 1, &["called", "named"]) {
            return None;
        }
        let role = roles.first().map(|first| {
            let words: Vec<String> = roles
                .iter()
                .map(|i| self.low(*i).to_owned())
                .filter(|w| lexicon::noun(w).is_none())
                .collect();
            (words.join("-"), *first)
        });
        let role = role.filter(|(words, _)| !words.is_empty());
        Some(Head { from: start, noun, kind: kind.unwrap_or(GuestKind::Vm), count, plural, role, clear })
    }

    pub(super) fn is_alias(&self, word: &str) -> bool {
        let house = &self.facts.house.images;
        !word.is_empty()
            && house.vm.iter().chain(&house.container).any(|(name, image)| {
                name == word
                    || name.split('-').next() == Some(word)
                    || image.aliases.iter().any(|a| a.to_lowercase() == word)
            })
    }

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
            if !lexicon::SYSTEMS.contains(&self.low(i))
                && !self.is_alias(self.low(i))
                && self.toks.get(i).is_some_and(|t| t.number.is_none() && t.kind != Kind::Quoted)
                && !lexicon::is_unit(self.low(i))
                && !(self.has((from, to), &["iso"]) && self.iso_for(self.low(i), &[]).is_some())
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
