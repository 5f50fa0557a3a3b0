//! Giving new guests what the attributes say, each to those of a group whose turn it is.
//!
//! Begin with [`Reader::say_of_new`]. A second, different value for the same thing is a contradiction.

use super::attr::{Attribute, What};
use super::create::{Turn, simple};
use super::quantity::Role;
use super::reader::Reader;
use domain::interpretation::{Label, Placement, PlacementRule, QuestionAbout, RefusalReason};

impl Reader<'_> {
    /// Gives new guests what the attributes say, each to those whose turn it is.
    pub fn say_of_new(&mut self, made: &[usize], attributes: &[Attribute], turns: &[Turn]) {
        let bare = |a: &&Attribute| matches!(&a.what, What::Size(q) if q.role == Role::Bare);
        let order = attributes.iter().filter(|a| !bare(a)).chain(attributes.iter().filter(bare));
        let mut last_extra: Option<(usize, usize)> = None;
        for attribute in order {
            let targets = turns
                .iter()
                .rev()
                .find(|t| t.at <= attribute.from)
                .map_or_else(|| made.to_vec(), |t| t.to.clone());
            let whole = targets.len() == made.len();
            if let What::Size(q) = &attribute.what
                && q.role == Role::Extra
            {
                last_extra = Some((attribute.to, q.times));
            }
            if let What::Storage(id) = &attribute.what
                && let Some((_, times)) =
                    last_extra.filter(|(end, _)| attribute.from >= *end && attribute.from <= *end + 3)
            {
                let label = self.said(attribute.from, attribute.to);
                for g in &targets {
                    let Some(guest) = self.draft.guests.get_mut(*g) else { continue };
                    let all = guest.wish.extra_disks.len();
                    for n in all.saturating_sub(times)..all {
                        if let Some(disk) = guest.wish.extra_disks.get_mut(n) {
                            disk.storage = Some(id.clone());
                        }
                        guest.set(&format!("extra_disks/{n}/storage"), label.clone());
                    }
                }
                last_extra = None;
                continue;
            }
            self.say_one(&targets, attribute, whole);
        }
    }

    pub(super) fn say_one(&mut self, targets: &[usize], attribute: &Attribute, whole: bool) {
        let span = self.span(attribute.from, attribute.to);
        let label = self.said(attribute.from, attribute.to);
        match &attribute.what {
            What::Spread | What::Together => {
                let rule = if matches!(attribute.what, What::Spread) {
                    PlacementRule::Spread
                } else {
                    PlacementRule::Together
                };
                let guests: Vec<String> = targets.iter().map(|g| format!("#{g}")).collect();
                self.draft.placement.push(
                    super::draft::Entry::new(Placement { rule, guests })
                        .label("rule", label.clone())
                        .label("guests", Label::derived("the guests that the words are about", Some(span))),
                );
            }
            What::Ips(ips, prefix) => {
                let onward = self.is(attribute.to, &["onward", "onwards", "upward", "upwards", "up", "on"])
                    || self.is(attribute.to, &["and"])
                        && self.is(attribute.to + 1, &["up", "following", "onwards"])
                    || self.is(attribute.from.wrapping_sub(1), &["from"])
                    || self.is(attribute.from.wrapping_sub(1), &["at"])
                        && self.is(attribute.from.wrapping_sub(2), &["starting"]);
                let list: Vec<String> = if ips.len() == 1 && targets.len() > 1 && onward {
                    super::finish::following(ips.first().map_or("", String::as_str), targets.len())
                } else {
                    ips.clone()
                };
                if list.len() != targets.len() {
                    self.draft.ask(
                        QuestionAbout::WhatAddress,
                        format!(
                            "{} addresses are named for {} guests. Which guest gets which address?",
                            list.len(),
                            targets.len()
                        ),
                        vec![],
                        Some(span),
                    );
                    return;
                }
                for (g, ip) in targets.iter().zip(list) {
                    let prefix = prefix.unwrap_or_else(|| self.prefix_for(*g, &ip));
                    let label = if onward && ips.first() != Some(&ip) {
                        Label::derived("counted on from the first address", Some(span))
                    } else {
                        label.clone()
                    };
                    self.put(*g, "ip", serde_json::Value::from(format!("{ip}/{prefix}")), label, whole, span);
                }
            }
            What::Size(q) => {
                for g in targets {
                    self.size_of_new(*g, attribute, whole);
                }
                let _ = q;
            }
            What::Tags(tags) => {
                for g in targets {
                    if let Some(guest) = self.draft.guests.get_mut(*g) {
                        for tag in tags {
                            if !guest.wish.tags.contains(tag) {
                                guest.wish.tags.push(tag.clone());
                                let n = guest.wish.tags.len() - 1;
                                guest.set(&format!("tags/{n}"), label.clone());
                            }
                        }
                    }
                }
            }
            What::Dns(ip) => {
                for g in targets {
                    if let Some(guest) = self.draft.guests.get_mut(*g)
                        && !guest.wish.nameservers.contains(ip)
                    {
                        guest.wish.nameservers.push(ip.clone());
                        let n = guest.wish.nameservers.len() - 1;
                        guest.set(&format!("nameservers/{n}"), label.clone());
                    }
                }
            }
            What::Key(key) => {
                for g in targets {
                    if let Some(guest) = self.draft.guests.get_mut(*g) {
                        guest.wish.ssh_keys.push(key.clone());
                        let n = guest.wish.ssh_keys.len() - 1;
                        guest.set(&format!("ssh_keys/{n}"), label.clone());
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
                for g in targets {
                    let label = Label::derived("the pool spoken of just before", Some(span));
                    self.put(*g, "pool", serde_json::Value::from(name.clone()), label, whole, span);
                }
            }
            What::Ha(false) | What::Protected(false) => self.heard.push(span),
            what => match simple(what) {
                Some((field, value)) => {
                    let exact = value.as_str().is_none_or(|v| {
                        super::reader::plain(self.words(attribute.from, attribute.to))
                            .contains(&super::reader::plain(v))
                    });
                    let label = match (&attribute.what, self.words(attribute.from, attribute.to)) {
                        (What::Vlan(tag), words) if !words.contains(&tag.to_string()) => {
                            Label::Observed { fact: format!("/vlans/{tag}") }
                        }
                        _ => label,
                    };
                    let loose = field == "storage" && !exact && {
                        let words = super::reader::plain(self.words(attribute.from, attribute.to));
                        !value.as_str().is_some_and(|id| super::reader::plain(id).contains(&words))
                    };
                    let label = if loose {
                        Label::derived("the storage that these words mean", Some(span))
                    } else if field == "iso" && !exact {
                        Label::derived("the only ISO that fits these words", Some(span))
                    } else {
                        label
                    };
                    for g in targets {
                        self.put(*g, field, value.clone(), label.clone(), whole, span);
                    }
                }
                None => self.problem(what, span),
            },
        }
    }

    /// Sets a field of a new guest. A second, different value for the same is a contradiction, unless it is
    /// about fewer guests or comes from an answer.
    pub fn put(
        &mut self,
        g: usize,
        field: &str,
        value: serde_json::Value,
        label: Label,
        whole: bool,
        span: domain::interpretation::Span,
    ) {
        let own = self.own;
        let corrected = self.corrected(span.start);
        let Some(guest) = self.draft.guests.get_mut(g) else { return };
        let mut tree = serde_json::to_value(&guest.wish).unwrap_or_default();
        let old = tree.get(field).filter(|v| **v != value).is_some();
        let spoken = matches!(guest.labels.get(field), Some(Label::Said { .. }));
        if old && spoken && whole && span.start < own && !corrected {
            self.draft.ask(
                QuestionAbout::Contradiction,
                "The text gives two different values for the same thing. Which one counts?",
                vec![],
                Some(span),
            );
            return;
        }
        if let Some(map) = tree.as_object_mut() {
            map.insert(field.to_owned(), value);
        }
        if let Ok(wish) = serde_json::from_value(tree) {
            guest.wish = wish;
            guest.set(field, label);
        }
    }

    /// A word of correction stands shortly before: `no, make it 6`.
    pub(super) fn corrected(&self, at: usize) -> bool {
        let before: Vec<&str> =
            self.toks.iter().filter(|t| t.span.start < at).map(|t| t.low.as_str()).collect();
        let tail: Vec<&str> = before.iter().rev().take(6).copied().collect();
        let joined = tail.iter().rev().copied().collect::<Vec<_>>().join(" ");
        if ["make that", "make it", "no ,"].iter().any(|words| joined.contains(words)) {
            return true;
        }
        tail.iter().any(|w| {
            matches!(
                *w,
                "actually"
                    | "sorry"
                    | "correction"
                    | "rather"
                    | "wait"
                    | "scratch"
                    | "oops"
                    | "mean"
                    | "meant"
            )
        })
    }

    pub(super) fn prefix_for(&self, g: usize, ip: &str) -> u8 {
        let vlan = self.draft.guests.get(g).and_then(|d| d.wish.vlan);
        let cidr = vlan.and_then(|tag| self.facts.house.vlans.get(&tag.to_string())).map(|v| v.cidr.as_str());
        let other = self
            .facts
            .house
            .vlans
            .values()
            .find(|v| super::address::usable_in(ip, &v.cidr))
            .map(|v| v.cidr.as_str());
        let house = self.facts.house.network.cidr.as_str();
        let cidr = cidr.or(if super::address::usable_in(ip, house) { None } else { other });
        cidr.and_then(super::address::prefix_of).unwrap_or(self.facts.house.defaults.network.prefix)
    }
}
