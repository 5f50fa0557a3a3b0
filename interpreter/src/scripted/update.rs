//! Changes to guests that exist: sizes, power, start order, tags, pools, names, network, notes.
//!
//! Begin with [`Reader::update`]. Only what the text asks for is set; amounts to add are turned into the
//! value wanted afterwards.

use super::attr::{Attribute, What};
use super::create::simple;
use super::draft::Entry;
use super::quantity::Role;
use super::reader::{Focus, Reader, guest_kind};
pub use super::targets::Target;
use domain::facts::Guest;
use domain::ids::Vmid;
use domain::interpretation::{GuestChange, Label, Move, QuestionAbout, RefusalReason, WarningAbout};

impl Reader<'_> {
    /// Reads a clause about existing guests. False: nothing in it was understood.
    pub fn update(&mut self, (from, to): (usize, usize)) -> bool {
        let range = (from, to);
        if self.leave_alone(range) || self.rename(range) || self.order(range) {
            return true;
        }
        if self.has(range, &["pool"])
            && self.has(range, &["leave", "leaves", "remove", "removed", "out of", "take", "drop"])
            && self.has(range, &["from", "out", "leave", "leaves"])
            && !self.has(range, &["put", "move"])
            && !self.has(range, &["tag", "tags"])
        {
            let span = self.span(from, to);
            let text = "A guest is not taken out of its pool here; it can be put into another one.";
            self.draft.refuse(RefusalReason::Unsupported, text, Some(span));
            return true;
        }
        let removed = self.removed_tags(range);
        let spoken = !self.mentions(range).is_empty();
        let Some(targets) = self.targets(range, false) else { return spoken };
        let all: Vec<Vmid> = targets.iter().flat_map(|t| t.vmids.clone()).collect();
        self.focus = Focus::Guests(all.clone());
        let kind = all
            .first()
            .and_then(|id| self.guest(*id))
            .map_or(domain::interpretation::GuestKind::Vm, |g| guest_kind(&g.kind));
        let mut done = false;
        for (tag, span) in removed {
            for id in &all {
                if let Some(guest) = self.guest(*id) {
                    let draft = self.draft_of(guest, &targets);
                    draft.wish.remove_tags.push(tag.clone());
                    let n = draft.wish.remove_tags.len() - 1;
                    draft.set(&format!("remove_tags/{n}"), Label::Said { quote: None, span: Some(span) });
                    done = true;
                }
            }
        }
        done |= self.power(range, &all, &targets);
        done |= self.multiplied(range, &all, &targets);
        let attributes = self.attributes(from, to, kind);
        let mut extra_end = None;
        self.behind = attributes
            .first()
            .is_some_and(|a| targets.first().is_some_and(|t| a.from < t.from && t.to > t.from));
        for attribute in &attributes {
            let vmids = self.meant_by(attribute, &targets, &all);
            if let (What::Storage(id), Some(end)) = (&attribute.what, extra_end)
                && attribute.from >= end
                && attribute.from <= end + 2
            {
                let label = self.said(attribute.from, attribute.to);
                let guests: Vec<&Guest> = vmids.iter().filter_map(|id| self.facts.guest(*id)).collect();
                for guest in guests {
                    let draft = self.draft_of(guest, &targets);
                    for n in 0..draft.wish.extra_disks.len() {
                        let open = draft.wish.extra_disks.get_mut(n).filter(|disk| disk.storage.is_none());
                        if let Some(disk) = open {
                            disk.storage = Some(id.clone());
                            draft.set(&format!("extra_disks/{n}/storage"), label.clone());
                        }
                    }
                }
                continue;
            }
            done |= self.say_of_existing(attribute, &vmids, &targets, range, &mut extra_end);
        }
        self.unsaid(range, &targets, done)
    }

    pub(super) fn say_of_existing(
        &mut self,
        attribute: &Attribute,
        vmids: &[Vmid],
        targets: &[Target],
        range: (usize, usize),
        extra_end: &mut Option<usize>,
    ) -> bool {
        let span = self.span(attribute.from, attribute.to);
        let label = self.said(attribute.from, attribute.to);
        let guests: Vec<&Guest> = vmids.iter().filter_map(|id| self.facts.guest(*id)).collect();
        match &attribute.what {
            What::Size(q) => {
                for guest in guests {
                    self.resize(guest, q, attribute, targets, range);
                }
                if q.role == Role::Extra || self.is_new_disk(q, range) {
                    *extra_end = Some(attribute.to);
                }
            }
            What::Node(_) if self.is(attribute.from.wrapping_sub(1), &["from", "off"]) => {
                // Where it comes from.
                self.heard.push(span);
            }
            What::Node(name) => {
                for guest in guests {
                    self.draft.moves.push(
                        Entry::new(Move {
                            guest: guest.name.clone(),
                            to_node: Some(name.clone()),
                            to_storage: None,
                            online: None,
                        })
                        .label(
                            "guest",
                            Label::derived(
                                format!("guest {} is meant", guest.vmid),
                                targets.first().map(|t| self.span(t.from, t.to)),
                            ),
                        )
                        .label("to_node", label.clone()),
                    );
                }
            }
            What::Storage(id) => {
                let words = super::reader::plain(span.of(self.text).unwrap_or(""));
                let known = super::reader::plain(id);
                let label = if words.contains(&known)
                    || words.split(char::is_whitespace).any(|w| known.contains(w))
                {
                    label
                } else {
                    Label::derived("the storage that these words mean", Some(span))
                };
                for guest in guests {
                    self.draft.moves.push(
                        Entry::new(Move {
                            guest: guest.name.clone(),
                            to_node: None,
                            to_storage: Some(id.clone()),
                            online: None,
                        })
                        .label(
                            "guest",
                            Label::derived(
                                format!("guest {} is meant", guest.vmid),
                                targets.first().map(|t| self.span(t.from, t.to)),
                            ),
                        )
                        .label("to_storage", label.clone()),
                    );
                }
            }
            What::Ips(ips, prefix) => {
                if ips.len() != vmids.len() {
                    self.draft.ask(
                        QuestionAbout::WhatAddress,
                        format!(
                            "{} addresses are named for {} guests. Which guest gets which address?",
                            ips.len(),
                            vmids.len()
                        ),
                        vec![],
                        Some(span),
                    );
                    return true;
                }
                for (guest, ip) in guests.into_iter().zip(ips) {
                    let vlan = guest
                        .vlan
                        .and_then(|tag| self.facts.house.vlans.get(&tag.to_string()))
                        .and_then(|v| super::address::prefix_of(&v.cidr));
                    let prefix = prefix.or(vlan).unwrap_or(self.facts.house.defaults.network.prefix);
                    self.put_old(
                        guest,
                        "ip",
                        serde_json::Value::from(format!("{ip}/{prefix}")),
                        label.clone(),
                        targets,
                    );
                }
            }
            What::Tags(tags) => {
                for guest in guests {
                    let draft = self.draft_of(guest, targets);
                    for tag in tags {
                        if !draft.wish.tags.contains(tag) && !draft.wish.remove_tags.contains(tag) {
                            draft.wish.tags.push(tag.clone());
                            let n = draft.wish.tags.len() - 1;
                            draft.set(&format!("tags/{n}"), label.clone());
                        }
                    }
                }
            }
            What::Dns(ip) => {
                for guest in guests {
                    let draft = self.draft_of(guest, targets);
                    draft.wish.nameservers.push(ip.clone());
                    let n = draft.wish.nameservers.len() - 1;
                    draft.set(&format!("nameservers/{n}"), label.clone());
                }
            }
            What::Ha(true) => {
                for guest in guests {
                    let shared = guest
                        .storage
                        .as_ref()
                        .and_then(|id| self.facts.storages.get(id))
                        .is_some_and(|s| s.shared);
                    if shared {
                        self.put_old(guest, "ha", serde_json::Value::from(true), label.clone(), targets);
                    } else {
                        self.draft.refuse(
                            RefusalReason::NoSharedDisk,
                            format!(
                                "{} has its disk on a local storage; high availability needs a shared one.",
                                guest.name
                            ),
                            Some(span),
                        );
                    }
                }
            }
            What::Pool(name) if !self.facts.pools.contains_key(name) && !self.pool_made(name) => {
                self.draft.refuse(
                    RefusalReason::UnknownName,
                    format!("There is no pool {name}."),
                    Some(span),
                );
            }
            What::RecentPool(name) => {
                for guest in guests {
                    let label = Label::derived("the pool spoken of just before", Some(span));
                    self.put_old(guest, "pool", serde_json::Value::from(name.clone()), label, targets);
                }
            }
            What::Spread | What::Together => {
                self.draft.refuse(
                    RefusalReason::Unsupported,
                    "Guests that exist are not placed anew; say where each shall go.",
                    Some(span),
                );
            }
            What::Image(_)
            | What::Iso(_)
            | What::UnknownImage(_)
            | What::User(_)
            | What::Key(_)
            | What::Uefi
            | What::Tpm
            | What::Unprivileged => {
                self.heard.push(span);
                return false;
            }
            what => match simple(what) {
                Some((field, value)) => {
                    let words = self.words(attribute.from, attribute.to);
                    let label = match &attribute.what {
                        What::Vlan(tag) if !words.contains(&tag.to_string()) => {
                            Label::Observed { fact: format!("/vlans/{tag}") }
                        }
                        _ => label,
                    };
                    for guest in guests {
                        self.put_old(guest, field, value.clone(), label.clone(), targets);
                    }
                }
                None => self.problem(what, span),
            },
        }
        true
    }

    pub fn put_old(
        &mut self,
        guest: &Guest,
        field: &str,
        value: serde_json::Value,
        label: Label,
        targets: &[Target],
    ) {
        let own = self.own;
        let late = label.span().is_some_and(|s| s.start >= own || self.corrected(s.start));
        let draft = self.draft_of(guest, targets);
        if draft.wish.change != GuestChange::Update {
            return;
        }
        let mut tree = serde_json::to_value(&draft.wish).unwrap_or_default();
        if tree.get(field).is_some_and(|old| *old != value) && !late {
            let span = label.span();
            self.draft.ask(
                QuestionAbout::Contradiction,
                format!(
                    "The text gives {} two different values for the same thing. Which one counts?",
                    guest.name
                ),
                vec![],
                span,
            );
            return;
        }
        if let Some(map) = tree.as_object_mut() {
            map.insert(field.to_owned(), value);
        }
        if let Ok(wish) = serde_json::from_value(tree) {
            draft.wish = wish;
            draft.set(field, label);
        }
        if matches!(field, "cores" | "memory_mib") && guest.status == "running" && guest.kind == "vm" {
            self.draft.warn(
                WarningAbout::RestartNeeded,
                format!("{} takes the new size at its next start.", guest.name),
                None,
            );
        }
    }
}
