//! The parts of a demonstration, started in order and stopped in reverse.

use super::children::Service;
use super::place::Place;
use super::seed::{Login, seed};
use crate::args::DemoArgs;
use crate::config::{self, Config, DATABASE_PURPOSE};
use crate::context::{Context, store_failed};
use crate::failure::{Code, Failure, Outcome};
use agent::repository::local::LocalGit;
use domain::facts::Facts;
use eventstore::embedded::Cluster as Postgres;
use secrets::{KeyRing, Secret};
use simulator::{SimConfig, Simulator};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const TOKEN_ID: &str = "mycopod@pve!agent";
const BRANCH: &str = "main";
/// How long UI and Agent may take to answer.
const READY_WAIT: Duration = Duration::from_secs(30);

pub struct World {
    pub url: String,
    pub logins: Vec<Login>,
    pub context: Context,
    pub simulator: simulator::Running,
    postgres: Postgres,
    services: [Service; 2],
}

impl World {
    pub async fn start(place: &Place, args: &DemoArgs) -> Result<Self, Failure> {
        let facts_text = match &args.cluster {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                Failure::new(Code::Usage, format!("{}: {error}", path.display()), "name a cluster file")
            })?,
            None => interpreter::fixtures::CLUSTER.to_owned(),
        };
        let facts: Facts = serde_json::from_str(&facts_text).map_err(|error| {
            Failure::new(Code::Usage, format!("the cluster file is not valid: {error}"), "mend it")
        })?;
        let listen = free_port(args.port)?;
        let key_folder = place.at("keys");
        secrets::files::ensure_folder(&key_folder).map_err(|error| {
            let next = error.advice();
            Failure::new(Code::Failed, error, next)
        })?;
        let ring = KeyRing::create_if_missing(&key_folder.join("keyring"))
            .map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;

        // The slow parts side by side: the database, and the simulated cluster.
        let token = stored(&key_folder, "proxmox-token", || uuid::Uuid::new_v4().to_string())?;
        let sim_config = SimConfig { state_file: Some(place.at("cluster.json")), ..from_facts(&facts_text)? }
            .with_token(TOKEN_ID, token.expose().clone())
            .with_time_scale(args.time_scale);
        let database_folder = place.at("postgres");
        let (postgres, simulator) =
            tokio::join!(Postgres::start(Some(&database_folder)), Simulator::start(sim_config));
        let postgres = postgres.map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
        let simulator = simulator.map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;
        eventstore::migrate(&postgres.owner_url()).await.map_err(store_failed)?;
        LocalGit::create_if_missing(&place.at("declarations.git"), BRANCH)
            .await
            .map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;

        let identity = |name: &str| {
            handover::Identity::create_if_missing(&key_folder.join(name)).map_err(|error| {
                let next = error.advice();
                Failure::new(Code::Failed, error, next)
            })
        };
        let (ui_pin, agent_pin) = (identity("intake-ui")?.pin(), identity("intake-agent")?.pin());
        let intake = free_port(0)?;
        let config = Config {
            database: config::Database {
                url: secrets::boxed::seal(&ring, DATABASE_PURPOSE, &postgres.url())
                    .map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?,
            },
            key_ring: key_folder.join("keyring"),
            ui: Some(config::Ui {
                listen,
                public_url: format!("http://localhost:{}", listen.port()),
                demonstration: true,
                intake: Some(config::UiIntake {
                    address: intake.to_string(),
                    agent: agent_pin.to_string(),
                    key: None,
                }),
            }),
            agent: Some(config::Agent {
                secrets: key_folder.clone(),
                state: Some(place.at("state")),
                proxmox: config::Proxmox {
                    addresses: vec![simulator.base_url()],
                    fingerprint: Some(simulator.fingerprint()),
                    ca: None,
                    token: TOKEN_ID.to_owned(),
                },
                repository: config::Repository::Local {
                    path: place.at("declarations.git"),
                    branch: BRANCH.to_owned(),
                },
                interpreter: "scripted".to_owned(),
                intake: Some(config::AgentIntake { listen: intake, ui: ui_pin.to_string() }),
                model: None,
            }),
        };
        let text = toml::to_string(&config).map_err(|error| Failure::new(Code::Failed, error, ""))?;
        std::fs::write(place.config_file(), text)?;
        let context = Context::open(&place.config_file()).await?;
        let logins =
            seed(&context.store, &facts, args.poll, simulator.base_url(), simulator.fingerprint(), |name| {
                Ok(stored(&key_folder, &format!("demo-password-{name}"), made_up_password)?.expose().clone())
            })
            .await?;
        let services = ["serve", "agent"]
            .map(|name| Service::start(name, &place.config_file(), &place.at(&format!("{name}.log"))));
        let [ui, agent] = services;
        let url = format!("http://localhost:{}", listen.port());
        let world = Self { url, logins, context, simulator, postgres, services: [ui?, agent?] };
        world.ready(listen).await?;
        Ok(world)
    }

    pub fn cluster_url(&self) -> String {
        self.simulator.base_url()
    }

    pub fn control_addr(&self) -> SocketAddr {
        self.simulator.control_addr()
    }

    /// The most memory the Agent ever had, in MiB.
    pub async fn agent_memory_mib(&self) -> Option<u64> {
        let [_, agent] = &self.services;
        agent.memory_mib().await
    }

    /// Ends when a service ends, which it should not.
    pub async fn ended(&self) -> Failure {
        let [ui, agent] = &self.services;
        tokio::select! {
            failure = ui.ended() => failure,
            failure = agent.ended() => failure,
        }
    }

    pub async fn stop(self) -> Outcome {
        let [ui, agent] = &self.services;
        let (ui, agent) = tokio::join!(ui.stop(), agent.stop());
        drop(self.context);
        let simulator = self.simulator.shutdown().await;
        let postgres = self.postgres.stop().await;
        ui?;
        agent?;
        simulator.map_err(|error| Failure::new(Code::Failed, &error, error.advice()))?;
        postgres.map_err(|error| Failure::new(Code::Failed, &error, error.advice()))
    }

    /// Ready is: the pages answer, and the Agent has seen the cluster.
    async fn ready(&self, listen: SocketAddr) -> Outcome {
        let begun = Instant::now();
        let answering = async {
            while !answers(listen).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            loop {
                match self.context.reader.cluster().await {
                    Ok(cluster) if cluster.meta.observed_at.is_some() => return,
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::select! {
            () = answering => Ok(()),
            failure = self.ended() => Err(failure),
            () = tokio::time::sleep(READY_WAIT) => Err(Failure::new(
                Code::Unavailable,
                format!("UI and Agent did not answer within {} s", begun.elapsed().as_secs()),
                "look into serve.log and agent.log with --keep DIR",
            )),
        }
    }
}

/// Asks `/readyz` over a plain connection.
async fn answers(listen: SocketAddr) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut stream) = tokio::net::TcpStream::connect(listen).await else { return false };
    let request =
        format!("GET /readyz HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", listen.port());
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

fn from_facts(text: &str) -> Result<SimConfig, Failure> {
    SimConfig::from_cluster_json(text).map_err(|error| Failure::new(Code::Usage, &error, error.advice()))
}

/// A secret of the demonstration, made once and found again.
fn stored(folder: &Path, name: &str, make: impl FnOnce() -> String) -> Result<Secret<String>, Failure> {
    let failed = |error: secrets::FileError| {
        let next = error.advice();
        Failure::new(Code::Failed, error, next)
    };
    let path = secrets::files::path_of(folder, name).map_err(failed)?;
    if !path.exists() {
        secrets::files::write(&path, make().as_bytes()).map_err(failed)?;
    }
    secrets::files::read_text(&path).map_err(failed)
}

/// Five short words and a number: easy to type, about 28 bits more than a dictionary has; made anew each time.
pub fn made_up_password() -> String {
    const WORDS: [&str; 16] = [
        "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "islet", "juniper", "kelp",
        "lichen", "maple", "north", "otter", "pine",
    ];
    let bytes = uuid::Uuid::new_v4().into_bytes();
    let words: Vec<&str> = bytes.iter().take(5).map(|byte| WORDS[usize::from(byte % 16)]).collect();
    format!("{}-{}", words.join("-"), bytes[5])
}

fn free_port(wanted: u16) -> Result<SocketAddr, Failure> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", wanted)).map_err(|error| {
        Failure::new(
            Code::Unavailable,
            format!("port {wanted} cannot be used: {error}"),
            "choose another with --port N (0 takes any free one)",
        )
    })?;
    Ok(listener.local_addr()?)
}
