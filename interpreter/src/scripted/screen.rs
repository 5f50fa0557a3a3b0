//! What is set aside before anything is read: words to the interpreter, secrets, and wishes that no
//! declaration may carry — shells, the nodes themselves, accounts, approvals.
//!
//! Begin with [`Reader::screen`] for the whole text; [`Reader::screened`] judges one clause.

use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::{RefusalReason, WarningAbout};
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
    "expose", "include", "output", "paste", "what is", "note",
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

    /// A sentence that holds a secret: warned about, copied nowhere.
    pub(super) fn secret_value(&mut self, (from, to): (usize, usize)) -> bool {
        let Some((at, _)) = self.find(
            (from, to),
            &[
                "password",
                "passwort",
                "passphrase",
                "passwd",
                "pw",
                "pwd",
                "api key",
                "token",
                "secret",
                "pin",
                "private key",
                "preshared key",
                "pre-shared key",
                "psk",
                "secret key",
                "access key",
                "auth key",
                "license key",
                "licence key",
                "api-key",
                "apikey",
                "passcode",
                "credentials",
                "pass :",
                "pass =",
            ],
        ) else {
            return self.bare_secret((from, to));
        };
        if self.has((from, to), &["ssh key", "public key"]) && !self.has((from, to), &["password"]) {
            return false;
        }
        let ours = |i: usize| {
            self.facts.nodes.contains_key(self.raw(i))
                || self.facts.storages.contains_key(self.raw(i))
                || self.facts.guest_named(self.raw(i)).is_some()
                || self.toks.get(i).is_some_and(|t| t.kind == Kind::Key)
        };
        // `pin it to pve1` is a place.
        if self.is(at, &["pin"]) && !self.is(at + 1, &["is", "code"]) && !self.mark(at + 1, ":=") {
            return self.bare_secret((from, to));
        }
        let value = (at + 1..to).filter(|i| !ours(*i)).find(|i| {
            self.toks.get(*i).is_some_and(|t| {
                let odd = t.raw.len() >= 6
                    && t.raw.contains(|c: char| c.is_ascii_digit())
                    && t.raw.contains(|c: char| c.is_alphabetic());
                t.kind == Kind::Quoted || odd || t.raw.contains(['!', '$', '%', '^', '#'])
            }) || (self.is(i.wrapping_sub(1), &["is", "be", "to"]) || self.mark(i.wrapping_sub(1), ":="))
                && !lexicon::is_common(self.low(*i))
                && self.toks.get(*i).is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Number))
        });
        let value = value.or_else(|| {
            // `password hunter2`: a word right behind that is nobody's word.
            let i = at + 1;
            self.toks
                .get(i)
                .filter(|t| i < to && t.kind == Kind::Word && !lexicon::is_common(&t.low) && t.raw.len() >= 4)
                .filter(|_| self.is(at, &["password", "passwort", "passwd", "pw", "passphrase", "pin"]))
                .filter(|t| !t.is(&["manager", "protected", "vault", "safe", "login", "server", "store"]))
                .map(|_| i)
        });
        let Some(value) = value else { return false };
        // A guest in the same sentence is read up to the secret.
        let start =
            (from..at).rev().find(|i| self.mark(*i, ",;:") || self.is(*i, &["with", "and"])).unwrap_or(from);
        let keep = start > from && !self.heads((from, start)).is_empty();
        let begin = if keep { start } else { from };
        // What stands behind a comma after the secret is read on.
        let until = (value + 1..to).find(|i| keep && self.mark(*i, ",;")).unwrap_or(to);
        let span = self.span(begin, until);
        self.use_up(begin, until);
        self.draft.warn(
            WarningAbout::SecretInText,
            "The text seems to contain a secret; it was not copied. No passwords are set here.",
            Some(span),
        );
        self.heard.push(span);
        !keep
    }

    /// A long word of mixed letters and digits, or one that begins like a provider's key, whatever stands around it.
    fn bare_secret(&mut self, (from, to): (usize, usize)) -> bool {
        let key = |raw: &str| {
            let known = [
                "sk-",
                "ghp_",
                "gho_",
                "github_pat_",
                "glpat-",
                "xoxb-",
                "AKIA",
                "pveapitoken",
                "PVEAPIToken",
            ];
            let has = |test: fn(&char) -> bool| raw.chars().any(|c| test(&c));
            let mixed =
                has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
            raw.len() >= 16 && known.iter().any(|start| raw.starts_with(start))
                || raw.len() >= 28 && mixed && !raw.contains(['/', '.', '@', ':'])
        };
        let Some(at) =
            (from..to).find(|i| self.toks.get(*i).is_some_and(|t| t.kind != Kind::Key && key(&t.raw)))
        else {
            return false;
        };
        let span = self.span(at, at + 1);
        self.use_up(at, at + 1);
        self.draft.warn(
            WarningAbout::SecretInText,
            "The text seems to contain a secret; it was not copied.",
            Some(span),
        );
        self.heard.push(span);
        false
    }

    /// False if the text is in another language: more of its words are of one than are English.
    pub fn speaks_english(&self) -> bool {
        const ENGLISH: &[&str] = &[
            "the", "a", "and", "with", "of", "to", "on", "for", "is", "it", "in", "an", "at", "from", "give",
            "create", "make", "add", "set", "please", "each", "called", "named", "all", "my", "new",
            "should", "one", "two", "three", "no", "not", "be", "want", "need", "i", "memory", "disk",
            "cores", "core", "start", "stop", "put", "move", "delete", "by", "as", "us", "this", "that",
        ];
        const OTHERS: &[&str] = &[
            "und",
            "mit",
            "für",
            "fuer",
            "der",
            "die",
            "das",
            "ein",
            "eine",
            "einen",
            "einer",
            "auf",
            "bitte",
            "je",
            "ich",
            "nicht",
            "zwei",
            "drei",
            "vier",
            "fünf",
            "soll",
            "sollen",
            "namens",
            "kerne",
            "kernen",
            "speicher",
            "festplatte",
            "mir",
            "den",
            "dem",
            "von",
            "zum",
            "zur",
            "gib",
            "lösche",
            "erstelle",
            "statt",
            "arbeitsspeicher",
            "heißt",
            "brauche",
            "kern",
            "jeweils",
            "alle",
            "sowie",
            "wird",
            "jede",
            "une",
            "un",
            "avec",
            "de",
            "et",
            "la",
            "le",
            "les",
            "des",
            "appelée",
            "appelé",
            "deux",
            "trois",
            "cœurs",
            "mémoire",
            "disque",
            "pour",
            "dans",
            "sur",
            "chacune",
            "chacun",
            "go",
            "s'il",
            "crée",
            "créer",
            "nommée",
            "mets",
            "ajoute",
            "du",
            "au",
            "supprime",
            "je",
            "veux",
            "con",
            "y",
            "una",
            "dos",
            "tres",
            "para",
            "el",
            "los",
            "memoria",
            "llamada",
            "llamado",
            "núcleos",
            "disco",
            "por",
            "crea",
            "crear",
            "cada",
            "quiero",
            "necesito",
            "máquina",
            "servidor",
            "en",
            "elimina",
            "borra",
            "e",
            "due",
            "tre",
            "di",
            "per",
            "chiamata",
            "chiamato",
            "macchina",
            "ciascuna",
            "voglio",
            "il",
            "della",
            "server-virtuale",
            "een",
            "met",
            "en",
            "twee",
            "drie",
            "voor",
            "geheugen",
            "genaamd",
            "maak",
            "graag",
            "het",
            "van",
            "schijf",
            "op",
            "com",
            "uma",
            "dois",
            "duas",
            "três",
            "chamada",
            "memória",
            "núcleos",
            "cria",
            "och",
            "med",
            "två",
            "minne",
            "som",
            "heter",
            "skapa",
            "i",
            "z",
            "dla",
            "oraz",
            "utwórz",
            "pamięci",
            "rdzenie",
        ];
        let words: Vec<&str> =
            self.toks.iter().filter(|t| t.kind == Kind::Word).map(|t| t.low.as_str()).collect();
        let count = |set: &[&str]| words.iter().filter(|w| set.contains(w)).count();
        let foreign_letters = self
            .toks
            .iter()
            .filter(|t| t.kind == Kind::Word && t.low.chars().any(|c| c.is_alphabetic() && !c.is_ascii()))
            .count();
        let (english, other) = (count(ENGLISH), count(OTHERS));
        let latin = self.text.chars().filter(|c| c.is_ascii_alphabetic()).count();
        let script = self.text.chars().filter(|c| c.is_alphabetic() && !c.is_ascii()).count();
        !(script > latin
            || (other >= 2 && other > english)
            || (foreign_letters >= 1 && other >= 1 && other >= english))
    }
}
