//! Snapshots: taking, removing, going back.
//!
//! Begin with [`Reader::snapshot`].

use super::draft::Entry;
use super::lexicon;
use super::mention::Meant;
use super::reader::{Focus, Reader};
use super::token::Kind;
use domain::facts::Guest;
use domain::ids::Vmid;
use domain::interpretation::{Change, Label, QuestionAbout, RefusalReason, SnapshotWish, WarningAbout};

const BACK: &[&str] = &[
    "roll back",
    "rollback",
    "revert",
    "restore",
    "go back",
    "rolled back",
    "reset",
    "roll",
    "undo",
    "return",
    "reverted",
    "back to",
    "put back",
    "bring back",
];
pub const DAYS: &[(&str, &str)] = &[
    ("monday", "mon"),
    ("tuesday", "tue"),
    ("wednesday", "wed"),
    ("thursday", "thu"),
    ("friday", "fri"),
    ("saturday", "sat"),
    ("sunday", "sun"),
    ("mondays", "mon"),
    ("tuesdays", "tue"),
    ("wednesdays", "wed"),
    ("thursdays", "thu"),
    ("fridays", "fri"),
    ("saturdays", "sat"),
    ("sundays", "sun"),
    ("mon", "mon"),
    ("tue", "tue"),
    ("wed", "wed"),
    ("thu", "thu"),
    ("fri", "fri"),
    ("sat", "sat"),
    ("sun", "sun"),
];

/// Which guests, and the label that says so.
type Who = Vec<(String, Label)>;

