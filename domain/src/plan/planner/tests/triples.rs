//! Wish, picture, calls: one test for each kind of declaration.

use super::{World, desired, lines, sentences};
use crate::interpretation::Span;
use crate::plan::{Effect, HazardKind, NoteKind, Origin, Reverse, StepVerb};
use serde_json::json;

#[test]
fn a_vm_is_copied_from_its_template_configured_grown_and_started() {
    let wish = desired(json!({
        "guests": [{ "change": "create", "kind": "vm", "name": "scratch", "image": "debian-12", "cores": 2,
            "memory_mib": 4096, "disk_gib": 30, "node": "pve2" }],
        "provenance": { "/guests/0/name": { "from": "said", "span": [22, 29] },
            "/guests/0/cores": { "from": "said", "span": [31, 38] },
            "/guests/0/image": { "from": "default", "rule": "/defaults/vm/image" } },
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    let mark = crate::mark::Mark::derive(super::DECLARATION.0, "scratch", 200);
    assert_eq!(
        lines(&plan),
        [
            format!(
                "POST /nodes/pve1/qemu/9001/clone description={mark}\n full=1 name=scratch newid=200 storage=ceph-vm target=pve2"
            ),
            format!(
                "PUT /nodes/pve2/qemu/200/config cores=2 ipconfig0=ip=dhcp memory=4096 net0=virtio={},bridge=vmbr0 onboot=1 tags=mycopod",
                mark.mac(0)
            ),
            "PUT /nodes/pve2/qemu/200/resize disk=scsi0 size=30G".into(),
            "POST /nodes/pve2/qemu/200/status/start".into(),
        ]
    );
    assert_eq!(
        sentences(&plan),
        [
            "Create VM scratch (200) on pve2 from template debian-12 (9001): 2 cores, 4 GiB of memory, 30 GiB of disk on ceph-vm, address by DHCP.",
            "Start VM scratch (200).",
        ]
    );
    let [create, start] = plan.steps.as_slice() else { panic!("two steps") };
    assert_eq!((create.no, start.no, start.after.as_slice()), (1, 2, [1].as_slice()));
    assert_eq!((create.lane.as_str(), start.lane.as_str()), ("template 9001", "guest 200"));
    assert_eq!(create.phrases, [Span::new(22, 29), Span::new(31, 38)]);
    let change = |field: &str| create.changes.iter().find(|change| change.field == field).unwrap();
    assert_eq!(change("cores").origin.word(), "said");
    assert_eq!(change("template").origin.word(), "default");
    assert!(matches!(change("number").origin, Origin::Planner { .. }));
    assert!(matches!(&create.reverse, Reverse::Calls { loses_data: true, calls, .. } if calls.len() == 2));
    assert_eq!(plan.contract, crate::contract::VERSION.trim());

    world.apply(&plan);
    let made = &world.seen.guests[&200];
    assert_eq!((made.node.as_str(), made.cores(), made.memory_mib(), made.running), ("pve2", 2, 4096, true));
    assert_eq!(made.boot_disk().unwrap().size_gib, Some(30));
    let again = world.plan(&wish);
    assert!(again.is_empty(), "{:?}", lines(&again));
    assert_eq!(again.counts().already, 1);
    assert_eq!(
        sentences(&again),
        ["VM scratch (200) on pve2 is so already: cores 2; memory 4 GiB; disk 30 GiB."]
    );
}

#[test]
fn a_container_is_made_by_one_call_with_a_fixed_address() {
    let wish = desired(json!({
        "guests": [{ "change": "create", "kind": "container", "name": "dns2", "cores": 1, "memory_mib": 512,
            "disk_gib": 4, "ip": "10.0.30.54/24", "vlan": 30, "tags": ["dns"], "node": "pve3",
            "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDemoDemoDemoDemoDemoDemoDemoDemoDemoDemoDe ada@desk"] }],
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    let mark = crate::mark::Mark::derive(super::DECLARATION.0, "dns2", 200);
    assert_eq!(
        lines(&plan),
        [
            format!(
                "POST /nodes/pve3/lxc cores=1 description={mark}\n hostname=dns2 memory=512 \
                 net0=name=eth0,bridge=vmbr0,gw=10.0.30.1,hwaddr={},ip=10.0.30.54/24,tag=30 onboot=1 \
                 ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst rootfs=ceph-vm:4 \
                 ssh-public-keys=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDemoDemoDemoDemoDemoDemoDemoDemoDemoDemoDe ada@desk \
                 swap=512 tags=dns;mycopod unprivileged=1 vmid=200",
                mark.mac(0)
            ),
            "POST /nodes/pve3/lxc/200/status/start".into(),
        ]
    );
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
}

#[test]
fn three_vms_for_kubernetes_are_made_apart_and_the_rest_is_said_not_to_be_done() {
    let vm = |name: &str| json!({ "change": "create", "kind": "vm", "name": name, "image": "ubuntu-24.04", "memory_mib": 4096 });
    let names = ["k8s-1", "k8s-2", "k8s-3"];
    let wish = desired(json!({
        "guests": names.map(vm),
        "placement": [{ "rule": "spread", "guests": names }],
        "kubernetes": [{ "change": "create", "name": "edge", "control_planes": ["k8s-1"], "workers": ["k8s-2", "k8s-3"] }],
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    let made: Vec<_> = plan.steps.iter().filter(|step| step.verb == StepVerb::Create).collect();
    let numbers: Vec<_> = made.iter().map(|step| step.subject.vmid.unwrap()).collect();
    assert_eq!(numbers, [200, 201, 202]);
    let mut nodes: Vec<_> = made.iter().map(|step| step.subject.node.clone().unwrap()).collect();
    nodes.sort();
    assert_eq!(nodes, ["pve1", "pve2", "pve3"]);
    let said = plan.notes.iter().find(|note| note.kind == NoteKind::NotYet).unwrap();
    assert_eq!(
        said.text,
        "Kubernetes (k3s) on k8s-1, k8s-2, k8s-3 is not installed yet: this version makes the guests and stops there."
    );
    let default =
        plan.notes.iter().find(|note| note.kind == NoteKind::Default && note.text.contains("cores")).unwrap();
    assert_eq!(default.text, "House rule vm/cores gives cores: 2 (for k8s-1, k8s-2 and k8s-3).");
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
}

#[test]
fn an_update_changes_only_what_differs_and_says_what_waits_for_a_restart() {
    let wish = desired(json!({
        "guests": [{ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "cores": 2,
            "memory_mib": 8192, "disk_gib": 60, "tags": ["prod"] }],
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    assert_eq!(
        lines(&plan),
        [
            format!("PUT /nodes/pve1/qemu/110/config digest={:040x} memory=8192 tags=mycopod;prod;web", 110),
            "PUT /nodes/pve1/qemu/110/resize disk=scsi0 size=60G".into(),
        ]
    );
    let step = &plan.steps[0];
    assert_eq!(
        step.sentence,
        "Change VM web-old (110) on pve1: memory from 4 GiB to 8 GiB; disk from 40 GiB to 60 GiB; \
         tags from mycopod, web to mycopod, prod, web. At the next start of the VM: memory."
    );
    assert_eq!(step.effect, Effect::RestartNeeded);
    let Reverse::Calls { calls, loses_data: false, .. } = &step.reverse else { panic!("{:?}", step.reverse) };
    assert_eq!(calls[0].shown(), "PUT /nodes/pve1/qemu/110/config memory=4096 tags=mycopod;web");
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
}

#[test]
fn a_destroyed_guest_is_switched_off_first_and_its_name_must_be_typed() {
    let wish =
        desired(json!({ "guests": [{ "change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110 }] }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    assert_eq!(
        lines(&plan),
        [
            "POST /nodes/pve1/qemu/110/status/stop",
            "DELETE /nodes/pve1/qemu/110 destroy-unreferenced-disks=1 purge=1",
        ]
    );
    assert_eq!(plan.names_to_confirm(), ["web-old"]);
    let hazard = &plan.hazards[0];
    assert_eq!(
        (hazard.kind, hazard.confirm.as_deref(), hazard.step),
        (HazardKind::Destroys, Some("web-old"), Some(2))
    );
    assert_eq!(
        hazard.text,
        "VM web-old (110) on pve1 will be gone for good, with a disk of 40 GiB on ceph-vm and the snapshot \
         before-upgrade. Its address is 10.0.20.80/24."
    );
    assert!(matches!(plan.steps[1].reverse, Reverse::None { .. }));
    world.apply(&plan);
    assert!(!world.seen.guests.contains_key(&110));
}

#[test]
fn an_nfs_share_becomes_a_storage_and_guests_on_it_wait_for_it() {
    let wish = desired(json!({
        "storages": [{ "change": "create", "id": "fast", "server": "10.0.20.5", "export": "/tank/fast", "content": ["images"] }],
        "guests": [{ "change": "create", "kind": "vm", "name": "media", "storage": "fast" }],
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    assert_eq!(
        lines(&plan)[0],
        "POST /storage content=images export=/tank/fast server=10.0.20.5 storage=fast type=nfs"
    );
    assert_eq!(
        plan.steps[0].sentence,
        "Add NFS storage fast from 10.0.20.5:/tank/fast for images on all nodes."
    );
    assert_eq!(plan.steps[1].after, [1]);
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
    let gone = desired(json!({ "storages": [{ "change": "remove", "id": "fast" }] }));
    assert!(world.refused(&gone).text.contains("used by media"));
}

#[test]
fn one_text_may_make_change_and_destroy_and_losses_come_first_among_the_hazards() {
    let wish = desired(json!({
        "guests": [
            { "change": "create", "kind": "vm", "name": "web-new", "power": "stopped" },
            { "change": "update", "kind": "container", "name": "grafana", "vmid": 112, "power": "stopped" },
            { "change": "destroy", "kind": "vm", "name": "build", "vmid": 113 },
            { "change": "keep", "kind": "vm", "name": "db-1", "vmid": 111 },
        ],
    }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    let counts = plan.counts();
    assert_eq!((counts.create, counts.change, counts.destroy), (1, 1, 1));
    let kinds: Vec<_> = plan.hazards.iter().map(|hazard| hazard.kind).collect();
    assert_eq!(kinds, [HazardKind::Destroys, HazardKind::Interrupts]);
    assert!(
        lines(&plan).contains(&"POST /nodes/pve2/lxc/112/status/shutdown forceStop=1 timeout=60".to_owned())
    );
    assert!(plan.notes.iter().any(|note| note.text == "VM db-1 is left as it is."));
    world.apply(&plan);
}

#[test]
fn a_storage_is_changed_and_removed_without_its_data() {
    let mut world = World::new();
    let change = |content: &[&str]| {
        desired(
            json!({ "storages": [{ "change": "update", "id": "tank-nfs", "content": content, "nodes": ["pve1", "pve2"] }] }),
        )
    };
    let plan = world.plan(&change(&["iso", "backup"]));
    assert_eq!(lines(&plan), ["PUT /storage/tank-nfs content=backup,iso nodes=pve1,pve2"]);
    world.apply(&plan);
    assert!(world.plan(&change(&["backup", "iso"])).is_empty());
    let plan = world.plan(&desired(json!({ "storages": [{ "change": "remove", "id": "tank-nfs" }] })));
    assert_eq!(lines(&plan), ["DELETE /storage/tank-nfs"]);
    assert_eq!(plan.names_to_confirm(), ["tank-nfs"]);
    assert!(plan.hazards[0].text.contains("The data on 10.0.20.5:/tank/vm stays."));
    world.apply(&plan);
    assert!(!world.seen.storages.contains_key("tank-nfs"));
}

#[test]
fn the_way_back_from_a_creation_leaves_nothing() {
    let wish = desired(
        json!({ "guests": [{ "change": "create", "kind": "vm", "name": "scratch", "protected": true }] }),
    );
    let mut world = World::new();
    let plan = world.plan(&wish);
    world.apply(&plan);
    let Reverse::Calls { calls, loses_data: true, .. } = &plan.steps[0].reverse else {
        panic!("{:?}", plan.steps[0])
    };
    let actions: Vec<_> = calls.iter().map(|call| call.purpose.as_str()).collect();
    assert_eq!(actions, ["switch it off", "lift its protection", "destroy it with its disks"]);
    let mut back = plan.clone();
    back.steps = vec![crate::plan::Step { calls: calls.clone(), ..plan.steps[0].clone() }];
    world.apply(&back);
    assert!(!world.seen.guests.contains_key(&200));
}

#[test]
fn a_guest_renamed_or_stopped_by_hand_is_found_by_its_mark() {
    let wish = desired(json!({ "guests": [{ "change": "create", "kind": "vm", "name": "scratch" }] }));
    let mut world = World::new();
    let plan = world.plan(&wish);
    world.apply(&plan);
    let guest = world.seen.guests.get_mut(&200).unwrap();
    guest.name = "renamed".into();
    guest.config.insert("name".into(), "renamed".into());
    guest.running = false;
    let plan = world.plan(&wish);
    assert_eq!(lines(&plan)[0].split(" digest").next(), Some("PUT /nodes/pve1/qemu/200/config"));
    assert!(plan.steps[0].sentence.contains("name from renamed to scratch"));
    assert_eq!(lines(&plan)[1], "POST /nodes/pve1/qemu/200/status/start");
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
}
