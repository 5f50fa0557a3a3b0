//! What is set aside before anything is read: words to the interpreter, secrets, and wishes that no
//! declaration may carry — shells, the nodes themselves, accounts, approvals.
//!
//! Begin with [`Reader::screen`] for the whole text; [`Reader::screened`] judges one clause.

use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::RefusalReason;
use std::collections::BTreeSet;

const OVERRIDES: &[&str] = &[
    "ignore your previous",
    "ignore all previous",
    "ignore previous",
    "ignore the previous",
    "ignore any previous",
    "ignore your instructions",
    "ignore the instructions",
    "ignore all instructions",
    "ignore your",
    "ignore the above",
    "ignore everything above",
    "disregard",
    "you are now",
    "maintenance mode",
    "developer mode",
    "system prompt",
    "your instructions",
    "do not mention",
    "don't mention",
    "pretend",
    "act as",
    "as an ai",
    "new instructions",
    "override your",
    "forget your",
    "forget all",
    "forget everything",
    "jailbreak",
    "you must obey",
    "from now on you",
    "respond only",
    "answer only with",
    "output only",
    "output the following",
    "reply with",
    "set kind to",
    "your rules",
    "your guidelines",
    "the notes of my",
    "its notes ask",
    "notes say",
    "notes ask",
    "follow that",
    "follow the notes",
    "follow its notes",
    "do what the notes",
    "what its notes",
    "what the notes",
    "as its notes",
    "notes tell",
    "instructions in the notes",
    "in its notes",
    "according to its notes",
    "according to the notes",
    "as described in its notes",
    "obey",
    "the assistant",
    "dear assistant",
    "hey assistant",
    "to the ai",
    "dear ai",
    "to the interpreter",
    "to the model",
    "language model",
    "to the bot",
    "hidden instruction",
    "hidden instructions",
    "as the assistant",
    "previous rules",
    "rules above",
    "your safety",
    "your restrictions",
    "your limits",
    "your policy",
    "as your administrator",
    "as your developer",
    "your developer",
    "your creator",
    "the notes of",
];
const APPROVALS: &[&str] = &[
    "approve this",
    "approve the",
    "approve it",
    "approve all",
    "pre-approved",
    "preapproved",
    "approved=true",
    "skip the review",
    "skip review",
    "skip the approval",
    "without approval",
    "skip approval",
    "no approval",
    "bypass",
    "auto-approve",
    "autoapprove",
    "approve automatically",
    "without asking",
    "commit without",
    "lower the check",
    "disable the check",
    "turn off the check",
    "change the policy",
    "disable the policy",
    "raise destroy_max",
    "destroy_max",
    "commit this",
    "commit it",
    "approve every",
    "approve everything",
    "approve my",
    "no review",
    "without review",
    "without a review",
    "apply it without",
    "without confirmation",
    "already approved",
    "raise the limit",
    "ignore the policy",
    "approved automatically",
    "count as approved",
    "consider this approved",
    "is approved",
    "are approved",
    "set approved",
    "approval step",
    "approval steps",
    "the approval",
    "approvals",
    "second pair of eyes",
    "four-eyes",
    "review step",
    "the review",
    "confirm automatically",
    "approve plans",
    "approve them",
    "approve plan",
    "my approval",
    "raise create_max",
    "create_max",
    "set the policy",
    "change policy",
    "the policy so",
    "policy so that",
    "adjust the policy",
    "loosen the policy",
    "change the rules",
    "change the caps",
    "house rules to",
    "the policy allow",
    "edit the policy",
    "relax the policy",
    "lift the policy",
    "lift the limit",
    "lift the cap",
    "disable the rules",
    "check off",
];
pub const SECRET_NOUNS: &[&str] = &[
    "token",
    "tokens",
    "password",
    "passwords",
    "secret",
    "secrets",
    "credentials",
    "credential",
    "passphrase",
    "api key",
    "private key",
    "openai key",
    "private keys",
    "api keys",
    "keys",
    "key",
    "api token",
];
pub const SHOW: &[&str] = &[
    "print", "show", "send", "reveal", "mail", "email", "display", "list", "dump", "write", "store", "save",
    "copy", "put", "export", "tell", "post", "give me", "upload", "leak", "read out", "share", "log",
    "expose", "give", "hand", "include", "output", "paste", "what is", "note",
];
pub const NODE_VERBS: &[&str] = &[
    "reboot",
    "restart",
    "upgrade",
    "update",
    "updates",
    "patch",
    "shut down",
    "shutdown",
    "power off",
    "join",
    "add",
    "remove",
    "delete",
    "rename",
    "reinstall",
    "evacuate",
    "turn off",
    "power down",
    "power cycle",
    "wake",
    "reset",
    "stop",
    "halt",
    "destroy",
    "wipe",
    "rebooted",
    "restarted",
    "upgraded",
    "updated",
    "dist-upgrade",
    "install",
    "change",
    "set",
    "switch off",
    "decommission",
    "bring",
];

