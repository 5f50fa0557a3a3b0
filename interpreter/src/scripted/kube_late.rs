//! Kubernetes said later than its guests: installed on guests made before, and named in a sentence of its own.

use super::create::legal_name;
use super::draft::Entry;
use super::kube::CONTROL;
use super::reader::Reader;
use domain::interpretation::{Change, GuestKind, KubernetesWish, Label, QuestionAbout};

impl Reader<'_> {
    /// Guests made a moment ago become a cluster.
    pub(super) fn install_on(&mut self, made: Vec<usize>, range: (usize, usize)) -> bool {
        if made.is_empty()
            || made.iter().any(|g| self.draft.guests.get(*g).is_none_or(|d| d.wish.kind != GuestKind::Vm))
        {
            return false;
        }
        let usual = (self.facts.house.defaults.kubernetes.control_planes as usize).min(made.len());
        // `with kube-1 as the control plane`
        let chosen = (range.0..range.1).find_map(|i| {
            let g = made.iter().position(|g| {
                self.draft.guests.get(*g).is_some_and(|d| !d.made_up && d.wish.name == self.low(i))
            })?;
            let told = self.is(i + 1, &["as", "is", "being", "becomes", "shall", "will"])
                && (i + 2..(i + 7).min(range.1))
                    .any(|at| self.is(at, &["control", "master"]) || self.is(at, CONTROL));
            told.then_some((g, i))
        });
        let mut made = made;
        if let Some((place, _)) = chosen {
            let first = made.remove(place);
            made.insert(0, first);
        }
        let usual = if chosen.is_some() { 1 } else { usual };
        let why = match chosen {
            Some((_, at)) => Label::derived("named as the control plane", Some(self.span(at, at + 1))),
            None => Label::derived("as many control planes as the house rules say", None),
        };
        for g in &made {
            if let Some(draft) = self.draft.guests.get_mut(*g) {
                draft.kubernetes = true;
            }
        }
        let (first, rest) = made.split_at(usual);
        let members = |all: &[usize]| Some(all.iter().map(|g| format!("#{g}")).collect::<Vec<_>>());
        let span = self.span(range.0, range.1);
        // `form a Kubernetes cluster named quad from them`
        let called = (range.0..range.1)
            .find(|i| self.is(*i, &["named", "called"]))
            .and_then(|i| self.name_list(i + 1, range.1, 1, true).0.into_iter().next())
            .map(|(written, a, b)| (legal_name(&written).0, a, b))
            .filter(|(name, _, _)| !name.is_empty() && !self.facts.house.kubernetes.contains_key(name));
        let name_label = match &called {
            Some((_, a, b)) => self.said(*a, *b),
            None => Label::derived("no name is said, so one was made up", None),
        };
        let name = called.map_or_else(|| self.free_cluster_name(), |(name, _, _)| name);
        let wish = KubernetesWish {
            change: Change::Create,
            name,
            distribution: None,
            version: None,
            control_planes: members(first),
            workers: members(rest),
            pod_cidr: None,
            service_cidr: None,
            cni: None,
            nfs_share: None,
        };
        let mut entry = Entry::new(wish)
            .label("change", Label::derived("a new cluster is asked for", Some(span)))
            .label("name", name_label)
            .label("control_planes", why)
            .label("workers", Label::derived("the other nodes are workers", None));
        self.cluster_words(range, &mut entry);
        self.read_as_install(range);
        self.draft.kubernetes.push(entry);
        true
    }

    /// `Name the cluster duo.`: the name of a new cluster in a sentence of its own.
    pub(super) fn names_new_cluster(&mut self, (from, to): (usize, usize)) -> bool {
        let phrases: &[&str] = &[
            "name the cluster",
            "call the cluster",
            "name this cluster",
            "call this cluster",
            "cluster is called",
            "cluster is named",
            "cluster should be called",
            "cluster should be named",
            "cluster shall be called",
            "cluster shall be named",
            "cluster's name is",
            "cluster name is",
            "cluster name :",
            "name it",
            "call it",
        ];
        let open = |entry: &Entry<KubernetesWish>| {
            entry.value.change == Change::Create
                && !entry.value.name.starts_with('=')
                && matches!(entry.labels.get("name"), Some(Label::Derived { .. }))
        };
        let Some((at, n)) = self.find((from, to), phrases) else { return false };
        if !self.heads((from, to)).is_empty() || !self.draft.kubernetes.last().is_some_and(open) {
            return false;
        }
        let (names, end) = self.name_list(at + n, to, 1, true);
        let Some((written, a, b)) = names.first() else { return false };
        let (name, adjusted) = legal_name(written);
        let span = self.span(*a, *b);
        if name.is_empty() || self.facts.house.kubernetes.contains_key(&name) {
            let text =
                "There is a Kubernetes cluster of that name, or it cannot be used. Which name shall it have?";
            self.draft.ask(QuestionAbout::WhatName, text, vec![], Some(span));
            return true;
        }
        let label = if adjusted {
            Label::derived("a legal form of the name in the text", Some(span))
        } else {
            self.said(*a, *b)
        };
        self.use_up(from, end);
        let Some(entry) = self.draft.kubernetes.last_mut() else { return false };
        let old = std::mem::replace(&mut entry.value.name, name.clone());
        entry.labels.insert("name".into(), label);
        for g in 0..self.draft.guests.len() {
            let tail = self
                .draft
                .guests
                .get(g)
                .filter(|d| d.made_up && d.kubernetes)
                .and_then(|d| d.wish.name.strip_prefix(&old)?.strip_prefix('-').map(str::to_owned));
            if let Some(tail) = tail {
                let stem = format!(
                    "{name}-{}",
                    tail.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-')
                );
                let free = self.free_name(&stem, true, Some(g));
                if let Some(draft) = self.draft.guests.get_mut(g) {
                    draft.wish.name = free;
                }
            }
        }
        true
    }
}
