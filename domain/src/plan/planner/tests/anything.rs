//! Any wish on any cluster (R28, R29, R14): what is planned works on the model, leaves nothing to do, destroys only what
//! is ours and named, and does nothing to a guest that changed since.

use super::{World, desired, lines};
use crate::interpretation::{Change, GuestChange, Interpretation};
use crate::observation::GuestSeen;
use crate::plan::rehearsal::{Model, take};
use crate::plan::{Effect, Plan, StepVerb, Verb};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A small generator of numbers, so that the same cases come every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        let at = self.roll(of.len() as u64);
        &of[usize::try_from(at).unwrap()]
    }

    fn often(&mut self) -> bool {
        self.roll(3) > 0
    }
}

const NODES: [&str; 3] = ["pve1", "pve2", "pve3"];
const STORES: [&str; 5] = ["ceph-vm", "tank-nfs", "local-lvm", "local", "attic"];
const NAMES: [&str; 8] = ["web-old", "db-1", "grafana", "build", "vault", "truenas", "new-1", "nobody"];

/// The fixture, with other power, places, sizes, pools, snapshots and rules.
fn world(dice: &mut Dice) -> World {
    let mut world = World::new();
    for guest in world.seen.guests.values_mut().filter(|guest| !guest.template) {
        if dice.roll(3) == 0 {
            guest.running = !guest.running;
        }
        if dice.roll(4) == 0 {
            guest.snapshots = vec![(*dice.one(&["aa", "before-upgrade"])).to_owned()];
        }
        if dice.roll(4) == 0 {
            guest.config.insert("memory".into(), (512 << dice.roll(5)).to_string());
        }
        if dice.roll(6) == 0 {
            guest.pending = vec!["memory".into()];
        }
        if dice.roll(8) == 0 {
            guest.lock = Some("backup".into());
        }
        let shared = guest.disks().iter().all(|disk| disk.storage == "ceph-vm");
        if shared && dice.roll(4) == 0 {
            guest.node = (*dice.one(&NODES)).to_owned();
        }
    }
    if dice.roll(10) == 0 {
        world.seen.nodes.get_mut("pve3").unwrap().online = false;
    }
    if dice.roll(4) == 0 {
        world.seen.nodes.get_mut("pve2").unwrap().memory_mib = 6144;
    }
    if dice.roll(5) == 0 {
        world.seen.storages.get_mut("ceph-vm").unwrap().free_gib.values_mut().for_each(|free| *free = 30);
    }
    if dice.roll(6) == 0 {
        world.rules.limits.nodes = vec!["pve1".into(), "pve2".into()];
    }
    if dice.roll(6) == 0 {
        world.rules.limits.cores_max = Some(16);
    }
    world.rules.limits.linked_clones = dice.roll(4) == 0;
    world
}

fn guest_wish(world: &World, dice: &mut Dice) -> Value {
    let known: Vec<&GuestSeen> = world.seen.guests.values().filter(|guest| !guest.template).collect();
    let guest = *dice.one(&known);
    let change = *dice.one(&["create", "create", "update", "update", "update", "destroy", "adopt", "keep"]);
    let mut wish =
        json!({ "change": change, "kind": guest.kind.as_str(), "name": guest.name, "vmid": guest.vmid });
    if change == "create" {
        wish = json!({ "change": change, "kind": *dice.one(&["vm", "container"]), "name": format!("new-{}", dice.roll(3)) });
    }
    if ["create", "update"].contains(&change) {
        let fields = [
            ("cores", json!(1 + dice.roll(6))),
            ("memory_mib", json!(512 << dice.roll(6))),
            ("disk_gib", json!(10 * (1 + dice.roll(10)))),
            ("storage", json!(dice.one(&STORES))),
            ("extra_disks", json!([{ "size_gib": 1 + dice.roll(20) }])),
            ("node", json!(dice.one(&NODES))),
            ("vlan", json!(30 + dice.roll(2))),
            ("ip", json!(format!("10.0.20.{}/24", 80 + dice.roll(20)))),
            ("start_on_boot", json!(dice.often())),
            ("start_order", json!(dice.roll(9))),
            ("power", json!(dice.one(&["running", "stopped"]))),
            ("tags", json!([dice.one(&["a", "b"])])),
            ("pool", json!(dice.one(&["infra", "games"]))),
            ("ha", json!(dice.often())),
            ("description", json!("words")),
        ];
        for (key, value) in fields {
            if dice.roll(4) == 0 {
                wish[key] = value;
            }
        }
    }
    wish
}

