//! Changes of guests that exist: every field, what it does to who uses the guest, and the way back.

use super::{World, desired, lines};
use crate::interpretation::Interpretation;
use crate::plan::{Effect, HazardKind, NoteKind, Reverse};
use serde_json::{Value, json};

fn update(vmid: u32, fields: Value) -> Interpretation {
    let (kind, name) = match vmid {
        110 => ("vm", "web-old"),
        112 => ("container", "grafana"),
        _ => ("vm", "build"),
    };
    let mut guest = json!({ "change": "update", "kind": kind, "name": name, "vmid": vmid });
    for (key, value) in fields.as_object().unwrap() {
        guest[key] = value.clone();
    }
    desired(json!({ "guests": [guest] }))
}

/// Plans, carries out, and plans again: the second plan has nothing to do.
fn settles(vmid: u32, fields: Value) -> (Vec<String>, Effect) {
    let mut world = World::new();
    let wish = update(vmid, fields);
    let plan = world.plan(&wish);
    let effect = plan.steps.iter().map(|step| step.effect).max().unwrap();
    world.apply(&plan);
    if wish.guests[0].new_name.is_none() {
        let again = world.plan(&wish);
        assert!(again.is_empty(), "{:?}", lines(&again));
        assert_eq!(again.counts().already, 1);
    }
    // The way back leads to where it began.
    let before = World::new().seen.guests[&vmid].config.clone();
    for step in plan.steps.iter().rev() {
        if let Reverse::Calls { calls, .. } = &step.reverse {
            let mut back = plan.clone();
            back.steps = vec![crate::plan::Step { calls: calls.clone(), ..step.clone() }];
            world.apply(&back);
        }
    }
    let disks = |key: &&String| !super::super::config::is_disk(key) && *key != "rootfs";
    let after = &world.seen.guests[&vmid].config;
    for key in before.keys().chain(after.keys()).filter(disks) {
        let sorted = |value: Option<&String>| {
            value.map(|value| {
                let mut parts: Vec<String> = value.split(',').map(str::to_owned).collect();
                parts.sort();
                parts
            })
        };
        assert_eq!(sorted(before.get(key)), sorted(after.get(key)), "{key}");
    }
    (lines(&plan), effect)
}

#[test]
fn a_container_takes_memory_and_cores_while_it_runs() {
    let (calls, effect) = settles(112, json!({ "cores": 2, "memory_mib": 2048, "swap_mib": 1024 }));
    assert_eq!(
        calls,
        [format!("PUT /nodes/pve2/lxc/112/config cores=2 digest={:040x} memory=2048 swap=1024", 112)]
    );
    assert_eq!(effect, Effect::None);
    assert_eq!(
        settles(112, json!({ "disk_gib": 30 })).0,
        ["PUT /nodes/pve2/lxc/112/resize disk=rootfs size=30G"]
    );
}

#[test]
fn a_vm_that_plugs_memory_needs_no_restart_and_one_that_is_off_needs_none_either() {
    let mut world = World::new();
    let config = &mut world.seen.guests.get_mut(&110).unwrap().config;
    config.insert("hotplug".into(), "network,disk,memory,cpu".into());
    config.insert("numa".into(), "1".into());
    assert_eq!(world.plan(&update(110, json!({ "memory_mib": 8192 }))).steps[0].effect, Effect::None);
    assert_eq!(world.plan(&update(110, json!({ "cores": 4 }))).steps[0].effect, Effect::RestartNeeded);
    assert_eq!(world.plan(&update(113, json!({ "memory_mib": 4096 }))).steps[0].effect, Effect::None);
}

#[test]
fn cores_are_counted_over_sockets_and_a_balloon_follows_the_memory() {
    let mut world = World::new();
    let config = &mut world.seen.guests.get_mut(&113).unwrap().config;
    config.insert("sockets".into(), "2".into());
    config.insert("cores".into(), "2".into());
    config.insert("balloon".into(), "6144".into());
    assert!(world.plan(&update(113, json!({ "cores": 4 }))).is_empty());
    let plan = world.plan(&update(113, json!({ "cores": 6, "memory_mib": 4096 })));
    assert!(lines(&plan)[0].contains("balloon=4096 cores=6"), "{:?}", lines(&plan));
    assert!(lines(&plan)[0].contains("sockets=1"));
}

#[test]
fn a_new_address_keeps_the_card_and_a_new_vlan_keeps_the_address() {
    let (calls, effect) = settles(110, json!({ "ip": "10.0.20.161/24" }));
    assert!(calls[0].contains("ipconfig0=ip=10.0.20.161/24,gw=10.0.20.1"), "{calls:?}");
    assert_eq!(effect, Effect::RestartNeeded);
    let (calls, effect) = settles(110, json!({ "vlan": 30, "ip": "10.0.30.9/24" }));
    assert!(calls[0].contains("net0=virtio=BC:24:11:00:01:10,bridge=vmbr0,tag=30"), "{calls:?}");
    assert!(calls[0].contains("ipconfig0=ip=10.0.30.9/24,gw=10.0.30.1"), "{calls:?}");
    assert_eq!(effect, Effect::Interrupts);
    let (calls, effect) = settles(112, json!({ "ip": "dhcp" }));
    assert!(
        calls[0].contains("net0=name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:12,ip=dhcp,type=veth"),
        "{calls:?}"
    );
    assert_eq!(effect, Effect::Interrupts);
}

