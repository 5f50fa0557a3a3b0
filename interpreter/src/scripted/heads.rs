//! Noun phrases that ask for new guests: how many, which kind, and what for.
//!
//! Begin with [`Reader::heads`].

use super::create::{Count, Head};
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::GuestKind;

pub(super) const NOT_HEADS_BEFORE: &[&str] = &[
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

pub(super) const NOT_HEADS_AFTER: &[&str] = &[
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
        let role_known = roles
            .iter()
            .any(|i| lexicon::PURPOSES.contains(&self.low(*i)) || lexicon::SOFTWARE.contains(&self.low(*i)));
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
}
