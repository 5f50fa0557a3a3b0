//! The cluster, a guest, and Settings.

use super::*;

pub fn cluster_page(say: Say) -> cluster::ClusterPage {
    let mut f = frame("Cluster", Section::Cluster, Role::User, say);
    f.live = Some("/cluster/live".into());
    let guest = |vmid, name: &str, matches, health, declared: bool| cluster::Guest {
        vmid,
        name: say(name),
        kind: "VM",
        node: say("pve1"),
        matches,
        health,
        declared_by: declared.then(|| ("14".to_owned(), say("Three Ubuntu VMs"))),
    };
    cluster::ClusterPage {
        f,
        name: say("homelab"),
        picture: cluster::PictureRegion {
            seen: Some(before(12)),
            lede: say("3 nodes, quorate, Proxmox VE 8.4.1."),
            messages: vec![
                Message::new(
                    Kind::Waiting,
                    say("Node pve3 does not answer"),
                    say("What runs there cannot be told."),
                )
                .quiet(),
            ],
            nodes: (1..=3)
                .map(|n| cluster::Node {
                    name: say(&format!("pve{n}")),
                    badge: if n == 3 {
                        Badge::new(Kind::Unknown, "cannot tell")
                    } else {
                        Badge::new(Kind::Good, "online")
                    },
                    threads: 16,
                    memory: "38 of 64 GiB".into(),
                    bar: Bar::of(38, 64, "active"),
                    address: say("10.0.20.11"),
                    guests: 4,
                })
                .collect(),
            storages: vec![cluster::Storage {
                id: say("ceph-vm"),
                kind: say("rbd"),
                content: say("images, rootdir"),
                nodes: say("all"),
                free: "1,204 GiB".into(),
            }],
            drift: 1,
            guests: vec![
                guest(
                    110,
                    "web-old",
                    Badge::new(Kind::Drift, "drifted"),
                    Badge::new(Kind::Good, "running"),
                    true,
                ),
                guest(
                    201,
                    "k8s-1",
                    Badge::new(Kind::Good, "in step"),
                    Badge::new(Kind::Good, "running"),
                    true,
                ),
                guest(
                    300,
                    "plex",
                    Badge::new(Kind::Calm, "not declared"),
                    Badge::new(Kind::Calm, "stopped"),
                    false,
                ),
                guest(
                    301,
                    "nas",
                    Badge::new(Kind::Unknown, "cannot tell"),
                    Badge::new(Kind::Unknown, "cannot tell"),
                    false,
                ),
            ],
        },
    }
}

pub fn guest_page(say: Say) -> guest::GuestPage {
    let field = |name: &str, declared: Option<&str>, observed: &str| guest::Field {
        name: name.to_owned(),
        differs: declared.is_some_and(|d| d != observed),
        declared: declared.map(say),
        observed: say(observed),
        from: declared.map(|_| From { word: "said", why: String::new() }),
    };
    guest::GuestPage {
        f: frame("k8s-1 (201)", Section::Cluster, Role::User, say),
        vmid: 201,
        name: say("k8s-1"),
        kind: "VM",
        lede: say("On pve1. One field differs from what was declared."),
        matches: Badge::new(Kind::Drift, "drifted"),
        health: Badge::new(Kind::Good, "running"),
        seen: Some(before(12)),
        fields: vec![
            field("cores", Some("4"), "4"),
            field("memory", Some("8 GiB"), "6 GiB"),
            field("bridge", None, "vmbr0"),
        ],
        declared_by: Some(("14".into(), say("Three Ubuntu VMs"))),
        made_by: Some(17),
        notes: say("for the children"),
        config: vec![(say("cores"), say("4"))],
        mark: Some(Copy { text: Mark::derive(Uuid::from_u128(14), "k8s-1", 201).to_string(), label: "Copy" }),
    }
}