#[test]
fn names_notes_tags_and_flags_change_without_disturbing_anybody() {
    let fields = json!({ "description": "for the children", "tags": ["prod"], "remove_tags": ["web", "mycopod"],
        "start_on_boot": false, "start_order": 2, "start_delay_s": 30 });
    let (calls, effect) = settles(110, fields);
    assert!(calls[0].contains("tags=mycopod;prod"), "the tag of ours stays: {calls:?}");
    assert!(calls[0].contains("startup=order=2,up=30") && calls[0].contains("onboot=0"), "{calls:?}");
    assert!(
        calls[0].contains(&format!("description={}\nfor the children", super::fixture::mark(110))),
        "{calls:?}"
    );
    assert_eq!(effect, Effect::None);
    settles(112, json!({ "description": "graphs" }));
    let (calls, _) = settles(113, json!({ "new_name": "build-old", "disk_gib": 120 }));
    assert!(calls[0].contains("name=build-old"), "{calls:?}");
    let (calls, _) = settles(112, json!({ "new_name": "graphs" }));
    assert!(calls[0].contains("hostname=graphs"), "{calls:?}");
}

#[test]
fn logins_and_name_servers_wait_for_the_next_start_of_a_vm() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDemoDemoDemoDemoDemoDemoDemoDemoDemoDemoDe ada@desk";
    let fields = json!({ "login_user": "ada", "ssh_keys": [key], "nameservers": ["10.0.20.53", "1.1.1.1"] });
    let (calls, effect) = settles(110, fields);
    assert!(
        calls[0].contains("sshkeys=ssh-ed25519%20AAAA") && calls[0].contains("%20ada%40desk"),
        "{calls:?}"
    );
    assert!(calls[0].contains("nameserver=10.0.20.53 1.1.1.1"), "{calls:?}");
    assert_eq!(effect, Effect::RestartNeeded);
}

#[test]
fn a_further_disk_is_added_once() {
    let (calls, _) = settles(110, json!({ "extra_disks": [{ "size_gib": 50, "storage": "ceph-vm" }] }));
    assert!(calls[0].contains("scsi1=ceph-vm:50"), "{calls:?}");
    let (calls, _) = settles(112, json!({ "extra_disks": [{ "size_gib": 5, "path": "/srv" }] }));
    assert!(calls[0].contains("mp0=ceph-vm:5,mp=/srv"), "{calls:?}");
}

#[test]
fn power_is_a_step_of_its_own() {
    let (calls, effect) = settles(113, json!({ "power": "running", "memory_mib": 4096 }));
    assert_eq!(calls[1], "POST /nodes/pve2/qemu/113/status/start");
    assert_eq!(effect, Effect::None);
    let (calls, effect) = settles(110, json!({ "power": "stopped" }));
    assert_eq!(calls, ["POST /nodes/pve1/qemu/110/status/shutdown forceStop=1 timeout=60"]);
    assert_eq!(effect, Effect::Interrupts);
    let plan = World::new().plan(&update(110, json!({ "power": "running" })));
    assert_eq!(plan.steps[0].sentence, "VM web-old (110) on pve1 is so already: running.");
}

#[test]
fn what_this_version_cannot_do_is_said_beside_the_rest() {
    let plan = World::new().plan(&update(110, json!({ "cores": 4, "swap_mib": 512, "uefi": true })));
    let notes: Vec<_> = plan.notes.iter().filter(|note| note.kind == NoteKind::NotYet).collect();
    assert_eq!(notes.len(), 2);
    let no = World::new().refused(&update(110, json!({ "swap_mib": 512 })));
    assert!(no.text.contains("its swap is set inside it"), "{}", no.text);
}

#[test]
fn a_locked_guest_is_planned_for_with_a_warning() {
    let mut world = World::new();
    world.seen.guests.get_mut(&110).unwrap().lock = Some("backup".into());
    let plan = world.plan(&update(110, json!({ "cores": 4 })));
    assert!(
        plan.hazards
            .iter()
            .any(|hazard| hazard.kind == HazardKind::Caution && hazard.text.contains("locked (backup)"))
    );
}

#[test]
fn a_guest_that_is_still_being_made_is_waited_for() {
    let mut world = World::new();
    world.seen.guests.get_mut(&110).unwrap().lock = Some("clone".into());
    assert!(world.refused(&update(110, json!({ "cores": 4 }))).text.contains("still being made"));
}

#[test]
fn a_vm_whose_making_was_broken_off_is_finished_by_the_next_plan() {
    let wish = desired(
        json!({ "guests": [{ "change": "create", "kind": "vm", "name": "scratch", "cores": 1, "vlan": 30 }] }),
    );
    for done in 1..=3 {
        let mut world = World::new();
        let mut plan = world.plan(&wish);
        let whole = plan.steps[0].calls.len();
        assert_eq!(whole, 3);
        plan.steps.truncate(1);
        plan.steps[0].calls.truncate(done);
        world.apply(&plan);
        let rest = world.plan(&wish);
        world.apply(&rest);
        let made = &world.seen.guests[&200];
        assert_eq!((made.cores(), made.memory_mib(), made.vlan(), made.running), (1, 2048, Some(30), true));
        assert_eq!((made.boot_disk().unwrap().size_gib, made.start_on_boot()), (Some(20), true));
        assert_eq!(made.tags(), ["mycopod"]);
        assert!(world.plan(&wish).is_empty());
    }
}
