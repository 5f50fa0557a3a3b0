//! What never becomes a plan, whatever an interpretation says (I8, I9).

use super::{World, desired, lines};
use crate::interpretation::{Interpretation, Kind};
use serde_json::{Value, json};

fn one(guest: Value) -> Interpretation {
    desired(json!({ "guests": [guest] }))
}

#[test]
fn guests_that_are_not_ours_are_never_touched() {
    let mut world = World::new();
    for change in ["update", "destroy"] {
        let wish = one(json!({ "change": change, "kind": "vm", "name": "truenas", "vmid": 100, "cores": 1 }));
        assert!(world.refused(&wish).text.contains("was not made by MycoPod"));
    }
    // The mark of the log is not the one it carries: it was made anew by somebody.
    let marked = super::fixture::mark(999).describe(None);
    world.seen.guests.get_mut(&110).unwrap().config.insert("description".into(), marked);
    let wish = one(json!({ "change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110 }));
    assert!(world.refused(&wish).text.contains("was not made by MycoPod"));
}

#[test]
fn protected_guests_are_neither_changed_nor_destroyed() {
    let mut world = World::new();
    for change in ["update", "destroy"] {
        let wish =
            one(json!({ "change": change, "kind": "container", "name": "vault", "vmid": 114, "cores": 2 }));
        assert!(world.refused(&wish).text.contains("is protected"));
    }
    world.rules.protected.push("web-old".into());
    let wish = one(json!({ "change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110 }));
    assert!(world.refused(&wish).text.contains("is protected"));
}

#[test]
fn number_name_and_kind_must_agree() {
    let world = World::new();
    for (kind, name, vmid) in [("vm", "db-1", 110), ("container", "web-old", 110), ("vm", "web-old", 400)] {
        let wish = one(json!({ "change": "destroy", "kind": kind, "name": name, "vmid": vmid }));
        assert!(world.refused(&wish).text.contains("with this number and name"));
    }
}

#[test]
fn templates_are_not_guests() {
    let wish = one(json!({ "change": "destroy", "kind": "vm", "name": "debian-12", "vmid": 9001 }));
    assert!(World::new().refused(&wish).text.contains("never touched"));
}

#[test]
fn disks_do_not_shrink_and_images_must_fit() {
    let world = World::new();
    let wish =
        one(json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "disk_gib": 20 }));
    assert_eq!(world.refused(&wish).text, "The disk of web-old has 40 GiB and cannot shrink to 20 GiB.");
    let wish = one(json!({ "change": "create", "kind": "vm", "name": "tiny", "disk_gib": 2 }));
    assert!(world.refused(&wish).text.contains("needs 3 GiB"));
}

#[test]
fn a_name_that_somebody_elses_guest_has_is_not_taken_over() {
    let wish = one(json!({ "change": "create", "kind": "vm", "name": "web-old" }));
    assert_eq!(World::new().refused(&wish).text, "The name web-old belongs to VM 110 on pve1.");
}

#[test]
fn what_is_not_seen_for_sure_is_not_planned_for() {
    let mut world = World::new();
    world.seen.quorate = false;
    let wish = one(json!({ "change": "create", "kind": "vm", "name": "scratch" }));
    assert!(world.refused(&wish).text.contains("no quorum"));
    let mut world = World::new();
    let plan = world.plan(&wish);
    world.apply(&plan);
    // Its node is silent and its guests are not listed: it may still be there.
    world.seen.nodes.get_mut("pve1").unwrap().online = false;
    world.seen.guests.retain(|_, guest| guest.node != "pve1");
    assert!(world.refused(&wish).text.contains("was made before and is not seen"));
}

#[test]
fn caps_hold_and_nothing_is_asked_twice() {
    let mut world = World::new();
    world.rules.house.policy.destroy_max = 1;
    world.rules.house.policy.create_max = 1;
    let gone =
        |name: &str, vmid: u32| json!({ "change": "destroy", "kind": "vm", "name": name, "vmid": vmid });
    let wish = desired(json!({ "guests": [gone("web-old", 110), gone("db-1", 111)] }));
    assert!(world.refused(&wish).text.contains("2 guests would be destroyed"));
    let new = |name: &str| json!({ "change": "create", "kind": "vm", "name": name });
    assert!(world.refused(&desired(json!({ "guests": [new("a"), new("b")] }))).text.contains("2 new guests"));
    let wish = desired(json!({ "guests": [gone("web-old", 110), gone("web-old", 110)] }));
    assert!(world.refused(&wish).text.contains("spoken of twice"));
}

#[test]
fn addresses_in_use_and_unknown_things_are_refused() {
    let world = World::new();
    let create = |fields: Value| {
        let mut guest = json!({ "change": "create", "kind": "vm", "name": "scratch" });
        for (key, value) in fields.as_object().unwrap() {
            guest[key] = value.clone();
        }
        world.refused(&one(guest)).text
    };
    assert!(create(json!({ "ip": "10.0.20.81/24" })).contains("belongs to db-1"));
    assert!(create(json!({ "ip": "10.0.20.12/24" })).contains("belongs to pve2"));
    assert!(create(json!({ "ip": "10.0.20.1/24" })).contains("belongs to a gateway"));
    assert!(create(json!({ "image": "gone" })).contains("is not in the cluster"));
    assert!(create(json!({ "image": "plan9" })).contains("no VM image plan9"));
    assert!(create(json!({ "storage": "attic" })).contains("there is no storage attic"));
    assert!(create(json!({ "node": "pve9" })).contains("pve9: there is no such node"));
    assert!(create(json!({ "cores": 64 })).contains("16 threads, 64 cores"));
    assert!(create(json!({ "pool": "nowhere" })).contains("no pool nowhere"));
    assert!(create(json!({ "name": "not_a_dns_name" })).contains("Proxmox would refuse"));
}

#[test]
fn privileged_containers_and_the_adoption_of_protected_guests_are_refused() {
    let world = World::new();
    let wish = one(json!({ "change": "create", "kind": "container", "name": "root", "unprivileged": false }));
    assert!(world.refused(&wish).text.contains("privileged"));
    let wish = one(json!({ "change": "adopt", "kind": "vm", "name": "truenas", "vmid": 100 }));
    assert!(world.refused(&wish).text.contains("protected by the rules"));
}

#[test]
fn what_this_version_cannot_do_is_refused_where_nothing_else_is_asked() {
    let world = World::new();
    let wishes = [
        json!({ "mounts": [{ "change": "create", "guest": "web-old", "path": "/mnt/media" }] }),
        json!({ "kubernetes": [{ "change": "update", "name": "home", "nfs_share": "10.0.20.5:/tank/k8s" }] }),
    ];
    for wish in wishes {
        let no = world.refused(&desired(wish));
        assert!(!no.text.is_empty() && !no.advice.is_empty());
    }
}

#[test]
fn only_a_desired_state_is_planned_and_an_empty_one_does_nothing() {
    let world = World::new();
    for kind in [Kind::Question, Kind::Refusal] {
        assert!(world.try_plan("", &Interpretation::empty(kind)).is_err());
    }
    let plan = world.plan(&Interpretation::empty(Kind::Desired));
    assert!(plan.steps.is_empty() && lines(&plan).is_empty());
}

#[test]
fn a_storage_of_another_share_is_not_taken_over() {
    let world = World::new();
    let share = |export: &str| {
        desired(
            json!({ "storages": [{ "change": "create", "id": "tank-nfs", "server": "10.0.20.5", "export": export }] }),
        )
    };
    assert!(world.refused(&share("/tank/other")).text.contains("is not the one asked for"));
    assert!(world.plan(&share("/tank/vm")).is_empty());
    let wish = desired(json!({ "storages": [{ "change": "remove", "id": "ceph-vm" }] }));
    assert!(world.refused(&wish).text.contains("no NFS storage ceph-vm"));
}
