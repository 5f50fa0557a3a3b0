//! What holds for every plan: determinism, ownership, settling, and that no wish is dropped without a word.

use super::{World, desired};
use crate::interpretation::Interpretation;
use crate::plan::{Guard, Plan, StepVerb};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Fields of a new VM with two values each.
fn fields() -> Vec<(&'static str, Value, Value)> {
    let key = |end: &str| {
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDemoDemoDemoDemoDemoDemoDemoDemoDemoDemo{end}")
    };
    vec![
        ("name", json!("one"), json!("two")),
        ("image", json!("debian-12"), json!("ubuntu-24.04")),
        ("cores", json!(1), json!(3)),
        ("memory_mib", json!(1024), json!(3072)),
        ("disk_gib", json!(10), json!(25)),
        ("storage", json!("ceph-vm"), json!("tank-nfs")),
        ("extra_disks", json!([{ "size_gib": 5 }]), json!([{ "size_gib": 7 }])),
        ("node", json!("pve1"), json!("pve3")),
        ("vlan", json!(30), json!(31)),
        ("ip", json!("10.0.20.90/24"), json!("10.0.20.91/24")),
        ("gateway", json!("10.0.20.2"), json!("10.0.20.3")),
        ("nameservers", json!(["1.1.1.1"]), json!(["9.9.9.9"])),
        ("start_on_boot", json!(true), json!(false)),
        ("start_order", json!(1), json!(2)),
        ("start_delay_s", json!(10), json!(20)),
        ("power", json!("running"), json!("stopped")),
        ("tags", json!(["a"]), json!(["b"])),
        ("protected", json!(false), json!(true)),
        ("login_user", json!("ada"), json!("bo")),
        ("ssh_keys", json!([key("De")]), json!([key("Fe")])),
        ("uefi", json!(false), json!(true)),
        ("tpm", json!(false), json!(true)),
        ("description", json!("x"), json!("y")),
        ("ha", json!(false), json!(true)),
    ]
}

fn create(fields: &Map<String, Value>) -> Interpretation {
    let mut guest = fields.clone();
    guest.insert("change".into(), json!("create"));
    guest.insert("kind".into(), json!("vm"));
    guest.entry("name").or_insert(json!("scratch"));
    if !guest.contains_key("ip") {
        guest.remove("gateway");
    }
    desired(json!({ "guests": [guest] }))
}

/// What a reader or the server sees of a plan.
fn visible(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter();
    let calls = steps.clone().flat_map(|step| step.calls.iter().map(crate::plan::Call::shown));
    let notes = plan.notes.iter().map(|note| note.text.clone());
    steps.map(|step| step.sentence.clone()).chain(calls).chain(notes).collect()
}

/// A small generator of numbers, so that the same cases come every time.
struct Cases(u64);

impl Cases {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn the_same_request_gives_the_same_digest() {
    let all: Map<String, Value> =
        fields().into_iter().map(|(key, first, _)| (key.to_owned(), first)).collect();
    let wish = create(&all);
    assert_eq!(World::new().plan(&wish).digest(), World::new().plan(&wish).digest());
}

#[test]
fn every_field_of_a_wish_shows() {
    let all: Map<String, Value> =
        fields().into_iter().map(|(key, first, _)| (key.to_owned(), first)).collect();
    let world = World::new();
    let base = visible(&world.plan(&create(&all)));
    for (key, _, second) in fields() {
        let mut changed = all.clone();
        changed.insert(key.to_owned(), second);
        assert_ne!(base, visible(&world.plan(&create(&changed))), "{key} shows nowhere");
    }
}

#[test]
fn any_new_vm_settles_after_one_plan() {
    let mut cases = Cases(14);
    for case in 0..400 {
        let mut chosen = Map::new();
        for (key, first, second) in fields() {
            match cases.next(4) {
                0 => drop(chosen.insert(key.to_owned(), first)),
                1 => drop(chosen.insert(key.to_owned(), second)),
                _ => {}
            }
        }
        let wish = create(&chosen);
        let mut world = World::new();
        let plan = world.plan(&wish);
        world.apply(&plan);
        let again = world.plan(&wish);
        assert!(again.is_empty(), "case {case} {chosen:?}: {:?}", super::lines(&again));
    }
}

#[test]
fn any_changed_vm_settles_after_one_plan() {
    let mut cases = Cases(15);
    let fixed = ["name", "image", "storage", "node", "uefi", "tpm", "protected", "ha"];
    for case in 0..400 {
        let mut guest = json!({ "change": "update", "kind": "vm", "name": "build", "vmid": 113, "cores": 3 });
        for (key, first, second) in fields().into_iter().filter(|(key, ..)| !fixed.contains(key)) {
            match cases.next(3) {
                0 => guest[key] = first,
                1 => guest[key] = second,
                _ => {}
            }
        }
        guest["disk_gib"] = json!(80 + cases.next(40));
        if guest.get("ip").is_none() {
            guest.as_object_mut().unwrap().remove("gateway");
        }
        let wish = desired(json!({ "guests": [guest] }));
        let mut world = World::new();
        let plan = world.plan(&wish);
        world.apply(&plan);
        let again = world.plan(&wish);
        assert!(again.is_empty(), "case {case}: {:?}", super::lines(&again));
    }
}

#[test]
fn no_call_ever_touches_a_guest_that_is_not_ours() {
    let mut cases = Cases(16);
    let world = World::new();
    let ours: BTreeSet<u32> = (110..=113).collect();
    let mut plans = 0;
    for _ in 0..2000 {
        let entries: Vec<Value> = (0..=cases.next(3)).map(|_| entry(&world, &mut cases)).collect();
        let Ok(plan) = world.try_plan("", &desired(json!({ "guests": entries }))) else { continue };
        plans += 1;
        for step in &plan.steps {
            for call in &step.calls {
                let vmid = step.subject.vmid.unwrap();
                let new = step.verb == StepVerb::Create || (200..300).contains(&vmid);
                assert!(new || ours.contains(&vmid), "{}", call.shown());
                // A copy reads its template; every other call is addressed to its own guest.
                let own = call.path.contains(&format!("/{vmid}"));
                assert!(
                    own || call.args.get("newid") == Some(&vmid.to_string())
                        || call.args.get("vmid") == Some(&vmid.to_string())
                );
                assert!(!call.guards.is_empty());
                if step.verb == StepVerb::Destroy {
                    let is = |guard: &Guard| matches!(guard, Guard::GuestIs { stamp: Some(_), .. });
                    assert!(call.guards.iter().any(is));
                    assert!(call.guards.iter().any(|guard| matches!(guard, Guard::HoldsOnly { .. })));
                    assert!(
                        plan.hazards.iter().any(|hazard| hazard.confirm.as_ref() == Some(&step.subject.name))
                    );
                }
            }
        }
    }
    assert!(plans > 100, "only {plans} plans were made");
}

/// Some change of some guest, ours or not, named right or wrong.
fn entry(world: &World, cases: &mut Cases) -> Value {
    let guests: Vec<_> = world.seen.guests.values().collect();
    let guest = guests[usize::try_from(cases.next(guests.len() as u64)).unwrap()];
    let change = ["create", "update", "destroy", "update", "adopt"][usize::try_from(cases.next(5)).unwrap()];
    let mut entry = json!({ "change": change, "kind": guest.kind.as_str(), "name": guest.name, "cores": 1 + cases.next(4) });
    if change == "create" {
        entry["name"] = json!(format!("new-{}", cases.next(50)));
    } else {
        entry["vmid"] = json!(u64::from(guest.vmid) + u64::from(cases.next(10) == 0));
    }
    entry
}
