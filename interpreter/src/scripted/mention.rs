//! Which existing guests the words mean: by name, by number, by what they are for, by group.
//!
//! Begin with [`Reader::mentions`]. Words that mean a guest that is not there, or several, are told as such.

use super::lexicon;
use super::reader::{Reader, plain};
use super::token::Kind;
use domain::facts::Guest;
use domain::ids::Vmid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    Guests(Vec<Vmid>),
    /// The words fit several guests.
    Several(Vec<Vmid>),
    /// The words fit no guest.
    None,
}

#[derive(Clone, Debug)]
pub struct Mention {
    pub meant: Meant,
    pub from: usize,
    pub to: usize,
    /// A whole group is meant: all, every, the nodes of a cluster.
    pub group: bool,
}

/// What people call things and what names of guests for them look like.
const ROLES: &[(&str, &[&str])] = &[
    ("database", &["db", "database", "postgres", "postgresql", "mysql", "mariadb", "sql"]),
    ("postgres", &["db", "postgres", "postgresql"]),
    ("mysql", &["db", "mysql", "mariadb"]),
    ("db", &["db", "database", "postgres", "mysql", "mariadb"]),
    ("web", &["web", "www", "webserver", "nginx", "apache"]),
    ("webserver", &["web", "www", "webserver"]),
    ("website", &["web", "www"]),
    ("monitoring", &["monitoring", "grafana", "prometheus", "zabbix"]),
    ("nas", &["nas", "truenas", "omv", "openmediavault"]),
    ("dns", &["dns", "pihole", "adguard", "unbound", "bind"]),
    ("ci", &["ci", "build", "runner", "jenkins"]),
    ("build", &["build", "ci"]),
    ("password", &["vault", "vaultwarden", "bitwarden"]),
    ("home assistant", &["haos", "homeassistant", "hass", "ha"]),
    ("homeassistant", &["haos", "homeassistant", "hass"]),
    ("smart home", &["haos", "homeassistant", "hass"]),
    ("ad blocker", &["pihole", "adguard"]),
];

impl<'a> Reader<'a> {
    pub fn mentions(&self, (from, to): (usize, usize)) -> Vec<Mention> {
        let mut found: Vec<Mention> = Vec::new();
        let mut i = from;
        while i < to {
            if self.used.get(i).copied().unwrap_or(true) {
                i += 1;
                continue;
            }
            match self.mention_at(i, from, to) {
                Some(mention) => {
                    i = mention.to.max(i + 1);
                    found.push(mention);
                }
                None => i += 1,
            }
        }
        found
    }

    fn mention_at(&self, i: usize, from: usize, to: usize) -> Option<Mention> {
        if let Some((guest, end)) = self.named_at(i, from, to) {
            return Some(Mention { meant: Meant::Guests(vec![guest.vmid]), from: i, to: end, group: false });
        }
        self.numbered_at(i, to).or_else(|| self.group_at(i, to)).or_else(|| self.role_at(i, to))
    }

    /// A guest's own name, also written apart.
    pub fn named_at(&self, i: usize, from: usize, to: usize) -> Option<(&'a Guest, usize)> {
        let token = self.toks.get(i)?;
        if !matches!(token.kind, Kind::Word | Kind::Quoted)
            || (i > from && self.is(i - 1, &["called", "named"]))
        {
            return None;
        }
        let raw = token.raw.to_lowercase();
        let exact = self.facts.guests.values().find(|g| g.name.to_lowercase() == raw);
        if let Some(guest) = exact {
            let verb = lexicon::VERBS.contains(&raw.as_str())
                && i == from
                && self.is(
                    i + 1,
                    &["a", "an", "me", "the", "another", "one", "two", "three", "four", "five", "six", "us"],
                );
            return (!verb).then_some((guest, i + 1));
        }
        // Pi-hole for pihole, db 1 for db-1.
        for length in [2, 1] {
            if i + length > to
                || (i..i + length).any(|at| {
                    self.toks.get(at).is_none_or(|t| matches!(t.kind, Kind::Mark | Kind::Break | Kind::Key))
                })
            {
                continue;
            }
            let written = plain(&(i..i + length).map(|at| self.raw(at)).collect::<String>());
            if written.len() < 3 {
                continue;
            }
            let guest = self.facts.guests.values().find(|g| plain(&g.name) == written);
            if let Some(guest) = guest.filter(|_| length == 2 || !lexicon::is_common(&raw)) {
                return Some((guest, i + length));
            }
        }
        let two = format!("{} {}", self.low(i), self.low(i + 1));
        let role = ROLES.iter().find(|(role, _)| role.contains(' ') && *role == two)?;
        let mut fit = self.facts.guests.values().filter(|g| role.1.contains(&g.name.to_lowercase().as_str()));
        let first = fit.next()?;
        fit.next().is_none().then_some((first, i + 2))
    }

