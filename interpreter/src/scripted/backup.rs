//! Backups now, and backup jobs with their times.
//!
//! Begin with [`Reader::backup`].

use super::draft::Entry;
use super::reader::Reader;
use domain::interpretation::{BackupWish, Change, Label, QuestionAbout, Span};

impl Reader<'_> {
    pub fn backup(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        // `back web-old up`
        let apart = (from..to).find(|i| self.is(*i, &["back"])).filter(|at| {
            (at + 2..to.min(at + 8)).any(|up| {
                self.is(up, &["up"])
                    && (self.named_at(at + 1, from, to).is_some()
                        || self.is(at + 1, &["it", "them", "both", "that"]))
                    && (at + 1..up).all(|i| !self.is(i, &["to", "on", "from"]))
            })
        });
        let phrase = self.find(range, &["back up", "backed up", "backing up"]).or(apart.map(|at| (at, 1)));
        let word = self.find(range, &["backup", "backups", "vzdump"]);
        let job = (from..to).find(|i| {
            self.facts.house.backups.contains_key(self.raw(*i))
                && (self.has(range, &["job", "backup job", "backups"])
                    || self.is(i + 1, &["backup", "job", "backups"]))
                && (self.is(
                    i.wrapping_sub(1),
                    &["the", "my", "our", "from", "job", "to", "backup", "called", "in"],
                ) || self.has((from, *i), &["keep", "keeping", "retain"])
                    && *i > from
                    && self.number_at(i - 1).is_some())
        });
        let shared =
            self.has(range, &["storage", "export", "share"]) && (from..to).any(|i| self.raw(i).contains('/'));
        if (phrase.is_none() && word.is_none()) || shared {
            return false;
        }
        let verb = phrase.is_some()
            || word.is_some_and(|(at, _)| {
                at == from
                    || self.is(
                        at.wrapping_sub(1),
                        &[
                            "please",
                            "a",
                            "the",
                            "nightly",
                            "daily",
                            "weekly",
                            "to",
                            "full",
                            "and",
                            "regular",
                            "one-off",
                            "hourly",
                            "monthly",
                            "fresh",
                            "want",
                            "new",
                            "of",
                            "quick",
                            "make",
                            "then",
                            "automatic",
                        ],
                    )
                    || self.is(at + 1, &["job", "jobs", "of", "for", "schedule", "every"])
            })
            || job.is_some();
        let heads = self.heads(range);
        if !verb || (!heads.is_empty() && heads.iter().any(|h| h.clear) && phrase.is_none()) {
            return false;
        }
        let span = self.span(from, to);
        if let Some(at) = job {
            return self.old_job(range, at, span);
        }
        let loss = super::loss::verb(self, range);
        if loss.is_some()
            || self.has(range, &["stop backing up", "stop the backup", "end the backup", "cancel"])
        {
            let named: Vec<String> = self.facts.house.backups.keys().cloned().collect();
            self.draft.ask(
                QuestionAbout::WhichSnapshot,
                "Which backup job is meant? Backups themselves are not deleted here.",
                named,
                Some(span),
            );
            return true;
        }
        let Some(who) = self.who(range, false) else { return true };
        let mut entry = Entry::new(BackupWish {
            change: Change::Create,
            name: None,
            guests: who.iter().map(|w| w.0.clone()).collect(),
            storage: None,
            schedule: None,
            keep_last: None,
            mode: None,
        });
        entry.labels.insert(
            "change".into(),
            Label::derived("a backup is asked for", phrase.or(word).map(|(at, n)| self.span(at, at + n))),
        );
        for (n, (_, label)) in who.into_iter().enumerate() {
            entry.labels.insert(format!("guests/{n}"), label);
        }
        self.backup_words(range, &mut entry, span);
        if entry.value.schedule.is_none()
            && let Some(answer) = self.appended(QuestionAbout::WhatSchedule)
            && let Some((schedule, a, b)) = self.schedule(answer)
        {
            entry.value.schedule = Some(schedule);
            entry.labels.insert("schedule".into(), self.said(a, b));
            self.use_up(a, b);
        }
        let now = self.has(range, &["now", "once", "right away", "immediately", "today", "right now"]);
        if entry.value.schedule.is_none()
            && !now
            && self.has(
                range,
                &[
                    "every",
                    "nightly",
                    "daily",
                    "weekly",
                    "monthly",
                    "hourly",
                    "regularly",
                    "regular",
                    "job",
                    "schedule",
                    "each",
                    "night",
                    "automatic",
                    "automatically",
                    "twice",
                    "times",
                    "a day",
                    "per day",
                    "a week",
                    "per week",
                    "monthly",
                ],
            )
        {
            self.draft.ask(
                QuestionAbout::WhatSchedule,
                "At which time shall the backup run?",
                vec!["02:00".into(), "04:00".into(), "22:00".into()],
                Some(span),
            );
            return true;
        }
        if entry.value.storage.is_none() {
            entry.value.storage = Some(self.facts.house.defaults.backup.storage.clone());
            entry.labels.insert("storage".into(), Label::Default { rule: "/defaults/backup/storage".into() });
        }
        if entry.value.schedule.is_some() && entry.value.keep_last.is_none() {
            entry.value.keep_last = Some(self.facts.house.defaults.backup.keep_last);
            entry
                .labels
                .insert("keep_last".into(), Label::Default { rule: "/defaults/backup/keep_last".into() });
        }
        if entry.value.mode.is_none() {
            entry.value.mode = Some(self.facts.house.defaults.backup.mode.clone());
            entry.labels.insert("mode".into(), Label::Default { rule: "/defaults/backup/mode".into() });
        }
        self.draft.backups.push(entry);
        true
    }

    pub(super) fn old_job(&mut self, range: (usize, usize), at: usize, span: Span) -> bool {
        let name = self.raw(at).to_owned();
        let Some(job) = self.facts.house.backups.get(&name) else { return false };
        let label = self.said(at, at + 1);
        self.use_up(at, at + 1);
        let loss = super::loss::verb(self, range);
        let mentions = self.mentions(range);
        let mut entry = Entry::new(BackupWish {
            change: Change::Update,
            name: Some(name.clone()),
            guests: Vec::new(),
            storage: None,
            schedule: None,
            keep_last: None,
            mode: None,
        })
        .label("change", Label::derived("the job exists", None))
        .label("name", label);
        let stops = self.find(range, &["stop", "end", "cancel", "disable"]).map(|(a, n)| (a, a + n));
        if let Some((a, b)) = loss.or(stops).filter(|_| mentions.is_empty()) {
            entry.value.change = Change::Remove;
            let label = self.said(a, b);
            entry.labels.insert("change".into(), label);
            self.draft.backups.push(entry);
            return true;
        }
        if !mentions.is_empty() {
            let Some(who) = self.who(range, false) else { return true };
            let named: Vec<String> = who.iter().map(|w| w.0.clone()).collect();
            let away = loss.is_some()
                || self.has(range, &["exclude", "without", "leave out", "except"])
                || self.has(range, &["take"]) && self.has(range, &["out", "off", "away", "from"]);
            entry.value.guests = if away {
                job.guests.iter().filter(|g| !named.contains(g)).cloned().collect()
            } else {
                job.guests
                    .iter()
                    .cloned()
                    .chain(named.into_iter().filter(|n| !job.guests.contains(n)))
                    .collect()
            };
            entry.labels.insert(
                "guests".into(),
                Label::derived(
                    "the guests of the job after this change",
                    who.first().and_then(|w| w.1.span()),
                ),
            );
        }
        self.backup_words(range, &mut entry, span);
        if entry.value.guests.is_empty()
            && entry.value.storage.is_none()
            && entry.value.schedule.is_none()
            && entry.value.keep_last.is_none()
            && entry.value.mode.is_none()
        {
            self.draft.ask(
                QuestionAbout::WhatGoal,
                format!("What shall change in the backup job {name}?"),
                vec![],
                Some(span),
            );
            return true;
        }
        self.draft.backups.push(entry);
        true
    }

    pub(super) fn backup_words(&mut self, range: (usize, usize), entry: &mut Entry<BackupWish>, span: Span) {
        let (from, to) = range;
        for i in from..to {
            if self.is(i, &["keep", "keeping", "retain", "retaining", "last", "keeps", "newest"])
                || self.is(i, &["copies", "versions", "generations"])
            {
                let mut at = i + 1;
                while self.is(at, &["the", "last", "only", "latest", "newest", "up", "to", "most", "recent"])
                {
                    at += 1;
                }
                if let Some((n, end)) = self
                    .number_at(at)
                    .filter(|(n, end)| n.fract() == 0.0 && (1.0..=365.0).contains(n) && *end <= to)
                    && entry.value.keep_last.is_none()
                {
                    entry.value.keep_last = Some(n as u32);
                    entry.labels.insert("keep_last".into(), self.said(i, end));
                    self.use_up(i, end);
                }
            }
        }
        let mode = self.find(
            range,
            &["snapshot mode", "stop mode", "suspend mode", "stopped", "suspend", "stopping", "stop"],
        );
        if let Some((at, n)) = mode {
            entry.value.mode = Some(
                if self.low(at).starts_with("stop") {
                    "stop"
                } else if self.low(at).starts_with("susp") {
                    "suspend"
                } else {
                    "snapshot"
                }
                .to_owned(),
            );
            entry.labels.insert("mode".into(), self.said(at, at + n));
        }
        for i in from..to {
            if let Some((what, end)) = self
                .storage_at(i, from, to, domain::interpretation::GuestKind::Vm)
                .filter(|_| !self.used.get(i).copied().unwrap_or(true))
            {
                match what {
                    super::attr::What::Storage(id)
                        if self.facts.storages.get(&id).is_some_and(|s| s.holds("backup")) =>
                    {
                        entry.value.storage = Some(id);
                        entry.labels.insert("storage".into(), self.said(i, end));
                        self.use_up(i, end);
                    }
                    super::attr::What::Storage(id) => {
                        let options = self
                            .facts
                            .storages
                            .iter()
                            .filter(|(_, s)| s.holds("backup"))
                            .map(|(id, _)| id.clone())
                            .collect();
                        self.draft.ask(
                            QuestionAbout::WhichStorage,
                            format!("The storage {id} cannot hold backups. Which one shall be used?"),
                            options,
                            Some(span),
                        );
                    }
                    super::attr::What::UnknownStorage(name) => {
                        let options = self
                            .facts
                            .storages
                            .iter()
                            .filter(|(_, s)| s.holds("backup"))
                            .map(|(id, _)| id.clone())
                            .collect();
                        self.draft.ask(
                            QuestionAbout::WhichStorage,
                            format!("There is no storage {name}. Which one shall be used?"),
                            options,
                            Some(span),
                        );
                    }
                    _ => {}
                }
            }
        }
        if let Some((schedule, a, b)) = self.schedule(range) {
            entry.value.schedule = Some(schedule);
            entry.labels.insert("schedule".into(), self.said(a, b));
            self.use_up(a, b);
        }
    }
}
