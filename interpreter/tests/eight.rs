//! Eight declarations that owners type on their first evening, and what must come of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{desired, facts, read, read_with};
use domain::facts::{Facts, Guest, Kubernetes};
use domain::interpretation::{
    Change, GuestChange, GuestKind, Interpretation, Kind, Label, QuestionAbout, RefusalReason, WarningAbout,
};
use interpreter::{Answer, Context};

const PROVISION: &str =
    "Provision three Ubuntu VMs for a Kubernetes cluster and mount an NFS share on the main storage pool.";
const SPREAD: &str = "Three Ubuntu VMs for Kubernetes, 4 cores and 8 GB each, one per server.";

fn warns(answer: &Interpretation, about: WarningAbout) -> bool {
    answer.warnings.iter().any(|w| w.about == about)
}

#[test]
fn a_vm_with_everything_said_is_made_as_said() {
    let answer = desired("A Debian 12 VM called scratch, 2 cores, 4 gigs of memory, 30 GB disk.");
    let [guest] = answer.guests.as_slice() else { panic!("one guest") };
    assert_eq!(
        (guest.change, guest.kind, guest.name.as_str()),
        (GuestChange::Create, GuestKind::Vm, "scratch")
    );
    assert_eq!((guest.cores, guest.memory_mib, guest.disk_gib), (Some(2), Some(4096), Some(30)));
    assert_eq!(guest.image.as_deref(), Some("debian-12"));
    assert!(matches!(answer.label("/guests/0/memory_mib"), Some(Label::Said { .. })));
    assert!(matches!(answer.label("/guests/0/power"), Some(Label::Default { .. })));
}

#[test]
fn for_kubernetes_means_install_it_and_one_per_server_means_spread() {
    let answer = desired(SPREAD);
    assert_eq!(answer.guests.len(), 3);
    assert!(answer.guests.iter().all(|g| g.cores == Some(4)
        && g.memory_mib == Some(8192)
        && g.image.as_deref() == Some("ubuntu-24.04")));
    let [cluster] = answer.kubernetes.as_slice() else { panic!("one cluster") };
    assert_eq!(
        (cluster.control_planes.as_ref().map(Vec::len), cluster.workers.as_ref().map(Vec::len)),
        (Some(1), Some(2))
    );
    assert_eq!(cluster.distribution.as_deref(), Some("k3s"));
    assert_eq!(answer.placement.first().map(|p| p.guests.len()), Some(3));
    assert!(warns(&answer, WarningAbout::ReadAsInstall));
}

#[test]
fn software_is_not_installed_and_that_is_said() {
    let answer =
        desired("Pi-hole backup in a small container, half a gig of RAM, one core, IP 10.0.20.54/24.");
    let [guest] = answer.guests.as_slice() else { panic!("one guest") };
    assert_eq!((guest.kind, guest.cores, guest.memory_mib), (GuestKind::Container, Some(1), Some(512)));
    assert_eq!((guest.ip.as_deref(), guest.gateway.as_deref()), (Some("10.0.20.54/24"), Some("10.0.20.1")));
    assert_ne!(guest.name, "pihole", "that name is taken");
    assert!(warns(&answer, WarningAbout::SoftwareNotInstalled));
}

#[test]
fn an_export_of_the_only_nas_becomes_a_storage() {
    let answer = desired("Add the NAS export /tank/backup to Proxmox as storage for backups on all nodes.");
    let [storage] = answer.storages.as_slice() else { panic!("one storage") };
    assert_eq!(
        (storage.server.as_deref(), storage.export.as_deref()),
        (Some("10.0.20.5"), Some("/tank/backup"))
    );
    assert_eq!(storage.content, ["backup"]);
    assert!(storage.nodes.is_empty(), "absent means all nodes");
    assert!(matches!(answer.label("/storages/0/server"), Some(Label::Observed { .. })));
}

#[test]
fn a_guest_that_exists_gets_only_what_changes() {
    let answer = desired("Give the web-old machine 8 gigs instead of 4.");
    let [guest] = answer.guests.as_slice() else { panic!("one guest") };
    assert_eq!((guest.change, guest.vmid, guest.memory_mib), (GuestChange::Update, Some(110), Some(8192)));
    assert_eq!((guest.cores, guest.disk_gib, guest.power), (None, None, None));
}

#[test]
fn what_is_to_go_is_named_and_the_loss_is_shown() {
    let answer = desired("Get rid of web-old.");
    let [guest] = answer.guests.as_slice() else { panic!("one guest") };
    assert_eq!((guest.change, guest.vmid), (GuestChange::Destroy, Some(110)));
    assert!(matches!(answer.label("/guests/0/change"), Some(Label::Said { .. })));
    assert!(warns(&answer, WarningAbout::Destroys));
}

#[test]
fn an_unnamed_share_is_asked_for_with_the_shares_that_are_known() {
    let answer = read(PROVISION);
    assert_eq!(answer.kind, Kind::Question);
    assert!(answer.questions.len() <= 3);
    let share =
        answer.questions.iter().find(|q| q.about == QuestionAbout::WhichShare).expect("asks for the share");
    assert!(share.options.contains(&"10.0.20.5:/tank/vm".to_owned()));
    assert!(answer.questions.iter().any(|q| q.about == QuestionAbout::WhatPath));
}

fn answered(about: QuestionAbout, answer: &str) -> Answer {
    Answer { about, question: "?".into(), answer: answer.into(), span: None }
}