    fn numbered_at(&self, i: usize, to: usize) -> Option<Mention> {
        // `destroy 110`, `start 113 and 112`
        let orders = [
            "destroy", "delete", "remove", "start", "stop", "move", "migrate", "clone", "snapshot", "adopt",
            "rename", "tag", "backup", "resize", "protect", "give", "kill", "wipe",
        ];
        let after = |at: usize| at.checked_sub(1).is_some_and(|b| self.is(b, &orders));
        let listed = i >= 2
            && (self.is(i - 1, &["and"]) || self.mark(i - 1, ",&"))
            && self
                .toks
                .get(i - 2)
                .is_some_and(|t| t.number.is_some_and(|n| self.facts.guest(n as Vmid).is_some()))
            && (i.saturating_sub(8)..i).any(|at| self.is(at, &orders));
        let bare = self.toks.get(i).filter(|_| after(i) || listed).and_then(|t| t.number);
        if let Some(guest) = bare
            .filter(|n| n.fract() == 0.0 && *n >= 100.0 && *n < 1e9 && !lexicon::is_unit(self.low(i + 1)))
            .and_then(|n| self.facts.guest(n as Vmid))
        {
            return Some(Mention {
                meant: Meant::Guests(vec![guest.vmid]),
                from: i,
                to: i + 1,
                group: false,
            });
        }
        let noun = lexicon::noun(self.low(i)).is_some()
            || self.is(i, &["vmid", "id", "ctid", "#"])
            || self.mark(i, "#");
        if !noun || self.is(i, &["server", "servers"]) {
            return None;
        }
        let mut at = i + 1;
        while self.is(at, &["id", "vmid", "number", "no", "nr", "with"]) || self.mark(at, "#") {
            at += 1;
        }
        let number = self
            .toks
            .get(at)
            .filter(|_| at < to)?
            .number
            .filter(|n| n.fract() == 0.0 && *n >= 100.0 && *n < 1e9)?;
        if lexicon::is_unit(self.low(at + 1)) {
            return None;
        }
        let meant = match self.facts.guest(number as Vmid) {
            Some(guest) => Meant::Guests(vec![guest.vmid]),
            None => Meant::None,
        };
        Some(Mention { meant, from: i, to: at + 1, group: false })
    }

