//! Kubernetes: clusters to make, to grow, to shrink, to give volumes, to take off.
//!
//! Begin with [`Reader::kubernetes`]. "For Kubernetes" means: install it. New nodes of a cluster that exists
//! are made like its workers.

use super::create::{Count, Head, count_in, legal_name};
use super::draft::{Entry, GuestDraft};
use super::lexicon;
use super::reader::{Focus, Reader};
use super::token::Kind;
use domain::interpretation::{
    Change, GuestChange, GuestKind, GuestWish, KubernetesWish, Label, QuestionAbout, RefusalReason,
    WarningAbout,
};

/// One word for control planes.
const CONTROL: &[&str] = &["control-plane", "control-planes", "cp", "cps", "controlplane", "controlplanes"];
const WORDS: &[&str] = &["kubernetes", "k8s", "k3s", "kubeadm", "kube"];

impl Reader<'_> {
    pub fn kubernetes(&mut self, range: (usize, usize)) -> bool {
        let (from, to) = range;
        let spoken = (from..to).any(|i| self.is(i, WORDS));
        let cluster = (from..to).any(|i| self.is(i, &["cluster", "clusters"]));
        let roles = (from..to).any(|i| {
            self.is(i, &["worker", "workers"])
                || (self.is(i, &["control"]) && self.is(i + 1, &["plane", "planes"]))
                || self.is(i, CONTROL)
        });
        if self.names_new_cluster(range) {
            return true;
        }
        if !(spoken || cluster || roles) {
            return false;
        }
        let named = (from..to)
            .find(|i| self.facts.house.kubernetes.contains_key(self.raw(*i)) && (cluster || roles || spoken));
        let heads = self.heads(range);
        let definite = (from..to).find(|i| {
            self.is(*i, &["cluster"])
                && *i > from
                && (from..*i).rev().take(3).any(|b| self.is(b, &["the", "my", "our"]))
        });
        let making = !heads.is_empty() && named.is_none() && spoken
            || self.has(
                range,
                &[
                    "create",
                    "build",
                    "set up",
                    "provision",
                    "deploy",
                    "make",
                    "spin up",
                    "new",
                    "want",
                    "need a",
                    "install",
                ],
            ) && definite.is_none()
                && named.is_none()
            || self.has((from, to), &["called", "named"]) && named.is_none() && definite.is_none()
            || (from..to).any(|i| {
                (self.is(i, &["node", "nodes"]) || self.is(i, WORDS) && self.is(i + 1, &["cluster"]))
                    && i > from
                    && self.number_at(i - 1).is_some()
                    && named.is_none()
                    && definite.is_none()
            })
            || spoken
                && definite.is_none()
                && named.is_none()
                && (from..to).any(|i| self.is(i, &["worker", "workers"]))
                && self
                    .role_count(range, &["control", "control-plane", "control-planes", "cp", "cps", "master"])
                    .is_some()
            || spoken && definite.is_none() && named.is_none() && self.is(from, &["a", "an", "one"]);
        // `… and run k3s on them`
        let on_new = spoken
            && heads.is_empty()
            && self.has(range, &["on them", "on those", "on these", "on all of them", "on all", "on it"]);
        if on_new && let Focus::New(made) = self.focus.clone() {
            return self.install_on(made, range);
        }
        if making && (spoken || roles) {
            if let Focus::New(made) = self.focus.clone()
                && heads.is_empty()
                && self.role_count(range, &["nodes", "node", "workers", "worker", "control"]).is_none()
            {
                return self.install_on(made, range);
            }
            return self.new_cluster(range, heads.first());
        }
        if spoken && heads.is_empty() && named.is_none() && definite.is_none() && !roles {
            if let Focus::New(made) = self.focus.clone() {
                return self.install_on(made, range);
            }
            if self.mentions(range).iter().any(|m| m.group) {
                return false;
            }
        }
        self.old_cluster(range, named, definite, roles, spoken)
    }

    /// The number right before one of the words, and the tokens of both.
    pub(super) fn role_count(
        &self,
        (from, to): (usize, usize),
        words: &[&str],
    ) -> Option<(usize, usize, usize)> {
        (from..to)
            .find_map(|i| {
                let (n, end) = self.number_at(i)?;
                let end = if self.is(end, &["of"]) && self.is(end + 1, &["them", "those", "these", "which"]) {
                    end + 2
                } else {
                    end
                };
                let end = if self.is(end, &["as", "being", "are"]) { end + 1 } else { end };
                let at = if self.is(
                    end,
                    &["more", "k3s", "k8s", "kubernetes", "ubuntu", "debian", "dedicated", "additional", "x"],
                ) {
                    end + 1
                } else {
                    end
                };
                let single = self.is(i, &["a", "an"]);
                (self.is(at, words) && n.fract() == 0.0 && !single).then_some((n as usize, i, at + 1))
            })
            .or_else(|| {
                (from..to).find_map(|i| {
                    (self.is(i, &["a", "an", "another"]) && self.is(i + 1, words)).then_some((1, i, i + 2))
                })
            })
    }

    pub(super) fn new_cluster(&mut self, range: (usize, usize), head: Option<&Head>) -> bool {
        let (from, to) = range;
        let control = self
            .role_count(
                range,
                &[
                    "control",
                    "control-plane",
                    "control-planes",
                    "cp",
                    "cps",
                    "controlplane",
                    "controlplanes",
                    "master",
                    "masters",
                    "controller",
                    "controllers",
                    "server",
                ],
            )
            .filter(|(_, _, end)| !self.is(end - 1, &["server"]));
        let workers = self.role_count(range, &["worker", "workers", "agent", "agents"]);
        let nodes = self.role_count(range, &["node", "nodes", "vms", "vm", "machines", "node-k3s"]);
        let head_count = head.and_then(|h| match h.count {
            Count::Exactly(n) if h.plural || n > 1 => Some((n, h.from, h.noun + 1)),
            _ => None,
        });
        let total = nodes.or(head_count).filter(|(_, a, _)| {
            workers.is_none_or(|(_, w, _)| w != *a) && control.is_none_or(|(_, c, _)| c != *a)
        });
        let answered = self.answer(QuestionAbout::HowMany).and_then(count_in);
        let usual = self.facts.house.defaults.kubernetes.control_planes as usize;
        let (control_n, worker_n) =
            match (control.map(|c| c.0), workers.map(|w| w.0), total.map(|t| t.0).or(answered)) {
                (Some(c), Some(w), Some(t)) if c + w != t => {
                    let span = total.map(|t| self.span(t.1, t.2));
                    self.draft.ask(
                        QuestionAbout::HowMany,
                        format!(
                            "{t} nodes are asked for, but {c} and {w} are named. How many shall there be?"
                        ),
                        vec![t.to_string(), (c + w).to_string()],
                        span,
                    );
                    (c, w)
                }
                (Some(c), Some(w), _) => (c, w),
                (Some(c), None, Some(t)) if t >= c => (c, t - c),
                (None, Some(w), Some(t)) if t > w => (t - w, w),
                (Some(c), None, _) => (c, 0),
                (None, Some(w), _) => (usual, w),
                (None, None, Some(t)) => (usual.min(t), t - usual.min(t)),
                (None, None, None) => {
                    let span = self.span(from, to);
                    self.draft.ask(
                        QuestionAbout::HowMany,
                        "How many nodes shall the Kubernetes cluster have?",
                        vec!["1".into(), "3".into(), "5".into()],
                        Some(span),
                    );
                    self.use_up(from, to);
                    return true;
                }
            };
        let count = control_n + worker_n;
        let cap = self.facts.house.policy.create_max;
        if count == 0 || count > cap {
            let span = self.span(from, to);
            self.draft.refuse_all(
                RefusalReason::TooLarge,
                format!("{count} new guests are asked for; the policy allows 1 to {cap}."),
                Some(span),
            );
            return true;
        }
        // Names: of the guests if there are as many, else of the cluster.
        let anchor = Head {
            from,
            noun: head.map_or(from, |h| h.noun),
            kind: GuestKind::Vm,
            count: Count::Exactly(count),
            plural: true,
            role: None,
            clear: true,
        };
        let called = (from..to).find(|i| {
            self.is(*i, &["called", "named", "name"]) && !self.is(i.wrapping_sub(1), &["user", "pool"])
        });
        // `cluster 'dev'`: words in quotation marks behind the noun are its name.
        let called = called.or_else(|| {
            (from..to).find(|i| {
                (self.is(*i, &["cluster"]) || self.is(*i, WORDS))
                    && self.toks.get(i + 1).is_some_and(|t| t.kind == Kind::Quoted && !t.low.is_empty())
            })
        });
        let (list, list_end) = called.map_or((Vec::new(), 0), |at| {
            let start = if self.is(at + 1, &["it", "is", "them"]) || self.mark(at + 1, ":") {
                at + 2
            } else {
                at + 1
            };
            self.name_list(start, to, count, true)
        });
        let mut cluster_name: Option<(String, usize, usize)> = None;
        let (mut names, mut region) = (Vec::new(), (from, from));
        if list.len() == count && (count > 1 || head.is_some()) {
            (names, region) = (list, (called.unwrap_or(from), list_end));
        } else if let Some(first) = list.first() {
            cluster_name = Some(first.clone());
            region = (called.unwrap_or(from), first.2);
        } else if head.is_some() {
            (names, region) = self.names_for(&anchor, to);
            if names.len() != count {
                (names, region) = (Vec::new(), (from, from));
            }
        }
        let name = match &cluster_name {
            Some((written, _, _)) => legal_name(written).0,
            None => self.free_cluster_name(),
        };
        if name.is_empty() || self.facts.house.kubernetes.contains_key(&name) {
            let span = cluster_name.as_ref().map(|(_, a, b)| self.span(*a, *b));
            self.draft.ask(
                QuestionAbout::WhatName,
                "There is a Kubernetes cluster of that name, or it cannot be used. Which name shall it have?",
                vec![],
                span,
            );
            return true;
        }
        let stem = cluster_name.as_ref().map_or_else(|| name.clone(), |_| name.clone());
        let span = self.span(head.map_or(from, |h| h.from), head.map_or(to.min(from + 4), |h| h.noun + 1));
        let mut made = Vec::new();
        for n in 0..count {
            let is_control = n < control_n;
            let mut wish = GuestWish::new(GuestChange::Create, GuestKind::Vm, String::new());
            let mut draft = match names.get(n) {
                Some((given, a, b)) => {
                    wish.name = legal_name(given).0;
                    let label = if super::reader::plain(self.words(*a, *b))
                        .contains(&super::reader::plain(&wish.name))
                    {
                        self.said(*a, *b)
                    } else {
                        Label::derived("one of the names in the text", Some(self.span(*a, *b)))
                    };
                    let mut draft = GuestDraft::new(wish);
                    draft.set("name", label);
                    draft
                }
                None => {
                    let role = if is_control { "cp" } else { "w" };
                    wish.name = self.free_name(&format!("{stem}-{role}"), true, None);
                    let mut draft = GuestDraft::new(wish);
                    draft.made_up = true;
                    draft.set("name", Label::derived("no name is said, so one was made up", None));
                    draft
                }
            };
            draft.kubernetes = true;
            if is_control {
                draft.set("#control", Label::derived("control plane", None));
            }
            draft.set("change", Label::derived("a new guest is asked for", Some(span)));
            draft.set("kind", Label::derived("Kubernetes nodes are VMs", Some(span)));
            made.push(self.draft.guests.len());
            self.draft.guests.push(draft);
        }
        self.use_up(region.0, region.1);
        for (_, a, b) in [control, workers, total].into_iter().flatten() {
            let b = if self.is(b, &["plane", "planes", "nodes", "node"]) { b + 1 } else { b };
            for at in a..b {
                // `two Debian VMs`: the system is read with the other attributes.
                if !lexicon::SYSTEMS.contains(&self.low(at)) && !self.is_alias(self.low(at)) {
                    self.use_up(at, at + 1);
                }
            }
        }
        if let Some(head) = head {
            self.use_up(head.noun, head.noun + 1);
        }
        let members = |all: &[usize]| all.iter().map(|g| format!("#{g}")).collect::<Vec<_>>();
        let split = control_n.min(made.len());
        let (first, rest) = made.split_at(split);
        let why = if control.is_some() {
            "as many control planes as asked for"
        } else {
            "as many control planes as the house rules say"
        };
        let wish = KubernetesWish {
            change: Change::Create,
            name: name.clone(),
            distribution: None,
            version: None,
            control_planes: Some(members(first)),
            workers: Some(members(rest)),
            pod_cidr: None,
            service_cidr: None,
            cni: None,
            nfs_share: None,
        };
        let spans = |hit: Option<(usize, usize, usize)>| {
            hit.or(total).map(|(_, a, b)| self.span(a, b)).unwrap_or(span)
        };
        let mut entry = Entry::new(wish)
            .label("change", Label::derived("a new cluster is asked for", Some(span)))
            .label(
                "name",
                cluster_name.as_ref().map_or_else(
                    || Label::derived("no name is said, so one was made up", None),
                    |(_, a, b)| self.said(*a, *b),
                ),
            )
            .label("control_planes", Label::derived(why, Some(spans(control))))
            .label("workers", Label::derived("the other nodes are workers", Some(spans(workers))));
        self.cluster_words(range, &mut entry);
        if control_n == 1 && worker_n > 0 {
            self.draft.warn(
                WarningAbout::SingleControlPlane,
                "The control plane has one node and no spare.",
                None,
            );
        } else if control_n % 2 == 0 {
            self.draft.warn(
                WarningAbout::EvenControlPlanes,
                "An even number of control planes adds no safety.",
                None,
            );
        }
        self.read_as_install(range);
        self.draft.kubernetes.push(entry);
        let turns = self.turns(&made, range, region);
        let attributes = self.attributes(from, to, GuestKind::Vm);
        self.say_of_new(&made, &attributes, &turns);
        self.focus = Focus::New(made);
        self.mounts_within(range);
        true
    }

    pub(super) fn read_as_install(&mut self, range: (usize, usize)) {
        let said = self.has(range, &["install", "set up kubernetes", "k3s", "kubeadm"]);
        if let Some((at, n)) = self.find(range, WORDS).filter(|_| !said) {
            let span = self.span(at, at + n);
            self.draft.warn(
                WarningAbout::ReadAsInstall,
                "\"For Kubernetes\" was read as: install it.",
                Some(span),
            );
        }
    }

    pub(super) fn free_cluster_name(&self) -> String {
        // A cluster that the guests of this declaration form keeps its name.
        let own: Vec<&str> = self
            .context
            .own_guests
            .iter()
            .filter_map(|id| self.guest(*id))
            .map(|g| g.name.as_str())
            .collect();
        let known = self.facts.house.kubernetes.iter().find(|(_, k)| {
            !own.is_empty() && k.control_planes.iter().chain(&k.workers).all(|m| own.contains(&m.as_str()))
        });
        if let Some((name, _)) = known {
            return format!("={name}");
        }
        let taken = |name: &str| {
            self.facts.house.kubernetes.contains_key(name)
                || self.draft.kubernetes.iter().any(|k| k.value.name == name)
        };
        std::iter::once("k8s".to_owned())
            .chain((2..1000).map(|n| format!("k8s-{n}")))
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    /// Distribution, version, network plug-in and volumes.
    pub(super) fn cluster_words(&mut self, (from, to): (usize, usize), entry: &mut Entry<KubernetesWish>) {
        let create = entry.value.change == Change::Create;
        for i in from..to {
            let low = self.low(i).to_owned();
            let label = self.said(i, i + 1);
            match low.as_str() {
                "k3s" | "kubeadm" if create && !self.toks.get(i).is_some_and(|t| t.kind == Kind::Quoted) => {
                    entry.value.distribution = Some(low);
                    entry.labels.insert("distribution".into(), label);
                    self.use_up(i, i + 1);
                }
                "flannel" | "calico" | "cilium" => {
                    entry.value.cni = Some(low);
                    entry.labels.insert("cni".into(), label);
                    self.use_up(i, i + 1);
                }
                _ if self.version_at(i).is_some() => {
                    entry.value.version = self.version_at(i);
                    entry.labels.insert("version".into(), label);
                    self.use_up(i, i + 1);
                }
                _ if low.contains('/')
                    && low.starts_with(|c: char| c.is_ascii_digit())
                    && !low.contains(":/") =>
                {
                    let back = (i.saturating_sub(5).max(from), i);
                    let field = if self.has(back, &["pod", "pods"]) {
                        "pod_cidr"
                    } else if self.has(back, &["service", "services"]) {
                        "service_cidr"
                    } else {
                        continue;
                    };
                    if field == "pod_cidr" {
                        entry.value.pod_cidr = Some(low);
                    } else {
                        entry.value.service_cidr = Some(low);
                    }
                    entry.labels.insert(field.into(), label);
                    self.use_up(i, i + 1);
                }
                _ if low.contains(":/")
                    && (!create
                        || self.has(
                            (from, to),
                            &[
                                "volumes",
                                "volume",
                                "storage class",
                                "persistent",
                                "pvcs",
                                "pvs",
                                "storageclass",
                            ],
                        )) =>
                {
                    entry.value.nfs_share = Some(self.raw(i).to_owned());
                    entry.labels.insert("nfs_share".into(), label);
                    self.use_up(i, i + 1);
                }
                _ => {}
            }
        }
    }

    /// `v1.31`, `1.31.6+k3s1` where a version of Kubernetes is meant.
    pub(super) fn version_at(&self, i: usize) -> Option<String> {
        let raw = self.raw(i);
        let body = raw.strip_prefix('v').unwrap_or(raw);
        let (numbers, build) = body.split_once('+').map_or((body, None), |(a, b)| (a, Some(b)));
        let parts: Vec<&str> = numbers.split('.').collect();
        let good = (2..=3).contains(&parts.len())
            && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        let built = build.is_none_or(|b| {
            b.strip_prefix("k3s").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        });
        let near = raw.starts_with('v')
            || (i > 0 && self.is(i - 1, &["version", "kubernetes", "k3s", "k8s", "release", "to"]))
                && parts.first() == Some(&"1");
        let unit = lexicon::is_unit(self.low(i + 1));
        (good && built && near && !unit).then(|| raw.to_owned())
    }

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
        let name = self.free_cluster_name();
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
            .label("name", Label::derived("no name is said, so one was made up", None))
            .label("control_planes", why)
            .label("workers", Label::derived("the other nodes are workers", None));
        self.cluster_words(range, &mut entry);
        self.read_as_install(range);
        self.draft.kubernetes.push(entry);
        true
    }

    /// `Name the cluster duo.`: the name of a new cluster in a sentence of its own.
    fn names_new_cluster(&mut self, (from, to): (usize, usize)) -> bool {
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