fn wish(world: &World, dice: &mut Dice) -> Value {
    let mut all = json!({});
    let list = |n: u64, make: &mut dyn FnMut() -> Value| Value::Array((0..n).map(|_| make()).collect());
    let count = dice.roll(4);
    all["guests"] = list(count, &mut || guest_wish(world, dice));
    if dice.roll(3) == 0 {
        let mut entry = json!({ "guest": dice.one(&NAMES) });
        let place = if dice.often() { ("to_node", NODES[0]) } else { ("to_storage", *dice.one(&STORES)) };
        entry[place.0] = json!(if place.0 == "to_node" { *dice.one(&NODES) } else { place.1 });
        if dice.roll(3) == 0 {
            entry["online"] = json!(dice.often());
        }
        all["moves"] = json!([entry]);
    }
    if dice.roll(4) == 0 {
        let change = *dice.one(&["create", "remove"]);
        all["snapshots"] = json!([{ "change": change, "guest": dice.one(&NAMES), "name": dice.one(&["aa", "before-upgrade", "cc"]) }]);
    }
    if dice.roll(4) == 0 {
        let mut entry = json!({ "change": *dice.one(&["create", "create", "update", "remove"]), "guests": [dice.one(&NAMES)] });
        if dice.often() {
            entry["schedule"] = json!("04:00");
            entry["name"] = json!(dice.one(&["nightly", "weekly"]));
        }
        all["backups"] = json!([entry]);
    }
    if dice.roll(4) == 0 {
        all["pools"] =
            json!([{ "change": *dice.one(&["create", "remove"]), "name": dice.one(&["games", "infra"]) }]);
    }
    if dice.roll(5) == 0 {
        all["storages"] = json!([{ "change": *dice.one(&["create", "remove"]), "id": dice.one(&["attic", "tank-nfs"]),
            "type": "nfs", "server": "10.0.20.5", "export": "/attic", "content": ["images"] }]);
    }
    all
}

/// Numbers of guests that the text names as to be destroyed.
fn named(wish: &Interpretation) -> BTreeSet<u32> {
    wish.guests.iter().filter(|w| w.change == GuestChange::Destroy).filter_map(|w| w.vmid).collect()
}

/// Calls that lose something: which guest, which kind of loss.
fn losses(plan: &Plan) -> Vec<(u32, String)> {
    let calls = plan.steps.iter().flat_map(|step| step.calls.iter().map(move |call| (step, call)));
    calls
        .filter_map(|(step, call)| {
            let vmid = step.subject.vmid?;
            let rollback = call.path.ends_with("/rollback");
            let disk = call.args.get("delete").is_some_and(|keys| {
                keys.split(',')
                    .any(|key| crate::plan::planner::config::is_disk(key) || key.starts_with("unused"))
            });
            let guest = call.path.starts_with("/nodes") && call.verb == Verb::Delete;
            (rollback || disk || guest).then(|| (vmid, call.path.clone()))
        })
        .collect()
}

#[test]
fn any_wish_on_any_cluster_works_settles_and_destroys_only_what_is_ours_and_named() {
    let mut dice = Dice(28);
    let (mut planned, mut destroyed) = (0, 0);
    for case in 0..6_000 {
        let mut world = world(&mut dice);
        let text = wish(&world, &mut dice);
        let Ok(wish) = std::panic::catch_unwind(|| desired(text.clone())) else { panic!("{text}") };
        let Ok(plan) = world.try_plan("", &wish) else { continue };
        planned += 1;
        let ours: BTreeSet<u32> = world
            .seen
            .guests
            .values()
            .filter(|guest| world.cluster.owns(guest))
            .map(|guest| guest.vmid)
            .collect();
        for (vmid, path) in losses(&plan) {
            let of_guest = path.ends_with(&format!("/{vmid}"));
            assert!(ours.contains(&vmid), "case {case}: {path} is not ours");
            assert!(!of_guest || named(&wish).contains(&vmid), "case {case}: {path} was not named: {text}");
            let snapshots =
                wish.snapshots.iter().any(|s| s.change == Change::Remove || s.change == Change::Rollback);
            assert!(of_guest || snapshots, "case {case}: {path} loses something nobody named: {text}");
            destroyed += 1;
        }
        for step in &plan.steps {
            assert!(
                step.after.iter().all(|no| *no < step.no),
                "case {case}: step {} waits for a later one",
                step.no
            );
            if step.verb == StepVerb::Destroy || step.effect == Effect::Destroys {
                let confirm = plan.hazards.iter().any(|h| h.step == Some(step.no) && h.confirm.is_some());
                assert!(confirm, "case {case}: step {} destroys without a name to type", step.no);
            }
        }
        world.apply(&plan);
        match world.try_plan("", &wish) {
            Ok(again) => {
                assert!(again.is_empty(), "case {case} {text}: {:?} then {:?}", lines(&plan), lines(&again))
            }
            // What a silent node may hold is not proven gone (I9).
            Err(_) if world.seen.nodes.values().any(|node| !node.online) && !named(&wish).is_empty() => {}
            Err(no) => panic!("case {case} {text}: {:?} then {} {}", lines(&plan), no.text, no.advice),
        }
    }
    assert!(planned > 1_000 && destroyed > 100, "{planned} planned, {destroyed} destroyed");
}

