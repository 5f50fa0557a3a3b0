//! The settings' pages.

use super::Viewer;
use crate::frame::Frame;
use crate::pages::settings as page;
use crate::parts::{Ago, Badge, Kind};
use crate::words;
use domain::account::Role;
use domain::facts::HouseRules;
use domain::settings::Rules;
use projections::model::{Account, ClusterMeta, RepositoryRow, SettingsRow};

/// What was typed into the form for a new person, after an error.
#[derive(Clone, Debug, Default)]
pub struct TypedPerson {
    pub name: String,
    pub role: String,
    pub error: Option<(page::Wrong, String)>,
}

pub fn people_page(f: Frame, viewer: &Viewer, accounts: &[Account], typed: TypedPerson) -> page::PeoplePage {
    let person = |account: &Account| page::Person {
        id: account.id.to_string(),
        name: account.name.clone(),
        badge: match (account.disabled, account.role) {
            (true, _) => Badge::new(Kind::Bad, "disabled"),
            (false, Role::Admin) => Badge::new(Kind::Active, "admin"),
            (false, Role::User) => Badge::new(Kind::Calm, "user"),
        },
        is_admin: account.role == Role::Admin,
        disabled: account.disabled,
        me: account.id == viewer.actor.id,
        signed_in: account.last_sign_in.map(|at| Ago { at, now: f.now }),
        // The state itself is part of the key: what was undone may be done again.
        role: f.guard(&format!("role {} {}", account.id, account.role.as_str()), f.position),
        able: f.guard(&format!("able {} {}", account.id, account.disabled), f.position),
    };
    page::PeoplePage {
        tab: page::Tab::People,
        people: accounts.iter().map(person).collect(),
        add: f.guard("add person", accounts.len() as i64),
        typed_name: typed.name,
        typed_role: typed.role,
        error: typed.error,
        f,
    }
}

