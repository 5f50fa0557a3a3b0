//! One world: a database, a cluster, a repository, and an Agent that can be started in many ways.

use crate::{ADA, BO};
use agent::api::Api;
use agent::repository::Repository as Backend;
use agent::repository::local::LocalGit;
use agent::{Agent, AgentError};
use domain::account::{self, Account, Actor, Role};
use domain::canonical::Digest;
use domain::cluster::{self, Cluster, Origin};
use domain::decider::Decider;
use domain::declaration::{Command, Declaration, Status};
use domain::event::Category;
use domain::facts::Facts;
use domain::ids::{CLUSTER, DeclarationId, RunId, SETTINGS};
use domain::interpretation::GuestKind;
use domain::mark::Mark;
use domain::run::{self, Run};
use domain::settings::{self, Settings};
use eventstore::embedded::Cluster as Postgres;
use eventstore::{EventLog, Meta, Store, StoreConfig, StreamId};
use secrets::KeyRing;
use simulator::github::{GitHubSim, GitHubSimConfig, Hand};
use simulator::{SimConfig, Simulator};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// No wait of a test is longer; reaching it fails the test.
pub const WAIT: Duration = Duration::from_secs(90);
const TOKEN: &str = "mycopod@pve!agent";
/// Somebody who works on the cluster beside us.
pub const HAND: &str = "root@pam!hand";

pub struct World {
    pub dir: TempDir,
    pub postgres: Postgres,
    pub store: Store,
    pub sim: simulator::Running,
    pub facts: Facts,
    /// Between the Agent and the repository, in a world at GitHub.
    pub github: Option<GitHubSim>,
    secret: String,
    keyring: KeyRing,
}

/// An Agent in this process.
pub struct InProcess {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), AgentError>>,
}

impl InProcess {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the agent does not panic").expect("the agent stops in order");
    }
}

impl World {
    /// The fixture cluster, two people, the house rules, a local repository; nothing declared yet.
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// As [`Self::start`], with the repository behind the stand-in for GitHub.
    pub async fn start_at_github() -> Self {
        Self::start_with(true).await
    }

    pub async fn start_with(at_github: bool) -> Self {
        // RUST_LOG shows what the services say; without it they are silent.
        let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let facts: Facts =
            serde_json::from_str(interpreter::fixtures::CLUSTER).expect("the fixture is valid");
        let secret = Uuid::new_v4().to_string();
        let config = SimConfig::from_cluster_json(interpreter::fixtures::CLUSTER)
            .expect("the fixture is valid")
            .with_token(TOKEN, secret.clone())
            .with_token(HAND, secret.clone())
            .with_time_scale(0.0);
        let (postgres, sim) = tokio::join!(Postgres::start(None), Simulator::start(config));
        let (postgres, sim) = (postgres.expect("Postgres starts"), sim.expect("the simulator starts"));
        eventstore::migrate(&postgres.owner_url()).await.expect("the schema is made");
        let keys = dir.path().join("keys");
        secrets::files::ensure_folder(&keys).expect("a private folder");
        let keyring = KeyRing::create_if_missing(&keys.join("keyring")).expect("a key ring");
        let store =
            Store::connect(StoreConfig::new(postgres.url(), keyring.clone())).await.expect("the store opens");
        LocalGit::create_if_missing(&dir.path().join("declarations.git"), "main")
            .await
            .expect("a repository");
        secrets::files::write(&keys.join("proxmox-token"), secret.as_bytes()).expect("a key file");
        let github = match at_github {
            true => Some(stand_in(dir.path(), &keys).await),
            false => None,
        };
        let world = Self { dir, postgres, store, sim, facts, github, secret, keyring };
        world.seed().await;
        world.write_config();
        world
    }

