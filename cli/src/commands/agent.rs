//! `mycopod agent`: the Agent service.

use crate::args::AgentArgs;
use crate::config::{Agent as Settings, Config};
use crate::connections::{self, Connections};
use crate::context::open_store;
use crate::demo::parent_gone;
use crate::failure::{Code, Failure, Outcome};
use crate::ring;
use agent::api::Api;
use agent::keys::Keys;
use agent::{Agent, AgentError};
use handover::{HandoverError, Identity, Receiver};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

pub async fn run(path: &Path, args: AgentArgs) -> Outcome {
    let config = Config::read(path)?;
    let settings = config.agent()?;
    let keys = connections::key_folder(settings)?;
    let _alone = alone(&settings.secrets)?;
    let connections = Connections::open(settings, &keys)?;
    let (store, ring, _) = open_store(&config, "mycopod agent").await?;
    let following = ring::follow(store.clone(), config.key_ring.clone(), ring);
    let agent = agent::Config {
        store,
        api: Api::new(connections.cluster.clone()).with_token_name(&settings.proxmox.token),
        repository: connections.repository.clone(),
        interpreter: connections.interpreter.clone(),
        // The same for each start, so that an agent that was killed goes on at once: its successor fences it.
        holder: format!(
            "{} {}",
            rustix::system::uname().nodename().to_string_lossy(),
            settings.secrets.display()
        ),
        sealing: Some(crate::sealing::prepare(settings)?),
        keys: Some(Keys {
            in_use: connections::in_use(settings),
            changed: connections.put_to_use(settings.clone(), keys.clone()),
            receiver: receiver(settings).await?,
            folder: keys,
        }),
    };
    let stop = CancellationToken::new();
    let ending = stop.clone();
    let with_parent = args.with_parent;
    tokio::spawn(async move {
        let parent = async {
            match with_parent {
                true => parent_gone().await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = parent => {}
            _ = tokio::signal::ctrl_c() => {}
            () = super::terminated() => {}
        }
        ending.cancel();
    });
    let worked = Agent::start(agent, stop, args.once).await;
    following.abort();
    worked.map_err(|error| match error {
        AgentError::Store(error) => crate::context::store_failed(error),
        AgentError::Fenced => {
            Failure::new(Code::Unavailable, error, "one agent acts on a cluster; stop the other one")
        }
        AgentError::Ended(_) => Failure::new(Code::Failed, error, "its log says why; start it again"),
    })
}

/// Held while this agent runs: a second one on this machine is refused instead of fencing the first.
fn alone(folder: &Path) -> Result<File, Failure> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("agent.lock"))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        let what = format!("an agent with the keys in {} runs already", folder.display());
        Failure::new(Code::Unavailable, what, "one agent acts on a cluster; stop the other one")
    })?;
    Ok(lock)
}

/// The port where the UI hands over secrets, if the configuration has one.
async fn receiver(settings: &Settings) -> Result<Option<Receiver>, Failure> {
    let Some(intake) = &settings.intake else { return Ok(None) };
    let failed = |error: HandoverError| {
        let next = error.advice();
        Failure::new(Code::Unavailable, error, next)
    };
    let identity = Identity::create_if_missing(&agent_identity(settings)).map_err(failed)?;
    let ui = intake.ui.parse().map_err(failed)?;
    Receiver::bind(intake.listen, &identity, ui).await.map(Some).map_err(failed)
}

/// File of the Agent's certificate and key for the channel to the UI.
pub fn agent_identity(settings: &Settings) -> PathBuf {
    settings.secrets.join("intake-agent")
}
