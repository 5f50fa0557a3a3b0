//! How far a plan may reach: the owner's limits, the token's rights, the model of the cluster, other declarations.

use super::{World, desired, lines};
use crate::contract::Permissions;
use crate::interpretation::Interpretation;
use crate::plan::planner::Other;
use crate::plan::{HazardKind, Plan};
use serde_json::{Value, json};

fn create(fields: Value) -> Interpretation {
    let mut guest = json!({ "change": "create", "kind": "vm", "name": "scratch" });
    for (key, value) in fields.as_object().unwrap() {
        guest[key] = value.clone();
    }
    desired(json!({ "guests": [guest] }))
}

fn limited(change: impl FnOnce(&mut crate::settings::Limits)) -> World {
    let mut world = World::new();
    change(&mut world.rules.limits);
    world
}

#[test]
fn guests_go_only_where_the_rules_allow() {
    let world = limited(|limits| limits.nodes = vec!["pve3".into()]);
    assert_eq!(world.plan(&create(json!({}))).steps[0].subject.node.as_deref(), Some("pve3"));
    assert!(world.refused(&create(json!({ "node": "pve1" }))).text.contains("rules do not allow"));
    let no = world.refused(&desired(json!({ "moves": [{ "guest": "web-old", "to_node": "pve2" }] })));
    assert!(no.text.contains("pve2") && no.text.contains("only pve3"), "{}", no.text);
    // What is beyond a limit already may be changed otherwise.
    let update =
        json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "memory_mib": 8192 });
    world.plan(&desired(json!({ "guests": [update] })));
}

#[test]
fn storages_vlans_and_addresses_are_limited() {
    let world = limited(|limits| limits.storages = vec!["ceph-vm".into()]);
    assert!(world.refused(&create(json!({ "storage": "tank-nfs" }))).text.contains("do not allow"));
    let moved = desired(json!({ "moves": [{ "guest": "web-old", "to_storage": "local-lvm" }] }));
    assert!(world.refused(&moved).text.contains("only ceph-vm"));
    let backup = desired(json!({ "backups": [{ "change": "create", "guests": ["db-1"] }] }));
    assert!(world.refused(&backup).text.contains("tank-nfs"));
    let world = limited(|limits| limits.vlans = vec![0]);
    assert!(world.refused(&create(json!({ "vlan": 30 }))).text.contains("only untagged"));
    world.plan(&create(json!({})));
    let world = limited(|limits| limits.addresses = vec!["10.0.20.90-10.0.20.95".parse().unwrap()]);
    assert!(world.refused(&create(json!({ "ip": "10.0.20.96/24" }))).text.contains("10.0.20.96"));
    world.plan(&create(json!({ "ip": "10.0.20.95/24" })));
}

#[test]
fn sums_are_held_with_their_arithmetic() {
    // The five guests of the fixture that are ours have 12 cores together.
    let world = limited(|limits| limits.cores_max = Some(14));
    world.plan(&create(json!({ "cores": 2 })));
    let no = world.refused(&create(json!({ "cores": 3 })));
    assert!(
        no.text.contains("have 12") && no.text.contains("have 15") && no.text.contains("allow 14"),
        "{}",
        no.text
    );
    assert!(limited(|limits| limits.guests_max = Some(5)).refused(&create(json!({}))).text.contains("6"));
    let disk = limited(|limits| limits.disk_gib_max = Some(200));
    assert!(disk.refused(&create(json!({ "disk_gib": 50 }))).text.contains("disks"));
    // Less is always allowed.
    let update = json!({ "change": "update", "kind": "vm", "name": "db-1", "vmid": 111, "cores": 1 });
    limited(|limits| limits.cores_max = Some(2)).plan(&desired(json!({ "guests": [update] })));
}

#[test]
fn one_plan_destroys_no_more_than_the_stricter_rule() {
    let world = limited(|limits| limits.destroys_max = Some(1));
    let gone =
        |name: &str, vmid: u32| json!({ "change": "destroy", "kind": "vm", "name": name, "vmid": vmid });
    let no = world.refused(&desired(json!({ "guests": [gone("web-old", 110), gone("build", 113)] })));
    assert!(no.text.contains("allow 1 at once"), "{}", no.text);
}

/// Privileges that each kind of call needs, taken away one at a time: the preview names them (N4).
#[test]
fn every_missing_right_is_named_with_the_command_that_grants_it() {
    let cases: [(&str, Interpretation); 8] = [
        ("VM.Migrate", desired(json!({ "moves": [{ "guest": "web-old", "to_node": "pve2" }] }))),
        ("VM.Config.Disk", desired(json!({ "moves": [{ "guest": "db-1", "to_storage": "ceph-vm" }] }))),
        ("VM.Snapshot", desired(json!({ "snapshots": [{ "change": "create", "guest": "web-old" }] }))),
        ("VM.Backup", desired(json!({ "backups": [{ "change": "create", "guests": ["db-1"] }] }))),
        ("Pool.Allocate", desired(json!({ "pools": [{ "change": "create", "name": "games" }] }))),
        ("VM.Clone", create(json!({}))),
        ("VM.Config.Memory", create(json!({}))),
        (
            "Sys.Console",
            desired(
                json!({ "guests": [{ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "ha": true }] }),
            ),
        ),
    ];
    for (right, wish) in cases {
        let mut world = World::new();
        assert!(world.plan(&wish).rights.is_enough(), "{right} is held");
        let rest: Vec<&str> =
            super::fixture::ALL_PRIVILEGES.into_iter().filter(|held| *held != right).collect();
        world.seen.around.rights = Some(Permissions::default().grant("/", &rest));
        let plan = world.plan(&wish);
        let named: Vec<&String> = plan.rights.missing.iter().flat_map(|missing| &missing.privs).collect();
        assert_eq!(named, [right], "{:?}", plan.rights);
        let commands = plan.rights.commands.join("\n");
        assert!(commands.contains(right) && commands.contains("mycopod@pve!agent"), "{commands}");
        assert!(plan.hazards.iter().any(|hazard| hazard.text.contains(right)));
    }
}