/// A paragraph that is lost, by a person or by a model, never destroys anything (R29).
#[test]
fn leaving_something_out_never_destroys_more() {
    let mut dice = Dice(29);
    let mut met = 0;
    for _ in 0..1_500 {
        let world = world(&mut dice);
        let mut text = wish(&world, &mut dice);
        let Ok(before) = world.try_plan("", &desired(text.clone())) else { continue };
        for list in ["guests", "moves", "snapshots", "backups", "pools", "storages"] {
            if let Some(entries) = text.get_mut(list).and_then(Value::as_array_mut) {
                entries.pop();
                if entries.is_empty() {
                    text.as_object_mut().unwrap().remove(list);
                }
            }
            let Ok(after) = world.try_plan("", &desired(text.clone())) else { continue };
            met += 1;
            let names: BTreeSet<String> = before.names_to_confirm().into_iter().collect();
            assert!(after.names_to_confirm().iter().all(|name| names.contains(name)), "{text}");
        }
    }
    assert!(met > 1_000, "{met}");
    let empty = World::new().plan(&desired(json!({})));
    assert!(empty.steps.is_empty(), "an empty declaration asks for nothing");
}

type Drift = (&'static str, fn(&mut GuestSeen));

/// What another hand does to a guest between preview and apply.
const DRIFTS: [Drift; 7] = [
    ("renamed", |guest| guest.name = "other".into()),
    ("made anew", |guest| {
        let (vm, stamp) = (guest.config.contains_key("vmgenid"), "ffffffff-0000-4000-8000-000000000000");
        guest
            .config
            .insert(if vm { "vmgenid" } else { "rootfs" }.into(), if vm { stamp } else { "x:y" }.into());
        guest.digest = "other".into();
    }),
    ("unmarked", |guest| drop(guest.config.remove("description"))),
    ("moved", |guest| guest.node = "pve3".into()),
    ("reconfigured", |guest| guest.digest = "other".into()),
    ("grown", |guest| {
        guest.config.insert("scsi0".into(), "ceph-vm:vm-110-disk-0,size=41G".into());
        guest.digest = "other".into();
    }),
    ("switched", |guest| guest.running = !guest.running),
];

#[test]
fn a_guest_that_changed_since_the_preview_is_not_touched() {
    let update = |fields: Value| {
        let mut guest = json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110 });
        for (key, value) in fields.as_object().unwrap() {
            guest[key] = value.clone();
        }
        json!({ "guests": [guest] })
    };
    let wishes = [
        update(json!({ "memory_mib": 8192 })),
        update(json!({ "disk_gib": 60 })),
        update(json!({ "ip": "10.0.20.95/24" })),
        update(json!({ "pool": "infra" })),
        update(json!({ "ha": true })),
        update(json!({ "description": "words" })),
        json!({ "moves": [{ "guest": "web-old", "to_node": "pve2" }] }),
        json!({ "moves": [{ "guest": "web-old", "to_storage": "local-lvm" }] }),
        json!({ "snapshots": [{ "change": "create", "guest": "web-old", "name": "pre" }] }),
        json!({ "snapshots": [{ "change": "rollback", "guest": "web-old", "name": "before-upgrade" }] }),
        json!({ "backups": [{ "change": "create", "guests": ["web-old"] }] }),
        json!({ "guests": [{ "change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110 }] }),
    ];
    let mut tried = 0;
    for text in wishes {
        let world = World::new();
        let plan = world.plan(&desired(text.clone()));
        let first = plan.steps.iter().flat_map(|step| &step.calls).next().unwrap();
        for (what, drift) in DRIFTS {
            let mut seen = world.seen.clone();
            drift(seen.guests.get_mut(&110).unwrap());
            let before = seen.clone();
            let mut model = Model::new(seen);
            let why = take(&mut model, first).expect_err(&format!("{what}: {text}"));
            assert_eq!(model.seen, before, "{what}: {text}: {why}");
            tried += 1;
        }
        // Somebody else's guest may change as it likes.
        let mut seen = world.seen.clone();
        DRIFTS.iter().for_each(|(_, drift)| drift(seen.guests.get_mut(&111).unwrap()));
        assert_eq!(take(&mut Model::new(seen), first), Ok(()), "{text}");
        // A guest that is gone, too.
        let mut seen = world.seen.clone();
        seen.guests.remove(&110);
        if !lines(&plan)[0].starts_with("DELETE") && !text.to_string().contains("destroy") {
            take(&mut Model::new(seen), first).expect_err("gone");
        }
    }
    assert!(tried >= 80);
    // A number that was taken meanwhile.
    let world = World::new();
    let plan =
        world.plan(&desired(json!({ "guests": [{ "change": "create", "kind": "vm", "name": "scratch" }] })));
    let mut seen = world.seen.clone();
    let mut other = seen.guests[&111].clone();
    other.vmid = 200;
    seen.guests.insert(200, other);
    take(&mut Model::new(seen), &plan.steps[0].calls[0]).expect_err("number 200 is taken");
}

/// Changing what a step says changes its sentence or its calls, which stand beside it (S33).
#[test]
fn every_field_of_every_kind_of_wish_shows() {
    let pairs = [
        (
            json!({ "moves": [{ "guest": "web-old", "to_node": "pve2" }] }),
            json!({ "moves": [{ "guest": "web-old", "to_node": "pve3" }] }),
        ),
        (
            json!({ "moves": [{ "guest": "web-old", "to_node": "pve2" }] }),
            json!({ "moves": [{ "guest": "web-old", "to_node": "pve2", "online": false }] }),
        ),
        (
            json!({ "moves": [{ "guest": "db-1", "to_storage": "ceph-vm" }] }),
            json!({ "moves": [{ "guest": "db-1", "to_storage": "local" }] }),
        ),
        (
            json!({ "snapshots": [{ "change": "create", "guest": "web-old", "name": "aa" }] }),
            json!({ "snapshots": [{ "change": "create", "guest": "web-old", "name": "bb" }] }),
        ),
        (
            json!({ "snapshots": [{ "change": "create", "guest": "web-old", "name": "aa" }] }),
            json!({ "snapshots": [{ "change": "create", "guest": "web-old", "name": "aa", "with_memory": true }] }),
        ),
        (
            json!({ "snapshots": [{ "change": "remove", "guest": "web-old", "name": "before-upgrade" }] }),
            json!({ "snapshots": [{ "change": "rollback", "guest": "web-old", "name": "before-upgrade" }] }),
        ),
        (
            json!({ "backups": [{ "change": "create", "guests": ["db-1"] }] }),
            json!({ "backups": [{ "change": "create", "guests": ["db-1"], "mode": "stop" }] }),
        ),
        (
            json!({ "backups": [{ "change": "create", "guests": ["db-1"] }] }),
            json!({ "backups": [{ "change": "create", "guests": ["web-old"] }] }),
        ),
        (
            json!({ "backups": [{ "change": "create", "guests": ["db-1"], "schedule": "03:00" }] }),
            json!({ "backups": [{ "change": "create", "guests": ["db-1"], "schedule": "04:00" }] }),
        ),
        (
            json!({ "backups": [{ "change": "create", "guests": ["db-1"], "schedule": "03:00" }] }),
            json!({ "backups": [{ "change": "create", "guests": ["db-1"], "schedule": "03:00", "keep_last": 9 }] }),
        ),
        (
            json!({ "pools": [{ "change": "create", "name": "aa" }] }),
            json!({ "pools": [{ "change": "create", "name": "bb" }] }),
        ),
        (
            json!({ "guests": [{ "change": "update", "kind": "vm", "name": "build", "vmid": 113, "ha": true }] }),
            json!({ "guests": [{ "change": "update", "kind": "vm", "name": "build", "vmid": 113, "pool": "infra" }] }),
        ),
    ];
    for (first, second) in pairs {
        let said = |text: &Value| -> Vec<String> {
            let plan = World::new().plan(&desired(text.clone()));
            plan.steps.iter().map(|step| step.sentence.clone()).collect()
        };
        assert_ne!(said(&first), said(&second), "{first} and {second} read alike");
    }
}