pub fn settings_pages(say: Say) -> Vec<(&'static str, String)> {
    let f = |title| frame(title, Section::Settings, Role::Admin, say);
    let guard = f("x").guard("x", 1);
    let person = |name: &str, role: Role, me, disabled| settings::Person {
        id: "1".into(),
        name: say(name),
        badge: match (disabled, role) {
            (true, _) => Badge::new(Kind::Bad, "disabled"),
            (_, Role::Admin) => Badge::new(Kind::Active, "admin"),
            _ => Badge::new(Kind::Calm, "user"),
        },
        is_admin: role == Role::Admin,
        disabled,
        me,
        signed_in: Some(before(300)),
        role: guard.clone(),
        able: guard.clone(),
    };
    let people = settings::PeoplePage {
        f: f("People"),
        tab: settings::Tab::People,
        people: vec![
            person("ada", Role::Admin, true, false),
            person("bo", Role::User, false, false),
            person("eve", Role::User, false, true),
        ],
        add: guard.clone(),
        typed_name: say("cy cy"),
        typed_role: "user".into(),
        error: Some((
            settings::Wrong::Name,
            say("The name must be 1 to 40 letters, digits, dots, dashes or underscores."),
        )),
    };
    let rules = settings::RulesPage {
        f: f("Rules"),
        tab: settings::Tab::Rules,
        frozen: Some(settings::Frozen { why: say("storm coming"), by: say("ada"), at: Some(before(500)) }),
        freeze: guard.clone(),
        refresh: guard.clone(),
        save: guard.clone(),
        rules: Some(settings::RulesForm {
            vmid_first: say("200"),
            vmid_last: say("299"),
            protected: say("plex\nnas"),
            poll_interval_s: say("30"),
            observe_interval_s: say("30"),
            drift: say("ask"),
            nodes: say("pve1\npve2"),
            storages: say("ceph-vm\ntank-nfs"),
            vlans: say("0\n30"),
            addresses: say("10.0.20.50-10.0.20.99"),
            guests_max: say("40"),
            cores_max: say("64"),
            memory_gib_max: say("96"),
            disk_gib_max: say("2000"),
            destroys_max: say("1"),
            own_plans: say("ada"),
            linked_clones: true,
        }),
        error: Some(say("Guest numbers must run from 100 to 999999999, first to last.")),
        repository: settings::RepositoryCard {
            badge: Badge::new(Kind::Good, "ok"),
            words: say("Newest commit seen:"),
            last: say("9f2c1d7e4a"),
            quarantined: vec![settings::QuarantineLine {
                commit: say("77aa"),
                subject: say("tweak"),
                author: say("mallory"),
                why: settings::quarantine_words(domain::repository::Quarantine::LockEdited),
                detail: say("k8s.lock.toml"),
            }],
        },
        house: vec![(say("VM image"), say("ubuntu-24.04"))],
    };
    let system = settings::SystemPage {
        f: f("System"),
        tab: settings::Tab::System,
        position: "8,412".into(),
        projections: vec![settings::Projection {
            name: say("declarations"),
            position: "8,412".into(),
            lag: "0".into(),
            badge: Badge::new(Kind::Good, "up to date"),
        }],
        cards: vec![settings::Card {
            title: say("Proxmox"),
            badge: Badge::new(Kind::Good, "ok"),
            words: say("Seen 12 s ago."),
            advice: say(""),
        }],
        credentials: vec![(say("proxmox"), say("SHA256:ab12"))],
    };
    let [proxmox, model] = connection_pages(say);
    let one = || repository::SetAside {
        commit: say("77aa"),
        subject: say("tweak"),
        author: say("mallory"),
        why: settings::quarantine_words(domain::repository::Quarantine::EnglishEdited),
        detail: say("web.md"),
        seen: before(90),
        badge: Badge::new(Kind::Bad, "set aside"),
        outcome: say("That could not be done."),
        drafts: vec!["0198c7a0-0000-7000-8000-000000000001".into()],
        choices: domain::repository::Quarantine::EnglishEdited
            .decisions()
            .iter()
            .map(|decision| repository::choice(*decision, true, false))
            .collect(),
        guard: guard.clone(),
    };
    let repository = repository::RepositoryPage {
        f: f("Repository"),
        tab: settings::Tab::Repository,
        badge: Badge::new(Kind::Good, "ok"),
        words: say("Newest commit seen:"),
        refresh: guard.clone(),
        doubt: Some(repository::DoubtNote {
            what: repository::doubt_words(domain::repository::Doubt::Forked),
            detail: say("at 42"),
            commit: say("77aa"),
            since: before(90),
            advice: repository::doubt_advice(domain::repository::Doubt::Forked),
        }),
        waiting: vec![one()],
        settled: vec![one()],
    };
    vec![
        ("people", draw(&people)),
        ("rules", draw(&rules)),
        ("repository", draw(&repository)),
        ("system", draw(&system)),
        ("connection", draw(&proxmox)),
        ("connection without a channel", draw(&model)),
    ]
}

/// A failing connection with everything on it, and one where nothing is stored and nothing can be sent.
pub fn connection_pages(say: Say) -> [connection::ConnectionPage; 2] {
    use domain::settings::{Check, Outcome};
    use projections::model::{ClusterMeta, CredentialRow, RepositoryRow, SettingsRow, TestRow};
    let f = |title: &str| frame(title, Section::Settings, Role::Admin, say);
    let at = f("").now - TimeDelta::seconds(60);
    let check = |outcome, next: &[&str]| Check {
        what: say("Rights"),
        outcome,
        found: say("missing: VM.Clone"),
        next: next
            .iter()
            .map(|line| if line.starts_with("pveum ") { (*line).to_owned() } else { say(line) })
            .collect(),
    };
    let settings = SettingsRow {
        credentials: vec![CredentialRow {
            name: "proxmox-token".into(),
            fingerprint: say("ab12cd34ab12cd34"),
            stored_at: at,
            by: None,
        }],
        tests: vec![TestRow {
            name: "proxmox-token".into(),
            asked_at: at,
            by: None,
            checks: vec![
                check(Outcome::Passed, &[]),
                check(Outcome::Noted, &["pveum role modify MycoPod --append 1 --privs \"VM.Clone\""]),
                check(Outcome::Failed, &["Replace it in Settings."]),
            ],
            ended: Some((at, false)),
        }],
        ..SettingsRow::default()
    };
    let meta = ClusterMeta {
        name: say("homelab"),
        addresses: vec![say("pve1:8006")],
        failing: Some((say("refused"), say("Replace it."), at)),
        ..ClusterMeta::default()
    };
    let (none, repository) = (SettingsRow::default(), RepositoryRow::default());
    let draw = |title, service, settings, has_channel, error| {
        let (meta, repository) = (&meta, &repository);
        let facts = views::connection::Facts { settings, meta, repository, has_channel, error };
        views::connection::page(f(title), service, &views::Names::of(&[]), facts)
    };
    let error = Message::new(Kind::Bad, say("It was not stored"), say("Copy it again."));
    let error = Some(("proxmox-token".to_owned(), error));
    [
        draw("Proxmox", domain::settings::Service::Proxmox, &settings, true, error),
        draw("Model", domain::settings::Service::Model, &none, false, None),
    ]
}
