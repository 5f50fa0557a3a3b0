//! The idempotency matrix (N9): every supported field is applied on the simulator, observed, and planned again: nothing
//! is left. Then another hand changes it, and the next plan has exactly that one difference.

use agent::api::{Api, Sent, TaskLook};
use chrono::Utc;
use domain::cluster::{Cluster, Event, Origin};
use domain::decider::Decider;
use domain::facts::Facts;
use domain::ids::{DeclarationId, RunId};
use domain::interpretation::{GuestKind, Interpretation};
use domain::mark::Mark;
use domain::plan::planner::{self, Request as Asked};
use domain::plan::rehearsal::{claimed, score};
use domain::plan::{Call, InterpreterIdentity, Plan, Verdict};
use domain::run::{CallNo, TaskEnd};
use domain::settings::Rules;
use proxmox::{Request, Verb};
use serde_json::{Value, json};
use simulator::{SimConfig, Simulator};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

const TOKEN: &str = "mycopod@pve!agent";
const DECLARATION: DeclarationId = DeclarationId(Uuid::from_u128(0x3a));
/// Looks after an answer until it must be seen; each is a round trip.
const LOOKS_MAX: u32 = 2_000;

/// The fixture cluster behind the simulator, and what the log would know about it.
struct Lab {
    _sim: simulator::Running,
    api: Api,
    cluster: Cluster,
    rules: Rules,
}

impl Lab {
    async fn start() -> Self {
        let facts: Facts = serde_json::from_str(interpreter::fixtures::CLUSTER).unwrap();
        let secret = Uuid::new_v4().to_string();
        let config = SimConfig::from_cluster_json(interpreter::fixtures::CLUSTER)
            .unwrap()
            .with_token(TOKEN, secret.clone())
            .with_time_scale(0.0);
        let sim = Simulator::start(config).await.unwrap();
        let endpoint = proxmox::Endpoint {
            base_urls: vec![sim.base_url()],
            trust: proxmox::Trust::fingerprint(sim.fingerprint().parse().unwrap()),
            token: proxmox::ApiToken { id: TOKEN.into(), secret: proxmox::Secret::new(secret) },
        };
        let wire = proxmox::transport::Https::new(&endpoint).unwrap();
        let mut cluster = Cluster::default();
        for guest in facts.guests.values().filter(|guest| guest.managed) {
            let mark = Mark(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("fixture/{}", guest.vmid).as_bytes()));
            let kind = if guest.kind == "vm" { GuestKind::Vm } else { GuestKind::Container };
            let (vmid, name, origin) = (guest.vmid, guest.name.clone(), Origin::Fixture {});
            cluster = cluster.evolve(&Event::GuestClaimed { vmid, name, kind, mark, origin });
        }
        let rules = cli::demo::seed::rules(&facts, 5);
        Self { _sim: sim, api: Api::new(Arc::new(wire)).with_token_name(TOKEN), cluster, rules }
    }

    async fn plan(&self, desired: &Interpretation) -> Result<Plan, String> {
        let (seen, _) = self.api.observe("lab").await.unwrap();
        let interpreter =
            InterpreterIdentity { provider: "scripted".into(), model: "grammar".into(), version: "1".into() };
        planner::plan(&Asked {
            declaration: DECLARATION,
            number: 1,
            made_at: Utc::now(),
            text: "A text.",
            desired,
            interpreter: &interpreter,
            cluster: &self.cluster,
            seen: &seen,
            rules: &self.rules,
            others: &[],
        })
        .map_err(|no| format!("{} {}", no.text, no.advice))
    }

    /// Sends every call as a run would; the prediction must come true in every field.
    async fn apply(&mut self, plan: &Plan) {
        for call in plan.steps.iter().flat_map(|step| &step.calls) {
            for guard in &call.guards {
                let verdict = guard.judge(&self.api.look(&guard.look_at()).await);
                assert_eq!(verdict, Verdict::Holds, "guard of {}", call.shown());
            }
            self.send(call).await;
            self.wait_for(call).await;
            if let Some((vmid, kind, mark, _)) = claimed(call) {
                let origin = Origin::Made { declaration: DECLARATION, run: RunId(Uuid::nil()) };
                let claim = Event::GuestClaimed { vmid, name: String::new(), kind, mark, origin };
                self.cluster = std::mem::take(&mut self.cluster).evolve(&claim);
            }
        }
        let (seen, _) = self.api.observe("lab").await.unwrap();
        let score = score(plan.rehearsal.as_ref().unwrap(), &seen);
        assert!(score.wrong.is_empty(), "{:?}", score.wrong);
    }

    async fn send(&self, call: &Call) {
        match self.api.send(call, CallNo { step: 0, call: 0 }).await {
            Sent::Answered { upid, .. } => self.follow(upid).await,
            Sent::Refused { message, .. } => panic!("{} is refused: {message}", call.shown()),
            Sent::Unknown { why } => panic!("{}: {why}", call.shown()),
        }
    }

    async fn follow(&self, upid: Option<String>) {
        let Some(upid) = upid else { return };
        for _ in 0..LOOKS_MAX {
            match self.api.task(&upid, 0, true).await {
                TaskLook::Ended { end: TaskEnd::Failed { text }, new, .. } => {
                    panic!("{upid}: {text} {new:?}")
                }
                TaskLook::Ended { .. } => return,
                TaskLook::Running { .. } | TaskLook::CannotTell { .. } => {}
            }
        }
        panic!("{upid} does not end");
    }

    async fn wait_for(&self, call: &Call) {
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            let verdict = call.done_when.judge(&self.api.look(&call.done_when.look_at()).await);
            if verdict == Verdict::Holds {
                return;
            }
            last = Some(verdict);
        }
        panic!("{} is not seen to be done: {last:?}", call.shown());
    }

    /// Something done in Proxmox by somebody else.
    async fn hand(&self, verb: Verb, path: &str, args: &[(&str, &str)]) {
        let args: BTreeMap<String, String> =
            args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let reply = self.api.client().send_raw(&Request::new(verb, path.to_owned(), args)).await.unwrap();
        self.follow(reply.upid().map(|upid| upid.as_str().to_owned())).await;
    }

    async fn config(&self, path: &str, key: &str) -> String {
        let reply = self.api.client().send_raw(&Request::get(path)).await.unwrap();
        reply.data[key].as_str().unwrap_or_default().to_owned()
    }
}

