//! The cluster `lab`: three nodes, a local and a shared storage, two templates, six guests of which four are ours.

use crate::cluster::{Cluster, Event, Origin};
use crate::contract::Permissions;
use crate::decider::Decider;
use crate::interpretation::GuestKind;
use crate::mark::Mark;
use crate::observation::{GuestSeen, NodeSeen, Observation, StorageSeen};
use crate::settings::{Limits, Rules};
use crate::surroundings::{BackupJobSeen, PoolSeen, Surroundings};
use chrono::DateTime;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

const NODES: [&str; 3] = ["pve1", "pve2", "pve3"];
/// Guests whose mark the log knows.
const OURS: [(u32, &str, GuestKind); 5] = [
    (110, "web-old", GuestKind::Vm),
    (111, "db-1", GuestKind::Vm),
    (112, "grafana", GuestKind::Container),
    (113, "build", GuestKind::Vm),
    (114, "vault", GuestKind::Container),
];

pub(super) fn mark(vmid: u32) -> Mark {
    Mark(Uuid::from_u128(u128::from(vmid)))
}

pub(super) fn cluster() -> Cluster {
    let claim = |(vmid, name, kind): (u32, &str, GuestKind)| Event::GuestClaimed {
        vmid,
        name: name.into(),
        kind,
        mark: mark(vmid),
        origin: Origin::Fixture {},
    };
    OURS.into_iter().map(claim).fold(Cluster::default(), |cluster, event| cluster.evolve(&event))
}

pub(super) fn guest(
    vmid: u32,
    kind: GuestKind,
    node: &str,
    running: bool,
    config: &[(&str, &str)],
) -> GuestSeen {
    let config: BTreeMap<String, String> =
        config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let name = if kind == GuestKind::Vm { "name" } else { "hostname" };
    GuestSeen {
        vmid,
        kind,
        name: config.get(name).cloned().unwrap_or_default(),
        node: node.into(),
        running,
        template: config.contains_key("template"),
        lock: None,
        pool: None,
        config,
        pending: vec![],
        digest: format!("{vmid:040x}"),
        snapshots: vec![],
    }
}

fn ours(mut guest: GuestSeen, tags: &str) -> GuestSeen {
    let end = if guest.kind == GuestKind::Container { "\n" } else { "" };
    guest.config.insert("description".into(), format!("{}{end}", mark(guest.vmid)));
    guest.config.insert("tags".into(), tags.into());
    guest.config.insert("onboot".into(), "1".into());
    guest
}

