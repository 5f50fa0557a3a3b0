//! Names in a row: with commas, in ranges, in quotation marks.
//!
//! Begin with [`Reader::name_list`].

use super::create::{name_range, range_in_word};
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;

impl Reader<'_> {
    /// Names from token `start`: at most `most`. After `called` the first word is a name whatever it is.
    pub fn name_list(
        &self,
        start: usize,
        to: usize,
        most: usize,
        sure: bool,
    ) -> (Vec<(String, usize, usize)>, usize) {
        let mut names: Vec<(String, usize, usize)> = Vec::new();
        let (mut at, mut end) = (start, start);
        while at < to && names.len() < most {
            let Some(token) = self.toks.get(at) else { break };
            let first = names.is_empty() && sure;
            let good = match token.kind {
                Kind::Quoted => !token.raw.contains(char::is_whitespace) || first,
                Kind::Word => {
                    let filler =
                        token.is(&[
                            "with",
                            "and",
                            "on",
                            "in",
                            "for",
                            "the",
                            "a",
                            "an",
                            "that",
                            "which",
                            "of",
                            "at",
                            "to",
                            "something",
                            "whatever",
                            "but",
                            "also",
                            "only",
                            "just",
                            "plus",
                            "then",
                            "each",
                            "both",
                            "all",
                            "no",
                            "not",
                            "so",
                            "it",
                            "its",
                            "they",
                            "them",
                            "by",
                            "please",
                            "from",
                            "using",
                            "without",
                            "i",
                            "we",
                            "sorry",
                            "instead",
                            "as",
                            "is",
                            "are",
                            "has",
                            "have",
                            "gets",
                            "get",
                            "should",
                            "shall",
                            "must",
                            "one",
                            "two",
                            "three",
                        ]) && !(first && self.closes(at + 1, to) && token.is(&["one", "two", "three"]));
                    let system = lexicon::SYSTEMS.contains(&token.low.as_str()) || self.is_alias(&token.low);
                    let strange = !lexicon::is_common(&token.low) && !system;
                    !token.raw.starts_with(['/', '.'])
                        && !token.raw.contains([':', '/', '@'])
                        && !filler
                        && (first
                            || strange
                            || (sure
                                && !system
                                && self.list_goes_on(at, to)
                                && !lexicon::is_unit(&token.low)))
                }
                Kind::Number => {
                    first
                        && token.raw.bytes().all(|b| b.is_ascii_digit())
                        && !lexicon::is_unit(self.low(at + 1))
                }
                _ => false,
            };
            if !good {
                break;
            }
            let mut next = at + 1;
            let written = token.raw.clone();
            if let Some(all) = range_in_word(&written).filter(|all| {
                most >= all.len() && all.len() > 1 && (most == crate::limits::COUNT_MAX || most == all.len())
            }) {
                names.extend(all.into_iter().map(|name| (name, at, next)));
                end = next;
            } else {
                let joiner = self.is(next, &["to", "through", "till", "until", "thru"])
                    || self.mark(next, "-–—…")
                    || self.is(next, &[".."]);
                let far = self.toks.get(next + 1).filter(|_| joiner && next + 1 < to);
                if let Some(all) = far.and_then(|t| name_range(&written, &t.raw)) {
                    next += 2;
                    names.extend(all.into_iter().map(|name| (name, at, next)));
                } else {
                    names.push((written, at, next));
                }
                end = next;
            }
            at = next;
            // `kn1 kn2 kn3`
            if self.nameish(at) && names.last().is_some_and(|(_, a, _)| self.nameish(*a)) && at < to {
                continue;
            }
            let mut joined = false;
            while self.mark(at, ",&/+")
                || self.is(at, &["and"])
                || self.toks.get(at).is_some_and(|t| t.kind == Kind::Break && joined)
            {
                at += 1;
                joined = true;
            }
            if !joined {
                break;
            }
        }
        names.truncate(most);
        (names, end)
    }

    pub(super) fn list_goes_on(&self, at: usize, to: usize) -> bool {
        at + 1 >= to || self.mark(at + 1, ",.;:)") || self.is(at + 1, &["and", "with", "on"])
    }
}
