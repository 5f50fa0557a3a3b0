//! Facts made from the picture: only what was seen, in the interpreter's words.

use super::World;
use crate::facts::Facts;
use crate::facts_from::facts;
use crate::mark::TAG;

fn made() -> Facts {
    let world = World::new();
    facts(&world.seen, &world.cluster, &world.rules)
}

#[test]
fn free_memory_is_what_no_running_guest_was_promised() {
    let facts = made();
    assert_eq!(facts.nodes["pve1"].memory_free_mib, 65_536 - 16_384 - 4096 - 8192);
    // `build` is off and takes nothing.
    assert_eq!(facts.nodes["pve2"].memory_free_mib, 32_768 - 1024 - 512);
}

#[test]
fn templates_are_images_and_not_guests() {
    let facts = made();
    assert!(!facts.guests.contains_key("9000"));
    assert_eq!(facts.house.images.vm.keys().collect::<Vec<_>>(), ["debian-12", "ubuntu-24.04"]);
    assert_eq!(facts.house.images.container.keys().collect::<Vec<_>>(), ["debian-12"]);
    let debian = &facts.house.images.vm["debian-12"];
    assert_eq!(
        (debian.node.as_deref(), debian.storage.as_str(), debian.disk_gib),
        (Some("pve1"), "ceph-vm", 3)
    );
}

#[test]
fn a_guest_says_whose_it_is_and_what_may_not_be_touched() {
    let facts = made();
    let nas = &facts.guests["100"];
    assert!((!nas.managed) && nas.protected && nas.notes == "NAS. Do not touch.");
    let web = &facts.guests["110"];
    assert!(web.managed && !web.protected && web.notes.is_empty());
    assert_eq!(
        (web.tags.as_slice(), web.disk_gib, web.ip.as_deref()),
        (["web".to_owned()].as_slice(), 40, Some("10.0.20.80/24"))
    );
    assert!(facts.guests["114"].protected);
    assert!(facts.guests.values().all(|guest| !guest.tags.contains(&TAG.to_owned())));
}

#[test]
fn storages_isos_bridges_and_pools_are_named() {
    let facts = made();
    assert_eq!(facts.storages["ceph-vm"].free_gib["any"], 1400);
    assert_eq!(facts.storages["local-lvm"].free_on("pve2"), 380);
    assert_eq!(facts.isos["opnsense-25.1.iso"].storage, "tank-nfs");
    assert_eq!(facts.bridges["vmbr0"].nodes, ["pve1", "pve2", "pve3"]);
    assert_eq!(facts.pools["infra"].members, ["grafana"]);
    assert_eq!(facts.observed_at, "2026-05-04T08:00:00Z");
}
