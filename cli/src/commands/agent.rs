//! `mycopod agent`: the Agent service.

use crate::args::AgentArgs;
use crate::config::{Agent as Settings, Config};
use crate::context::open_store;
use crate::demo::parent_gone;
use crate::failure::{Code, Failure, Outcome};
use crate::ring;
use agent::api::{Api, Wire};
use agent::keys::{Keys, NoKey, Switch};
use agent::repository::local::LocalGit;
use agent::{Agent, AgentError};
use handover::{HandoverError, Identity, Receiver};
use proxmox::transport::Https;
use proxmox::{ApiToken, Endpoint, Login, Secret, Timeouts, Trust};
use rustix::fs::{FlockOperation, flock};
use secrets::{FileError, KeyFolder};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub async fn run(path: &Path, args: AgentArgs) -> Outcome {
    let config = Config::read(path)?;
    let settings = config.agent()?;
    let keys = key_folder(settings)?;
    let _alone = alone(&settings.secrets)?;
    let switch = Arc::new(Switch::new(wire(settings, &keys)?));
    let (store, ring, _) = open_store(&config, "mycopod agent").await?;
    let following = ring::follow(store.clone(), config.key_ring.clone(), ring);
    let agent = agent::Config {
        store,
        api: Api::new(switch.clone()).with_token_name(&settings.proxmox.token),
        repository: Arc::new(LocalGit::new(&settings.repository.path, &settings.repository.branch)),
        interpreter: super::interpreter::chosen(settings)?,
        // The same for each start, so that an agent that was killed goes on at once: its successor fences it.
        holder: format!(
            "{} {}",
            rustix::system::uname().nodename().to_string_lossy(),
            settings.secrets.display()
        ),
        sealing: Some(crate::sealing::prepare(settings)?),
        keys: Some(Keys {
            changed: put_to_use(switch, settings.clone(), keys.clone()),
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

/// The folder of key files, and what systemd hands over. Refused if somebody else could have read any of it.
pub fn key_folder(settings: &Settings) -> Result<KeyFolder, Failure> {
    KeyFolder::open(&settings.secrets, std::env::var_os("CREDENTIALS_DIRECTORY"))
        .map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))
}

/// The key file that the configuration signs in with.
pub fn sign_in_key(settings: &Settings) -> &'static str {
    if settings.proxmox.token.contains('!') { "proxmox-token" } else { "proxmox-password" }
}

/// The connection, or, while there is no key file yet, one that holds every call back: the Agent has to run to be
/// handed one.
fn wire(settings: &Settings, keys: &KeyFolder) -> Result<Wire, Failure> {
    let name = sign_in_key(settings);
    if matches!(keys.read(name), Err(FileError::Missing { .. })) {
        let why = format!("{name} is not stored yet; store it under Settings, Proxmox");
        tracing::warn!(name, "the cluster cannot be reached before this credential is stored");
        return Ok(Arc::new(NoKey(why)));
    }
    Ok(Arc::new(connect(settings, keys)?))
}

/// A new token is used from the next call on.
fn put_to_use(switch: Arc<Switch>, settings: Settings, keys: KeyFolder) -> agent::keys::Changed {
    Box::new(move |name| {
        if name != sign_in_key(&settings) {
            return;
        }
        switch.replace(wire(&settings, &keys).unwrap_or_else(|failure| {
            tracing::error!(name, why = failure.what, advice = failure.next, "a credential cannot be used");
            Arc::new(NoKey(failure.what))
        }));
        tracing::info!(name, "a changed credential is used from now on");
    })
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

/// The connection to the cluster, by the key file and the pinned certificate.
pub fn connect(settings: &Settings, keys: &KeyFolder) -> Result<Https, Failure> {
    let secret = keys
        .read_text(sign_in_key(settings))
        .map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    connect_with(settings, &secret)
}

/// The same with a secret that is not stored.
pub fn connect_with(settings: &Settings, secret: &secrets::Secret<String>) -> Result<Https, Failure> {
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
    if !id.contains('!') {
        let login = Login { user: id, password: Secret::new(secret.expose().as_str()) };
        return Https::signed_in(&addresses, &trust, login, Timeouts::default()).map_err(invalid);
    }
    let token = ApiToken { id, secret: Secret::new(secret.expose().as_str()) };
    Https::new(&Endpoint { base_urls: addresses, trust, token }).map_err(invalid)
}
