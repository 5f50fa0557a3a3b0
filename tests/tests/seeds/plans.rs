//! The plans that are tried: one for each kind of step, made by the planner from English, on the demonstration cluster.

use crate::model::Model;
use chrono::DateTime;
use domain::cluster::{Cluster, Command, Event, Origin};
use domain::decider::Decider;
use domain::facts::Facts;
use domain::facts_from::facts;
use domain::ids::DeclarationId;
use domain::interpretation::{GuestKind, Kind};
use domain::mark::Mark;
use domain::observation::Observation;
use domain::plan::{Plan, planner};
use domain::settings::Rules;
use interpreter::{Context, Interpreter, Scripted};
use simulator::{SimConfig, Simulator};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

pub const DECLARATION: DeclarationId = DeclarationId(Uuid::from_u128(0xdec));

/// English for each kind of step; the names are those of the registry.
pub const KINDS: [(&str, &str); 12] = [
    (
        "copy a template, configure, grow, start",
        "A Debian 12 VM called scratch, 2 cores, 4 gigs of memory, 30 GB disk.",
    ),
    (
        "three copies, one after the other",
        "Three Ubuntu VMs for Kubernetes, 4 cores and 8 GB each, one per server.",
    ),
    (
        "two copies of one template",
        "Two Debian VMs called a-1 and a-2, 2 cores, 4 gigs of memory and 30 GB disk each.",
    ),
    ("two containers", "Two Debian containers called c-1 and c-2, one core and 1 GB of memory each."),
    ("rename a guest", "Rename web-old to web-new."),
    (
        "make a container",
        "Pi-hole backup in a small container, half a gig of RAM, one core, IP 10.0.20.54/24.",
    ),
    ("add a storage", "Add the NAS export /tank/backup to Proxmox as storage for backups on all nodes."),
    ("change a guest", "Give the web-old machine 8 gigs instead of 4."),
    ("grow a disk", "Grow the disk of web-old to 60 GB."),
    ("stop a guest", "Shut down web-old."),
    ("start a guest", "Start the VM build."),
    ("destroy a guest", "Get rid of web-old."),
];

/// The cluster as it is before anything is declared: read once through the simulator by the Agent's own eyes.
pub struct Ground {
    pub seen: Observation,
    pub rules: Rules,
    pub claims: Vec<Event>,
}

pub fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read())
    })
}

async fn read() -> Ground {
    let (token, secret) = ("mycopod@pve!agent", Uuid::new_v4().to_string());
    let config = SimConfig::from_cluster_json(interpreter::fixtures::CLUSTER)
        .unwrap()
        .with_token(token, secret.clone());
    let sim = Simulator::start(config.with_time_scale(0.0)).await.unwrap();
    let endpoint = proxmox::Endpoint {
        base_urls: vec![sim.base_url()],
        trust: proxmox::Trust::fingerprint(sim.fingerprint().parse().unwrap()),
        token: proxmox::ApiToken { id: token.into(), secret: proxmox::Secret::new(secret) },
    };
    let api = agent::api::Api::new(Arc::new(proxmox::transport::Https::new(&endpoint).unwrap()));
    let (mut seen, _) = api.observe("lab").await.unwrap();
    seen.at = DateTime::UNIX_EPOCH;
    let known: Facts = serde_json::from_str(interpreter::fixtures::CLUSTER).unwrap();
    let claim = |guest: &domain::facts::Guest| Event::GuestClaimed {
        vmid: guest.vmid,
        name: guest.name.clone(),
        kind: if guest.kind == "vm" { GuestKind::Vm } else { GuestKind::Container },
        mark: Mark(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("fixture/{}", guest.vmid).as_bytes())),
        origin: Origin::Fixture {},
    };
    let claims = known.guests.values().filter(|guest| guest.managed).map(claim).collect();
    Ground { seen, rules: cli::demo::seed::rules(&known, 5), claims }
}

/// The cluster's fold as the Agent has it at first.
pub fn cluster(ground: &Ground) -> Cluster {
    let cluster = Cluster::fold(&ground.claims);
    let observe = Command::Observe { seen: Box::new(ground.seen.clone()), gone: vec![], reads: vec![] };
    let events = cluster.decide(observe).unwrap();
    events.iter().fold(cluster, |cluster, event| cluster.evolve(event))
}

pub fn plan(text: &str) -> Plan {
    let ground = ground();
    let cluster = cluster(ground);
    let facts = facts(&ground.seen, &cluster, &ground.rules);
    let desired = Scripted::read(text, &facts, &Context::default());
    assert_eq!(desired.kind, Kind::Desired, "{text}: {desired:?}");
    let request = planner::Request {
        declaration: DECLARATION,
        number: 1,
        made_at: DateTime::UNIX_EPOCH,
        text,
        desired: &desired,
        interpreter: &Scripted.identity(),
        cluster: &cluster,
        seen: &ground.seen,
        rules: &ground.rules,
        others: &[],
    };
    let plan = planner::plan(&request).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(!plan.is_empty(), "{text}");
    plan
}

pub fn model() -> Model {
    Model::new(ground().seen.clone())
}
