//! Guests that change their node, disks that change their storage, snapshots and adoption.

use super::{World, desired, lines, sentences};
use crate::plan::{Effect, Guard, HazardKind, Plan, Reverse, StepVerb};
use serde_json::{Value, json};

fn moved(entry: Value) -> crate::interpretation::Interpretation {
    desired(json!({ "moves": [entry] }))
}

/// Applies the plan; planned again, nothing is left to do.
fn settles(world: &mut World, desired: &crate::interpretation::Interpretation) -> Plan {
    let plan = world.plan(desired);
    world.apply(&plan);
    let again = world.plan(desired);
    assert!(again.is_empty(), "{:?}", lines(&again));
    plan
}

#[test]
fn a_running_vm_on_a_shared_disk_moves_live() {
    let plan =
        settles(&mut World::new(), &moved(json!({ "guest": "web-old", "to_node": "pve2", "online": true })));
    assert_eq!(lines(&plan), ["POST /nodes/pve1/qemu/110/migrate online=1 target=pve2"]);
    assert_eq!(sentences(&plan), ["Move VM web-old (110) from pve1 to pve2 while it runs."]);
    assert_eq!(plan.steps[0].effect, Effect::None);
    let Reverse::Calls { calls, .. } = &plan.steps[0].reverse else { panic!() };
    assert_eq!(calls[0].shown(), "POST /nodes/pve2/qemu/110/migrate online=1 target=pve1");
}

#[test]
fn a_local_disk_is_copied_along_and_said_so() {
    let plan = settles(&mut World::new(), &moved(json!({ "guest": "db-1", "to_node": "pve2" })));
    assert_eq!(lines(&plan), ["POST /nodes/pve1/qemu/111/migrate online=1 target=pve2 with-local-disks=1"]);
    assert!(plan.hazards.iter().any(|hazard| hazard.text.contains("60 GiB of local disks")));
    let rehearsal = plan.rehearsal.unwrap();
    let freed = rehearsal.storages.iter().find(|s| s.node.as_deref() == Some("pve1")).unwrap();
    assert_eq!((freed.free_before_gib, freed.free_after_gib), (640, 700));
}

#[test]
fn a_vm_that_the_text_wants_stopped_for_its_move_is_stopped_moved_and_started() {
    let plan =
        settles(&mut World::new(), &moved(json!({ "guest": "web-old", "to_node": "pve2", "online": false })));
    assert_eq!(
        lines(&plan),
        [
            "POST /nodes/pve1/qemu/110/status/shutdown forceStop=1 timeout=60",
            "POST /nodes/pve1/qemu/110/migrate target=pve2",
            "POST /nodes/pve2/qemu/110/status/start",
        ]
    );
    assert!(plan.hazards.iter().any(|hazard| hazard.kind == HazardKind::Interrupts));
    assert_eq!(plan.rehearsal.unwrap().blinks.len(), 1);
}

#[test]
fn a_container_is_restarted_elsewhere_and_never_promised_to_stay_up() {
    let plan = settles(&mut World::new(), &moved(json!({ "guest": "grafana", "to_node": "pve1" })));
    assert_eq!(lines(&plan), ["POST /nodes/pve2/lxc/112/migrate restart=1 target=pve1 timeout=60"]);
    assert_eq!(plan.steps[0].effect, Effect::Interrupts);
    let no = World::new().refused(&moved(json!({ "guest": "grafana", "to_node": "pve1", "online": true })));
    assert!(no.text.contains("without being stopped"), "{}", no.text);
}

#[test]
fn the_disks_of_a_vm_move_while_it_runs() {
    let plan = settles(&mut World::new(), &moved(json!({ "guest": "db-1", "to_storage": "ceph-vm" })));
    assert_eq!(lines(&plan), ["POST /nodes/pve1/qemu/111/move_disk delete=1 disk=scsi0 storage=ceph-vm"]);
    assert_eq!(
        sentences(&plan),
        ["Move disk scsi0 of 60 GiB of VM db-1 (111) on pve1 from local-lvm to ceph-vm."]
    );
}

#[test]
fn the_volumes_of_a_container_move_while_it_is_stopped() {
    let mut world = World::new();
    let plan = settles(&mut world, &moved(json!({ "guest": "grafana", "to_storage": "local-lvm" })));
    assert_eq!(
        lines(&plan),
        [
            "POST /nodes/pve2/lxc/112/status/shutdown forceStop=1 timeout=60",
            "POST /nodes/pve2/lxc/112/move_volume delete=1 storage=local-lvm volume=rootfs",
            "POST /nodes/pve2/lxc/112/status/start",
        ]
    );
    assert!(world.seen.guests[&112].running);
}

#[test]
fn a_disk_with_snapshots_leaves_its_old_copy() {
    let plan = World::new().plan(&moved(json!({ "guest": "web-old", "to_storage": "local-lvm" })));
    assert!(lines(&plan)[0].contains("delete=0"));
    assert!(plan.steps[0].sentence.contains("old copies stay"), "{}", plan.steps[0].sentence);
}

#[test]
fn a_guest_the_manager_has_is_let_go_for_the_move_and_taken_back() {
    let mut world = World::new();
    world.apply(&world.plan(&desired(
        json!({ "guests": [{ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "ha": true }] }),
    )));
    let plan = settles(&mut world, &moved(json!({ "guest": "web-old", "to_node": "pve3" })));
    assert_eq!(
        lines(&plan),
        [
            "DELETE /cluster/ha/resources/vm:110",
            "POST /nodes/pve1/qemu/110/migrate online=1 target=pve3",
            "POST /cluster/ha/resources sid=vm:110 state=started",
        ]
    );
}

