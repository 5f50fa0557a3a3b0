//! Names of new guests: as the text gives them, in lists and ranges, or made up so that they are free.
//!
//! Begin with [`Reader::names_for`].

use super::create::{Count, Head, name_range, range_in_word};
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;

/// A name and the tokens `[from, to)` that give it.
pub type Named = (String, usize, usize);

impl Reader<'_> {
    /// Reads names for a head: `called a, b and c`, `"git"`, `c1 to c4`. Gives names with their tokens.
    pub fn names_for(&self, head: &Head, to: usize) -> (Vec<Named>, (usize, usize)) {
        let wanted = match head.count {
            Count::Exactly(n) => n,
            _ if head.plural => crate::limits::COUNT_MAX,
            _ => 1,
        };
        let called: &[&str] =
            &["called", "named", "hostname", "hostnames", "names", "name", "titled", "call", "dubbed"];
        let marked = (head.noun + 1..to).find(|i| {
            self.is(*i, called)
                && !self.is(
                    i.wrapping_sub(1),
                    &["user", "login", "pool", "cluster", "storage", "tag", "k3s", "k8s", "kubernetes"],
                )
                && (!self.is(i.wrapping_sub(1), &["host"]) || self.is(*i, &["name"]))
                && !self.cluster_named(*i)
        });
        // `two VMs: one called sun with …, the other called moon with …`
        if wanted > 1 && wanted < crate::limits::COUNT_MAX {
            let each: Vec<Named> = (head.noun + 1..to)
                .filter(|i| self.is(*i, &["called", "named"]) && !self.cluster_named(*i))
                .filter_map(|i| self.name_list(i + 1, to, 1, true).0.into_iter().next())
                .collect();
            if each.len() == wanted {
                return (each, (head.noun, head.noun));
            }
        }
        // `named robin, sorry, named wren`: the last one counts.
        let again = marked.and_then(|i| {
            (i + 1..to)
                .rev()
                .find(|j| self.is(*j, called) && super::quantity::takes_back(self, (i + 1, *j)))
                .map(|j| (i, j))
        });
        let begin = again.map(|(i, _)| i);
        let marked = again.map(|(_, j)| j).or(marked);
        if let Some(i) = marked {
            let mut at = i + 1;
            while self.is(
                at,
                &[
                    "it", "them", "is", "are", "as", "shall", "be", "should", "simply", "just", "the",
                    "like", "of",
                ],
            ) || self.mark(at, ":=")
            {
                at += 1;
            }
            let most = if wanted > 1 { crate::limits::COUNT_MAX } else { 1 };
            let (names, end) = self.name_list(at, to, most, true);
            if !names.is_empty() {
                return (names, (begin.unwrap_or(i), end));
            }
        }
        let mut next = head.noun + 1;
        if self.mark(next, ":(") {
            next += 1;
        }
        let quoted =
            self.toks.get(next).is_some_and(|t| t.kind == Kind::Quoted && !t.low.is_empty()) && next < to;
        let direct = next < to
            && self.toks.get(next).is_some_and(|t| {
                t.kind == Kind::Word
                    && !lexicon::is_common(&t.low)
                    && !lexicon::SYSTEMS.contains(&t.low.as_str())
                    && !t.raw.starts_with(['/', '.'])
                    && !t.raw.contains(['/', ':', '@'])
                    && !lexicon::VERBS.contains(&t.low.as_str())
                    && (!t.low.ends_with("ing") || self.closes(next + 1, to))
                    && !matches!(t.low.as_str(), "hosting" | "serving" | "sharing" | "having" | "including")
            })
            && self.toks.get(next + 1).is_none_or(|t| {
                next + 1 >= to
                    || matches!(t.kind, Kind::Mark | Kind::Break)
                    || lexicon::COMMON.contains(&t.low.as_str())
                    || t.number.is_some()
            });
        if quoted || direct {
            let listed = self.mark(head.noun + 1, ":(") && wanted > 1;
            let most = if listed { crate::limits::COUNT_MAX } else { wanted };
            let (names, end) = self.name_list(next, to, most, false);
            let items = if listed && names.len() < wanted { self.items_named(next, to) } else { Vec::new() };
            if items.len() == wanted && wanted > 1 {
                return (items, (head.noun, head.noun));
            }
            if !names.is_empty() {
                // `containers a1 and a2 on pve1, and b1 on pve2`: b1 is one of them.
                let mut names = names;
                if head.plural && head.count == Count::Silent {
                    let more: Vec<Named> = (end..to)
                        .filter(|i| {
                            self.nameish(*i)
                                && (self.is(i - 1, &["and"]) || self.mark(i - 1, ",;"))
                                && self.is(i + 1, &["on", "at", "with", "in"])
                                && !names.iter().any(|(name, _, _)| name == self.raw(*i))
                        })
                        .map(|i| (self.raw(i).to_owned(), i, i + 1))
                        .collect();
                    names.extend(more);
                }
                return (names, (next, end));
            }
        }
        // Names with digits or hyphens elsewhere, as many as guests: `two VMs, web-1 at … and web-2 at …`.
        if let Count::Exactly(n) = head.count {
            let odd: Vec<(String, usize, usize)> = (head.noun + 1..to)
                .filter(|i| self.nameish(*i))
                .map(|i| (self.raw(i).to_owned(), i, i + 1))
                .collect();
            let mut seen = std::collections::BTreeSet::new();
            let odd: Vec<_> = odd.into_iter().filter(|(name, _, _)| seen.insert(name.clone())).collect();
            if n > 1
                && odd.len() == 2
                && n != 2
                && let [(first, a, _), (last, _, z)] = odd.as_slice()
                && (self.is(a + 1, &["to", "through", "till", "until", "thru"]) || self.mark(a + 1, "-–—"))
                && let Some(all) = name_range(first, last).filter(|all| all.len() == n)
            {
                return (all.into_iter().map(|name| (name, *a, *z)).collect(), (*a, *z));
            }
            if let [(word, a, z)] = odd.as_slice()
                && let Some(all) = range_in_word(word).filter(|all| all.len() == n && n > 1)
            {
                return (all.into_iter().map(|name| (name, *a, *z)).collect(), (*a, *z));
            }
            if n > 1 && odd.len() == n {
                return (odd, (head.noun, head.noun));
            }
            let items = self.items_named(head.noun + 1, to);
            if n > 1 && items.len() == n {
                return (items, (head.noun, head.noun));
            }
        }
        (Vec::new(), (head.noun, head.noun))
    }

    /// Names that stand before their noun: `pg-a on pve1 and pg-b on pve2, Debian VMs with …`.
    pub(super) fn names_before(&self, from: usize, to: usize) -> Vec<Named> {
        // `vm01 to vm04: Debian VMs, …`
        let range = (from..to).filter(|i| self.nameish(*i)).find_map(|i| {
            let joined =
                self.is(i + 1, &["to", "through", "till", "until", "thru"]) || self.mark(i + 1, "-–—…");
            if let Some(all) = range_in_word(self.raw(i)) {
                return Some(all.into_iter().map(|name| (name, i, i + 1)).collect::<Vec<_>>());
            }
            let all = name_range(self.raw(i), self.raw(i + 2)).filter(|_| joined && i + 2 < to)?;
            Some(all.into_iter().map(|name| (name, i, i + 3)).collect())
        });
        if let Some(all) = range {
            return all;
        }
        let mut seen = std::collections::BTreeSet::new();
        let odd: Vec<Named> = (from..to)
            .filter(|i| self.nameish(*i) && self.facts.guest_named(self.low(*i)).is_none())
            .map(|i| (self.raw(i).to_owned(), i, i + 1))
            .filter(|(name, _, _)| seen.insert(name.clone()))
            .collect();
        if odd.len() > 1 { odd } else { Vec::new() }
    }

    /// `web-a: an Ubuntu VM with …`, `"lb" = Alpine container`: one name that opens the words for one guest.
    pub(super) fn name_before(&self, from: usize, to: usize) -> Option<Named> {
        let mut at = from;
        while self.mark(at, "-*•–—") || self.is(at, &["and", "then"]) {
            at += 1;
        }
        let token = self.toks.get(at).filter(|_| at < to)?;
        let good = matches!(token.kind, Kind::Word | Kind::Quoted)
            && !token.low.is_empty()
            && !lexicon::is_common(&token.low)
            && !lexicon::SYSTEMS.contains(&token.low.as_str())
            && !self.is_alias(&token.low)
            && lexicon::noun(&token.low).is_none()
            && !self.facts.storages.contains_key(&token.low)
            && !self.facts.nodes.contains_key(&token.low)
            && self.facts.guest_named(&token.low).is_none()
            && !token.raw.contains(['/', ':', '@', '.']);
        let closed =
            self.mark(at + 1, ":=–—-") || self.is(at + 1, &["is", "as"]) && self.is(at + 2, &["a", "an"]);
        (good && closed).then(|| (token.raw.clone(), at, at + 1))
    }

    /// A mark, the end or `with` behind a word: what stands there is a name and no participle.
    pub(super) fn closes(&self, at: usize, to: usize) -> bool {
        at >= to || self.is(at, &["with"]) || self.mark(at, ",.;:(")
    }

    /// Words that open an item of a list and have something said behind them: `red with 1 GB, blue on pve2`.
    fn items_named(&self, from: usize, to: usize) -> Vec<Named> {
        let opens = |i: usize| {
            self.mark(i - 1, ":,(–—-")
                || self.is(i - 1, &["and", "one"])
                || self.mark(i - 1, ";")
                || i == from
        };
        let told = |i: usize| {
            self.is(i, &["with", "at", "on", "has", "gets", "having", "in"]) || self.mark(i, "(:=–—")
        };
        (from.max(1)..to)
            .filter(|i| {
                self.toks.get(*i).is_some_and(|t| {
                    matches!(t.kind, Kind::Word | Kind::Quoted)
                        && !t.low.is_empty()
                        && !lexicon::is_common(&t.low)
                        && !lexicon::SYSTEMS.contains(&t.low.as_str())
                        && !self.is_alias(&t.low)
                        && !self.facts.storages.contains_key(&t.low)
                        && !self.facts.nodes.contains_key(&t.low)
                        && !t.raw.contains(['/', ':', '@', '.'])
                }) && opens(*i)
                    && told(i + 1)
            })
            .map(|i| (self.raw(i).to_owned(), i, i + 1))
            .collect()
    }

    /// `a k3s cluster called edge`: the name is the cluster's.
    pub(super) fn cluster_named(&self, i: usize) -> bool {
        i > 0 && self.is(i - 1, &["cluster", "k3s", "k8s", "kubernetes", "kubeadm", "pool"])
    }

    pub(super) fn nameish(&self, i: usize) -> bool {
        self.toks.get(i).is_some_and(|t| {
            let own = t.kind == Kind::Quoted && !t.low.is_empty() && !t.raw.contains(' ');
            let shape = t.kind == Kind::Word
                && t.raw.starts_with(|c: char| c.is_ascii_lowercase())
                && t.raw.contains(|c: char| c == '-' || c.is_ascii_digit())
                && !t.raw.contains(['/', ':', '@', '.'])
                && !lexicon::is_common(&t.low)
                && !lexicon::SOFTWARE.contains(&t.low.as_str())
                && !self.is_alias(&t.low)
                && !self.facts.storages.contains_key(&t.low)
                && !self.facts.nodes.contains_key(&t.low)
                && !t.low.starts_with("vmbr")
                && !matches!(
                    t.low.as_str(),
                    "k3s"
                        | "k8s"
                        | "read-only"
                        | "ssh-key"
                        | "non-root"
                        | "set-up"
                        | "re-use"
                        | "high-availability"
                        | "anti-affinity"
                        | "cloud-init"
                        | "ipv4"
                        | "ipv6"
                        | "start-on-boot"
                        | "auto-start"
                        | "half-gig"
                );
            own || shape
        })
    }

    /// Numbers made-up names so that they are free.
    pub fn name_the_nameless(&mut self, made: &[usize]) {
        let several =
            made.iter().filter(|i| self.draft.guests.get(**i).is_some_and(|g| g.made_up)).count() > 1;
        for i in made {
            let Some(stem) = self.draft.guests.get(*i).filter(|g| g.made_up).map(|g| g.wish.name.clone())
            else {
                continue;
            };
            let name = self.free_name(&stem, several, Some(*i));
            if let Some(guest) = self.draft.guests.get_mut(*i) {
                guest.wish.name = name;
            }
        }
    }

    /// A name that no guest has, here or in the cluster: the stem, or the stem with the first free number.
    pub fn free_name(&self, stem: &str, numbered: bool, except: Option<usize>) -> String {
        let taken = |name: &str| {
            self.facts.guest_named(name).is_some()
                || self.draft.guests.iter().enumerate().any(|(n, g)| Some(n) != except && g.wish.name == name)
        };
        let stem: String = stem.chars().take(56).collect();
        let stem = stem.trim_matches('-').to_owned();
        if !numbered && !taken(&stem) {
            return stem;
        }
        let first = if numbered { 1 } else { 2 };
        (first..10_000).map(|n| format!("{stem}-{n}")).find(|name| !taken(name)).unwrap_or(stem)
    }
}
