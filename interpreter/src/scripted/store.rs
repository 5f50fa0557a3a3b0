//! NFS: shares mounted in VMs, and storages of Proxmox. Also resource pools.
//!
//! Begin with [`Reader::mount`] and [`Reader::storage`]. A share in a container is refused: a token may not
//! bind-mount.

use super::draft::Entry;
use super::lexicon;
use super::reader::{Focus, Reader};
use super::token::Kind;
use domain::facts::Facts;
use domain::interpretation::{Change, GuestKind, Label, Mount, QuestionAbout, RefusalReason};

/// The NFS exports that the facts know, as `server:/path`.
pub fn known_shares(facts: &Facts) -> Vec<String> {
    let shares = facts.storages.values().filter(|s| s.kind == "nfs");
    shares.filter_map(|s| Some(format!("{}:{}", s.server.as_ref()?, s.export.as_ref()?))).collect()
}

const LEAVE_OUT: &str = "Leave the share out";

/// A share as the text says it.
pub struct Share {
    pub source: String,
    pub label: Label,
    /// Where server and path stand, when they stand apart.
    pub apart: Option<(Label, Label)>,
}

impl Reader<'_> {
    /// `server:/path`, or a path with a server near it.
    pub(super) fn share_in(&self, (from, to): (usize, usize)) -> Option<(Share, usize)> {
        let whole = (from..to).find(|i| self.raw(*i).contains(":/") && !self.raw(*i).contains("://"));
        if let Some(i) = whole {
            return Some((
                Share { source: self.raw(i).to_owned(), label: self.said(i, i + 1), apart: None },
                i,
            ));
        }
        let server = (from..to).find(|i| {
            let raw = self.raw(*i);
            raw.parse::<std::net::Ipv4Addr>().is_ok() && (*i == from || !self.is(i - 1, &["ip", "address"]))
        })?;
        let path = (from..to).find(|i| {
            self.raw(*i).starts_with('/')
                && self.raw(*i).len() > 1
                && !self.is(i.wrapping_sub(1), &["at", "under", "as", "into", "in"])
        })?;
        let source = format!("{}:{}", self.raw(server), self.raw(path));
        let label = Label::derived(
            "server and path stand apart in the text",
            Some(self.span(server.min(path), server.max(path) + 1)),
        );
        let apart = Some((self.said(server, server + 1), self.said(path, path + 1)));
        Some((Share { source, label, apart }, path))
    }

    /// The path inside the guest.
    pub(super) fn path_in(&self, (from, to): (usize, usize), share: Option<usize>) -> Option<usize> {
        let paths: Vec<usize> = (from..to)
            .filter(|i| self.raw(*i).starts_with('/') && self.raw(*i).len() > 1 && Some(*i) != share)
            .collect();
        paths
            .iter()
            .copied()
            .find(|i| self.is(i.wrapping_sub(1), &["at", "under", "to", "on", "as", "in", "into", "path"]))
            .or(paths.first().copied())
    }

    /// A clause about a share in guests.
    pub fn mount(&mut self, range: (usize, usize)) -> bool {
        let verb: &[&str] = &["mount", "mounted", "mounts", "unmount", "umount", "unmounted", "mounting"];
        // `db-1 should see 10.0.20.5:/tank/dumps under /var/dumps`: a share and a path are a mount.
        let share_and_path = || {
            let (_, at) = self.share_in(range)?;
            (self.facts.guests.values().any(|g| (range.0..range.1).any(|i| self.raw(i) == g.name))
                && self.path_in(range, Some(at)).is_some())
            .then_some((at, 1))
        };
        let Some((verb_at, _)) = self.find(range, verb).or_else(share_and_path) else { return false };
        let remove = self.has(
            range,
            &[
                "unmount",
                "umount",
                "unmounted",
                "no longer mount",
                "remove the mount",
                "remove mount",
                "stop mounting",
            ],
        );
        let mentioned = !self.mentions(range).is_empty();
        let names: Vec<(String, GuestKind, Label)> = if mentioned {
            let Some(targets) = self.mount_targets(range) else { return true };
            targets
        } else {
            let unknown = self.unknown_reference(range);
            match self.focus.clone() {
                _ if unknown.is_some() => {
                    let span = unknown.map(|(a, b)| self.span(a, b));
                    self.unknown_guest(span);
                    return true;
                }
                Focus::New(made) if !made.is_empty() => self.new_names(&made),
                Focus::Guests(ids) => ids
                    .iter()
                    .filter_map(|id| self.guest(*id))
                    .map(|g| {
                        (
                            g.name.clone(),
                            super::reader::guest_kind(&g.kind),
                            Label::derived("the guest spoken of", None),
                        )
                    })
                    .collect(),
                _ => {
                    let span = self.span(range.0, range.1);
                    self.unknown_guest(Some(span));
                    Vec::new()
                }
            }
        };
        if !self.mount_in_pairs(range, &names, remove) && (remove || !self.mount_several(range, &names)) {
            self.mount_on(range, &names, remove.then_some(verb_at));
        }
        true
    }

    /// `… and make it read-only`: of the mounts asked for just before.
    pub(super) fn makes_read_only(&mut self, (from, to): (usize, usize)) -> bool {
        let Some((at, n)) = self.find((from, to), &["read-only", "readonly", "read only"]) else {
            return false;
        };
        let about = self.has((from, to), &["it", "them", "that", "both", "mount", "mounts", "share"]);
        let fresh = self.draft.mounts.last().is_some_and(|m| m.value.change == Change::Create);
        if !about
            || !fresh
            || to - from > 8
            || !self.mentions((from, to)).is_empty()
            || self.share_in((from, to)).is_some()
        {
            return false;
        }
        let label = self.said(at, at + n);
        let share = self.draft.mounts.last().and_then(|m| m.value.source.clone());
        for mount in self.draft.mounts.iter_mut().filter(|m| m.value.source == share) {
            mount.value.read_only = Some(true);
            mount.labels.insert("read_only".into(), label.clone());
        }
        self.use_up(from, to);
        true
    }

    /// Several shares of new guests, each with its path behind it: `a:/x on /x and a:/y on /y`.
    fn mount_several(&mut self, (from, to): (usize, usize), names: &[(String, GuestKind, Label)]) -> bool {
        let shares: Vec<usize> =
            (from..to).filter(|i| self.raw(*i).contains(":/") && !self.raw(*i).contains("://")).collect();
        if shares.len() < 2 || names.iter().any(|(_, kind, _)| *kind == GuestKind::Container) {
            return false;
        }
        let ends = shares.iter().skip(1).copied().chain([to]);
        let pairs: Vec<(usize, usize)> = shares
            .iter()
            .zip(ends)
            .filter_map(|(share, end)| {
                let path = (share + 1..end).find(|i| crate::shape::path(self.raw(*i)))?;
                crate::shape::share(self.raw(*share)).then_some((*share, path))
            })
            .collect();
        if pairs.len() != shares.len() {
            return false;
        }
        for (share, path) in pairs {
            for (name, _, label) in names {
                let entry = Entry::new(Mount {
                    change: Change::Create,
                    guest: name.clone(),
                    source: Some(self.raw(share).to_owned()),
                    path: self.raw(path).to_owned(),
                    read_only: None,
                })
                .label("change", Label::derived("the share is to be there", None))
                .label("guest", label.clone())
                .label("source", self.said(share, share + 1))
                .label("path", self.said(path, path + 1));
                self.draft.mounts.push(entry);
            }
            self.use_up(share, share + 1);
            self.use_up(path, path + 1);
        }
        true
    }

    /// `… in build at /src and in web-old at /opt/src`: as many paths as guests, each behind its guest.
    fn mount_in_pairs(
        &mut self,
        (from, to): (usize, usize),
        names: &[(String, GuestKind, Label)],
        remove: bool,
    ) -> bool {
        let Some((_, share_at)) = self.share_in((from, to)).filter(|_| names.len() > 1 && !remove) else {
            return false;
        };
        let places: Vec<usize> = names
            .iter()
            .filter_map(|(name, _, _)| (from..to).find(|i| self.raw(*i).eq_ignore_ascii_case(name)))
            .collect();
        let path = |i: &usize| self.raw(*i).starts_with('/') && self.raw(*i).len() > 1 && *i != share_at;
        let paths: Vec<usize> = (from..to).filter(path).collect();
        let paired = places.len() == names.len()
            && paths.len() == names.len()
            && places.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
            && places.iter().zip(&paths).all(|(place, path)| place < path)
            && places.iter().skip(1).zip(&paths).all(|(next, path)| path < next);
        if !paired {
            return false;
        }
        let Some((share, _)) = self.share_in((from, to)) else { return false };
        let read_only = self.find((from, to), &["read-only", "readonly", "ro", "read only"]);
        if names.iter().any(|(_, kind, _)| *kind == GuestKind::Container)
            || !crate::shape::share(&share.source)
            || paths.iter().any(|at| !crate::shape::path(self.raw(*at)))
        {
            return false;
        }
        for ((name, _, label), at) in names.iter().zip(paths) {
            let mut entry = Entry::new(Mount {
                change: Change::Create,
                guest: name.clone(),
                source: Some(share.source.clone()),
                path: self.raw(at).to_owned(),
                read_only: None,
            })
            .label("change", Label::derived("the share is to be there", None))
            .label("guest", label.clone())
            .label("source", share.label.clone())
            .label("path", self.said(at, at + 1));
            if let Some((at, n)) = read_only {
                entry.value.read_only = Some(true);
                entry.labels.insert("read_only".into(), self.said(at, at + n));
            }
            self.use_up(at, at + 1);
            self.draft.mounts.push(entry);
        }
        self.use_up(share_at, share_at + 1);
        true
    }

    pub(super) fn new_names(&self, made: &[usize]) -> Vec<(String, GuestKind, Label)> {
        made.iter()
            .filter_map(|g| {
                Some((
                    format!("#{g}"),
                    self.draft.guests.get(*g)?.wish.kind,
                    Label::derived("the guest spoken of", None),
                ))
            })
            .collect()
    }

    pub(super) fn mount_targets(&mut self, range: (usize, usize)) -> Option<Vec<(String, GuestKind, Label)>> {
        let targets = self.targets(range, false)?;
        let mut out = Vec::new();
        for target in &targets {
            let span = self.span(target.from, target.to);
            for guest in target.vmids.iter().filter_map(|id| self.facts.guest(*id)) {
                out.push((
                    guest.name.clone(),
                    super::reader::guest_kind(&guest.kind),
                    Label::derived(format!("guest {} is meant", guest.vmid), Some(span)),
                ));
            }
        }
        self.focus = Focus::Guests(targets.iter().flat_map(|t| t.vmids.clone()).collect());
        Some(out)
    }

    /// Shares mounted in guests made in the same clause.
    pub fn mounts_within(&mut self, range: (usize, usize)) {
        let share = self
            .share_in(range)
            .is_some_and(|_| !self.draft.kubernetes.iter().any(|k| k.value.nfs_share.is_some()));
        let mounted = self.has(range, &["mount", "mounted", "mounts", "mounting"]);
        if !(share || mounted) {
            return;
        }
        let Focus::New(made) = self.focus.clone() else { return };
        let names = self.new_names(&made);
        if !self.mount_several(range, &names) {
            self.mount_on(range, &names, None);
        }
    }

    pub(super) fn mount_on(
        &mut self,
        range: (usize, usize),
        names: &[(String, GuestKind, Label)],
        remove: Option<usize>,
    ) {
        let span = self.span(range.0, range.1);
        if let Some((name, _, _)) =
            names.iter().find(|(_, kind, _)| *kind == GuestKind::Container).filter(|_| remove.is_none())
        {
            let name = name.clone();
            let shown = if name.starts_with('#') { "a container".to_owned() } else { name };
            self.draft.refuse(
                RefusalReason::RootOnly,
                format!("{shown} cannot mount NFS: Proxmox allows that only to root@pam. A VM would work."),
                Some(span),
            );
            return;
        }
        let found = self.share_in(range);
        let share_at = found.as_ref().map(|(_, at)| *at);
        let path_at = self.path_in(range, share_at);
        let mut share = found.map(|(share, _)| share);
        if share.is_none()
            && let Some(answer) = self.answer(QuestionAbout::WhichShare)
        {
            let low = answer.to_lowercase();
            if ["leave", "no ", "none", "skip", "without"].iter().any(|w| low.starts_with(w)) || low == "no" {
                self.heard.push(span);
                return;
            }
            let word = answer.split_whitespace().find(|w| w.contains(":/")).unwrap_or("");
            if crate::shape::share(word) {
                share = Some(Share { source: word.to_owned(), label: self.answered(answer), apart: None });
            }
        }
        let mut path = path_at.map(|at| (self.raw(at).to_owned(), self.said(at, at + 1)));
        if path.is_none()
            && let Some(answer) = self.answer(QuestionAbout::WhatPath)
            && let Some(word) = answer.split_whitespace().find(|w| crate::shape::path(w))
        {
            path = Some((word.to_owned(), self.answered(answer)));
        }
        if share.is_none() && remove.is_none() {
            let mut options: Vec<String> = known_shares(self.facts).into_iter().take(3).collect();
            options.push(LEAVE_OUT.to_owned());
            self.draft.ask(
                QuestionAbout::WhichShare,
                "Which NFS share shall be mounted, as server:/path?",
                options,
                Some(span),
            );
        }
        if path.is_none() && !names.is_empty() {
            let last = share
                .as_ref()
                .and_then(|s| s.source.rsplit('/').next().map(str::to_owned))
                .filter(|l| !l.is_empty())
                .unwrap_or_else(|| "nfs".into());
            self.draft.ask(
                QuestionAbout::WhatPath,
                "At which path inside the guest shall the share be mounted?",
                vec![format!("/mnt/{last}"), format!("/srv/{last}")],
                Some(span),
            );
        }
        let read_only = self.find(range, &["read-only", "readonly", "ro", "read only"]);
        if let Some(at) = share_at {
            self.use_up(at, at + 1);
        }
        if let Some(at) = path_at {
            self.use_up(at, at + 1);
        }
        let Some((path, path_label)) = path else { return };
        if !crate::shape::path(&path) {
            self.draft.ask(
                QuestionAbout::WhatPath,
                "This path cannot be used. At which path shall the share be mounted?",
                vec![],
                Some(span),
            );
            return;
        }
        if let Some(share) = share.as_ref().filter(|s| !crate::shape::share(&s.source)) {
            let text = format!(
                "{} is no NFS share. Which one is meant, as server:/path?",
                crate::limits::cut(&share.source, 80)
            );
            self.draft.ask(QuestionAbout::WhichShare, text, known_shares(self.facts), Some(span));
            return;
        }
        for (name, _, label) in names {
            let change = if remove.is_some() { Change::Remove } else { Change::Create };
            let change_label = remove
                .map_or_else(|| Label::derived("the share is to be there", None), |at| self.said(at, at + 1));
            let mut entry = Entry::new(Mount {
                change,
                guest: name.clone(),
                source: share.as_ref().map(|s| s.source.clone()),
                path: path.clone(),
                read_only: None,
            })
            .label("change", change_label)
            .label("guest", label.clone())
            .label("path", path_label.clone());
            if let Some(share) = &share {
                entry.labels.insert("source".into(), share.label.clone());
            }
            if let Some((at, n)) = read_only.filter(|_| remove.is_none()) {
                entry.value.read_only = Some(true);
                entry.labels.insert("read_only".into(), self.said(at, at + n));
            }
            self.draft.mounts.push(entry);
        }
    }

    /// `the docker VM`, `in media-box`: words for a guest that is not there.
    pub fn unknown_reference(&self, (from, to): (usize, usize)) -> Option<(usize, usize)> {
        (from + 1..to).find_map(|i| {
            let token = self.toks.get(i)?;
            let after = self.is(
                i - 1,
                &[
                    "in", "inside", "on", "to", "for", "of", "into", "the", "give", "set", "stop", "start",
                    "move", "delete", "destroy", "clone", "snapshot", "rename", "tag", "resize", "put",
                ],
            );
            let odd = matches!(token.kind, Kind::Word | Kind::Quoted)
                && !lexicon::is_common(&token.low)
                && !lexicon::SYSTEMS.contains(&token.low.as_str())
                && !token.raw.starts_with('/')
                && !token.raw.contains(['/', ':', '@'])
                && !self.facts.nodes.contains_key(&token.raw)
                && !self.facts.storages.contains_key(&token.raw)
                && !token.raw.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && (token.raw.contains(|c: char| c == '-' || c.is_ascii_digit())
                    || lexicon::noun(self.low(i + 1)).is_some() && i + 1 < to);
            (after && odd).then(|| (i, if lexicon::noun(self.low(i + 1)).is_some() { i + 2 } else { i + 1 }))
        })
    }
}