#[test]
fn answers_fill_the_gap_and_are_told_as_answers() {
    let answers = [
        answered(QuestionAbout::WhichShare, "10.0.20.5:/tank/vm"),
        answered(QuestionAbout::WhatPath, "/mnt/vm"),
    ];
    let answer = read_with(PROVISION, &facts(), &Context { answers: &answers, own_guests: &[] });
    assert_eq!(answer.kind, Kind::Desired, "{:?}", answer.questions);
    assert_eq!((answer.guests.len(), answer.mounts.len(), answer.kubernetes.len()), (3, 3, 1));
    assert!(
        answer
            .mounts
            .iter()
            .all(|m| m.source.as_deref() == Some("10.0.20.5:/tank/vm") && m.path == "/mnt/vm")
    );
    let Some(Label::Derived { why, .. }) = answer.label("/mounts/0/source") else {
        panic!("a derived label")
    };
    assert_eq!(why, "you answered \"10.0.20.5:/tank/vm\"");
}

/// The cluster after the guests of an answer were made.
fn after(answer: &Interpretation, facts: &Facts) -> (Facts, Vec<u32>) {
    let (mut later, mut made) = (facts.clone(), Vec::new());
    for (n, wish) in answer.guests.iter().enumerate() {
        let vmid = 200 + n as u32;
        let mut guest: Guest = later.guests.get("113").expect("a guest to take after").clone();
        guest.vmid = vmid;
        guest.name.clone_from(&wish.name);
        guest.kind = wish.kind.as_str().into();
        guest.cores = wish.cores.expect("filled");
        guest.memory_mib = wish.memory_mib.expect("filled");
        guest.disk_gib = wish.disk_gib.expect("filled");
        guest.image.clone_from(&wish.image);
        guest.tags.clear();
        guest.status = "running".into();
        guest.ip.clone_from(&wish.ip);
        guest.start_on_boot = true;
        later.guests.insert(vmid.to_string(), guest);
        made.push(vmid);
    }
    for cluster in &answer.kubernetes {
        let known = Kubernetes {
            distribution: cluster.distribution.clone().expect("filled"),
            version: "v1.31.6+k3s1".into(),
            control_planes: cluster.control_planes.clone().expect("listed"),
            workers: cluster.workers.clone().expect("listed"),
        };
        later.house.kubernetes.insert(cluster.name.clone(), known);
    }
    (later, made)
}

#[test]
fn said_again_with_a_name_nothing_is_left_to_do() {
    let text = "A Debian 12 VM called scratch, 2 cores, 4 gigs of memory, 30 GB disk.";
    let first = desired(text);
    let (later, made) = after(&first, &facts());
    for own_guests in [made.as_slice(), &[]] {
        let again = read_with(text, &later, &Context { answers: &[], own_guests });
        let [guest] = again.guests.as_slice() else { panic!("one guest") };
        assert_eq!((guest.change, guest.vmid), (GuestChange::Update, Some(200)));
        assert_eq!(
            (guest.cores, guest.memory_mib, guest.disk_gib, guest.image.as_deref()),
            (Some(2), Some(4096), Some(30), None)
        );
        assert!(warns(&again, WarningAbout::AlreadySo));
    }
}

#[test]
fn said_again_without_names_the_same_guests_are_found() {
    let first = desired(SPREAD);
    let (later, made) = after(&first, &facts());
    let again = read_with(SPREAD, &later, &Context { answers: &[], own_guests: &made });
    assert_eq!(again.kind, Kind::Desired, "{:?} {:?}", again.questions, again.refusal);
    assert_eq!(again.guests.iter().map(|g| g.vmid).collect::<Vec<_>>(), [Some(200), Some(201), Some(202)]);
    assert!(again.guests.iter().all(|g| g.change == GuestChange::Update));
    let [cluster] = again.kubernetes.as_slice() else { panic!("one cluster") };
    assert_eq!(
        (cluster.change, &cluster.name),
        (Change::Update, &first.kubernetes.first().expect("one").name)
    );
    assert_eq!(cluster.workers, first.kubernetes.first().and_then(|k| k.workers.clone()));
}

#[test]
fn what_is_no_declaration_is_refused_with_the_right_reason() {
    let reason = |text: &str| read(text).refusal.map(|r| r.reason);
    assert_eq!(
        reason("Beat three eggs with 200 g of sugar, fold in 250 g of flour, bake for 40 minutes."),
        Some(RefusalReason::NotADeclaration)
    );
    assert_eq!(reason(""), Some(RefusalReason::NotADeclaration));
    assert_eq!(reason("Delete everything and start over."), Some(RefusalReason::MassDestroy));
    assert_eq!(reason("Destroy truenas."), Some(RefusalReason::ProtectedGuest));
}

#[test]
fn a_secret_is_warned_about_and_copied_nowhere() {
    let answer = desired("Ubuntu VM called vpn with 1 core. The root password shall be Tr0ub4dor-staple-9.");
    assert!(warns(&answer, WarningAbout::SecretInText));
    assert!(!serde_json::to_string(&answer).expect("a document").contains("Tr0ub4dor"));
}

#[test]
fn part_of_a_guest_or_a_loss_in_doubt_is_never_read_as_destroying_it() {
    for text in [
        "Delete web-old's disk.",
        "Delete grafana tomorrow.",
        "You can drop build if nobody needs it.",
        "I don't need grafana any more but keep its disk.",
        "Nuke the entire cluster, I mean it.",
        "Never delete web-old.",
        "Replace web-old with a new VM.",
    ] {
        assert_ne!(read(text).kind, Kind::Desired, "{text}");
    }
}
