//! `mycopod agent`: the Agent service.

use crate::args::AgentArgs;
use crate::config::{Agent as Settings, Config};
use crate::context::open_store;
use crate::demo::parent_gone;
use crate::failure::{Code, Failure, Outcome};
use crate::ring;
use agent::api::Api;
use agent::{Agent, AgentError};
use proxmox::transport::Https;
use proxmox::{ApiToken, Endpoint, Login, Secret, Timeouts, Trust};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub async fn run(path: &Path, args: AgentArgs) -> Outcome {
    let config = Config::read(path)?;
    let settings = config.agent()?;
    let _alone = alone(&settings.secrets)?;
    let (store, keys, _) = open_store(&config, "mycopod agent").await?;
    let following = ring::follow(store.clone(), config.key_ring.clone(), keys);
    let agent = agent::Config {
        store,
        api: Api::new(Arc::new(connect(settings)?)).with_token_name(&settings.proxmox.token),
        repository: crate::repository::open(settings)?,
        interpreter: super::interpreter::chosen(settings)?,
        // The same for each start, so that an agent that was killed goes on at once: its successor fences it.
        holder: format!(
            "{} {}",
            rustix::system::uname().nodename().to_string_lossy(),
            settings.secrets.display()
        ),
        sealing: Some(crate::sealing::prepare(settings)?),
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

/// The connection to the cluster, by the key file and the pinned certificate.
pub fn connect(settings: &Settings) -> Result<Https, Failure> {
    let invalid = |error: proxmox::EndpointError| {
        let next = error.advice();
        Failure::new(Code::Usage, error, next)
    };
    let trust = match (&settings.proxmox.fingerprint, &settings.proxmox.ca) {
        (Some(text), _) => {
            let pins = text.split(',').map(|one| one.trim().parse());
            Trust::Fingerprints(pins.collect::<Result<_, _>>().map_err(|error| {
                Failure::new(
                    Code::Usage,
                    format!("the certificate fingerprint is not valid: {error}"),
                    "copy it from Proxmox",
                )
            })?)
        }
        (None, Some(path)) => Trust::Ca(std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Code::Unavailable,
                format!("{}: {error}", path.display()),
                "copy /etc/pve/pve-root-ca.pem there",
            )
        })?),
        (None, None) => {
            let what = "the cluster's certificate is not pinned";
            return Err(Failure::new(Code::Usage, what, "set agent.proxmox.fingerprint or agent.proxmox.ca"));
        }
    };
    let (id, addresses) = (settings.proxmox.token.clone(), settings.proxmox.addresses.clone());
    let by_password = !id.contains('!');
    let name = if by_password { "proxmox-password" } else { "proxmox-token" };
    let file =
        secrets::files::path_of(&settings.secrets, name).and_then(|path| secrets::files::read_text(&path));
    let secret = file.map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    if by_password {
        let login = Login { user: id, password: Secret::new(secret.expose().trim_end_matches(['\r', '\n'])) };
        return Https::signed_in(&addresses, &trust, login, Timeouts::default()).map_err(invalid);
    }
    let token = ApiToken { id, secret: Secret::new(secret.expose().trim()) };
    Https::new(&Endpoint { base_urls: addresses, trust, token }).map_err(invalid)
}
