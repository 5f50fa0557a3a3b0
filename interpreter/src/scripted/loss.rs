//! Taking guests away, and taking them under management.
//!
//! Begin with [`Reader::destroy`]. What is lost is named by the text, in words that mean it, or a question is
//! asked; everything at once, or more than the policy allows, is refused.

use super::draft::GuestDraft;
use super::mention::Meant;
use super::reader::{Focus, Reader, guest_kind};
use domain::ids::Vmid;
use domain::interpretation::{GuestChange, GuestWish, Label, QuestionAbout, RefusalReason, WarningAbout};

const VERBS: &[&str] = &[
    "delete",
    "destroy",
    "remove",
    "get rid of",
    "drop",
    "kill",
    "tear down",
    "wipe",
    "erase",
    "trash",
    "scrap",
    "nuke",
    "decommission",
    "retire",
    "throw away",
    "purge",
    "no longer need",
    "no longer needed",
    "not needed",
    "not need",
    "bin",
    "throw out",
    "deleted",
    "destroyed",
    "removed",
    "clean up",
    "clear out",
    "dispose of",
    "can go",
    "must go",
    "don't need",
    "do not need",
    "tear",
    "take away",
    "toss",
    "eliminate",
    "obliterate",
    "be gone",
    "should go",
    "should be gone",
    "removing",
    "deleting",
    "destroying",
    "getting rid of",
    "gone",
    "rid of",
    "dismantle",
    "decommissioned",
    "retired",
    "blow away",
    "ditch",
    "axe",
    "scrapped",
    "trashed",
    "wiped",
    "erased",
    "killed",
    "dropped",
    "nuked",
    "purged",
    "binned",
    "thrown away",
    "thrown out",
    "torn down",
    "disposed of",
    "throw",
    "be rid of",
];

/// Tokens of the first verb of loss in a range.
pub fn verb(reader: &Reader<'_>, range: (usize, usize)) -> Option<(usize, usize)> {
    let mut start = range.0;
    while let Some((at, n)) = reader.find((start, range.1), VERBS) {
        if !is_told(reader, range, at) && (!reader.is(at, &["throw"]) || away(reader, at, range.1)) {
            return Some((at, at + n));
        }
        start = at + 1;
    }
    None
}

/// `throw web-old away`, `throw it out`; not `throw in a container`.
fn away(reader: &Reader<'_>, at: usize, to: usize) -> bool {
    (at + 1..to).any(|i| reader.is(i, &["away", "out"]))
}

/// True if the words tell what was, and ask for nothing: `I deleted web-old yesterday`, `db-1 was removed`.
fn is_told(reader: &Reader<'_>, range: (usize, usize), at: usize) -> bool {
    if !reader.low(at).ends_with("ed") && !reader.is(at, &["torn", "thrown"]) {
        return false;
    }
    // `I re-seated the cable and wiped the dust`: an order never stands in the past, a wish says be, get, want.
    let wished = [
        "be", "get", "gets", "want", "wants", "need", "needs", "must", "should", "shall", "can", "have",
        "longer", "no",
    ];
    if !reader.has((at.saturating_sub(5).max(range.0), at), &wished) {
        return true;
    }
    let before = (at.saturating_sub(2).max(range.0), at);
    reader
        .has(before, &["i", "we", "was", "were", "been", "got", "had", "he", "she", "they", "who", "already"])
        && !reader
            .has((at.saturating_sub(4).max(range.0), at), &["want", "need", "should", "must", "can", "to be"])
}

/// Somebody is said to have agreed to a loss, or to plan it: that is no wish yet.
const HEARSAY: &[&str] = &[
    "agreed to",
    "agrees to",
    "agreed that",
    "wanted to",
    "wants to",
    "promised to",
    "told me to",
    "told you to",
    "asked to",
    "asked me to",
    "asked you to",
    "decided to",
    "plan to",
    "plans to",
    "planned to",
    "planning to",
    "thinking of",
    "thinking about",
    "allowed to",
    "going to",
    "about to",
    "used to",
    "forgot to",
    "tempted to",
    "agreed on",
    "consented to",
    "happy to",
    "permission to",
    "wondering",
    "whether",
];

