//! Storages of Proxmox to add or take away, and resource pools.
//!
//! Begin with [`Reader::storage`]; only NFS storages can be declared.

use super::draft::Entry;
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::{Change, Label, QuestionAbout, RefusalReason, StorageWish, WarningAbout};

impl Reader<'_> {
    /// A storage of Proxmox to add, change or take away.
    pub fn storage(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        if self.storage_content(range) {
            return true;
        }
        let share = self.share_in(range);
        let path_only = (from..to).find(|i| self.raw(*i).starts_with('/') && self.raw(*i).len() > 1);
        let nfs = self.has(range, &["nfs", "nas", "export", "share", "truenas", "synology"]);
        let purpose = self.has(
            range,
            &[
                "storage",
                "proxmox",
                "datastore",
                "for backups",
                "for iso",
                "for isos",
                "templates",
                "backups",
                "iso",
                "isos",
                "as a storage",
            ],
        );
        let adds = self.has(
            range,
            &[
                "add",
                "hook up",
                "attach",
                "connect",
                "register",
                "set up",
                "make",
                "create",
                "use",
                "integrate",
                "mount",
                "include",
                "new",
                "bring in",
                "link",
            ],
        );
        let into_guest = self.has(range, &["mount", "mounted"]) && !self.has(range, &["proxmox"]);
        if let Some((at, n)) = super::loss::verb(self, range).map(|(a, b)| (a, b - a))
            && self.has(range, &["storage"])
            && self.mentions(range).is_empty()
        {
            let known = (from..to).find(|i| self.facts.storages.contains_key(self.raw(*i)));
            if let Some(i) = known {
                let id = self.raw(i).to_owned();
                let nfs = self.facts.storages.get(&id).is_some_and(|s| s.kind == "nfs");
                let users = self.facts.guests.values().any(|g| g.storage.as_deref() == Some(id.as_str()));
                let span = self.span(i, i + 1);
                if !nfs || users {
                    self.draft.refuse(
                        RefusalReason::Unsupported,
                        format!("Only NFS storages that no guest uses can be taken away; {id} is none."),
                        Some(span),
                    );
                    return true;
                }
                let entry = Entry::new(StorageWish {
                    change: Change::Remove,
                    id,
                    kind: None,
                    server: None,
                    export: None,
                    content: Vec::new(),
                    nodes: Vec::new(),
                })
                .label("change", self.said(at, at + n))
                .label("id", self.said(i, i + 1));
                self.draft.storages.push(entry);
                return true;
            }
        }
        if into_guest
            || !(share.is_some() || (nfs && path_only.is_some()) || (nfs && purpose && adds))
            || !purpose
            || !adds
        {
            return false;
        }
        if !self.heads(range).is_empty() || self.mentions(range).iter().any(|m| !matches!(&m.meant, super::mention::Meant::Guests(ids) if ids.iter().all(|id| self.guest(*id).is_some_and(|g| !g.managed)))) {
            return false;
        }
        let span = self.span(from, to);
        let (server, export) = match (&share, path_only) {
            (Some((share, _)), _) => {
                let (a, b) =
                    share.apart.clone().unwrap_or_else(|| (share.label.clone(), share.label.clone()));
                share.source.split_once(':').map(|(s, e)| ((s.to_owned(), a), (e.to_owned(), b))).unzip()
            }
            (None, Some(at)) => {
                let mut servers: Vec<(&String, &String)> =
                    self.facts.storages.iter().filter_map(|(id, s)| Some((id, s.server.as_ref()?))).collect();
                servers.dedup_by(|a, b| a.1 == b.1);
                // `We got a new NAS at 10.0.20.6. Add its export /pool/isos …`
                let spoken = (0..from).rev().find(|i| {
                    self.raw(*i).parse::<std::net::Ipv4Addr>().is_ok()
                        && self.has(
                            (i.saturating_sub(6), *i),
                            &["nas", "nfs", "server", "truenas", "synology", "filer"],
                        )
                });
                let known = match servers.as_slice() {
                    _ if spoken.is_some() => {
                        spoken.map(|at| (self.raw(at).to_owned(), self.said(at, at + 1)))
                    }
                    [(id, server)] => {
                        Some(((*server).clone(), Label::Observed { fact: format!("/storages/{id}/server") }))
                    }
                    _ => None,
                };
                (known, Some((self.raw(at).to_owned(), self.said(at, at + 1))))
            }
            _ => (None, None),
        };
        let (Some(server), Some(export)) = (server, export) else {
            self.draft.ask(
                QuestionAbout::WhichShare,
                "Which NFS export shall be added, as server:/path?",
                vec![],
                Some(span),
            );
            return true;
        };
        let named = (from..to).find_map(|i| {
            if !(self.is(i, &["as", "called", "named", "id"])
                || self.is(i, &["storage"]) && !self.is(i + 1, &["for"]))
            {
                return None;
            }
            let mut at = i + 1;
            while self.is(at, &["a", "an", "the", "storage", "id", "called", "named", "nfs"])
                || self.mark(at, "=:") && at < to
            {
                at += 1;
            }
            let token = self.toks.get(at).filter(|t| {
                at < to && (t.kind == Kind::Quoted || t.kind == Kind::Word && !t.raw.contains(['/', ':']))
            })?;
            (token.kind == Kind::Quoted
                || !lexicon::is_common(&token.low)
                || token.raw.contains('-')
                || self.is(i, &["called", "named"]))
            .then_some(at)
        });
        // The same share under one name is one storage: asked for again, it is already there.
        let present = self.facts.storages.iter().find(|(id, storage)| {
            storage.kind == "nfs"
                && storage.server.as_deref() == Some(server.0.as_str())
                && storage.export.as_deref() == Some(export.0.as_str())
                && named.is_none_or(|at| self.raw(at) == id.as_str())
        });
        let present = present.map(|(id, _)| id.clone());
        let (id, id_label) = match (named, &present) {
            (Some(at), _) => (self.raw(at).to_owned(), self.said(at, at + 1)),
            (None, Some(id)) => {
                (id.clone(), Label::derived("this export is that storage already", Some(span)))
            }
            (None, None) => {
                let last: String = export
                    .0
                    .rsplit('/')
                    .next()
                    .unwrap_or("nfs")
                    .chars()
                    .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
                    .collect();
                let stem = if last.len() < 2 || !last.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    format!("nfs-{last}").trim_end_matches('-').to_owned()
                } else {
                    last
                };
                let id = if self.facts.storages.contains_key(&stem) { format!("{stem}-nfs") } else { stem };
                (id, Label::derived("no name is said; the last part of the export", Some(span)))
            }
        };
        if present.is_none() && self.facts.storages.contains_key(&id) || !crate::shape::storage_id(&id) {
            self.draft.ask(
                QuestionAbout::WhatName,
                format!("The storage name {id} is taken or cannot be used. Which name shall it have?"),
                vec![],
                Some(span),
            );
            return true;
        }
        if !crate::shape::share(&format!("{}:{}", server.0, export.0)) {
            self.draft.ask(
                QuestionAbout::WhichShare,
                "This export cannot be used. Which one is meant, as server:/path?",
                vec![],
                Some(span),
            );
            return true;
        }
        let content = self.content_words(range, named);
        let mut nodes: Vec<(String, Label)> = Vec::new();
        let all = self.has(
            range,
            &[
                "all nodes",
                "every node",
                "all servers",
                "all hosts",
                "every server",
                "all the nodes",
                "whole cluster",
                "everywhere",
                "all three nodes",
            ],
        );
        for i in from..to {
            if !all && self.facts.nodes.contains_key(self.raw(i)) {
                nodes.push((self.raw(i).to_owned(), self.said(i, i + 1)));
            }
        }
        let wish = StorageWish {
            change: if present.is_some() { Change::Update } else { Change::Create },
            id,
            kind: None,
            server: None,
            export: None,
            content: content.iter().map(|c| c.0.clone()).collect(),
            nodes: nodes.iter().map(|n| n.0.clone()).collect(),
        };
        let mut entry = if present.is_some() {
            let words = format!("The export {} is storage {} already.", export.0, wish.id);
            self.draft.warn(WarningAbout::AlreadySo, words, Some(span));
            Entry::new(wish).label("change", Label::derived("a storage of this export exists", None))
        } else {
            let kind = Some(self.facts.house.defaults.storage.kind.clone());
            Entry::new(StorageWish { kind, server: Some(server.0), export: Some(export.0), ..wish })
                .label("change", Label::derived("a storage of this name does not exist", None))
                .label("type", Label::Default { rule: "/defaults/storage/type".into() })
                .label("server", server.1)
                .label("export", export.1)
        }
        .label("id", id_label);
        for (n, (_, label)) in content.into_iter().enumerate() {
            entry.labels.insert(format!("content/{n}"), label);
        }
        for (n, (_, label)) in nodes.into_iter().enumerate() {
            entry.labels.insert(format!("nodes/{n}"), label);
        }
        self.use_up(from, to);
        self.draft.storages.push(entry);
        true
    }

    /// What a storage shall hold, with the words that say it.
    fn content_words(&self, (from, to): (usize, usize), except: Option<usize>) -> Vec<(String, Label)> {
        let kinds: &[(&str, &str)] = &[
            ("backups", "backup"),
            ("backup", "backup"),
            ("iso", "iso"),
            ("isos", "iso"),
            ("container templates", "vztmpl"),
            ("templates", "vztmpl"),
            ("vm disks", "images"),
            ("disk images", "images"),
            ("vm images", "images"),
            ("container disks", "rootdir"),
            ("containers", "rootdir"),
            ("snippets", "snippets"),
            ("images", "images"),
            ("vms", "images"),
            ("disks", "images"),
            ("imports", "import"),
            ("dumps", "backup"),
            ("rootdir", "rootdir"),
            ("vztmpl", "vztmpl"),
        ];
        let mut content: Vec<(String, Label)> = Vec::new();
        for i in from..to {
            if Some(i) == except {
                continue;
            }
            if let Some((words, kind)) = kinds.iter().find(|(words, _)| self.phrase(i, words)) {
                let skip = *kind == "rootdir" && self.is(i + 1, &["templates", "template"])
                    || *kind == "images" && self.is(i.wrapping_sub(1), &["container", "iso"])
                    || self.raw(i).contains('/');
                if !skip && !content.iter().any(|(k, _)| k == kind) {
                    content.push(((*kind).to_owned(), self.said(i, i + words.split(' ').count())));
                }
            }
        }
        content
    }

    /// `tank-nfs should also hold container templates`: what an NFS storage that is there may hold.
    fn storage_content(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let verbs =
            ["hold", "store", "keep", "accept", "take", "be used for", "allow", "offer", "contain", "holds"];
        let wishes = ["should", "shall", "must", "may", "can", "let", "make", "allow"];
        let Some(at) = (from..to).find(|i| self.facts.storages.contains_key(self.raw(*i))) else {
            return false;
        };
        if !self.has(range, &verbs)
            || !self.has(range, &wishes)
            || !self.mentions(range).is_empty()
            || !self.heads(range).is_empty()
            || self.share_in(range).is_some()
            || !self.quantities(from, to).is_empty()
        {
            return false;
        }
        let words = self.content_words(range, Some(at));
        if words.is_empty() {
            return false;
        }
        let id = self.raw(at).to_owned();
        let Some(storage) = self.facts.storages.get(&id) else { return false };
        let span = self.span(from, to);
        if storage.kind != "nfs" {
            let text = format!("Only NFS storages are changed here; {id} is none.");
            self.draft.refuse(RefusalReason::Unsupported, text, Some(span));
            return true;
        }
        let less = self.has(range, &["no longer", "not", "never", "stop", "neither"]);
        let only = self.has(range, &["only", "nothing but"]);
        let mut content: Vec<String> = if only { Vec::new() } else { storage.content.clone() };
        for (kind, _) in &words {
            content.retain(|have| have != kind);
            if !less {
                content.push(kind.clone());
            }
        }
        if content.is_empty() {
            let text = format!("{id} would hold nothing then. What shall it hold?");
            self.draft.ask(QuestionAbout::WhatGoal, text, vec![], Some(span));
            return true;
        }
        let mut entry = Entry::new(StorageWish {
            change: Change::Update,
            id,
            kind: None,
            server: None,
            export: None,
            content: content.clone(),
            nodes: Vec::new(),
        })
        .label("change", Label::derived("the storage exists", None))
        .label("id", self.said(at, at + 1));
        for (n, kind) in content.iter().enumerate() {
            let said = words.iter().find(|(word, _)| word == kind).map(|(_, label)| label.clone());
            let label = said.unwrap_or_else(|| Label::derived("it holds this already", None));
            entry.labels.insert(format!("content/{n}"), label);
        }
        self.use_up(from, to);
        self.draft.storages.push(entry);
        true
    }
}