    async fn seed(&self) {
        for (name, actor) in [("ada", ADA), ("bo", BO)] {
            let command = account::Command::Register {
                name: name.into(),
                role: actor.role,
                password_hash: "none".into(),
                by: None,
                demo: true,
            };
            self.tell::<Account>(Category::Account, actor.id.0, command).await;
        }
        assert_eq!((ADA.role, BO.role), (Role::Admin, Role::User));
        let rules = cli::demo::seed::rules(&self.facts, 5);
        let command = settings::Command::SetRules { rules: Box::new(rules), by: None };
        self.tell::<Settings>(Category::Settings, SETTINGS, command).await;
        for guest in self.facts.guests.values().filter(|guest| guest.managed) {
            let mark = Mark(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("fixture/{}", guest.vmid).as_bytes()));
            let kind = if guest.kind == "vm" { GuestKind::Vm } else { GuestKind::Container };
            let origin = Origin::Fixture {};
            let command =
                cluster::Command::Claim { vmid: guest.vmid, name: guest.name.clone(), kind, mark, origin };
            self.tell::<Cluster>(Category::Cluster, CLUSTER, command).await;
        }
    }

    fn write_config(&self) {
        use cli::config::{Agent, Config, Database, Proxmox, Repository};
        let config = Config {
            database: Database {
                url: secrets::boxed::seal(&self.keyring, cli::config::DATABASE_PURPOSE, &self.postgres.url())
                    .expect("the address is sealed"),
            },
            key_ring: self.dir.path().join("keys/keyring"),
            ui: None,
            agent: Some(Agent {
                secrets: self.dir.path().join("keys"),
                state: None,
                model: None,
                proxmox: Proxmox {
                    addresses: vec![self.sim.base_url()],
                    fingerprint: Some(self.sim.fingerprint()),
                    ca: None,
                    token: TOKEN.into(),
                },
                repository: match &self.github {
                    None => Repository::Local { path: self.repository(), branch: "main".into() },
                    Some(github) => Repository::GitHub {
                        repository: "ada/declarations".into(),
                        branch: "main".into(),
                        api: Some(github.base_url()),
                        token: None,
                        ca: None,
                    },
                },
                interpreter: "scripted".into(),
                intake: None,
            }),
        };
        std::fs::write(self.config(), toml::to_string(&config).expect("valid TOML")).expect("a written file");
    }

    pub fn keyring(&self) -> KeyRing {
        self.keyring.clone()
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    pub fn repository(&self) -> PathBuf {
        self.dir.path().join("declarations.git")
    }

    /// The repository as the configured Agent reaches it.
    pub fn backend(&self) -> Arc<dyn Backend> {
        let config = cli::config::Config::read(&self.config()).expect("a valid configuration");
        let agent = config.agent().expect("it has an agent");
        let keys = cli::connections::key_folder(agent).expect("key files of our own");
        cli::repository::open(agent, &keys).expect("a usable repository")
    }

    /// Somebody else with access to the repository, past every backend.
    pub fn hand(&self) -> Hand {
        Hand::new(&self.repository(), "main")
    }

    /// The key that seals the log and where its checkpoints go, as the configured Agent has them.
    pub fn sealing(&self) -> agent::Sealing {
        let config = cli::config::Config::read(&self.config()).expect("a valid configuration");
        cli::sealing::prepare(config.agent().expect("it has an agent")).expect("a signing key")
    }

    fn wire(&self, token: &str) -> proxmox::transport::Https {
        let endpoint = proxmox::Endpoint {
            base_urls: vec![self.sim.base_url()],
            trust: proxmox::Trust::fingerprint(self.sim.fingerprint().parse().expect("a fingerprint")),
            token: proxmox::ApiToken { id: token.into(), secret: proxmox::Secret::new(self.secret.clone()) },
        };
        proxmox::transport::Https::new(&endpoint).expect("a connection")
    }

    /// Another hand changes the cluster, and its task, if there is one, has ended.
    pub async fn by_hand(&self, verb: proxmox::Verb, path: &str, args: &[(&str, &str)]) {
        let client = proxmox::Client::new(self.wire(HAND));
        let args = args.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        client.send_raw(&proxmox::Request::new(verb, path, args)).await.expect("the other hand may");
        assert!(self.sim.idle(WAIT).await);
    }

    /// An Agent in this process.
    pub fn agent(&self) -> InProcess {
        let wire = self.wire(TOKEN);
        let config = agent::Config {
            store: self.store.clone(),
            api: Api::new(Arc::new(wire)).with_token_name(TOKEN),
            repository: self.backend(),
            interpreter: Arc::new(interpreter::Scripted),
            holder: format!("test {}", Uuid::now_v7()),
            sealing: Some(self.sealing()),
            keys: None,
        };
        let stop = CancellationToken::new();
        InProcess { stop: stop.clone(), task: tokio::spawn(Agent::start(config, stop, false)) }
    }

    /// The Agent as a process of its own, with points that kill it noted in `kill_log`; all of them, or those named.
    pub fn lab_agent(&self, program: &str, kill_log: &std::path::Path, points: &str) -> Child {
        Process::new(program)
            .arg("--config")
            .arg(self.config())
            .args(["--quiet", "agent", "--with-parent"])
            .env("MYCOPOD_KILL_LOG", kill_log)
            .env("MYCOPOD_KILL_AT", points)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts")
    }

    pub async fn tell<D: Decider>(&self, category: Category, id: Uuid, command: D::Command) -> D
    where
        D::Command: Clone + Send + Sync,
        D::Refusal: Send + std::fmt::Debug,
    {
        let handled =
            self.store.handle::<D>(StreamId::new(category, id), command, Meta::default(), None).await;
        handled.expect("the command is accepted").state
    }

    /// The facts recorded about the cluster.
    pub async fn about_cluster(&self) -> Vec<cluster::Event> {
        let history =
            self.store.read_stream(StreamId::new(Category::Cluster, CLUSTER), 1).await.expect("it reads");
        history.iter().map(|recorded| eventstore::decode(recorded).expect("a fact of today")).collect()
    }

    /// Asks for a look at the cluster, and waits until one was made and compared.
    pub async fn look(&self) {
        let looks = |events: &[cluster::Event]| {
            let is_look = |event: &&cluster::Event| {
                matches!(event, cluster::Event::Observed { .. } | cluster::Event::ObservationFailed { .. })
            };
            events.iter().filter(is_look).count()
        };
        // One may be under way that began too early, the next one sees everything, and a third begins when that one is
        // compared.
        for _ in 0..3 {
            let before = looks(&self.about_cluster().await);
            let refresh = domain::repository::Command::Refresh { by: ADA.id };
            let repository = domain::ids::REPOSITORY;
            self.tell::<domain::repository::Repository>(Category::Repository, repository, refresh).await;
            let mut head = self.store.head().await.expect("it answers").position;
            while looks(&self.about_cluster().await) == before {
                self.store.wait_beyond(head).await;
                head = self.store.head().await.expect("it answers").position;
            }
            let cluster: Cluster = self.load(Category::Cluster, CLUSTER).await;
            if cluster.failing.is_some() {
                // Nothing is compared, and the same failure is told once.
                return;
            }
        }
    }

    /// Lets the owner's rules say this about drift.
    pub async fn on_drift(&self, choice: domain::drift::Choice) {
        let settings: Settings = self.load(Category::Settings, SETTINGS).await;
        let mut rules = settings.rules.expect("rules are set");
        rules.drift = choice;
        self.tell::<Settings>(Category::Settings, SETTINGS, settings::Command::SetRules { rules, by: None })
            .await;
    }

    pub async fn load<D: Decider>(&self, category: Category, id: Uuid) -> D {
        cli::context::load(&self.store, category, id).await.expect("the stream loads").0
    }

    /// Waits until an aggregate is as wanted.
    pub async fn until<D: Decider>(&self, category: Category, id: Uuid, wanted: impl Fn(&D) -> bool) -> D {
        let state =
            cli::context::until(&self.store, category, id, WAIT, wanted).await.expect("the stream loads");
        state.expect("it comes to be in time")
    }

    /// Drafts and previews a text as the User; answers with the declaration once the preview ended.
    pub async fn declare(&self, text: &str) -> (DeclarationId, Declaration) {
        let id = DeclarationId(Uuid::now_v7());
        let draft = Command::Draft { by: BO, title: String::new(), text: text.into(), follows: None };
        self.tell::<Declaration>(Category::Declaration, id.0, draft).await;
        self.preview(id).await
    }

    pub async fn preview(&self, id: DeclarationId) -> (DeclarationId, Declaration) {
        self.tell::<Declaration>(Category::Declaration, id.0, Command::Preview { by: BO }).await;
        let ended = |state: &Declaration| !matches!(state.status, Status::Previewing { .. });
        (id, self.until(Category::Declaration, id.0, ended).await)
    }

    /// Approves the newest plan as the Admin, every destroyed name typed.
    pub async fn approve(&self, id: DeclarationId) -> Digest {
        let state: Declaration = self.load(Category::Declaration, id.0).await;
        let (plan, digest) = (state.plan.expect("a plan"), state.digest.expect("a digest"));
        let confirmed = plan.names_to_confirm();
        let now = chrono::Utc::now();
        let approve = Command::Approve { by: ADA, plan: digest.clone(), confirmed, alone: false, now };
        self.tell::<Declaration>(Category::Declaration, id.0, approve).await;
        digest
    }

    pub async fn commit(&self, id: DeclarationId, digest: &Digest, by: Actor) {
        let commit = Command::Commit { by, plan: digest.clone(), now: chrono::Utc::now() };
        self.tell::<Declaration>(Category::Declaration, id.0, commit).await;
    }

    /// The run that the declaration's commit starts.
    pub async fn run_of(&self, id: DeclarationId, digest: &Digest) -> RunId {
        let committed = |state: &Declaration| matches!(state.status, Status::Committed { .. });
        let state: Declaration = self.until(Category::Declaration, id.0, committed).await;
        let Status::Committed { commit } = state.status else { unreachable!("it was waited for") };
        run::id_for(id, &commit, digest)
    }

    /// A run's history as a bundle, as `mycopod runs export` writes it.
    pub async fn bundle(&self, run: RunId) -> domain::run::bundle::Bundle {
        let history = self.store.read_stream(StreamId::new(Category::Run, run.0), 1).await.expect("it reads");
        let read = |recorded: &eventstore::Recorded| {
            (recorded.position, recorded.recorded_at, eventstore::decode(recorded).expect("a fact of today"))
        };
        domain::run::bundle::Bundle::new(run, "test", history.iter().map(read))
    }

    /// Approves, commits, and waits until the run is over or paused.
    pub async fn apply(&self, id: DeclarationId) -> Run {
        let digest = self.approve(id).await;
        self.commit(id, &digest, ADA).await;
        let run = self.run_of(id, &digest).await;
        self.until(Category::Run, run.0, settled).await
    }

    /// Mutating calls that had an effect, by the simulator's own ledger.
    pub fn mutations(&self) -> usize {
        self.sim.ledger().len()
    }

    /// Guests of this name in the simulated cluster, by its own account.
    pub fn guests_named(&self, name: &str) -> usize {
        let state = self.sim.state_json();
        let guests = state["guests"].as_object().expect("guests by number");
        guests
            .values()
            .filter(|guest| guest["config"]["name"] == name || guest["config"]["hostname"] == name)
            .count()
    }
}

async fn stand_in(dir: &std::path::Path, keys: &std::path::Path) -> GitHubSim {
    let token = format!("github_pat_{}", Uuid::new_v4().simple());
    secrets::files::write(&keys.join(cli::repository::TOKEN_FILE), token.as_bytes()).expect("a key file");
    let config = GitHubSimConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        dir: dir.join("declarations.git"),
        owner: "ada".into(),
        name: "declarations".into(),
        branch: "main".into(),
        token,
    };
    GitHubSim::start(config).await.expect("the stand-in starts")
}

/// A run that waits for nobody but a person, or for nothing any more.
pub fn settled(run: &Run) -> bool {
    run.is_over() || matches!(run.status, run::Status::Paused { .. })
}
