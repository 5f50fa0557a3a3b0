//! Nodes, storages and numbers: chosen by what is free, refused with what would be legal.

use super::{World, desired, lines};
use crate::interpretation::Interpretation;
use serde_json::{Value, json};

fn vm(fields: Value) -> Interpretation {
    let mut guest = json!({ "change": "create", "kind": "vm", "name": "scratch" });
    for (key, value) in fields.as_object().unwrap() {
        guest[key] = value.clone();
    }
    desired(json!({ "guests": [guest] }))
}

#[test]
fn the_node_with_the_most_free_memory_is_taken() {
    let mut world = World::new();
    let plan = world.plan(&vm(json!({})));
    assert_eq!(plan.steps[0].subject.node.as_deref(), Some("pve1"));
    world.seen.guests.get_mut(&100).unwrap().config.insert("memory".into(), "45056".into());
    let plan = world.plan(&vm(json!({})));
    assert_eq!(plan.steps[0].subject.node.as_deref(), Some("pve2"));
    world.seen.nodes.get_mut("pve2").unwrap().online = false;
    let plan = world.plan(&vm(json!({})));
    assert_eq!(plan.steps[0].subject.node.as_deref(), Some("pve3"));
}

#[test]
fn a_template_on_local_storage_is_copied_on_its_own_node_only() {
    let mut world = World::new();
    let template = world.seen.guests.get_mut(&9001).unwrap();
    template.config.insert("scsi0".into(), "local-lvm:base-9001-disk-0,size=3G".into());
    template.config.insert("ide2".into(), "local-lvm:vm-9001-cloudinit,media=cdrom".into());
    let no = world.refused(&vm(json!({ "node": "pve2" })));
    assert!(no.text.contains("lies on local-lvm of pve1, which pve2 cannot read"), "{}", no.text);
    assert_eq!(no.advice, "It would fit on pve1.");
    let plan = world.plan(&vm(json!({})));
    assert!(lines(&plan)[0].contains("storage=local-lvm") && !lines(&plan)[0].contains("target="));
}

#[test]
fn a_local_storage_is_no_target_on_another_node() {
    let world = World::new();
    assert!(
        world.refused(&vm(json!({ "storage": "local-lvm", "node": "pve2" }))).text.contains("is not shared")
    );
    let plan = world.plan(&vm(json!({ "storage": "local-lvm" })));
    assert_eq!(plan.steps[0].subject.node.as_deref(), Some("pve1"));
}

#[test]
fn memory_and_space_count_for_all_guests_of_a_plan_together() {
    let world = World::new();
    let guest =
        |n: u32| json!({ "change": "create", "kind": "vm", "name": format!("big-{n}"), "memory_mib": 14336 });
    let two: Vec<Value> = (0..2).map(guest).collect();
    let plan = world.plan(&desired(json!({ "guests": two })));
    let nodes: Vec<_> = plan.steps.iter().step_by(2).map(|step| step.subject.node.clone().unwrap()).collect();
    assert_eq!(nodes, ["pve1", "pve2"]);
    let six: Vec<Value> = (0..6).map(guest).collect();
    assert!(
        world
            .refused(&desired(json!({ "guests": six })))
            .text
            .contains("GiB of memory free, 14 GiB asked for")
    );
    let disks = vm(json!({ "disk_gib": 1000, "extra_disks": [{ "size_gib": 500 }] }));
    assert!(world.refused(&disks).text.contains("ceph-vm has 1400 GiB free, 1500 GiB asked for"));
}

#[test]
fn two_guests_that_must_be_apart_never_share_a_node() {
    let mut world = World::new();
    for name in ["pve2", "pve3"] {
        world.seen.nodes.get_mut(name).unwrap().bridges.clear();
    }
    let guest = |name: &str| json!({ "change": "create", "kind": "vm", "name": name });
    let pair = json!({ "guests": [guest("a"), guest("b")], "placement": [{ "rule": "spread", "guests": ["a", "b"] }] });
    assert!(world.refused(&desired(pair)).text.contains("is to be apart from"));
    let beside =
        json!({ "guests": [guest("a")], "placement": [{ "rule": "together", "guests": ["a", "grafana"] }] });
    let plan = World::new().plan(&desired(beside));
    assert_eq!(plan.steps[0].subject.node.as_deref(), Some("pve2"));
}