/// The rules as text for the form.
pub fn rules_form(rules: &Rules) -> page::RulesForm {
    let limits = &rules.limits;
    let number = |max: Option<u64>| max.map(|max| max.to_string()).unwrap_or_default();
    fn lines<T: ToString>(items: &[T]) -> String {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
    page::RulesForm {
        vmid_first: rules.vmid_first.to_string(),
        vmid_last: rules.vmid_last.to_string(),
        protected: rules.protected.join("\n"),
        poll_interval_s: rules.poll_interval_s.to_string(),
        observe_interval_s: rules.observe_interval_s.to_string(),
        drift: rules.drift.as_str().to_owned(),
        nodes: limits.nodes.join("\n"),
        storages: limits.storages.join("\n"),
        vlans: lines(&limits.vlans),
        addresses: lines(&limits.addresses),
        guests_max: number(limits.guests_max.map(u64::from)),
        cores_max: number(limits.cores_max.map(u64::from)),
        memory_gib_max: number(limits.memory_mib_max.map(|mib| mib / 1024)),
        disk_gib_max: number(limits.disk_gib_max),
        destroys_max: number(limits.destroys_max.map(u64::from)),
        own_plans: limits.own_plans.join("\n"),
        linked_clones: limits.linked_clones,
    }
}

/// `typed`: what was typed and why it was not saved.
pub fn rules_page(
    f: Frame,
    viewer: &Viewer,
    settings: &SettingsRow,
    meta: &ClusterMeta,
    repository: &RepositoryRow,
    typed: Option<(page::RulesForm, String)>,
) -> page::RulesPage {
    let (typed, error) = typed.unzip();
    let frozen = meta.frozen.as_ref().map(|frozen| page::Frozen {
        why: frozen.reason.clone(),
        by: frozen.by.map_or_else(|| "the command line".into(), |by| viewer.names.name(by)),
        at: Some(Ago { at: frozen.at, now: f.now }),
    });
    page::RulesPage {
        tab: page::Tab::Rules,
        freeze: f.guard(if frozen.is_some() { "thaw" } else { "freeze" }, f.position),
        frozen,
        refresh: f.guard("refresh", f.position),
        save: f.guard("rules", settings.rules_set_at.map_or(0, |at| at.timestamp_micros())),
        rules: typed.or_else(|| settings.rules.as_ref().map(rules_form)),
        error,
        repository: repository_card(repository, &f),
        house: settings.rules.as_ref().map(|rules| house(&rules.house)).unwrap_or_default(),
        f,
    }
}

fn repository_card(repository: &RepositoryRow, f: &Frame) -> page::RepositoryCard {
    let newest = repository.commits.first();
    let asked = repository
        .refreshed_at
        .map(|at| format!(" Asked for at last {}.", words::ago(at, f.now)))
        .unwrap_or_default();
    let (badge, told) = match (&repository.failing, newest) {
        (Some((why, at)), _) => {
            (Badge::new(Kind::Bad, "failing"), format!("Since {}: {why}.", words::ago(*at, f.now)))
        }
        (None, None) => (Badge::new(Kind::Calm, "nothing yet"), "No commit was seen.".into()),
        (None, Some(commit)) => (
            Badge::new(Kind::Good, "ok"),
            format!("Newest commit seen {}.", words::ago(commit.seen_at, f.now)),
        ),
    };
    let set_aside = repository.waiting().take(20).filter_map(|commit| {
        let (why, detail) = commit.quarantine.as_ref()?;
        Some(page::QuarantineLine {
            commit: commit.commit.clone(),
            subject: commit.subject.clone(),
            author: commit.author.clone(),
            why: page::quarantine_words(*why),
            detail: detail.clone(),
        })
    });
    page::RepositoryCard {
        badge,
        words: format!("{told}{asked}"),
        last: newest.map(|commit| format!("{} {}", commit.commit, commit.subject)).unwrap_or_default(),
        quarantined: set_aside.collect(),
    }
}

fn house(house: &HouseRules) -> Vec<(String, String)> {
    let (vm, container, net) = (&house.defaults.vm, &house.defaults.container, &house.network);
    let guest = |g: &domain::facts::GuestDefaults| {
        format!("{}, {} cores, {}, disk {} GiB", g.image, g.cores, words::memory(g.memory_mib), g.disk_gib)
    };
    vec![
        ("VM".into(), guest(vm)),
        ("Container".into(), guest(container)),
        ("Network".into(), format!("{}, {}, gateway {}", net.bridge, net.cidr, net.gateway)),
        ("Fixed addresses".into(), format!("{} to {}", net.static_from, net.static_to)),
        ("Destroyed at most".into(), format!("{} guests by one plan", house.policy.destroy_max)),
        ("Created at most".into(), format!("{} guests by one plan", house.policy.create_max)),
    ]
}

/// Name, position and, where it stopped, why, of each read model.
pub type Standing = (String, Option<(i64, Option<(i64, String)>)>);

pub fn system_page(
    f: Frame,
    settings: &SettingsRow,
    meta: &ClusterMeta,
    repository: &RepositoryRow,
    standing: &[Standing],
) -> page::SystemPage {
    let head = f.position;
    let line = |(name, at): &Standing| {
        let position = at.as_ref().map_or(0, |(position, _)| *position);
        let lag = (head - position).max(0);
        let badge = match at {
            Some((_, Some((at, why)))) => Badge::new(Kind::Bad, format!("stopped at event {at}: {why}")),
            _ if lag == 0 => Badge::new(Kind::Good, "up to date"),
            _ => Badge::new(Kind::Waiting, "catching up"),
        };
        page::Projection {
            name: name.clone(),
            position: words::number(position),
            lag: words::number(lag),
            badge,
        }
    };
    let proxmox = match (&meta.failing, meta.observed_at) {
        (Some((why, advice, _)), _) => {
            (Badge::new(Kind::Bad, "failing"), words::sentence(why), advice.clone())
        }
        (None, Some(at)) => (
            Badge::new(Kind::Good, "ok"),
            format!(
                "Seen {}: Proxmox VE {}, {} calls in {} ms.",
                words::ago(at, f.now),
                meta.pve_version,
                meta.reads,
                meta.reads_ms
            ),
            String::new(),
        ),
        (None, None) => (
            Badge::new(Kind::Waiting, "not seen yet"),
            "The Agent has not looked yet.".into(),
            "Check that the Agent runs: `mycopod doctor`.".into(),
        ),
    };
    let github = match &repository.failing {
        Some((why, at)) => (
            Badge::new(Kind::Bad, "failing"),
            format!("Since {}: {why}.", words::ago(*at, f.now)),
            "Check address and token of the repository.".to_owned(),
        ),
        None => (
            Badge::new(Kind::Good, "ok"),
            format!("{} seen.", words::counted(repository.commits.len(), "commit")),
            String::new(),
        ),
    };
    let card = |title: &str, (badge, words, advice): (Badge, String, String)| page::Card {
        title: title.into(),
        badge,
        words,
        advice,
    };
    page::SystemPage {
        tab: page::Tab::System,
        position: words::number(head),
        projections: standing.iter().map(line).collect(),
        cards: vec![
            card("Proxmox", proxmox),
            card("Repository", github),
            super::repository::anchors_card(repository, &f),
        ],
        credentials: settings.credentials.iter().map(|c| (c.name.clone(), c.fingerprint.clone())).collect(),
        f,
    }
}