impl Reader<'_> {
    /// Sentences that are not read as wishes. What they are about is noted as warning, refusal or question.
    pub fn screen(&mut self, sentences: &[(usize, usize)]) -> BTreeSet<(usize, usize)> {
        let mut skipped = BTreeSet::new();
        let mut hostile_from: Option<usize> = None;
        for (n, sentence) in sentences.iter().enumerate() {
            let (from, to) = *sentence;
            if let Some(start) = hostile_from {
                let _ = start;
                skipped.insert(*sentence);
                continue;
            }
            let heading = self.mark(from, "#<")
                || self.is(from, &["system", "assistant", "</declaration", "</declaration>"])
                || (from..to).any(|i| {
                    self.toks.get(i).is_some_and(|t| {
                        t.kind != Kind::Quoted
                            && (t.low.contains("</")
                                || t.low.contains("<assistant")
                                || t.low.contains("declaration>")
                                || t.low.contains("assistant>"))
                    })
                });
            let comment = (from..to).any(|i| {
                self.low(i).contains("<!--") || self.low(i).contains("-->") || self.low(i).contains("/*")
            });
            if comment {
                let span = self.span(from, to);
                self.draft.refuse(
                    RefusalReason::InstructionOverride,
                    "Text hidden in a comment is not read; say it plainly.",
                    Some(span),
                );
                skipped.insert(*sentence);
                continue;
            }
            let talks = self.has(
                (from, to),
                &[
                    "system",
                    "assistant",
                    "instruction",
                    "instructions",
                    "developer",
                    "declaration",
                    "/declaration",
                    "admin",
                    "user",
                ],
            ) || (from..to)
                .any(|i| self.low(i).contains("declaration") || self.low(i).contains("assistant"));
            if heading && talks {
                hostile_from = Some(n);
                skipped.insert(*sentence);
                continue;
            }
            if let Some((at, len)) = self.find((from, to), APPROVALS) {
                let span = self.span(from, to);
                let _ = (at, len);
                self.draft.refuse(
                    RefusalReason::Approval,
                    "Approving, committing and changing checks is not done by a declaration.",
                    Some(span),
                );
                skipped.insert(*sentence);
                continue;
            }
            // `Write the token into the notes of build` is judged with the wishes: it is about secrets.
            let secret = self.has((from, to), SECRET_NOUNS) && self.has((from, to), SHOW);
            if !secret && self.has((from, to), OVERRIDES) {
                let span = self.span(from, to);
                self.draft.refuse(
                    RefusalReason::InstructionOverride,
                    "This part speaks to the interpreter; it was not followed.",
                    Some(span),
                );
                skipped.insert(*sentence);
                continue;
            }
            if self.secret_value((from, to)) {
                skipped.insert(*sentence);
            }
        }
        if let Some(n) = hostile_from
            && let (Some((from, _)), Some((_, to))) = (sentences.get(n), sentences.last())
        {
            let span = self.span(*from, *to);
            self.draft.refuse(
                RefusalReason::InstructionOverride,
                "This part speaks to the interpreter; it was not followed.",
                Some(span),
            );
        }
        skipped
    }
}