    /// `all my VMs`, `every container`, `the k8s nodes`, `all VMs tagged web`.
    fn group_at(&self, i: usize, to: usize) -> Option<Mention> {
        let mut at = i;
        let all = self.is(i, &["all", "every", "each", "both"]);
        while at < to
            && self.is(
                at,
                &[
                    "all", "every", "each", "of", "the", "my", "our", "existing", "managed", "running",
                    "other",
                ],
            )
        {
            at += 1;
        }
        if let Some(mention) = self.cluster_nodes(i, at, to) {
            return Some(mention);
        }
        if !all {
            return None;
        }
        // A word between: `all web VMs`.
        let (label, noun_at) =
            if lexicon::noun(self.low(at)).is_some() || self.is(at, &["guests", "machines"]) {
                (None, at)
            } else if lexicon::noun(self.low(at + 1)).is_some() && !lexicon::is_common(self.low(at)) {
                (Some(self.low(at).to_owned()), at + 1)
            } else {
                return None;
            };
        if noun_at >= to || self.is(noun_at, &["server", "servers", "host"]) {
            return None;
        }
        let kind = match self.low(noun_at) {
            "guest" | "guests" | "machine" | "machines" => None,
            word => lexicon::noun(word).flatten(),
        };
        let mut end = noun_at + 1;
        let mut label = label;
        if self.is(end, &["tagged"])
            || (self.is(end, &["with"]) && self.has((end, to.min(end + 4)), &["tag"]))
        {
            let tag = if self.is(end, &["tagged"]) {
                end + 1
            } else {
                (end..to).find(|at| self.is(*at, &["tag"])).unwrap_or(end) + 1
            };
            let tag = if self.is(tag, &["with", "as"]) { tag + 1 } else { tag };
            label = Some(self.low(tag).to_owned());
            end = tag + 1;
        }
        let fits = |g: &&Guest| {
            kind.is_none_or(|k| g.kind == k.as_str())
                && g.managed
                && label.as_ref().is_none_or(|l| g.tags.contains(l) || g.pool.as_ref() == Some(l))
        };
        let vmids: Vec<Vmid> = self.facts.guests.values().filter(fits).map(|g| g.vmid).collect();
        let meant = if vmids.is_empty() { Meant::None } else { Meant::Guests(vmids) };
        Some(Mention { meant, from: i, to: end, group: true })
    }

    fn cluster_nodes(&self, start: usize, at: usize, to: usize) -> Option<Mention> {
        let clusters = &self.facts.house.kubernetes;
        // `the nodes of the home cluster`
        if self.is(at, &["nodes", "vms", "machines", "members", "workers"]) && self.is(at + 1, &["of", "in"])
        {
            let name = if self.is(at + 2, &["the", "my", "our"]) { at + 3 } else { at + 2 };
            let named = clusters.keys().find(|key| self.low(name) == key.to_lowercase());
            let only = clusters.keys().next().filter(|_| clusters.len() == 1);
            let other = self.is(name, &["k8s", "k3s", "kubernetes"]).then_some(only).flatten();
            let cluster = clusters.get(named.or(other)?)?;
            let end = if self.is(name + 1, &["cluster"]) { name + 2 } else { name + 1 };
            let all = cluster.control_planes.iter().filter(|_| !self.is(at, &["workers"]));
            let members = all.chain(&cluster.workers).filter_map(|m| self.facts.guest_named(m));
            let vmids: Vec<Vmid> = members.map(|g| g.vmid).collect();
            return (end <= to && !vmids.is_empty()).then_some(Mention {
                meant: Meant::Guests(vmids),
                from: start,
                to: end,
                group: true,
            });
        }
        let named = clusters.keys().find(|name| self.low(at) == name.to_lowercase());
        let mut end = at;
        if named.is_some() || self.is(end, &["k8s", "k3s", "kubernetes"]) {
            end += 1;
            if self.is(end, &["cluster"]) {
                end += 1;
            }
        } else if !(start < at && self.is(at, &["workers", "control"])) {
            return None;
        }
        let cluster = match named {
            Some(name) => clusters.get(name)?,
            None if clusters.len() == 1 => clusters.values().next()?,
            None => return None,
        };
        let members: Vec<&String> =
            if self.is(end, &["workers"]) || (self.is(end, &["worker"]) && self.is(end + 1, &["nodes"])) {
                end += if self.is(end + 1, &["nodes"]) { 2 } else { 1 };
                cluster.workers.iter().collect()
            } else if self.is(end, &["control"]) && self.is(end + 1, &["plane", "planes"]) {
                end += if self.is(end + 2, &["node", "nodes"]) { 3 } else { 2 };
                cluster.control_planes.iter().collect()
            } else if self.is(end, &["nodes", "vms", "machines", "members", "guests", "servers"]) {
                end += 1;
                cluster.control_planes.iter().chain(&cluster.workers).collect()
            } else {
                return None;
            };
        if end > to {
            return None;
        }
        let vmids: Vec<Vmid> =
            members.iter().filter_map(|name| self.facts.guest_named(name)).map(|g| g.vmid).collect();
        Some(Mention { meant: Meant::Guests(vmids), from: start, to: end, group: true })
    }