#[test]
fn rights_that_were_not_read_are_said_to_be_unknown() {
    let mut world = World::new();
    world.seen.around.rights = None;
    let plan = world.plan(&create(json!({})));
    assert!(plan.rights.is_enough());
    assert!(plan.notes.iter().any(|note| note.text.contains("rights of the token were not read")));
}

#[test]
fn a_template_is_shared_where_the_rules_say_so_and_the_storage_can() {
    let mut world = limited(|limits| limits.linked_clones = true);
    let wish = create(json!({ "disk_gib": 20 }));
    let plan = world.plan(&wish);
    assert!(
        lines(&plan)[0].contains("full=0") && !lines(&plan)[0].contains("storage="),
        "{}",
        lines(&plan)[0]
    );
    assert!(plan.steps[0].sentence.contains("sharing its disk"), "{}", plan.steps[0].sentence);
    world.apply(&plan);
    assert!(world.plan(&wish).is_empty());
    // On another storage the copy is a full one.
    let plan = limited(|limits| limits.linked_clones = true).plan(&create(json!({ "storage": "tank-nfs" })));
    assert!(lines(&plan)[0].contains("full=1"));
}

#[test]
fn memory_that_is_not_there_is_refused_with_the_sum() {
    let mut world = World::new();
    world.seen.nodes.get_mut("pve1").unwrap().memory_mib = 30 * 1024;
    let update =
        json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "memory_mib": 8192 });
    let no = world.refused(&desired(json!({ "guests": [update] })));
    assert!(no.text.contains("pve1") && no.text.contains("GiB"), "{}", no.text);
}

#[test]
fn the_prediction_comes_true_on_the_model_and_a_lie_is_named() {
    let mut world = World::new();
    let plan = world.plan(&create(json!({ "cores": 4, "memory_mib": 4096, "disk_gib": 30 })));
    world.apply(&plan);
    let rehearsal = plan.rehearsal.clone().unwrap();
    let score = crate::plan::rehearsal::score(&rehearsal, &world.seen);
    assert_eq!((score.fields, score.right), (8, 8), "{score:?}");
    world.seen.guests.get_mut(&200).unwrap().config.insert("memory".into(), "1024".into());
    let score = crate::plan::rehearsal::score(&rehearsal, &world.seen);
    assert_eq!(score.wrong.len(), 1);
    assert_eq!(score.wrong[0].field, "memory");
    assert_eq!(rehearsal.quorum.needed, 2);
}

fn contradicted(world: &World, wish: &Interpretation) -> Vec<String> {
    let plan: Plan = world.plan(wish);
    let cautions = plan.hazards.into_iter().filter(|hazard| hazard.kind == HazardKind::Caution);
    cautions.map(|hazard| hazard.text).filter(|text| text.starts_with("The declaration")).collect()
}

#[test]
fn two_texts_about_one_guest_are_shown_to_contradict() {
    let other = |guest: Value| Other {
        title: "Web".into(),
        own: false,
        desired: desired(json!({ "guests": [guest] })),
    };
    let update = |memory: u64| json!({ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110, "memory_mib": memory });
    let mut world = World::new();
    world.others = vec![other(update(2048))];
    assert_eq!(
        contradicted(&world, &desired(json!({ "guests": [update(8192)] }))),
        ["The declaration \"Web\" says memory mib 2048; this one says 8192 for web-old."]
    );
    assert!(contradicted(&world, &desired(json!({ "guests": [update(2048)] }))).is_empty());
    let destroy = json!({ "change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110 });
    assert!(
        contradicted(&world, &desired(json!({ "guests": [destroy] })))[0].contains("this one destroys it")
    );
}

#[test]
fn what_another_hand_changed_since_the_last_run_is_said_and_what_the_text_changed_is_not() {
    let update = |memory: u64| {
        desired(json!({ "guests": [{ "change": "update", "kind": "vm", "name": "web-old", "vmid": 110,
            "memory_mib": memory, "cores": 2 }] }))
    };
    let mut world = World::new();
    // The last run set 8 GiB; the fixture has 4.
    world.others = vec![Other { title: "Web".into(), own: true, desired: update(8192) }];
    let said = |world: &World, wish: &Interpretation| -> Vec<String> {
        let hazards = world.plan(wish).hazards.into_iter();
        hazards.map(|hazard| hazard.text).filter(|text| text.starts_with("Another hand")).collect()
    };
    assert_eq!(
        said(&world, &update(8192)),
        [
            "Another hand changed web-old since this declaration was carried out: memory is 4 GiB and was 8 GiB."
        ]
    );
    assert!(said(&world, &update(6144)).is_empty(), "the text itself asks for something else now");
}