pub(super) fn observation() -> Observation {
    let vm = GuestKind::Vm;
    let ct = GuestKind::Container;
    let mut web = ours(
        guest(
            110,
            vm,
            "pve1",
            true,
            &[
                ("name", "web-old"),
                ("cores", "2"),
                ("memory", "4096"),
                ("boot", "order=scsi0"),
                ("scsi0", "ceph-vm:vm-110-disk-0,size=40G"),
                ("ide2", "ceph-vm:vm-110-cloudinit,media=cdrom,size=4M"),
                ("net0", "virtio=BC:24:11:00:01:10,bridge=vmbr0"),
                ("ipconfig0", "ip=10.0.20.80/24,gw=10.0.20.1"),
                ("vmgenid", "00000000-0000-4000-8000-000000000110"),
            ],
        ),
        "mycopod;web",
    );
    web.snapshots = vec!["before-upgrade".into()];
    let db = ours(
        guest(
            111,
            vm,
            "pve1",
            true,
            &[
                ("name", "db-1"),
                ("cores", "4"),
                ("memory", "8192"),
                ("boot", "order=scsi0"),
                ("scsi0", "local-lvm:vm-111-disk-0,size=60G"),
                ("net0", "virtio=BC:24:11:00:01:11,bridge=vmbr0"),
                ("ipconfig0", "ip=10.0.20.81/24,gw=10.0.20.1"),
                ("vmgenid", "00000000-0000-4000-8000-000000000111"),
            ],
        ),
        "db;mycopod",
    );
    let mut grafana = ours(
        guest(
            112,
            ct,
            "pve2",
            true,
            &[
                ("hostname", "grafana"),
                ("cores", "1"),
                ("memory", "1024"),
                ("swap", "512"),
                ("unprivileged", "1"),
                ("rootfs", "ceph-vm:vm-112-disk-0,size=10G"),
                (
                    "net0",
                    "name=eth0,bridge=vmbr0,gw=10.0.20.1,hwaddr=BC:24:11:00:01:12,ip=10.0.20.82/24,type=veth",
                ),
            ],
        ),
        "monitoring;mycopod",
    );
    grafana.pool = Some("infra".into());
    let build = ours(
        guest(
            113,
            vm,
            "pve2",
            false,
            &[
                ("name", "build"),
                ("cores", "4"),
                ("memory", "8192"),
                ("boot", "order=scsi0"),
                ("scsi0", "ceph-vm:vm-113-disk-0,size=80G"),
                ("net0", "virtio=BC:24:11:00:01:13,bridge=vmbr0"),
                ("ipconfig0", "ip=dhcp"),
                ("vmgenid", "00000000-0000-4000-8000-000000000113"),
            ],
        ),
        "ci;mycopod",
    );
    let mut vault = ours(
        guest(
            114,
            ct,
            "pve2",
            true,
            &[
                ("hostname", "vault"),
                ("cores", "1"),
                ("memory", "512"),
                ("rootfs", "ceph-vm:vm-114-disk-0,size=8G"),
                ("net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:14,ip=10.0.20.84/24,type=veth"),
            ],
        ),
        "mycopod",
    );
    vault.config.insert("protection".into(), "1".into());
    let truenas = guest(
        100,
        vm,
        "pve1",
        true,
        &[
            ("name", "truenas"),
            ("cores", "4"),
            ("memory", "16384"),
            ("scsi0", "local-lvm:vm-100-disk-0,size=32G"),
            ("description", "NAS. Do not touch."),
            ("ipconfig0", "ip=10.0.20.5/24"),
        ],
    );
    let template = |vmid: u32, name: &str, size: &str| {
        guest(
            vmid,
            vm,
            "pve1",
            false,
            &[
                ("name", name),
                ("template", "1"),
                ("cores", "2"),
                ("memory", "2048"),
                ("boot", "order=scsi0"),
                ("scsi0", &format!("ceph-vm:base-{vmid}-disk-0,discard=on,size={size}")),
                ("ide2", &format!("ceph-vm:vm-{vmid}-cloudinit,media=cdrom")),
                ("net0", "virtio=BC:24:11:00:90:00,bridge=vmbr0"),
                ("ipconfig0", "ip=dhcp"),
                ("agent", "1"),
            ],
        )
    };
    let guests = [
        truenas,
        web,
        db,
        grafana,
        build,
        vault,
        template(9000, "ubuntu-24.04", "4G"),
        template(9001, "debian-12", "3G"),
    ];
    Observation {
        at: DateTime::from_timestamp(1_777_881_600, 0).unwrap(),
        cluster: "lab".into(),
        pve_version: "8.4.1".into(),
        quorate: true,
        nodes: NODES
            .into_iter()
            .zip([(16, 65_536, 11), (8, 32_768, 12), (4, 16_384, 13)])
            .map(|(name, node)| (name.to_owned(), self::node(node)))
            .collect(),
        storages: storages(),
        guests: guests.into_iter().map(|guest| (guest.vmid, guest)).collect(),
        around: around(),
    }
}

/// One pool, one backup job of somebody, and every right.
fn around() -> Surroundings {
    let infra = PoolSeen { guests: [112].into(), storages: [].into() };
    let job = BackupJobSeen {
        guests: vec![110, 111],
        storage: Some("tank-nfs".into()),
        schedule: Some("02:30".into()),
        mode: Some("snapshot".into()),
        keep_last: Some(7),
        enabled: true,
        wide: false,
    };
    Surroundings {
        pools: Some([("infra".to_owned(), infra)].into()),
        ha: Some(BTreeMap::new()),
        backup_jobs: Some([("nightly".to_owned(), job)].into()),
        backups: BTreeMap::new(),
        rights: Some(Permissions::default().grant("/", &ALL_PRIVILEGES)),
        token: Some("mycopod@pve!agent".into()),
    }
}

