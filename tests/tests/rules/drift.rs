//! Drift: what another hand changed is one row with its field and its hand, and nothing else ever is.

use crate::{SCRATCH, THREE};
use domain::cluster::{Cluster, Command, Event};
use domain::drift::{Choice, Drift};
use domain::event::Category;
use domain::ids::{CLUSTER, RunId, Vmid};
use domain::run::{self, Cause, Run};
use proxmox::Verb;
use simulator::{FaultAction, FaultMatch, FaultRule};
use tests::{ADA, HAND, World};

/// A VM of ours that runs, and where it is.
struct Made {
    vmid: Vmid,
    node: String,
}

impl Made {
    fn path(&self, rest: &str) -> String {
        format!("/nodes/{}/qemu/{}{rest}", self.node, self.vmid)
    }
}

async fn made(world: &World) -> Made {
    let (id, _) = world.declare(SCRATCH).await;
    let run = world.apply(id).await;
    assert_eq!(run.status, run::Status::Completed);
    world.look().await;
    assert_eq!(drift(world).await, [], "what was just put in force does not differ");
    let subject = run.plan.as_ref().unwrap().steps[0].subject.clone();
    Made { vmid: subject.vmid.unwrap(), node: subject.node.unwrap() }
}

async fn drift(world: &World) -> Vec<Drift> {
    let cluster: Cluster = world.load(Category::Cluster, CLUSTER).await;
    cluster.drift.into_values().collect()
}

async fn seen_and_settled(world: &World) -> (usize, usize) {
    let events = world.about_cluster().await;
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    (
        count(|event| matches!(event, Event::DriftSeen { .. })),
        count(|event| matches!(event, Event::DriftSettled { .. })),
    )
}

