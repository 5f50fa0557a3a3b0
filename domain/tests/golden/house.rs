//! The owner's rules: once with everything, once with as little as there can be.

use domain::facts::*;
use domain::settings::{AddressRange, Limits, Rules};
use std::collections::BTreeMap;

pub fn full() -> Rules {
    let (storage, image) = (|| "tank-nfs".to_owned(), || "debian-12".to_owned());
    let template = Image {
        vmid: Some(9000),
        node: Some("pve1".into()),
        storage: storage(),
        file: None,
        disk_gib: 4,
        aliases: vec!["debian".into()],
    };
    let file = Image {
        vmid: None,
        node: None,
        file: Some("debian.tar.zst".into()),
        aliases: vec![],
        ..template.clone()
    };
    let kubernetes = Kubernetes {
        distribution: "k3s".into(),
        version: "1.32".into(),
        control_planes: vec!["k8s-1".into()],
        workers: vec!["k8s-2".into()],
    };
    let backup = |keep_last| Backup {
        guests: vec!["web".into()],
        storage: storage(),
        schedule: "02:00".into(),
        keep_last,
    };
    let vlan = |gateway| Vlan { name: "dmz".into(), cidr: "10.0.30.0/24".into(), gateway };
    let mut rules = bare();
    rules.protected = vec!["truenas".into()];
    rules.drift = domain::drift::Choice::Heal;
    rules.limits = Limits {
        nodes: vec!["pve1".into()],
        storages: vec![storage()],
        vlans: vec![0, 30],
        addresses: vec![AddressRange { first: [10, 0, 20, 50].into(), last: [10, 0, 20, 99].into() }],
        guests_max: Some(20),
        cores_max: Some(64),
        memory_mib_max: Some(65_536),
        disk_gib_max: Some(2_000),
        destroys_max: Some(1),
        own_plans: vec!["ada".into()],
        linked_clones: true,
    };
    rules.house.vlans =
        BTreeMap::from([("30".into(), vlan(Some("10.0.30.1".into()))), ("31".into(), vlan(None))]);
    rules.house.images =
        Images { vm: BTreeMap::from([(image(), template)]), container: BTreeMap::from([(image(), file)]) };
    rules.house.kubernetes = BTreeMap::from([("lab".into(), kubernetes)]);
    rules.house.backups =
        BTreeMap::from([("nightly".into(), backup(Some(7))), ("weekly".into(), backup(None))]);
    rules
}

pub fn bare() -> Rules {
    let (word, address) = (|| "refuse".to_owned(), |last: u8| format!("10.0.20.{last}"));
    let (image, bridge) = (|| "debian-12".to_owned(), || "vmbr0".to_owned());
    let guest = |unprivileged| GuestDefaults {
        image: image(),
        cores: 2,
        memory_mib: 2048,
        disk_gib: 20,
        power: "running".into(),
        start_on_boot: true,
        unprivileged,
    };
    let network = Network {
        bridge: bridge(),
        cidr: "10.0.20.0/24".into(),
        gateway: address(1),
        static_from: address(50),
        static_to: address(199),
    };
    let kubernetes = KubernetesDefaults {
        distribution: "k3s".into(),
        image: image(),
        control_planes: 1,
        cores: 2,
        memory_mib: 4096,
        disk_gib: 30,
    };
    let policy = Policy {
        units: "binary".into(),
        over_threads: word(),
        over_memory: word(),
        undeclared: "ask-to-adopt".into(),
        protected: word(),
        destroy_max: 2,
        create_max: 12,
        text_bytes_max: 65_536,
        languages: vec!["en".into()],
        software_in_guests: word(),
        privileged_containers: word(),
    };
    let house = HouseRules {
        network,
        vlans: BTreeMap::new(),
        images: Images::default(),
        kubernetes: BTreeMap::new(),
        backups: BTreeMap::new(),
        defaults: Defaults {
            vm: guest(None),
            container: guest(Some(true)),
            network: NetworkDefaults { ip: "dhcp".into(), prefix: 24, gateway: address(1), bridge: bridge() },
            kubernetes,
            backup: BackupDefaults { storage: "tank-nfs".into(), mode: "snapshot".into(), keep_last: 3 },
            storage: StorageDefaults { kind: "nfs".into() },
        },
        policy,
    };
    Rules {
        vmid_first: 200,
        vmid_last: 299,
        protected: vec![],
        poll_interval_s: 30,
        observe_interval_s: 0,
        drift: Default::default(),
        house,
        limits: Limits::default(),
    }
}
