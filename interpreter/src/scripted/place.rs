//! Moves of existing guests, and copies of them.
//!
//! Begin with [`Reader::moved`] and [`Reader::clone_of`].

use super::attr::What;
use super::create::{Count, Head, legal_name};
use super::draft::{Entry, GuestDraft};
use super::lexicon;
use super::reader::{Focus, Reader, guest_kind};
use super::token::Kind;
use domain::interpretation::{GuestChange, GuestKind, GuestWish, Label, Move, QuestionAbout, WarningAbout};

impl Reader<'_> {
    pub fn moved(&mut self, range: (usize, usize)) -> bool {
        let words: &[&str] = &[
            "move",
            "migrate",
            "relocate",
            "transfer",
            "shift",
            "moved",
            "migrated",
            "bring",
            "put",
            "should run on",
            "should live on",
            "should sit on",
            "belongs on",
            "send",
            "must run on",
            "shall run on",
            "moves",
            "live-migrate",
        ];
        let Some((at, _)) = self.find(range, words) else { return false };
        if (range.0..at).rev().take(3).any(|i| self.is(i, &["not", "don't", "never"])) {
            return false;
        }
        let sure = self.is(
            at,
            &[
                "move",
                "migrate",
                "relocate",
                "transfer",
                "moved",
                "migrated",
                "shift",
                "moves",
                "live-migrate",
            ],
        );
        let (from, to) = range;
        let mentions = self.mentions(range);
        if mentions.is_empty() && !(sure && self.focus != Focus::Nothing) {
            let span = self.span(from, to);
            if sure && self.unknown_reference(range).is_some() {
                let at = self.unknown_reference(range).map(|(a, b)| self.span(a, b));
                self.unknown_guest(at.or(Some(span)));
                return true;
            }
            return false;
        }
        if matches!(self.focus, Focus::New(_)) && mentions.is_empty() {
            return false;
        }
        if self.has(range, &["vlan", "network", "pool", "subnet"]) && !self.has(range, &["storage pool"]) {
            return false;
        }
        let goal = (from..to).any(|i| {
            let low = self.low(i);
            let inside = mentions.iter().any(|m| m.from <= i && i < m.to);
            !inside
                && (self.facts.nodes.contains_key(self.raw(i))
                    || self.storage_at(i, from, to, GuestKind::Vm).is_some()
                    || self.is(i, &["node", "server", "host"])
                    || low.starts_with("pve"))
        });
        if !goal && !sure {
            return false;
        }
        let Some(targets) = self.targets(range, false) else { return true };
        let ids: Vec<_> = targets.iter().flat_map(|t| t.vmids.clone()).collect();
        self.focus = Focus::Guests(ids.clone());
        let kind = ids.first().and_then(|id| self.guest(*id)).map_or(GuestKind::Vm, |g| guest_kind(&g.kind));
        let live = self.find(
            range,
            &[
                "without downtime",
                "without any downtime",
                "live",
                "live-migrate",
                "online",
                "no downtime",
                "zero downtime",
                "while running",
                "while it runs",
                "while it is running",
                "without stopping",
                "without interruption",
                "without stopping it",
                "keeps running",
                "without an outage",
                "without interrupting",
                "without any interruption",
            ],
        );
        let off = self.find(
            range,
            &[
                "offline",
                "stop it first",
                "downtime is fine",
                "may be stopped",
                "can be stopped",
                "downtime is ok",
                "downtime is okay",
                "it may stop",
                "shut it down first",
                "stopping it is fine",
                "may be down",
                "can be down",
                "downtime allowed",
            ],
        );
        let attributes = self.attributes(from, to, kind);
        let node = attributes.iter().rev().find_map(|a| match &a.what {
            What::Node(name) if !self.is(a.from.wrapping_sub(1), &["from", "off"]) => {
                Some((name.clone(), a.from, a.to))
            }
            _ => None,
        });
        let storage = attributes.iter().rev().find_map(|a| match &a.what {
            What::Storage(id) if !self.is(a.from.wrapping_sub(1), &["from", "off"]) => {
                Some((id.clone(), a.from, a.to))
            }
            _ => None,
        });
        let span = self.span(from, to);
        for attribute in &attributes {
            let at = self.span(attribute.from, attribute.to);
            if matches!(
                attribute.what,
                What::UnknownNode(_) | What::UnknownStorage(_) | What::SeveralStorages(_)
            ) {
                self.problem(&attribute.what, at);
                return true;
            }
        }
        if node.is_none() && storage.is_none() {
            let (about, options) = if self.has(range, &["disk", "disks", "storage"]) {
                (QuestionAbout::WhichStorage, self.facts.storages.keys().cloned().collect())
            } else {
                (
                    QuestionAbout::WhichNode,
                    self.facts.nodes.iter().filter(|(_, n)| n.online).map(|(n, _)| n.clone()).collect(),
                )
            };
            self.draft.ask(about, "Where shall it be moved?", options, Some(span));
            return true;
        }
        for guest in ids.iter().filter_map(|id| self.facts.guest(*id)) {
            let target = targets
                .iter()
                .find(|t| t.vmids.contains(&guest.vmid) && t.to > t.from)
                .map(|t| self.span(t.from, t.to));
            let mut entry =
                Entry::new(Move { guest: guest.name.clone(), to_node: None, to_storage: None, online: None })
                    .label("guest", Label::derived(format!("guest {} is meant", guest.vmid), target));
            // `build to pve1 and web-old to pve2`: the node behind the guest is its own.
            let own = targets.iter().position(|t| t.vmids.contains(&guest.vmid)).and_then(|n| {
                let start = targets.get(n)?.to;
                let end = targets.get(n + 1).map_or(to, |next| next.from);
                attributes.iter().find_map(|a| match &a.what {
                    What::Node(name)
                        if a.from >= start
                            && a.to <= end
                            && !self.is(a.from.wrapping_sub(1), &["from", "off"]) =>
                    {
                        Some((name.clone(), a.from, a.to))
                    }
                    _ => None,
                })
            });
            let node = own.or_else(|| node.clone());
            if let Some((name, a, b)) = &node {
                entry.value.to_node = Some(name.clone());
                entry.labels.insert("to_node".into(), self.said(*a, *b));
                let local = guest
                    .storage
                    .as_ref()
                    .and_then(|id| self.facts.storages.get(id))
                    .is_some_and(|s| !s.shared);
                if local && storage.is_none() {
                    self.draft.warn(
                        WarningAbout::DiskCopy,
                        format!("The disk of {} is local and is copied between the nodes.", guest.name),
                        None,
                    );
                }
                if guest.node == *name && storage.is_none() {
                    self.draft.warn(
                        WarningAbout::AlreadySo,
                        format!("{} runs on {name} already.", guest.name),
                        None,
                    );
                }
                if guest.kind == "container" && guest.status == "running" {
                    self.draft.warn(
                        WarningAbout::Interrupts,
                        format!("{} stops and starts again on {name}.", guest.name),
                        None,
                    );
                }
            }
            if let Some((id, a, b)) = &storage {
                entry.value.to_storage = Some(id.clone());
                let known = super::reader::plain(id);
                let label = if super::reader::plain(self.words(*a, *b)).contains(&known) {
                    self.said(*a, *b)
                } else {
                    Label::derived("the storage that these words mean", Some(self.span(*a, *b)))
                };
                entry.labels.insert("to_storage".into(), label);
            }
            if let Some((at, n)) = live {
                entry.value.online = Some(true);
                entry.labels.insert("online".into(), self.said(at, at + n));
            } else if let Some((at, n)) = off {
                entry.value.online = Some(false);
                entry.labels.insert("online".into(), self.said(at, at + n));
            }
            self.draft.moves.push(entry);
        }
        true
    }

    /// `Clone web-old to web-test`, `same as the web server but for staging`.
    pub fn clone_of(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let copies: &[&str] = &[
            "clone",
            "copy of",
            "duplicate",
            "copy",
            "clone of",
            "cloned",
            "twin of",
            "replica of",
            "clones of",
            "copies of",
            "replicas of",
            "duplicates of",
        ];
        let same: &[&str] =
            &["same as", "just like", "identical to", "exactly like", "like", "modelled on", "based on"];
        let copy = self.find(range, copies);
        let alike = self
            .find(range, same)
            .filter(|(at, n)| *n > 1 || !self.is(at.wrapping_sub(1), &["i'd", "would", "i"]));
        let Some((at, n)) = copy.or(alike) else { return false };
        if self.has((from, to), &["template"]) && self.has(range, &["clone", "copy"]) {
            return self.template(range);
        }
        let after = self.mentions((at, to));
        if after.is_empty() {
            if copy.is_some() && self.is(at, &["clone", "duplicate"]) {
                let span =
                    self.unknown_reference(range).map(|(a, b)| self.span(a, b)).or(Some(self.span(from, to)));
                self.unknown_guest(span);
                return true;
            }
            return false;
        }
        let Some(first) = after.first().cloned() else { return false };
        let span = self.span(first.from, first.to);
        let super::mention::Meant::Guests(ids) = &first.meant else {
            let _ = self.targets((first.from, first.to), false);
            return true;
        };
        let (Some(source), 1) = (ids.first().and_then(|id| self.facts.guest(*id)), ids.len()) else {
            self.draft.ask(QuestionAbout::WhichGuest, "Which guest shall be copied?", vec![], Some(span));
            return true;
        };
        if !source.managed {
            self.allowed(&[source.vmid], (first.from, first.to), false);
            return true;
        }
        self.use_up(first.from, first.to);
        let heads = self.heads((from, first.from));
        let count = heads.first().map_or(1, |h| if let Count::Exactly(n) = h.count { n } else { 1 });
        let count = (from..at)
            .find_map(|i| self.number_at(i))
            .map_or(count, |(n, _)| if n.fract() == 0.0 && n >= 1.0 { n as usize } else { count });
        let twice = if self.has(range, &["twice"]) { 2 } else { count };
        let named = (first.to..to)
            .chain(from..at)
            .find(|i| self.is(*i, &["to", "as", "called", "named", "call", "name", "into"]))
            .and_then(|i| {
                let mut next = i + 1;
                while self
                    .is(next, &["it", "them", "a", "new", "the", "vm", "container", "one", "called", "named"])
                {
                    next += 1;
                }
                let good = self.toks.get(next).is_some_and(|t| {
                    next < to
                        && matches!(t.kind, Kind::Word | Kind::Quoted)
                        && (t.kind == Kind::Quoted
                            || !self.facts.nodes.contains_key(&t.raw)
                                && !self.facts.storages.contains_key(&t.raw))
                        && (self.is(i, &["called", "named", "name", "call"]) || !lexicon::is_common(&t.low))
                });
                good.then_some(next)
            });
        let (names, end) =
            named.map_or((Vec::new(), first.to), |at| self.name_list(at, to, crate::limits::COUNT_MAX, true));
        let count = names.len().max(twice).min(self.facts.house.policy.create_max + 1);
        self.use_up(named.unwrap_or(end), end);
        let purpose = self
            .find(
                range,
                &[
                    "for staging",
                    "for testing",
                    "for test",
                    "for development",
                    "for dev",
                    "for production",
                    "for prod",
                    "staging",
                ],
            )
            .map(|(at, n)| self.low(at + n - 1).to_owned());
        let kind = guest_kind(&source.kind);
        let mut made = Vec::new();
        for i in 0..count {
            let mut wish = GuestWish::new(GuestChange::Create, kind, String::new());
            wish.copy_of = Some(source.vmid);
            let mut draft = GuestDraft::new(wish);
            match names.get(i) {
                Some((name, a, b)) => {
                    let (legal, adjusted) = legal_name(name);
                    draft.wish.name = legal;
                    let words = self.span(*a, *b);
                    draft.set(
                        "name",
                        if adjusted || *b > *a + 1 {
                            Label::derived("one of the names in the text", Some(words))
                        } else {
                            self.said(*a, *b)
                        },
                    );
                }
                None => {
                    draft.made_up = true;
                    let word = purpose.clone().unwrap_or_else(|| "copy".into());
                    draft.wish.name = self.free_name(&format!("{}-{word}", source.name), count > 1, None);
                    draft.set("name", Label::derived("no name is said, so one was made up", None));
                }
            }
            draft.set("change", Label::derived("a copy is asked for", Some(self.span(at, at + n))));
            draft.set("kind", Label::Observed { fact: format!("/guests/{}/kind", source.vmid) });
            draft.set("copy_of", Label::Observed { fact: format!("/guests/{}/vmid", source.vmid) });
            made.push(self.draft.guests.len());
            self.draft.guests.push(draft);
        }
        let label = Label::derived(format!("guest {} is meant", source.vmid), Some(span));
        for g in &made {
            if let Some(draft) = self.draft.guests.get_mut(*g) {
                draft.set("copy_of", label.clone());
            }
        }
        for head in heads {
            self.use_up(head.from, head.noun + 1);
        }
        let turns = self.turns(&made, range, (from, from));
        let attributes = self.attributes(from, to, kind);
        self.say_of_new(&made, &attributes, &turns);
        self.focus = Focus::New(made);
        true
    }

    fn template(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let noun = self.find(range, &["template"]).map_or(from, |(at, _)| at);
        let head = self.heads(range).into_iter().next().unwrap_or(Head {
            from: noun,
            noun,
            kind: GuestKind::Vm,
            count: Count::Exactly(1),
            plural: false,
            role: None,
            clear: true,
        });
        self.create(&head, from, to);
        true
    }
}