#[test]
fn what_cannot_move_is_refused_with_what_could() {
    let refused = |entry: Value| World::new().refused(&moved(entry));
    assert!(refused(json!({ "guest": "web-old", "to_node": "pve9" })).advice.contains("pve2 and pve3"));
    assert!(refused(json!({ "guest": "web-old", "to_storage": "gone" })).text.contains("no storage gone"));
    assert!(refused(json!({ "guest": "grafana", "to_storage": "tank-nfs" })).text.contains("cannot hold"));
    assert!(refused(json!({ "guest": "truenas", "to_node": "pve2" })).text.contains("not under management"));
    assert!(refused(json!({ "guest": "vault", "to_node": "pve1" })).text.contains("protected"));
    let mut world = World::new();
    world.seen.nodes.get_mut("pve3").unwrap().memory_mib = 2048;
    assert!(world.refused(&moved(json!({ "guest": "db-1", "to_node": "pve3" }))).text.contains("2 GiB free"));
}

#[test]
fn a_snapshot_is_taken_once_under_its_name() {
    let wish =
        desired(json!({ "snapshots": [{ "change": "create", "guest": "web-old", "name": "pre-php8" }] }));
    let plan = settles(&mut World::new(), &wish);
    assert_eq!(lines(&plan), ["POST /nodes/pve1/qemu/110/snapshot snapname=pre-php8"]);
    assert_eq!(sentences(&plan), ["Take the snapshot pre-php8 of VM web-old (110)."]);
    let unnamed = desired(json!({ "snapshots": [{ "change": "create", "guest": "web-old" }] }));
    assert!(lines(&settles(&mut World::new(), &unnamed))[0].contains("snapname=mycopod-"));
}

#[test]
fn a_snapshot_comes_before_the_change_it_protects_from() {
    let plan = World::new().plan(&desired(json!({
        "guests": [{ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "memory_mib": 8192 }],
        "snapshots": [{ "change": "create", "guest": "web-old", "name": "before" }],
    })));
    assert!(plan.steps[0].sentence.starts_with("Take the snapshot"));
    assert_eq!(plan.steps[1].after, [1]);
}

#[test]
fn deleting_a_snapshot_and_going_back_to_one_destroy_and_want_a_typed_name() {
    let entry = |change: &str| {
        desired(json!({ "snapshots": [{ "change": change, "guest": "web-old", "name": "before-upgrade" }] }))
    };
    let plan = settles(&mut World::new(), &entry("remove"));
    assert_eq!(lines(&plan), ["DELETE /nodes/pve1/qemu/110/snapshot/before-upgrade"]);
    assert_eq!(plan.names_to_confirm(), ["before-upgrade"]);
    let plan = World::new().plan(&entry("rollback"));
    assert_eq!(
        lines(&plan),
        [
            "POST /nodes/pve1/qemu/110/snapshot/before-upgrade/rollback",
            "POST /nodes/pve1/qemu/110/status/start"
        ]
    );
    assert_eq!(plan.names_to_confirm(), ["web-old"]);
    assert_eq!(plan.steps[0].effect, Effect::Destroys);
    assert!(matches!(plan.steps[0].reverse, Reverse::None { .. }));
    let none = desired(json!({ "snapshots": [{ "change": "rollback", "guest": "web-old", "name": "x" }] }));
    assert_eq!(World::new().refused(&none).advice, "It has before-upgrade.");
}

#[test]
fn a_storage_without_snapshots_is_named() {
    let mut world = World::new();
    world.seen.storages.get_mut("local-lvm").unwrap().kind = "lvm".into();
    let wish = desired(json!({ "snapshots": [{ "change": "create", "guest": "db-1" }] }));
    assert!(world.refused(&wish).text.contains("scsi0 lies on local-lvm"));
}

#[test]
fn adopting_writes_the_mark_and_nothing_else() {
    let mut world = World::new();
    world.rules.protected.clear();
    let wish =
        desired(json!({ "guests": [{ "change": "adopt", "kind": "vm", "name": "truenas", "vmid": 100 }] }));
    let before = world.seen.guests[&100].clone();
    let plan = settles(&mut world, &wish);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].verb, StepVerb::Change);
    let call = &plan.steps[0].calls[0];
    assert_eq!(call.args.keys().collect::<Vec<_>>(), ["description", "digest", "tags"]);
    assert!(matches!(call.guards[0], Guard::GuestUnmarked { .. }));
    let after = &world.seen.guests[&100];
    assert_eq!(after.notes(), "NAS. Do not touch.");
    assert!(world.cluster.owns(after));
    let others = |guest: &crate::observation::GuestSeen| {
        let mut config = guest.config.clone();
        config.retain(|key, _| !["description", "tags"].contains(&key.as_str()));
        (config, guest.running, guest.node.clone())
    };
    assert_eq!(others(after), others(&before));
    // Adopted once, it can be changed by another text.
    let change = desired(
        json!({ "guests": [{ "change": "update", "kind": "vm", "name": "truenas", "vmid": 100, "cores": 2 }] }),
    );
    assert!(!world.plan(&change).is_empty());
}

#[test]
fn a_guest_under_another_installations_mark_is_not_adopted() {
    let mut world = World::new();
    world.rules.protected.clear();
    let mark = super::fixture::mark(7).describe(None);
    world.seen.guests.get_mut(&100).unwrap().config.insert("description".into(), mark);
    let wish =
        desired(json!({ "guests": [{ "change": "adopt", "kind": "vm", "name": "truenas", "vmid": 100 }] }));
    assert!(world.refused(&wish).text.contains("did not write"));
}