#[test]
fn more_guests_than_nodes_are_spread_evenly_and_that_is_said() {
    let names = ["a", "b", "c", "d", "e"];
    let guests =
        names.map(|name| json!({ "change": "create", "kind": "vm", "name": name, "memory_mib": 1024 }));
    let wish = desired(json!({ "guests": guests, "placement": [{ "rule": "spread", "guests": names }] }));
    let plan = World::new().plan(&wish);
    assert!(
        plan.hazards.iter().any(|hazard| hazard.text.contains("2 on pve1 and 2 on pve2")),
        "{:?}",
        plan.hazards
    );
}

#[test]
fn numbers_skip_what_is_seen_and_what_the_log_claims() {
    let mut world = World::new();
    let mut other = world.seen.guests[&110].clone();
    other.vmid = 200;
    other.name = "stranger".into();
    world.seen.guests.insert(200, other);
    let claim = crate::cluster::Event::GuestClaimed {
        vmid: 201,
        name: "lost".into(),
        kind: crate::interpretation::GuestKind::Vm,
        mark: super::fixture::mark(201),
        origin: crate::cluster::Origin::Fixture {},
    };
    world.cluster = crate::decider::Decider::evolve(world.cluster, &claim);
    assert_eq!(world.plan(&vm(json!({}))).steps[0].subject.vmid, Some(202));
    world.rules.vmid_last = 201;
    assert!(world.refused(&vm(json!({}))).text.contains("0 are free from 200 to 201"));
}

#[test]
fn an_image_file_is_imported_where_it_lies() {
    let mut world = World::new();
    let files = &mut world.seen.storages.get_mut("local").unwrap().files;
    files.get_mut("pve3").unwrap().push("local:import/flatcar.qcow2".into());
    let wish = vm(json!({ "image": "flatcar" }));
    let plan = world.plan(&wish);
    let first = &lines(&plan)[0];
    assert!(first.starts_with("POST /nodes/pve3/qemu "), "{first}");
    assert!(first.contains("scsi0=tank-nfs:0,import-from=local:import/flatcar.qcow2"), "{first}");
    assert!(first.contains("ide2=tank-nfs:cloudinit"), "{first}");
    assert_eq!(lines(&plan)[1], "PUT /nodes/pve3/qemu/200/resize disk=scsi0 size=20G");
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
}

#[test]
fn an_iso_gets_an_empty_disk_and_a_copy_takes_its_model() {
    let mut world = World::new();
    let plan = world.plan(&vm(json!({ "iso": "opnsense-25.1.iso", "disk_gib": 16, "storage": "ceph-vm" })));
    assert!(lines(&plan)[0].contains("ide2=tank-nfs:iso/opnsense-25.1.iso,media=cdrom"));
    world.apply(&plan);
    let copy =
        desired(json!({ "guests": [{ "change": "create", "kind": "vm", "name": "db-2", "copy_of": 111 }] }));
    let plan = world.plan(&copy);
    assert!(
        plan.steps[0]
            .sentence
            .contains("as a copy of db-1 (111): 4 cores, 8 GiB of memory, 60 GiB of disk on local-lvm")
    );
    assert!(lines(&plan)[1].contains("ipconfig0=ip=dhcp"));
}

#[test]
fn space_for_changed_guests_is_counted_before_new_ones_choose() {
    let mut world = World::new();
    let grown = json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110,
        "extra_disks": [{ "size_gib": 800 }] });
    let new = json!({ "change": "create", "kind": "vm", "name": "scratch", "disk_gib": 700, "node": "pve1" });
    let both = desired(json!({ "guests": [grown, new] }));
    assert!(world.refused(&both).text.contains("ceph-vm has 600 GiB free, 700 GiB asked for"));
    world.seen.nodes.get_mut("pve1").unwrap().memory_mib = 30_000;
    let more =
        json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "memory_mib": 16384 });
    assert!(
        world.refused(&desired(json!({ "guests": [more] }))).text.contains("would need 12 GiB more memory")
    );
}

#[test]
fn a_further_disk_waits_for_the_storage_of_the_same_plan() {
    let wish = desired(json!({
        "storages": [{ "change": "create", "id": "fast", "server": "10.0.20.5", "export": "/tank/fast", "content": ["images"] }],
        "guests": [{ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110,
            "extra_disks": [{ "size_gib": 50, "storage": "fast" }] }],
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    assert_eq!(plan.steps[1].after, [1]);
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
}