impl Reader<'_> {
    pub fn destroy(&mut self, range: (usize, usize)) -> bool {
        let Some((at, end)) = verb(self, range) else { return false };
        if (range.0..at).any(|i| self.is(i, &["not", "don't", "never", "won't", "without"]))
            && !self.has(
                (at, end),
                &[
                    "not need",
                    "don't need",
                    "do not need",
                    "not needed",
                    "no longer need",
                    "no longer needed",
                ],
            )
        {
            return self.spared(range);
        }
        if self.has(
            range,
            &[
                "tag",
                "tags",
                "snapshot",
                "snapshots",
                "pool",
                "mount",
                "share",
                "ha",
                "high availability",
                "protection",
                "cores",
                "core",
                "memory",
                "ram",
                "vlan",
                "description",
                "notes",
            ],
        ) {
            return false;
        }
        let span = self.span(range.0, range.1);
        let mentions = self.mentions(range);
        let all = self.has(
            range,
            &[
                "everything",
                "all of it",
                "all of them",
                "every single",
                "all guests",
                "all vms",
                "all containers",
                "all my",
                "all the",
                "every vm",
                "every container",
                "every guest",
                "every machine",
                "all machines",
                "the whole",
                "whole cluster",
                "the lot",
                "all our",
                "every last",
                "entire",
                "anything",
                "whatever",
                "all running",
                "all stopped",
                "all",
                "every",
            ],
        ) && !(self
            .has(range, &["with all", "and all its", "all its", "all of its", "including all"]));
        let group = mentions.iter().any(|m| m.group);
        let cap = self.facts.house.policy.destroy_max;
        if all || group {
            self.draft.refuse_all(
                RefusalReason::MassDestroy,
                format!("Destroying everything, or by pattern, is not done. Name the guests, at most {cap}."),
                Some(span),
            );
            return true;
        }
        // `drop build from the nightly job`: out of something, which is less than gone.
        let out_of = mentions.iter().any(|m| {
            self.is(m.to, &["from", "off"])
                && !(m.to + 1..range.1).any(|i| {
                    self.facts.nodes.contains_key(self.low(i))
                        || self.is(
                            i,
                            &[
                                "proxmox",
                                "lab",
                                "homelab",
                                "cluster",
                                "server",
                                "node",
                                "host",
                                "inventory",
                                "here",
                            ],
                        )
                })
        });
        if out_of {
            let text =
                "Out of what shall it be taken? A guest is only destroyed where the text says just that.";
            self.draft.ask(QuestionAbout::WhatGoal, text, vec![], Some(span));
            return true;
        }
        let first = mentions.first().map_or(range.1, |m| m.from);
        if self.has((end, first), &["disk", "disks"]) && !self.has((end, first), &["with", "together", "and"])
        {
            self.draft.refuse(
                RefusalReason::Unsupported,
                "Single disks are not taken away here.",
                Some(span),
            );
            return true;
        }
        // `web-old's disk`, `grafana but keep its disk`: less than the whole guest is meant.
        let part =
            mentions.iter().any(|m| self.is(m.to, &["disk", "disks", "data", "backup", "backups", "nic"]))
                || self.has(
                    range,
                    &["but keep", "keep its", "keep the", "keeping its", "except its", "but not its"],
                );
        if part {
            self.draft.refuse(
                RefusalReason::Unsupported,
                "A guest goes with all its disks or not at all; parts of it are not taken away here.",
                Some(span),
            );
            return true;
        }
        let when: &[&str] = &[
            "tomorrow",
            "tonight",
            "later",
            "next week",
            "next month",
            "in an hour",
            "on monday",
            "on friday",
            "on sunday",
            "after",
        ];
        if self.has(range, when) {
            self.draft.refuse(
                RefusalReason::Unsupported,
                "Guests are not destroyed by the clock here.",
                Some(span),
            );
            return true;
        }
        let vague = self.has(
            range,
            &[
                "not using",
                "unused",
                "old ones",
                "idle",
                "don't use",
                "do not use",
                "no longer use",
                "not used",
                "some",
                "stale",
                "leftover",
                "useless",
                "junk",
            ],
        );
        if mentions.is_empty()
            && !matches!(
                (
                    self.focus.clone(),
                    !self.chosen.is_empty()
                        || self.has(
                            range,
                            &[
                                "it",
                                "them",
                                "that",
                                "this",
                                "both",
                                "its vm",
                                "its guest",
                                "its container",
                                "their vms"
                            ]
                        )
                ),
                (Focus::Guests(_), true)
            )
        {
            let reference = self.unknown_reference(range);
            if vague
                || reference.is_some()
                || self.has(
                    range,
                    &[
                        "vm",
                        "vms",
                        "container",
                        "containers",
                        "machine",
                        "machines",
                        "guest",
                        "guests",
                        "server",
                        "servers",
                        "it",
                        "them",
                        "one",
                        "ones",
                    ],
                )
            {
                let span = reference.map_or(span, |(a, b)| self.span(a, b));
                self.unknown_guest(Some(span));
                return true;
            }
            if let Some(i) = (end..range.1).find(|i| {
                !super::lexicon::is_common(self.low(*i))
                    && self.toks.get(*i).is_some_and(|t| {
                        matches!(t.kind, super::token::Kind::Word | super::token::Kind::Quoted)
                    })
            }) {
                if self.facts.nodes.contains_key(self.low(i)) {
                    return false;
                }
                let span = self.span(i, i + 1);
                self.unknown_guest(Some(span));
                return true;
            }
            return false;
        }
        // A word of second thoughts may open what follows an ellipsis or the next sentence.
        let sentence_end =
            (range.1..self.toks.len()).find(|i| self.mark(*i, ".!?…")).unwrap_or(self.toks.len());
        let next =
            (sentence_end..self.toks.len()).find(|i| !self.mark(*i, ".!?…")).unwrap_or(self.toks.len());
        let regrets = self
            .is(next, &["no", "wait", "hmm", "hm", "actually", "stop", "sorry", "oops", "nope", "er", "uh"])
            && !self.is(next + 1, &["need", "longer", "one", "more", "other", "guest", "guests", "vm"]);
        let taken_back = self.has(
            (at, sentence_end),
            &[
                "no wait",
                "no , wait",
                "wait no",
                "wait ,",
                "never mind",
                "nevermind",
                "scratch that",
                "on second thought",
                "changed my mind",
                "actually no",
                "actually keep",
                "keep it",
                "keep that",
                "leave it",
                "but not",
                "no , keep",
                "just kidding",
                "or not",
                "forget it",
                "forget that",
                "undo that",
                "sorry",
            ],
        );
        let doubt = taken_back
            || regrets
            || self.has(range, HEARSAY)
            || self.has(
                range,
                &[
                    "maybe",
                    "if",
                    "when",
                    "once",
                    "as soon as",
                    "perhaps",
                    "probably",
                    "might",
                    "if it",
                    "if you",
                    "if they",
                    "unless",
                    "could",
                    "should i",
                    "i think",
                    "not sure",
                    "possibly",
                    "guess",
                    "or",
                    "at some point",
                    "eventually",
                ],
            );
        let Some(targets) = self.targets(range, true) else { return true };
        let vmids: Vec<Vmid> = targets.iter().flat_map(|t| t.vmids.clone()).collect();
        if doubt
            && self.answer(QuestionAbout::ConfirmLoss).is_none_or(|a| !a.to_lowercase().starts_with("yes"))
        {
            let names: Vec<String> =
                vmids.iter().filter_map(|id| self.guest(*id)).map(|g| g.name.clone()).collect();
            self.draft.ask(
                QuestionAbout::ConfirmLoss,
                format!("Shall {} be destroyed with all disks?", names.join(", ")),
                vec![format!("Yes, destroy {}", names.join(", ")), "No, leave it".into()],
                Some(span),
            );
            return true;
        }
        self.focus = Focus::Guests(vmids.clone());
        for target in &targets {
            let name = (target.to > target.from).then(|| self.span(target.from, target.to));
            for guest in target.vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                if self
                    .draft
                    .guests
                    .iter()
                    .any(|g| g.wish.vmid == Some(guest.vmid) && g.wish.change == GuestChange::Destroy)
                {
                    continue;
                }
                self.draft
                    .guests
                    .retain(|g| g.wish.vmid != Some(guest.vmid) || g.wish.change != GuestChange::Keep);
                let mut draft = GuestDraft::new(GuestWish::new(
                    GuestChange::Destroy,
                    guest_kind(&guest.kind),
                    guest.name.clone(),
                ));
                draft.wish.vmid = Some(guest.vmid);
                draft.set("change", self.said(at, end));
                draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
                draft.set(
                    "name",
                    match name {
                        Some(span) => Label::derived(format!("guest {} is meant", guest.vmid), Some(span)),
                        None => Label::Observed { fact: format!("/guests/{}/name", guest.vmid) },
                    },
                );
                self.draft.guests.push(draft);
                self.draft.warn(
                    WarningAbout::Destroys,
                    format!("{} and all its disks will be gone.", guest.name),
                    None,
                );
            }
        }
        let lost = self.draft.guests.iter().filter(|g| g.wish.change == GuestChange::Destroy).count();
        if lost > cap {
            self.draft.refuse_all(
                RefusalReason::MassDestroy,
                format!("{lost} guests would be destroyed; the policy allows {cap} in one declaration."),
                Some(span),
            );
        }
        true
    }

    /// `do not delete vault`: nothing to do.
    fn spared(&mut self, range: (usize, usize)) -> bool {
        let span = self.span(range.0, range.1);
        let any = !self.mentions(range).is_empty();
        if any {
            self.heard.push(span);
        }
        any
    }

    pub fn adopt(&mut self, range: (usize, usize)) -> bool {
        let words: &[&str] = &[
            "adopt",
            "under management",
            "take over",
            "start managing",
            "manage",
            "under control",
            "import",
            "under your control",
            "under our management",
            "under your management",
            "under its management",
            "under mycopod management",
            "under mycopod's management",
            "under mycopod control",
            "into management",
            "declare",
            "take charge of",
            "managed",
        ];
        let Some((at, n)) = self.find(range, words) else { return false };
        let mentions = self.mentions(range);
        if mentions.is_empty() {
            if self.is(at, &["adopt"]) {
                let span = self.span(range.0, range.1);
                let options =
                    self.facts.guests.values().filter(|g| !g.managed).map(|g| g.name.clone()).collect();
                self.draft.ask(
                    QuestionAbout::WhichGuest,
                    "Which guest shall be adopted?",
                    options,
                    Some(span),
                );
                return true;
            }
            return false;
        }
        for mention in mentions {
            let span = self.span(mention.from, mention.to);
            self.use_up(mention.from, mention.to);
            let vmids = match &mention.meant {
                Meant::Guests(ids) => ids.clone(),
                _ => {
                    self.unknown_guest(Some(span));
                    continue;
                }
            };
            self.focus = Focus::Guests(vmids.clone());
            for guest in vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                if guest.managed {
                    self.draft.warn(
                        WarningAbout::AlreadySo,
                        format!("{} is managed already.", guest.name),
                        Some(span),
                    );
                    let mut draft = GuestDraft::new(GuestWish::new(
                        GuestChange::Keep,
                        guest_kind(&guest.kind),
                        guest.name.clone(),
                    ));
                    draft.wish.vmid = Some(guest.vmid);
                    draft.set("change", self.said(at, at + n));
                    draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
                    draft.set("name", Label::derived(format!("guest {} is meant", guest.vmid), Some(span)));
                    self.draft.guests.push(draft);
                    continue;
                }
                let mut draft = GuestDraft::new(GuestWish::new(
                    GuestChange::Adopt,
                    guest_kind(&guest.kind),
                    guest.name.clone(),
                ));
                draft.wish.vmid = Some(guest.vmid);
                let start = (range.0..at)
                    .rev()
                    .take(3)
                    .find(|i| self.is(*i, &["take", "bring", "put"]))
                    .unwrap_or(at);
                draft.set("change", self.said(start.min(at), at + n));
                draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", guest.vmid) });
                draft.set("name", Label::derived(format!("guest {} is meant", guest.vmid), Some(span)));
                self.draft.guests.push(draft);
            }
        }
        true
    }
}