fn fault(id: &str, path: Option<&str>, action: FaultAction) -> FaultRule {
    let matches = FaultMatch { method: None, path: path.map(str::to_owned), node: None };
    FaultRule { id: id.into(), matches, nth: None, probability: None, action }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_another_hand_is_one_field_with_its_hand_and_putting_it_back_settles_it() {
    let world = World::start().await;
    let agent = world.agent();
    let made = made(&world).await;
    world.by_hand(Verb::Post, &made.path("/config"), &[("memory", "8192")]).await;
    world.look().await;
    let found = drift(&world).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let one = &found[0];
    assert_eq!((one.vmid, one.field.as_str()), (Some(made.vmid), "memory"));
    assert_eq!((one.declared.as_str(), one.observed.as_str()), ("4 GiB", "8 GiB"));
    assert_eq!(one.by.as_deref(), Some(HAND));
    assert!(one.task.as_ref().unwrap().contains(":qmconfig:"));
    // Looking again says nothing new; another value is said again.
    world.look().await;
    assert_eq!(seen_and_settled(&world).await, (1, 0));
    world.by_hand(Verb::Put, &made.path("/config"), &[("memory", "4096")]).await;
    world.look().await;
    assert_eq!(drift(&world).await, []);
    assert_eq!(seen_and_settled(&world).await, (1, 1));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_declared_is_called_by_its_name() {
    let world = World::start().await;
    let agent = world.agent();
    let made = made(&world).await;
    let config: Vec<(&str, &str, &str)> = vec![
        ("cores", "4", "cores"),
        ("onboot", "0", "start on boot"),
        ("name", "other", "name"),
        ("tags", "mycopod;mine", "tags"),
        ("ipconfig0", "ip=10.0.20.99/24", "address"),
    ];
    for (key, value, field) in config {
        let state = world.sim.state_json();
        let before = state["guests"][made.vmid.to_string()]["config"][key].as_str().unwrap().to_owned();
        world.by_hand(Verb::Put, &made.path("/config"), &[(key, value)]).await;
        world.look().await;
        let found = drift(&world).await;
        let named: Vec<&str> = found.iter().map(|drift| drift.field.as_str()).collect();
        assert_eq!(named, [field], "{key}={value}: {found:?}");
        world.by_hand(Verb::Put, &made.path("/config"), &[(key, &before)]).await;
        world.look().await;
        assert_eq!(drift(&world).await, [], "{key} was put back");
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_that_cannot_be_proven() {
    let world = World::start().await;
    let agent = world.agent();
    let made = made(&world).await;
    let config = made.path("/config");
    let faults = [
        fault("list", Some("/nodes/*/qemu"), FaultAction::StaleList),
        fault("lists", None, FaultAction::StaleList),
        fault("offline", None, FaultAction::OfflineNode { node: made.node.clone() }),
        fault("quorum", None, FaultAction::NoQuorum),
        fault(
            "rights",
            Some(&config),
            FaultAction::Status { code: 403, reason: "Permission check failed".into() },
        ),
        fault("broken", Some("/nodes"), FaultAction::Status { code: 596, reason: "timeout".into() }),
    ];
    for rule in faults {
        let id = rule.id.clone();
        assert!(world.sim.inject(rule));
        world.look().await;
        assert_eq!(drift(&world).await, [], "under fault {id}");
        world.sim.clear_faults();
        world.look().await;
        assert_eq!(drift(&world).await, [], "after fault {id}");
    }
    assert_eq!(seen_and_settled(&world).await, (0, 0));
    // Really gone, with every list of the past still naming it: no word before the proof.
    world.by_hand(Verb::Post, &made.path("/status/stop"), &[]).await;
    assert!(world.sim.inject(fault("lists", None, FaultAction::StaleList)));
    world.by_hand(Verb::Delete, &made.path(""), &[]).await;
    world.look().await;
    assert!(drift(&world).await.iter().all(|drift| drift.field != "existence"));
    world.sim.clear_faults();
    world.look().await;
    let found = drift(&world).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].field.as_str(), found[0].observed.as_str()), ("existence", "missing"));
    assert_eq!(found[0].by.as_deref(), Some(HAND));
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_behind_a_silent_node_is_open_until_somebody_can_tell() {
    let world = World::start().await;
    let agent = world.agent();
    let made = made(&world).await;
    world.by_hand(Verb::Put, &made.path("/config"), &[("memory", "8192")]).await;
    world.look().await;
    assert_eq!(drift(&world).await.len(), 1);
    // It neither settles nor comes again while the node is away.
    assert!(world.sim.inject(fault("offline", None, FaultAction::OfflineNode { node: made.node.clone() })));
    world.look().await;
    assert_eq!(seen_and_settled(&world).await, (1, 0));
    let cluster: Cluster = world.load(Category::Cluster, CLUSTER).await;
    assert!(cluster.unjudged[&domain::drift::guest(made.vmid)].contains("does not answer"));
    world.sim.clear_faults();
    world.look().await;
    assert_eq!(seen_and_settled(&world).await, (1, 0));
    let cluster: Cluster = world.load(Category::Cluster, CLUSTER).await;
    assert!(cluster.unjudged.is_empty(), "{:?}", cluster.unjudged);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_rule_heal_a_field_is_put_back_and_a_guest_that_was_stopped_stays_stopped() {
    let world = World::start().await;
    let agent = world.agent();
    let made = made(&world).await;
    world.on_drift(Choice::Heal).await;
    world.by_hand(Verb::Post, &made.path("/status/stop"), &[]).await;
    world.by_hand(Verb::Put, &made.path("/config"), &[("cores", "1")]).await;
    world.look().await;
    let started = world.about_cluster().await.into_iter().find_map(|event| match event {
        Event::PutBackApproved { run, by: None, .. } => Some(run),
        _ => None,
    });
    let run = world
        .until::<Run>(Category::Run, started.expect("it was approved by the rule").0, Run::is_over)
        .await;
    assert_eq!(run.status, run::Status::Completed);
    assert!(matches!(run.cause, Cause::PutBack { by: None, .. }));
    world.look().await;
    let found = drift(&world).await;
    let named: Vec<(&str, Option<&str>)> =
        found.iter().map(|drift| (drift.field.as_str(), drift.by.as_deref())).collect();
    assert_eq!(named, [("power", Some(HAND))], "only its power still differs, and is left");
    let state = world.sim.state_json();
    let guest = &state["guests"][made.vmid.to_string()];
    assert_eq!(guest["config"]["cores"], "2");
    assert!(guest["running_since"].is_null(), "{guest}");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_rule_ask_an_admin_approves_exactly_what_is_put_back() {
    let world = World::start().await;
    let agent = world.agent();
    let made = made(&world).await;
    world.on_drift(Choice::Ask).await;
    world.by_hand(Verb::Put, &made.path("/config"), &[("cores", "1")]).await;
    let before = world.mutations();
    world.look().await;
    let cluster: Cluster = world.load(Category::Cluster, CLUSTER).await;
    let subject = domain::drift::guest(made.vmid);
    let proposed = cluster.put_backs[&subject].clone();
    assert_eq!(proposed.plan.steps.len(), 1);
    assert_eq!(world.mutations(), before, "nothing is sent before an Admin says yes");
    let run = RunId(uuid::Uuid::now_v7());
    let approve = Command::ApprovePutBack { by: Some(ADA), subject, digest: proposed.digest, run };
    world.tell::<Cluster>(Category::Cluster, CLUSTER, approve).await;
    let run = world.until::<Run>(Category::Run, run.0, Run::is_over).await;
    assert_eq!((run.status, run.done), (run::Status::Completed, 1));
    world.look().await;
    assert_eq!(drift(&world).await, []);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_while_a_run_works_says_nothing() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, _) = world.declare(THREE).await;
    let digest = world.approve(id).await;
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    loop {
        world.look().await;
        let state: Run = world.load(Category::Run, run.0).await;
        if state.is_over() {
            break;
        }
    }
    world.look().await;
    assert_eq!(seen_and_settled(&world).await, (0, 0));
    agent.stop().await;
}
