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
pub(super) const CONTROL: &[&str] =
    &["control-plane", "control-planes", "cp", "cps", "controlplane", "controlplanes"];
pub(super) const WORDS: &[&str] = &["kubernetes", "k8s", "k3s", "kubeadm", "kube"];

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
            || spoken && definite.is_none() && named.is_none() && self.is(from, &["a", "an", "one"])
            || spoken
                && definite.is_none()
                && named.is_none()
                && self
                    .role_count(range, &["worker", "workers", "agent", "agents", "node", "nodes"])
                    .is_some_and(|_| {
                        !self.has(range, &["scale", "add", "more", "another", "grow", "remove"])
                    });
        // `… and run k3s on them`
        let on_new = spoken
            && heads.is_empty()
            && self.has(
                range,
                &[
                    "on them",
                    "on those",
                    "on these",
                    "on all of them",
                    "on all",
                    "on it",
                    "from them",
                    "of them",
                    "from these",
                    "from those",
                ],
            );
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
            .filter(|(_, _, end)| !self.is(end - 1, &["server"]))
            // `one server and three agents`, as k3s calls them.
            .or_else(|| {
                let agents = self.role_count(range, &["agent", "agents"]).is_some();
                self.role_count(range, &["server", "servers"]).filter(|_| agents)
            });
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
}
