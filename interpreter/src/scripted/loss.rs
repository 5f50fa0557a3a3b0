//! Taking guests away, and taking them under management.
//!
//! Begin with [`Reader::destroy`]. What is lost is named by the text, in words that mean it, or a question is
//! asked; everything at once, or more than the policy allows, is refused.

use super::draft::GuestDraft;
use super::loss_words::HEARSAY;
pub use super::loss_words::verb;
use super::reader::{Focus, Reader, guest_kind};
use domain::ids::Vmid;
use domain::interpretation::{GuestChange, GuestWish, Label, QuestionAbout, RefusalReason, WarningAbout};

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
        // `remove the gateway of web-old`, `delete web-old's notes`: less than the guest is meant.
        let between = |i: usize| {
            self.is(
                i,
                &[
                    "the",
                    "my",
                    "our",
                    "that",
                    "this",
                    "these",
                    "those",
                    "old",
                    "both",
                    "also",
                    "please",
                    "just",
                    "of",
                    "unused",
                    "stopped",
                    "entire",
                    "whole",
                    "existing",
                    "and",
                    "guest",
                    "guests",
                    "named",
                    "called",
                    "number",
                    "id",
                    "vmid",
                    "test",
                    "now",
                    "for",
                    "good",
                    "completely",
                    "then",
                    "so",
                    "away",
                    "with",
                    "off",
                    "out",
                    "rid",
                    "virtual",
                    "both",
                    "two",
                    "running",
                    "us",
                    "me",
                    "obsolete",
                    "down",
                ],
            ) || super::lexicon::noun(self.low(i)).is_some()
                || super::lexicon::SYSTEMS.contains(&self.low(i))
                || self.mark(i, ",:")
                || mentions.iter().any(|m| m.from <= i && i < m.to)
        };
        let first_named = mentions.first().map_or(range.1, |m| m.from);
        let other_thing = end < first_named && !(end..first_named).all(between);
        let owned = mentions.iter().any(|m| {
            let after = self.toks.get(m.to.saturating_sub(1)).map_or(0, |t| t.span.end);
            let tail = self.text.get(after..).unwrap_or("");
            (tail.starts_with("'s ") || tail.starts_with("’s ")) && m.to < range.1
        });
        if !mentions.is_empty() && (other_thing || owned) {
            let text = "Only whole guests are destroyed here, and this names a part of one. What shall hold afterwards?";
            self.draft.ask(QuestionAbout::WhatGoal, text, vec![], Some(span));
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
                    (at, self.sentence_end(range.1)),
                    &[
                        "but keep",
                        "keep its",
                        "keep the disk",
                        "keep the data",
                        "keeping its",
                        "except its",
                        "but not its",
                        "but leave its",
                        "without its",
                    ],
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
        let sentence_end = self.sentence_end(range.1);
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
        let bounded = self
            .has((at, sentence_end), &["except", "unless", "only if", "provided", "however", "as long as"]);
        let doubt = taken_back
            || regrets
            || bounded
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

    fn sentence_end(&self, from: usize) -> usize {
        (from..self.toks.len()).find(|i| self.mark(*i, ".!?…")).unwrap_or(self.toks.len())
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
}