    /// `the database VM`, `my web server`.
    fn role_at(&self, i: usize, to: usize) -> Option<Mention> {
        if !self.is(i, &["the", "my", "our", "that", "this"]) {
            return None;
        }
        let mut noun = i + 1;
        while noun < to && noun <= i + 4 {
            let token = self.toks.get(noun)?;
            if !matches!(token.kind, Kind::Word | Kind::Quoted)
                || self.is(noun, &["new", "same", "first", "last", "second", "other", "existing", "current"])
            {
                return None;
            }
            if lexicon::noun(&token.low).is_some()
                && !(self.is(noun + 1, &["vm", "container", "ct", "machine", "box", "guest"]))
            {
                break;
            }
            if self.facts.guests.values().any(|g| g.name.to_lowercase() == token.low) {
                return None;
            }
            noun += 1;
        }
        if noun >= to || noun == i + 1 || noun > i + 4 || lexicon::noun(self.low(noun)).is_none() {
            return None;
        }
        let plural =
            self.low(noun).ends_with('s') && !self.is(noun, &["cts"]) || self.is(noun, &["cts", "vms"]);
        let words: Vec<&str> =
            (i + 1..noun).map(|at| self.low(at)).filter(|w| lexicon::noun(w).is_none()).collect();
        // `the dns server of web-old` is a setting, `the Ubuntu VM web-old` is web-old.
        let setting = words.iter().all(|w| matches!(*w, "dns" | "name" | "time" | "ntp" | "mail"));
        if setting && self.is(noun + 1, &["of", "for"]) && self.named_at(noun + 2, i, to).is_some() {
            return None;
        }
        if let Some((guest, end)) = self.named_at(noun + 1, i, to).filter(|(_, end)| *end <= to) {
            return Some(Mention {
                meant: Meant::Guests(vec![guest.vmid]),
                from: noun + 1,
                to: end,
                group: false,
            });
        }
        if words.is_empty()
            || words.iter().all(|w| lexicon::is_common(w) && !ROLES.iter().any(|(role, _)| role == w))
        {
            return None;
        }
        let kind = match self.low(noun) {
            "server" | "host" | "machine" | "guest" | "box" | "machines" | "servers" => None,
            word => lexicon::noun(word).flatten(),
        };
        let fit: Vec<Vmid> = self
            .facts
            .guests
            .values()
            .filter(|g| {
                kind.is_none_or(|k| g.kind == k.as_str()) && words.iter().any(|word| answers_to(g, word))
            })
            .map(|g| g.vmid)
            .collect();
        let meant = match (fit.len(), plural) {
            (0, _) => Meant::None,
            (1, _) | (_, true) => Meant::Guests(fit),
            _ => Meant::Several(fit),
        };
        Some(Mention { meant, from: i, to: noun + 1, group: plural })
    }
}

/// True if a guest's name or tags say it is what the word means.
pub fn answers_to(guest: &Guest, word: &str) -> bool {
    let wanted: Vec<&str> =
        ROLES.iter().find(|(role, _)| *role == word).map_or_else(|| vec![word], |(_, names)| names.to_vec());
    let name = guest.name.to_lowercase();
    let parts: Vec<&str> = name.split(['-', '_', '.']).collect();
    wanted.iter().any(|want| {
        guest.tags.iter().any(|tag| tag == want)
            || parts
                .iter()
                .any(|part| part == want || part.trim_end_matches(|c: char| c.is_ascii_digit()) == *want)
            || guest.image.as_deref().is_some_and(|image| image.split('-').next() == Some(*want))
    })
}