fn desired(entries: Value) -> Interpretation {
    let mut document = json!({ "version": 1, "kind": "desired" });
    for (key, value) in entries.as_object().unwrap() {
        document[key] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// An update of the VM build (113, pve2, stopped) or of the container grafana (112, pve2, running).
fn update(vmid: u32, fields: &Value) -> Interpretation {
    let (kind, name) = if vmid == 113 { ("vm", "build") } else { ("container", "grafana") };
    let mut guest = json!({ "change": "update", "kind": kind, "name": name, "vmid": vmid });
    for (key, value) in fields.as_object().unwrap() {
        guest[key] = value.clone();
    }
    desired(json!({ "guests": [guest] }))
}

type Args = &'static [(&'static str, &'static str)];

/// One row: the wish, what another hand then does, and the one field that differs.
struct Row {
    wish: Interpretation,
    hand: (Verb, &'static str, Args),
    field: &'static str,
}

const VM: &str = "/nodes/pve2/qemu/113/config";
const CT: &str = "/nodes/pve2/lxc/112/config";

fn rows() -> Vec<Row> {
    let vm = |fields: Value, args: Args, field| Row {
        wish: update(113, &fields),
        hand: (Verb::Put, VM, args),
        field,
    };
    let ct = |fields: Value, args: Args, field| Row {
        wish: update(112, &fields),
        hand: (Verb::Put, CT, args),
        field,
    };
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g a@b";
    vec![
        vm(json!({ "cores": 3 }), &[("cores", "1")], "cores"),
        vm(json!({ "memory_mib": 4096 }), &[("memory", "2048")], "memory"),
        vm(
            json!({ "extra_disks": [{ "size_gib": 5, "storage": "ceph-vm" }] }),
            &[("delete", "scsi1")],
            "further disk",
        ),
        vm(json!({ "vlan": 30 }), &[("net0", "virtio=BC:24:11:00:01:13,bridge=vmbr0")], "VLAN"),
        vm(json!({ "ip": "10.0.20.91/24" }), &[("ipconfig0", "ip=10.0.20.92/24")], "address"),
        vm(
            json!({ "ip": "10.0.20.91/24", "gateway": "10.0.20.2" }),
            &[("ipconfig0", "ip=10.0.20.91/24,gw=10.0.20.3")],
            "gateway",
        ),
        vm(json!({ "nameservers": ["9.9.9.9"] }), &[("nameserver", "1.1.1.1")], "name servers"),
        vm(json!({ "start_on_boot": true }), &[("onboot", "0")], "start on boot"),
        vm(json!({ "start_order": 3 }), &[("startup", "order=9")], "start order"),
        vm(json!({ "start_order": 3, "start_delay_s": 20 }), &[("startup", "order=3,up=90")], "start delay"),
        vm(json!({ "tags": ["blue"] }), &[("tags", "mycopod")], "tags"),
        vm(json!({ "login_user": "ada" }), &[("ciuser", "bo")], "login"),
        vm(json!({ "ssh_keys": [key] }), &[("delete", "sshkeys")], "SSH keys"),
        vm(json!({ "protected": true }), &[("protection", "0")], "protection"),
        ct(json!({ "cores": 2 }), &[("cores", "1")], "cores"),
        ct(json!({ "memory_mib": 2048 }), &[("memory", "512")], "memory"),
        ct(json!({ "swap_mib": 1024 }), &[("swap", "0")], "swap"),
        ct(json!({ "start_on_boot": false }), &[("onboot", "1")], "start on boot"),
        ct(
            json!({ "ip": "10.0.20.93/24" }),
            &[("net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:12,ip=10.0.20.94/24")],
            "address",
        ),
        ct(json!({ "tags": ["blue"] }), &[("tags", "mycopod")], "tags"),
        Row {
            wish: update(113, &json!({ "power": "running" })),
            hand: (Verb::Post, "/nodes/pve2/qemu/113/status/stop", &[]),
            field: "power",
        },
        Row {
            wish: update(113, &json!({ "pool": "infra" })),
            hand: (Verb::Put, "/pools", &[("poolid", "infra"), ("vms", "113"), ("delete", "1")]),
            field: "pool",
        },
        Row {
            wish: update(113, &json!({ "ha": true })),
            hand: (Verb::Delete, "/cluster/ha/resources/vm:113", &[]),
            field: "high availability",
        },
        Row {
            wish: desired(json!({ "moves": [{ "guest": "build", "to_node": "pve1" }] })),
            hand: (Verb::Post, "/nodes/pve1/qemu/113/migrate", &[("target", "pve2")]),
            field: "node",
        },
        Row {
            wish: desired(json!({ "moves": [{ "guest": "build", "to_storage": "local-lvm" }] })),
            hand: (
                Verb::Post,
                "/nodes/pve2/qemu/113/move_disk",
                &[("disk", "scsi0"), ("storage", "ceph-vm"), ("delete", "1")],
            ),
            field: "storage of scsi0",
        },
        Row {
            wish: desired(
                json!({ "storages": [{ "change": "update", "id": "tank-nfs", "content": ["images", "backup"] }] }),
            ),
            hand: (Verb::Put, "/storage/tank-nfs", &[("content", "images,iso,backup")]),
            field: "content",
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_settles_and_another_hand_is_one_difference() {
    for row in rows() {
        let mut lab = Lab::start().await;
        let field = row.field;
        let plan = lab.plan(&row.wish).await.unwrap_or_else(|why| panic!("{field}: {why}"));
        assert!(!plan.is_empty(), "{field}: the fixture must differ from the wish");
        lab.apply(&plan).await;
        let again = lab.plan(&row.wish).await.unwrap_or_else(|why| panic!("{field} again: {why}"));
        let left: Vec<&String> = again.steps_to_do().map(|step| &step.sentence).collect();
        assert!(left.is_empty(), "{field} is not settled: {left:?}");
        let (verb, path, args) = row.hand;
        lab.hand(verb, path, args).await;
        let drift =
            lab.plan(&row.wish).await.unwrap_or_else(|why| panic!("{field} after another hand: {why}"));
        let changes: Vec<&str> =
            drift.steps_to_do().flat_map(|step| &step.changes).map(|change| change.field.as_str()).collect();
        assert_eq!(
            changes,
            [field],
            "{:?}",
            drift.steps_to_do().map(|step| &step.sentence).collect::<Vec<_>>()
        );
    }
}

/// What has no field of its own: it is made, found again, and made again when another hand took it away.
#[tokio::test(flavor = "multi_thread")]
async fn snapshots_backups_jobs_pools_and_adoption_settle() {
    let mut lab = Lab::start().await;
    let job = json!({ "change": "create", "guests": ["build"], "schedule": "03:00", "storage": "tank-nfs" });
    let wishes = [
        json!({ "snapshots": [{ "change": "create", "guest": "build", "name": "pre" }] }),
        json!({ "backups": [{ "change": "create", "guests": ["build"] }] }),
        json!({ "backups": [job] }),
        json!({ "pools": [{ "change": "create", "name": "games" }] }),
        json!({ "guests": [{ "change": "adopt", "kind": "vm", "name": "haos", "vmid": 102 }] }),
        json!({ "guests": [{ "change": "create", "kind": "vm", "name": "valheim", "pool": "games", "ha": true }] }),
        json!({ "snapshots": [{ "change": "remove", "guest": "build", "name": "pre" }] }),
        json!({ "moves": [{ "guest": "grafana", "to_node": "pve1" }] }),
        json!({ "moves": [{ "guest": "web-old", "to_node": "pve2", "online": true }] }),
        json!({ "moves": [{ "guest": "db-1", "to_node": "pve2" }] }),
    ];
    for wish in wishes {
        let text = wish.to_string();
        let wish = desired(wish);
        let plan = lab.plan(&wish).await.unwrap_or_else(|why| panic!("{text}: {why}"));
        assert!(!plan.is_empty(), "{text}");
        lab.apply(&plan).await;
        let again = lab.plan(&wish).await.unwrap_or_else(|why| panic!("{text}: {why}"));
        let left: Vec<&String> = again.steps_to_do().map(|step| &step.sentence).collect();
        assert!(left.is_empty(), "{text}: {left:?}");
    }
    // The adopted guest lost nothing but gained our mark.
    let notes = lab.config("/nodes/pve2/qemu/102/config", "description").await;
    assert!(notes.starts_with("mycopod mark=") && notes.contains("SYSTEM NOTE"), "{notes}");
}

/// Going back leaves no trace in the configuration: its task is what tells that it was done.
#[tokio::test(flavor = "multi_thread")]
async fn going_back_to_a_snapshot_is_recognised_by_its_task() {
    let mut lab = Lab::start().await;
    let wish = desired(
        json!({ "snapshots": [{ "change": "rollback", "guest": "web-old", "name": "before-upgrade" }] }),
    );
    let plan = lab.plan(&wish).await.unwrap();
    let first = &plan.steps[0].calls[0];
    let before = first.done_when.judge(&lab.api.look(&first.done_when.look_at()).await);
    assert!(matches!(before, Verdict::Not(_)), "{before:?}");
    lab.apply(&plan).await;
    let running = lab.config("/nodes/pve1/qemu/110/status/current", "status").await;
    assert_eq!(running, "running");
}
