//! Secrets in a text: seen, warned about, copied nowhere.
//!
//! Begin with [`Reader::secret_value`].

use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::WarningAbout;

impl Reader<'_> {
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
    pub(super) fn bare_secret(&mut self, (from, to): (usize, usize)) -> bool {
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
}