/// The privileges of the role Administrator that our calls may ask for.
pub(super) const ALL_PRIVILEGES: [&str; 27] = [
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Mapping.Use",
    "Pool.Allocate",
    "Pool.Audit",
    "SDN.Use",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

fn node((threads, memory_mib, last): (u32, u64, u8)) -> NodeSeen {
    NodeSeen {
        online: true,
        threads,
        memory_mib,
        address: Some(format!("10.0.20.{last}")),
        bridges: BTreeMap::from([("vmbr0".to_owned(), true)]),
    }
}

fn storages() -> BTreeMap<String, StorageSeen> {
    let storage = |kind: &str, shared: bool, content: &[&str], free: [u64; 3]| StorageSeen {
        kind: kind.into(),
        shared,
        content: content.iter().map(|c| (*c).to_owned()).collect(),
        nodes: NODES.map(str::to_owned).to_vec(),
        server: None,
        export: None,
        free_gib: NODES.into_iter().zip(free).map(|(node, free)| (node.to_owned(), free)).collect(),
        files: BTreeMap::new(),
    };
    let mut local = storage("dir", false, &["images", "rootdir", "iso", "vztmpl", "import"], [180, 120, 90]);
    let archive = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
    local.files = NODES.map(|node| (node.to_owned(), vec![archive.to_owned()])).into();
    let mut nas = storage("nfs", true, &["images", "iso", "backup"], [5200; 3]);
    nas.server = Some("10.0.20.5".into());
    nas.export = Some("/tank/vm".into());
    nas.files = BTreeMap::from([("pve1".to_owned(), vec!["tank-nfs:iso/opnsense-25.1.iso".to_owned()])]);
    BTreeMap::from([
        ("local".to_owned(), local),
        ("local-lvm".to_owned(), storage("lvmthin", false, &["images", "rootdir"], [640, 380, 190])),
        ("tank-nfs".to_owned(), nas),
        ("ceph-vm".to_owned(), storage("rbd", true, &["images", "rootdir"], [1400; 3])),
    ])
}

pub(super) fn rules() -> Rules {
    let guest = |unprivileged: Option<bool>| {
        json!({ "image": "debian-12", "cores": 2, "memory_mib": 2048, "disk_gib": 20, "power": "running",
            "start_on_boot": true, "unprivileged": unprivileged })
    };
    let house = json!({
        "network": { "bridge": "vmbr0", "cidr": "10.0.20.0/24", "gateway": "10.0.20.1",
            "static_from": "10.0.20.50", "static_to": "10.0.20.199" },
        "vlans": { "30": { "name": "dmz", "cidr": "10.0.30.0/24", "gateway": "10.0.30.1" } },
        "images": {
            "vm": {
                "ubuntu-24.04": { "vmid": 9000, "node": "pve1", "storage": "ceph-vm", "disk_gib": 4 },
                "debian-12": { "vmid": 9001, "node": "pve1", "storage": "ceph-vm", "disk_gib": 3 },
                "gone": { "vmid": 9002, "node": "pve1", "storage": "ceph-vm", "disk_gib": 3 },
                "flatcar": { "file": "flatcar.qcow2", "storage": "local", "disk_gib": 8 },
            },
            "container": {
                "debian-12": { "file": "debian-12-standard_12.7-1_amd64.tar.zst", "storage": "local", "disk_gib": 1 },
                "alpine-3.21": { "file": "alpine-3.21-default_20241217_amd64.tar.xz", "storage": "local", "disk_gib": 1 },
            },
        },
        "defaults": {
            "vm": guest(None), "container": guest(Some(true)),
            "network": { "ip": "dhcp", "prefix": 24, "gateway": "10.0.20.1", "bridge": "vmbr0" },
            "kubernetes": { "distribution": "k3s", "image": "ubuntu-24.04", "control_planes": 1, "cores": 2,
                "memory_mib": 4096, "disk_gib": 30 },
            "backup": { "storage": "tank-nfs", "mode": "snapshot", "keep_last": 3 },
            "storage": { "type": "nfs" },
        },
        "policy": { "units": "binary", "over_threads": "refuse", "over_memory": "refuse",
            "undeclared": "ask-to-adopt", "protected": "refuse", "destroy_max": 2, "create_max": 12,
            "text_bytes_max": 65536, "languages": ["en"],
            "software_in_guests": "kubernetes-and-nfs-mounts-only", "privileged_containers": "refuse" },
    });
    Rules {
        vmid_first: 200,
        vmid_last: 299,
        protected: vec!["truenas".into()],
        poll_interval_s: 30,
        observe_interval_s: 30,
        drift: Default::default(),
        house: serde_json::from_value(house).unwrap(),
        limits: Limits::default(),
    }
}
