//! Pools, high availability and backups.

use super::{World, desired, lines, sentences};
use crate::interpretation::Interpretation;
use crate::plan::{Plan, Reverse, StepVerb};
use serde_json::{Value, json};

fn settles(world: &mut World, wish: &Interpretation) -> Plan {
    let plan = world.plan(wish);
    world.apply(&plan);
    let again = world.plan(wish);
    assert!(again.is_empty(), "{:?}", lines(&again));
    plan
}

fn update(name: &str, vmid: u32, kind: &str, fields: Value) -> Interpretation {
    let mut guest = json!({ "change": "update", "kind": kind, "name": name, "vmid": vmid });
    for (key, value) in fields.as_object().unwrap() {
        guest[key] = value.clone();
    }
    desired(json!({ "guests": [guest] }))
}

#[test]
fn a_pool_is_made_before_the_guest_that_goes_in() {
    let wish = desired(json!({
        "pools": [{ "change": "create", "name": "games" }],
        "guests": [{ "change": "create", "kind": "vm", "name": "valheim", "cores": 4, "pool": "games" }],
    }));
    let mut world = World::new();
    let plan = settles(&mut world, &wish);
    assert_eq!(lines(&plan)[0], "POST /pools poolid=games");
    assert!(lines(&plan)[1].contains("pool=games"));
    assert!(plan.steps[1].after.contains(&1));
    assert_eq!(world.seen.guests[&200].pool.as_deref(), Some("games"));
}

#[test]
fn an_existing_guest_changes_its_pool_and_finds_back() {
    let wish = desired(json!({
        "pools": [{ "change": "create", "name": "lab" }],
        "guests": [{ "change": "update", "kind": "container", "name": "grafana", "vmid": 112, "pool": "lab" }],
    }));
    let plan = settles(&mut World::new(), &wish);
    assert_eq!(lines(&plan)[1], "PUT /pools allow-move=1 poolid=lab vms=112");
    assert_eq!(plan.steps[1].sentence, "Move container grafana (112) from the pool infra to the pool lab.");
    let Reverse::Calls { calls, .. } = &plan.steps[1].reverse else { panic!() };
    assert_eq!(calls[0].shown(), "PUT /pools allow-move=1 poolid=infra vms=112");
}

#[test]
fn a_pool_is_removed_only_when_nothing_is_left_in_it() {
    let remove = json!({ "change": "remove", "name": "infra" });
    let no = World::new().refused(&desired(json!({ "pools": [remove.clone()] })));
    assert!(no.text.contains("grafana"), "{}", no.text);
    let wish = desired(json!({
        "pools": [remove, { "change": "create", "name": "lab" }],
        "guests": [{ "change": "update", "kind": "container", "name": "grafana", "vmid": 112, "pool": "lab" }],
    }));
    let plan = settles(&mut World::new(), &wish);
    assert_eq!(lines(&plan).last().unwrap(), "DELETE /pools poolid=infra");
    assert_eq!(plan.names_to_confirm(), ["infra"]);
}

#[test]
fn high_availability_is_given_and_taken() {
    let mut world = World::new();
    let on = settles(&mut world, &update("web-old", 110, "vm", json!({ "ha": true })));
    assert_eq!(lines(&on), ["POST /cluster/ha/resources sid=vm:110 state=started"]);
    let off = settles(&mut world, &update("web-old", 110, "vm", json!({ "ha": false })));
    assert_eq!(lines(&off), ["DELETE /cluster/ha/resources/vm:110"]);
    assert_eq!(sentences(&off), ["Take VM web-old (110) out of high availability; it goes on as it is."]);
}

#[test]
fn a_guest_on_a_local_disk_is_not_made_highly_available() {
    let no = World::new().refused(&update("db-1", 111, "vm", json!({ "ha": true })));
    assert!(no.text.contains("local-lvm"), "{}", no.text);
    assert!(no.advice.contains("ceph-vm"), "{}", no.advice);
    let mut world = World::new();
    world.seen.around.ha = None;
    assert!(
        world.refused(&update("web-old", 110, "vm", json!({ "ha": true }))).text.contains("cannot be read")
    );
}

