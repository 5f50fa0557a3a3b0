//! One interpretation with everything it can say; [`domain::interpretation::Interpretation::empty`] is the other.

use crate::{every, plan::VM};
use domain::interpretation::*;
use std::collections::BTreeMap;

pub fn labels() -> Vec<Label> {
    let why = || "four are asked for in all".to_owned();
    vec![
        crate::plan::said(),
        Label::Said { quote: None, span: None },
        Label::Default { rule: "/defaults/vm/cores".into() },
        Label::Derived { why: why(), quote: Some("four".into()), span: Some(Span::new(0, 4)) },
        Label::Derived { why: why(), quote: None, span: None },
        Label::Observed { fact: "/guests/110/memory_mib".into() },
    ]
}

pub fn questions() -> Vec<Question> {
    let some = |about| Question {
        about,
        text: "Which one?".into(),
        options: vec!["a".into()],
        span: Some(Span::new(0, 4)),
    };
    let none =
        Question { about: QuestionAbout::HowMany, text: "How many?".into(), options: vec![], span: None };
    every().into_iter().map(some).chain([none]).collect()
}

pub fn refused() -> Interpretation {
    let refusal = Refusal { reason: RefusalReason::Ceph, text: "Ceph is left alone.".into(), span: None };
    Interpretation { refusal: Some(refusal), ..Interpretation::empty(Kind::Refusal) }
}

pub fn asked() -> Interpretation {
    Interpretation { questions: questions(), ..Interpretation::empty(Kind::Question) }
}

pub fn full() -> Interpretation {
    let span = Some(Span::new(0, 4));
    let warning = |reason| Warning {
        about: WarningAbout::PartRefused,
        text: Some("a part".into()),
        reason: Some(reason),
        span,
    };
    let bare = |about| Warning { about, text: None, reason: None, span: None };
    let labels = labels().into_iter().enumerate().map(|(n, label)| (format!("/guests/{n}/cores"), label));
    Interpretation {
        language: Some("en".into()),
        guests: guests(),
        placement: every().into_iter().map(|rule| Placement { rule, guests: vec!["web".into()] }).collect(),
        moves: vec![
            Move { guest: "web".into(), to_node: None, to_storage: None, online: None },
            Move { guest: "web".into(), to_node: some("pve2"), to_storage: some("ceph"), online: Some(true) },
        ],
        provenance: labels.collect(),
        unused: vec![Unused { text: some("please"), span }, Unused { text: None, span: None }],
        refusal: Some(Refusal { reason: RefusalReason::Ceph, text: "Ceph is left alone.".into(), span }),
        warnings: every().into_iter().map(bare).chain(every().into_iter().map(warning)).collect(),
        ..things(Interpretation::empty(Kind::Desired))
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.into())
}

fn guests() -> Vec<GuestWish> {
    let changes = every().into_iter().flat_map(|change| every().into_iter().map(move |kind| (change, kind)));
    let mut guests: Vec<_> = changes.map(|(change, kind)| GuestWish::new(change, kind, "web")).collect();
    let disk = |storage, path| DiskWish { size_gib: 8, storage, path };
    guests.extend(every().into_iter().map(|power| GuestWish {
        vmid: Some(200),
        new_name: some("www"),
        image: some("debian-12"),
        iso: some("debian.iso"),
        copy_of: Some(9000),
        cores: Some(4),
        memory_mib: Some(8192),
        swap_mib: Some(512),
        disk_gib: Some(32),
        storage: some("local-lvm"),
        extra_disks: vec![disk(None, None), disk(some("ceph"), some("/srv"))],
        node: some("pve1"),
        bridge: some("vmbr0"),
        vlan: Some(30),
        ip: some("10.0.20.54/24"),
        gateway: some("10.0.20.1"),
        nameservers: vec!["10.0.20.1".into()],
        start_on_boot: Some(true),
        start_order: Some(1),
        start_delay_s: Some(10),
        power: Some(power),
        tags: vec!["web".into()],
        remove_tags: vec!["old".into()],
        pool: some("lab"),
        ha: Some(false),
        protected: Some(false),
        unprivileged: Some(true),
        login_user: some("sample"),
        ssh_keys: vec!["ssh-ed25519 sample sample".into()],
        uefi: Some(true),
        tpm: Some(false),
        description: some("for the children"),
        ..GuestWish::new(GuestChange::Create, VM, "web")
    }));
    guests
}

fn things(of: Interpretation) -> Interpretation {
    let (name, storage) = (|| "lab".to_owned(), || some("tank-nfs"));
    let kubernetes = |change| KubernetesWish {
        change,
        name: name(),
        distribution: some("k3s"),
        version: some("1.32"),
        control_planes: Some(vec!["k8s-1".into()]),
        workers: Some(vec![]),
        pod_cidr: some("10.42.0.0/16"),
        service_cidr: some("10.43.0.0/16"),
        cni: some("flannel"),
        nfs_share: storage(),
    };
    let bare = KubernetesWish {
        distribution: None,
        version: None,
        control_planes: None,
        workers: None,
        pod_cidr: None,
        service_cidr: None,
        cni: None,
        nfs_share: None,
        ..kubernetes(Change::Remove)
    };
    let nfs = StorageWish {
        change: Change::Create,
        id: name(),
        kind: some("nfs"),
        server: some("10.0.20.5"),
        export: some("/tank"),
        content: vec!["images".into()],
        nodes: vec!["pve1".into()],
    };
    let gone = StorageWish {
        change: Change::Remove,
        kind: None,
        server: None,
        export: None,
        content: vec![],
        nodes: vec![],
        ..nfs.clone()
    };
    let mount = |source, read_only| Mount {
        change: Change::Update,
        guest: "web".into(),
        source,
        path: "/mnt".into(),
        read_only,
    };
    let snapshot =
        |change, name, with_memory| SnapshotWish { change, guest: "web".into(), name, with_memory };
    let backup = BackupWish {
        change: Change::Create,
        name: some("nightly"),
        guests: vec!["web".into()],
        storage: storage(),
        schedule: some("02:00"),
        keep_last: Some(7),
        mode: some("snapshot"),
    };
    let now = BackupWish {
        name: None,
        guests: vec![],
        storage: None,
        schedule: None,
        keep_last: None,
        mode: None,
        ..backup.clone()
    };
    Interpretation {
        storages: vec![nfs, gone],
        mounts: vec![mount(None, None), mount(storage(), Some(true))],
        kubernetes: every().into_iter().map(kubernetes).chain([bare]).collect(),
        snapshots: vec![
            snapshot(Change::Rollback, None, None),
            snapshot(Change::Create, some("before"), Some(true)),
        ],
        backups: vec![backup, now],
        pools: vec![PoolWish { change: Change::Create, name: name() }],
        provenance: BTreeMap::new(),
        ..of
    }
}
