//! Kubernetes clusters that exist: more or fewer nodes, volumes, versions, taking Kubernetes off.
//!
//! Begin with [`Reader::old_cluster`]. New workers are made like those that are there.

use super::draft::{Entry, GuestDraft};
use super::lexicon;
use super::mention::Meant;
use super::reader::{Focus, Reader};
use domain::facts::Kubernetes;
use domain::interpretation::{
    Change, GuestChange, GuestKind, GuestWish, KubernetesWish, Label, QuestionAbout, RefusalReason, Span,
    WarningAbout,
};

impl Reader<'_> {
    pub(super) fn old_cluster(
        &mut self,
        range: (usize, usize),
        named: Option<usize>,
        definite: Option<usize>,
        roles: bool,
        spoken: bool,
    ) -> bool {
        let (from, to) = range;
        let clusters = &self.facts.house.kubernetes;
        if named.is_none()
            && let Some(at) = definite
        {
            let before = at.checked_sub(1).filter(|b| {
                !self.is(
                    *b,
                    &["the", "my", "our", "kubernetes", "k3s", "k8s", "whole", "existing", "proxmox", "pve"],
                )
            });
            if let Some(b) = before {
                let span = self.span(b, at + 1);
                self.draft.ask(
                    QuestionAbout::WhichCluster,
                    format!("There is no Kubernetes cluster {}. Which cluster is meant?", self.raw(b)),
                    clusters.keys().cloned().collect(),
                    Some(span),
                );
                return true;
            }
            if !spoken && !roles {
                return false;
            }
        }
        let target = match named {
            Some(at) => Some((self.raw(at).to_owned(), Some(at))),
            None if clusters.len() == 1 => clusters.keys().next().map(|name| (name.clone(), None)),
            None => None,
        };
        let verbs = self.has(
            range,
            &[
                "scale",
                "worker",
                "workers",
                "add",
                "remove",
                "volumes",
                "volume",
                "storage",
                "destroy",
                "tear down",
                "delete",
                "upgrade",
                "update",
                "version",
                "offer",
                "grow",
                "shrink",
                "get rid of",
                "take",
                "needs",
                "need",
                "more",
                "control",
                "drain",
                "join",
                "persistent",
            ],
        );
        let versioned = (from..to).any(|i| self.version_at(i).is_some());
        if !verbs && !versioned {
            return false;
        }
        let Some((name, at)) = target else {
            if !(roles || definite.is_some()) {
                return false;
            }
            let span = self.span(from, to);
            self.draft.ask(
                QuestionAbout::WhichCluster,
                "Which Kubernetes cluster is meant?",
                clusters.keys().cloned().collect(),
                Some(span),
            );
            return true;
        };
        let Some(cluster) = clusters.get(&name) else { return false };
        let label = at.map_or_else(
            || Label::derived("it is the only Kubernetes cluster", None),
            |at| self.said(at, at + 1),
        );
        if let Some(at) = at {
            self.use_up(at, at + 1);
        }
        let wish = KubernetesWish {
            change: Change::Update,
            name: name.clone(),
            distribution: None,
            version: None,
            control_planes: None,
            workers: None,
            pod_cidr: None,
            service_cidr: None,
            cni: None,
            nfs_share: None,
        };
        let mut entry =
            Entry::new(wish).label("change", Label::derived("the cluster exists", None)).label("name", label);
        let loss = super::loss::verb(self, range);
        let mentions = self.mentions(range);
        let singles: Vec<(String, Span)> = mentions
            .iter()
            .filter(|m| !m.group)
            .filter_map(|m| match &m.meant {
                Meant::Guests(ids) => {
                    Some((self.guest(*ids.first()?)?.name.clone(), self.span(m.from, m.to)))
                }
                _ => None,
            })
            .collect();
        for mention in mentions.iter().filter(|m| !m.group) {
            self.use_up(mention.from, mention.to);
        }
        let planes = self
            .role_count(range, &["control", "control-plane", "control-planes", "cp", "master", "masters"]);
        if planes.is_some()
            && loss.is_none()
            && singles.is_empty()
            && !self.has(range, &["worker", "workers"])
        {
            let span = self.span(from, to);
            let text =
                "The control planes of a cluster that exists are not changed by this version; workers are.";
            self.draft.refuse(RefusalReason::Unsupported, text, Some(span));
            return true;
        }
        let number = self.wanted_workers(range, cluster);
        if let Some((verb_at, verb_to)) = loss.filter(|_| {
            singles.is_empty() && !roles && self.has(range, &["cluster", "kubernetes", "k3s", "k8s"])
        }) {
            entry.value.change = Change::Destroy;
            let label = self.said(verb_at, verb_to);
            entry.labels.insert("change".into(), label);
            self.draft.warn(
                WarningAbout::Destroys,
                format!("Kubernetes is taken off the nodes of {name}; its volumes are lost."),
                None,
            );
            self.draft.kubernetes.push(entry);
            return true;
        }
        if !singles.is_empty()
            && self.has(range, &["add", "join", "as a worker", "become", "make"])
            && loss.is_none()
        {
            let mut workers = cluster.workers.clone();
            for (guest, _) in &singles {
                if !workers.contains(guest) && !cluster.control_planes.contains(guest) {
                    workers.push(guest.clone());
                }
            }
            entry.value.workers = Some(workers);
            entry.labels.insert(
                "workers".into(),
                Label::derived("the workers so far and the guests named", singles.first().map(|s| s.1)),
            );
        } else if !singles.is_empty() && (loss.is_some() || self.has(range, &["take", "drain", "leave"])) {
            let workers: Vec<String> =
                cluster.workers.iter().filter(|w| !singles.iter().any(|(s, _)| s == *w)).cloned().collect();
            if workers.len() == cluster.workers.len() {
                return false;
            }
            entry.value.workers = Some(workers);
            // `… and delete its VM`
            self.focus = Focus::Guests(
                singles.iter().filter_map(|(name, _)| self.facts.guest_named(name)).map(|g| g.vmid).collect(),
            );
            entry.labels.insert(
                "workers".into(),
                Label::derived("the workers that are left", singles.first().map(|s| s.1)),
            );
            self.draft.warn(
                WarningAbout::DataLoss,
                format!("Data kept on a node that leaves {name} may be lost."),
                None,
            );
        } else if let Some((wanted, span)) = number {
            if !self.scale(&name, cluster, wanted, span, &mut entry, range) {
                return true;
            }
        } else if roles && self.has(range, &["scale", "more", "fewer", "add", "grow", "shrink"]) {
            let span = self.span(from, to);
            self.draft.ask(
                QuestionAbout::HowMany,
                format!("How many workers shall {name} have?"),
                vec![],
                Some(span),
            );
            return true;
        }
        self.cluster_words(range, &mut entry);
        let silent = entry.value.workers.is_none()
            && entry.value.version.is_none()
            && entry.value.cni.is_none()
            && entry.value.nfs_share.is_none();
        if silent {
            if self.has(range, &["volumes", "volume", "persistent", "storage class"]) {
                let options = super::store::known_shares(self.facts);
                let span = self.span(from, to);
                self.draft.ask(
                    QuestionAbout::WhichShare,
                    "Which NFS export, as server:/path, shall the cluster use?",
                    options,
                    Some(span),
                );
                return true;
            }
            return false;
        }
        self.draft.kubernetes.push(entry);
        true
    }

    /// How many workers the words want afterwards.
    pub(super) fn wanted_workers(
        &self,
        (from, to): (usize, usize),
        cluster: &Kubernetes,
    ) -> Option<(usize, Span)> {
        let now = cluster.workers.len();
        if !(from..to).any(|i| self.is(i, &["worker", "workers", "nodes", "node", "scale"])) {
            return None;
        }
        let number = |at: usize| {
            self.number_at(at)
                .filter(|(n, _)| n.fract() == 0.0 && *n <= 64.0)
                .map(|(n, end)| (n as usize, end))
        };
        for i in from..to {
            if self.is(i, &["to"])
                && let Some((n, end)) = number(i + 1).filter(|(_, end)| !lexicon::is_unit(self.low(*end)))
            {
                let start = (from..i).find(|at| self.is(*at, &["from"])).unwrap_or(i);
                return Some((n, self.span(start, end)));
            }
        }
        for i in from..to {
            let one = self.is(i, &["another", "a", "an"])
                && (self.is(i + 1, &["worker", "node"]) || self.is(i + 2, &["worker"]));
            let hit = number(i).map_or_else(|| one.then_some((1, i + 1)), Some);
            let Some((n, mut end)) = hit else { continue };
            let mut more = self.is(i, &["another"])
                || (i > from && self.is(i - 1, &["another"]))
                || self.has((from, i), &["add"])
                || one;
            if self.is(end, &["more", "additional", "extra", "new", "further"]) {
                more = true;
                end += 1;
            }
            let fewer = self.is(end, &["fewer", "less"])
                || self.has((from, i), &["remove", "drop", "take away"])
                || self.has((from, i), &["by"])
                    && self.has((from, to), &["shrink", "reduce", "down", "decrease", "lower", "cut"]);
            more |= self.has((from, i), &["by"])
                && self.has((from, to), &["grow", "increase", "extend", "expand", "up", "raise", "enlarge"]);
            if self.has((from, i), &["by"]) && !fewer && !more {
                continue;
            }
            if self.is(end, &["fewer", "less", "k3s", "k8s"]) {
                end += 1;
            }
            if !self.is(end, &["worker", "workers", "node", "nodes"]) {
                continue;
            }
            let span = self.span(i, end + 1);
            let wanted = if fewer {
                now.saturating_sub(n)
            } else if more {
                now + n
            } else {
                n
            };
            return Some((wanted, span));
        }
        None
    }

    pub(super) fn scale(
        &mut self,
        name: &str,
        cluster: &Kubernetes,
        wanted: usize,
        span: Span,
        entry: &mut Entry<KubernetesWish>,
        range: (usize, usize),
    ) -> bool {
        let now = cluster.workers.len();
        let mut workers = cluster.workers.clone();
        if wanted < now {
            if self.answer(QuestionAbout::ConfirmLoss).is_some_and(|a| a.to_lowercase().starts_with("no")) {
                return false;
            }
            workers.truncate(wanted);
            self.draft.warn(
                WarningAbout::DataLoss,
                format!("Data kept on nodes that leave {name} may be lost; their guests stay."),
                Some(span),
            );
        }
        let extra = wanted.saturating_sub(now);
        let cap = self.facts.house.policy.create_max;
        if extra > cap {
            self.draft.refuse_all(
                RefusalReason::TooLarge,
                format!("{extra} new guests are asked for; the policy allows {cap}."),
                Some(span),
            );
            return false;
        }
        let model =
            cluster.workers.last().or(cluster.control_planes.first()).and_then(|m| self.facts.guest_named(m));
        let mut made = Vec::new();
        for _ in 0..extra {
            let Some(model) = model else { break };
            let stem =
                model.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-').to_owned();
            let mut wish =
                GuestWish::new(GuestChange::Create, GuestKind::Vm, self.free_name(&stem, true, None));
            let fact = |field: &str| Label::Observed { fact: format!("/guests/{}/{field}", model.vmid) };
            let mut draft_labels = vec![
                ("change", Label::derived("one worker more", Some(span))),
                ("kind", fact("kind")),
                ("name", Label::derived("the next free name of its kind", None)),
            ];
            wish.cores = Some(model.cores);
            wish.memory_mib = Some(model.memory_mib);
            wish.disk_gib = Some(model.disk_gib);
            draft_labels.extend([
                ("cores", fact("cores")),
                ("memory_mib", fact("memory_mib")),
                ("disk_gib", fact("disk_gib")),
            ]);
            if let Some(image) =
                model.image.clone().filter(|image| self.facts.house.images.vm.contains_key(image))
            {
                wish.image = Some(image);
                draft_labels.push(("image", fact("image")));
            }
            if model.storage.as_ref().and_then(|id| self.facts.storages.get(id)).is_some_and(|s| s.shared) {
                wish.storage.clone_from(&model.storage);
                draft_labels.push(("storage", fact("storage")));
            }
            workers.push(format!("#{}", self.draft.guests.len()));
            let mut draft = GuestDraft::new(wish);
            draft.made_up = true;
            draft.kubernetes = true;
            for (field, label) in draft_labels {
                draft.set(field, label);
            }
            made.push(self.draft.guests.len());
            self.draft.guests.push(draft);
        }
        if extra > 0 {
            let attributes = self.attributes(range.0, range.1, GuestKind::Vm);
            let turns = self.turns(&made, range, (range.0, range.0));
            self.say_of_new(&made, &attributes, &turns);
            self.focus = Focus::New(made);
        }
        if wanted == now {
            self.draft.warn(
                WarningAbout::AlreadySo,
                format!("{name} has {now} workers already."),
                Some(span),
            );
        }
        entry.value.workers = Some(workers);
        entry.labels.insert(
            "workers".into(),
            Label::derived(format!("{wanted} workers are wanted, there are {now}"), Some(span)),
        );
        true
    }
}