#[test]
fn a_managed_guest_is_stopped_through_its_manager_and_destroyed_without_it() {
    let mut world = World::new();
    settles(&mut world, &update("web-old", 110, "vm", json!({ "ha": true })));
    let plan = world.plan(&update("web-old", 110, "vm", json!({ "power": "stopped" })));
    assert_eq!(lines(&plan), ["PUT /cluster/ha/resources/vm:110 state=stopped"]);
    let plan = world.plan(&desired(
        json!({ "guests": [{ "change": "destroy", "kind": "vm", "name": "web-old", "vmid": 110 }] }),
    ));
    assert_eq!(lines(&plan)[0], "DELETE /cluster/ha/resources/vm:110");
    assert_eq!(plan.steps.last().unwrap().verb, StepVerb::Destroy);
    world.apply(&plan);
    assert!(!world.seen.guests.contains_key(&110));
}

#[test]
fn a_new_guest_is_made_highly_available_after_its_start() {
    let wish =
        desired(json!({ "guests": [{ "change": "create", "kind": "vm", "name": "scratch", "ha": true }] }));
    let plan = settles(&mut World::new(), &wish);
    assert_eq!(lines(&plan).last().unwrap(), "POST /cluster/ha/resources sid=vm:200 state=started");
}

#[test]
fn a_backup_now_is_made_once_and_deletes_nothing() {
    let wish = desired(json!({ "backups": [{ "change": "create", "guests": ["db-1"] }] }));
    let plan = settles(&mut World::new(), &wish);
    let line = &lines(&plan)[0];
    assert!(
        line.starts_with(
            "POST /nodes/pve1/vzdump compress=zstd mode=snapshot notes-template=mycopod backup="
        )
    );
    assert!(line.ends_with("remove=0 storage=tank-nfs vmid=111"), "{line}");
    assert_eq!(
        sentences(&plan),
        ["Back up VM db-1 (111) to tank-nfs while it goes on as it is. Older backups stay."]
    );
    let stop = desired(json!({ "backups": [{ "change": "create", "guests": ["db-1"], "mode": "stop" }] }));
    assert_eq!(World::new().plan(&stop).rehearsal.unwrap().blinks.len(), 1);
}

#[test]
fn backups_lie_only_where_backups_may_lie() {
    let wish = json!({ "change": "create", "guests": ["db-1"], "storage": "ceph-vm" });
    let no = World::new().refused(&desired(json!({ "backups": [wish] })));
    assert!(no.text.contains("ceph-vm") && no.advice.contains("tank-nfs"), "{no:?}");
}

#[test]
fn a_backup_job_is_made_changed_and_removed() {
    let mut world = World::new();
    let job = |keep: u32| {
        desired(
            json!({ "backups": [{ "change": "create", "guests": ["web-old", "grafana"], "schedule": "03:00",
            "storage": "tank-nfs", "keep_last": keep }] }),
        )
    };
    let plan = settles(&mut world, &job(14));
    assert!(
        lines(&plan)[0].contains("prune-backups=keep-last=14 schedule=03:00 storage=tank-nfs vmid=110,112")
    );
    assert!(
        plan.steps[0].sentence.contains("web-old and grafana to tank-nfs at 03:00"),
        "{}",
        plan.steps[0].sentence
    );
    // The same text with another number changes the job it made.
    let fewer = settles(&mut world, &job(7));
    assert!(lines(&fewer)[0].starts_with("PUT /cluster/backup/mycopod-"));
    assert!(lines(&fewer)[0].ends_with("prune-backups=keep-last=7"));
    assert!(fewer.hazards.iter().any(|hazard| hazard.text.contains("older ones are deleted")));
    let remove = desired(json!({ "backups": [{ "change": "remove", "name": "nightly" }] }));
    let plan = settles(&mut world, &remove);
    assert_eq!(lines(&plan), ["DELETE /cluster/backup/nightly"]);
    assert_eq!(plan.names_to_confirm(), ["nightly"]);
}

#[test]
fn a_job_of_somebody_else_is_changed_only_by_name() {
    let update = json!({ "change": "update", "name": "nightly", "schedule": "04:00" });
    let plan = settles(&mut World::new(), &desired(json!({ "backups": [update] })));
    assert_eq!(lines(&plan), ["PUT /cluster/backup/nightly schedule=04:00"]);
    assert_eq!(sentences(&plan), ["Change the backup job nightly: schedule from 02:30 to 04:00."]);
    let create = json!({ "change": "create", "name": "nightly", "guests": ["db-1"], "schedule": "05:00" });
    assert!(World::new().refused(&desired(json!({ "backups": [create] }))).text.contains("set otherwise"));
}