impl Reader<'_> {
    /// Guests of a clause for something that changes nothing of theirs. None: asked or refused.
    pub(super) fn who(&mut self, range: (usize, usize), change: bool) -> Option<Who> {
        let mentions = self.mentions(range);
        let mut out: Who = Vec::new();
        let mut ids: Vec<Vmid> = Vec::new();
        if mentions.is_empty() {
            match self.focus.clone() {
                _ if self.unknown_reference(range).is_some() => {
                    let span = self.unknown_reference(range).map(|(a, b)| self.span(a, b));
                    self.unknown_guest(span);
                    return None;
                }
                Focus::Guests(focus) if !focus.is_empty() => ids = focus,
                Focus::New(made) if !made.is_empty() => {
                    return Some(
                        made.iter()
                            .map(|g| (format!("#{g}"), Label::derived("the guest spoken of", None)))
                            .collect(),
                    );
                }
                _ => {
                    let span = self.span(range.0, range.1);
                    self.unknown_guest(Some(span));
                    return None;
                }
            }
        }
        for mention in &mentions {
            let span = self.span(mention.from, mention.to);
            match &mention.meant {
                Meant::Guests(found) => {
                    for guest in
                        found.iter().filter_map(|id| self.guest(*id)).filter(|g| !mention.group || g.managed)
                    {
                        out.push((
                            guest.name.clone(),
                            Label::derived(format!("guest {} is meant", guest.vmid), Some(span)),
                        ));
                        ids.push(guest.vmid);
                    }
                    self.use_up(mention.from, mention.to);
                }
                Meant::Several(found) => {
                    let options =
                        found.iter().filter_map(|id| self.guest(*id)).map(|g| g.name.clone()).collect();
                    self.draft.ask(
                        QuestionAbout::WhichGuest,
                        "These words fit several guests. Which one is meant?",
                        options,
                        Some(span),
                    );
                    return None;
                }
                Meant::None => {
                    self.unknown_guest(Some(span));
                    return None;
                }
            }
        }
        if mentions.is_empty() {
            out = ids
                .iter()
                .filter_map(|id| self.guest(*id))
                .map(|g| (g.name.clone(), Label::derived("the guest spoken of", None)))
                .collect();
        }
        let guests: Vec<&Guest> = ids.iter().filter_map(|id| self.guest(*id)).collect();
        let strange = guests.iter().any(|g| !g.managed);
        if (strange || (change && guests.iter().any(|g| g.protected))) && !self.allowed(&ids, range, change) {
            return None;
        }
        self.focus = Focus::Guests(ids);
        Some(out)
    }

    pub fn snapshot(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let noun = self.find(range, &["snapshot", "snapshots", "checkpoint", "snap", "snapshotted"]);
        let known = (from..to).find(|i| {
            self.facts
                .guests
                .values()
                .any(|g| g.snapshots.iter().any(|s| s.to_lowercase() == self.raw(*i).to_lowercase()))
        });
        let back = self.find(range, BACK).filter(|(at, _)| {
            noun.is_some()
                || known.is_some()
                || !self.is(*at, &["undo", "return", "reset", "back", "restore", "roll"])
                || self.phrase(*at, "roll back")
                || self.is(*at, &["roll"]) && self.has((*at, to), &["back"])
        });
        if noun.is_none()
            && known.is_none()
            && self.has(range, &["restore", "roll back", "revert", "go back"])
            && self.has(range, &["backup", "backups"])
            && !self.mentions(range).is_empty()
        {
            let span = self.span(from, to);
            let text =
                "Backups are not restored here; only snapshots are rolled back to. Which snapshot is meant?";
            self.draft.ask(QuestionAbout::WhichSnapshot, text, vec![], Some(span));
            return true;
        }
        if noun.is_none() && back.is_none() {
            return false;
        }
        if noun.is_some()
            && self.has(range, &["every", "daily", "nightly", "hourly", "weekly"])
            && !self.has(range, &["every vm", "every container", "every guest", "every one"])
        {
            let span = self.span(from, to);
            self.draft.refuse(
                RefusalReason::Unsupported,
                "Snapshots are not taken on a schedule here; a backup job is.",
                Some(span),
            );
            return true;
        }
        let span = self.span(from, to);
        if back.is_some()
            && noun.is_none()
            && self.has(range, &["backup", "backups", "last night", "yesterday"])
        {
            self.draft.ask(
                QuestionAbout::WhichSnapshot,
                "Backups are not restored here; only snapshots are rolled back to. Which snapshot is meant?",
                vec![],
                Some(span),
            );
            return true;
        }
        let loss = super::loss::verb(self, range).filter(|_| back.is_none());
        if let Some(at) = known {
            self.use_up(at, at + 1);
        }
        let Some(who) = self.who(range, back.is_some()) else { return true };
        let named = known.or_else(|| self.snapshot_name(range, noun));
        if let Some(at) = named {
            self.use_up(at, at + 1);
        }
        let all_marks = loss.or(back.map(|(at, n)| (at, at + n)));
        if let Some((a, b)) = all_marks {
            let every = loss.is_some()
                && self.has(
                    range,
                    &[
                        "all snapshots",
                        "all the snapshots",
                        "every snapshot",
                        "all its snapshots",
                        "its snapshots",
                        "old snapshots",
                    ],
                );
            for (name, label) in who {
                let Some(guest) = self.facts.guest_named(&name) else { continue };
                let mut wanted: Vec<String> =
                    named.map(|at| vec![self.raw(at).to_owned()]).unwrap_or_default();
                for at in (range.0..range.1).filter(|_| loss.is_some()) {
                    let known = guest.snapshots.iter().any(|s| s.eq_ignore_ascii_case(self.raw(at)));
                    if known && !wanted.iter().any(|w| w.eq_ignore_ascii_case(self.raw(at))) {
                        wanted.push(self.raw(at).to_owned());
                    }
                }
                let all = every && !self.has(range, &["old snapshots"]);
                if wanted.is_empty() && (all || guest.snapshots.len() == 1) {
                    wanted.clone_from(&guest.snapshots);
                }
                if wanted.is_empty()
                    && let Some(answer) = self.answer(QuestionAbout::WhichSnapshot)
                {
                    wanted = vec![answer.to_owned()];
                }
                wanted.retain(|w| guest.snapshots.iter().any(|s| s.eq_ignore_ascii_case(w)));
                if wanted.is_empty() {
                    self.draft.ask(
                        QuestionAbout::WhichSnapshot,
                        format!("Which snapshot of {name} is meant?"),
                        guest.snapshots.clone(),
                        Some(span),
                    );
                    return true;
                }
                for snapshot in wanted {
                    let real = guest
                        .snapshots
                        .iter()
                        .find(|s| s.eq_ignore_ascii_case(&snapshot))
                        .cloned()
                        .unwrap_or(snapshot);
                    let change = if back.is_some() { Change::Rollback } else { Change::Remove };
                    let own = (range.0..range.1).find(|i| self.raw(*i).eq_ignore_ascii_case(&real));
                    if let Some(at) = own {
                        self.use_up(at, at + 1);
                    }
                    let name_label = match own.or(named) {
                        Some(at) => self.said(at, at + 1),
                        None => Label::Observed { fact: format!("/guests/{}/snapshots", guest.vmid) },
                    };
                    if back.is_some() {
                        self.draft.warn(
                            WarningAbout::DataLoss,
                            format!("Everything {name} wrote since {real} will be lost."),
                            None,
                        );
                    } else {
                        self.draft.warn(
                            WarningAbout::Destroys,
                            format!("The snapshot {real} of {name} will be gone."),
                            None,
                        );
                    }
                    self.draft.snapshots.push(
                        Entry::new(SnapshotWish {
                            change,
                            guest: name.clone(),
                            name: Some(real),
                            with_memory: None,
                        })
                        .label("change", self.said(a, b))
                        .label("guest", label.clone())
                        .label("name", name_label),
                    );
                }
            }
            return true;
        }
        let memory = self.find(
            range,
            &[
                "with memory",
                "with its memory",
                "including memory",
                "including ram",
                "with ram",
                "including its memory",
                "with the memory",
                "and memory",
                "memory included",
                "include memory",
                "include the memory",
                "include ram",
            ],
        );
        for (name, label) in who {
            let mut entry = Entry::new(SnapshotWish {
                change: Change::Create,
                guest: name,
                name: None,
                with_memory: None,
            })
            .label("guest", label);
            let at = noun.map_or(from, |n| n.0);
            entry.labels.insert(
                "change".into(),
                Label::derived("a snapshot is asked for", Some(self.span(at, at + 1))),
            );
            if let Some(at) = named {
                let raw = self.raw(at).to_owned();
                if crate::shape::snapshot(&raw) {
                    entry.value.name = Some(raw);
                    entry.labels.insert("name".into(), self.said(at, at + 1));
                } else {
                    self.draft.ask(QuestionAbout::WhatName, "This snapshot name cannot be used: letters, digits, - and _, beginning with a letter. Which name shall it have?", vec![], Some(span));
                    return true;
                }
            }
            if let Some((at, n)) = memory {
                entry.value.with_memory = Some(true);
                entry.labels.insert("with_memory".into(), self.said(at, at + n));
            }
            self.draft.snapshots.push(entry);
        }
        true
    }

    /// `Name it golden.`: the name of snapshots asked for in the sentence before.
    pub(super) fn names_snapshots(&mut self, (from, to): (usize, usize)) -> bool {
        let open =
            |entry: &Entry<SnapshotWish>| entry.value.change == Change::Create && entry.value.name.is_none();
        let phrases = [
            "name it",
            "call it",
            "name them",
            "call them",
            "name the snapshot",
            "call the snapshot",
            "label it",
        ];
        let Some((at, n)) = self.find((from, to), &phrases).filter(|(at, _)| *at <= from + 1) else {
            return false;
        };
        if !self.draft.snapshots.last().is_some_and(open) || at + n >= to {
            return false;
        }
        let name_at = if self.is(at + n, &["simply", "just", "as"]) { at + n + 1 } else { at + n };
        let name = self.raw(name_at).to_owned();
        let span = self.span(name_at, name_at + 1);
        self.use_up(from, name_at + 1);
        if !crate::shape::snapshot(&name) {
            self.draft.ask(QuestionAbout::WhatName, "This snapshot name cannot be used: letters, digits, - and _, beginning with a letter. Which name shall it have?", vec![], Some(span));
            return true;
        }
        for entry in self.draft.snapshots.iter_mut().filter(|entry| open(entry)) {
            entry.value.name = Some(name.clone());
            entry.labels.insert("name".into(), Label::Said { quote: None, span: Some(span) });
        }
        true
    }

    pub(super) fn snapshot_name(
        &self,
        (from, to): (usize, usize),
        noun: Option<(usize, usize)>,
    ) -> Option<usize> {
        let good = |i: usize| {
            i < to
                && self.toks.get(i).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
                && self.facts.guest_named(self.raw(i)).is_none()
        };
        let called = (from..to)
            .find(|i| self.is(*i, &["called", "named", "name", "call", "label", "labelled"]))
            .map(|i| if self.is(i + 1, &["it", "the", "them", "that"]) { i + 2 } else { i + 1 })
            .filter(|i| good(*i));
        let free = |i: usize| {
            good(i) && !lexicon::is_common(self.low(i)) && !self.used.get(i).copied().unwrap_or(true)
        };
        called
            .or_else(|| {
                let (at, _) = noun?;
                let before = at
                    .checked_sub(1)
                    .filter(|b| *b >= from && free(*b) && !lexicon::VERBS.contains(&self.low(*b)));
                Some(at + 1).filter(|i| free(*i)).or(before)
            })
            .or_else(|| {
                (from..to).find(|i| {
                    let last = *i + 1 >= to || self.mark(*i + 1, ",.;");
                    free(*i)
                        && (self.is(i.wrapping_sub(1), &["to", "as"]) && self.raw(*i).contains(['-', '_'])
                            || self.is(i.wrapping_sub(1), &["as"]) && last)
                })
            })
    }
}
