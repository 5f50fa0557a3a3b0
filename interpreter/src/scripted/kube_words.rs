//! Words for Kubernetes: distribution, version, network plug-in, volumes.
//!
//! Begin with [`Reader::cluster_words`].

use super::draft::Entry;
use super::kube::WORDS;
use super::lexicon;
use super::reader::Reader;
use super::token::Kind;
use domain::interpretation::{Change, KubernetesWish, WarningAbout};

impl Reader<'_> {
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
}
