//! What the Agent's credentials open: the cluster, the repository, a language model.
//!
//! Begin with [`Connections::open`]. Each connection is made anew when its credential changes, while it is in use. One
//! whose credential is not there yet, or cannot be used, holds everything back with the reason: the Agent has to run to
//! be handed a credential.

use crate::commands::interpreter;
use crate::config::Agent as Settings;
use crate::failure::{Code, Failure};
use crate::repository;
use ::interpreter::Interpreter;
use agent::api::Wire;
use agent::keys::{Changed, InterpreterSwitch, NoKey, RepositorySwitch, Switch};
use agent::repository::Repository;
use domain::settings::Check;
use proxmox::transport::Https;
use proxmox::{ApiToken, Client, Endpoint, Login, Timeouts, Trust};
use secrets::{FileError, KeyFolder, Secret};
use std::sync::Arc;

/// The Agent's connections.
pub struct Connections {
    pub cluster: Arc<Switch>,
    pub repository: Arc<RepositorySwitch>,
    pub interpreter: Arc<InterpreterSwitch>,
}

impl Connections {
    /// Opens nothing yet; needs a running tokio. What is wrong in the configuration is an error, what is wrong with a
    /// credential holds back what needs it.
    pub fn open(settings: &Settings, keys: &KeyFolder) -> Result<Self, Failure> {
        let (shown, branch) = repository::described(settings);
        let cluster = Switch::new(wire(settings, keys)?);
        let repository = RepositorySwitch::new(shown, branch, repository(settings, keys)?);
        let interpreter = InterpreterSwitch::new(model(settings, keys)?);
        Ok(Self {
            cluster: Arc::new(cluster),
            repository: Arc::new(repository),
            interpreter: Arc::new(interpreter),
        })
    }

    /// A changed credential is used from the next call on; calls under way end with the one they began with.
    pub fn put_to_use(&self, settings: Settings, keys: KeyFolder) -> Changed {
        let (cluster, repositories) = (self.cluster.clone(), self.repository.clone());
        let models = self.interpreter.clone();
        Box::new(move |name| {
            if name == sign_in_key(&settings) {
                cluster.replace(wire(&settings, &keys).unwrap_or_else(|why| Arc::new(unusable(name, &why))));
            } else if repository::key_name(&settings) == Some(name) {
                let made = repository(&settings, &keys);
                repositories.replace(made.unwrap_or_else(|why| Arc::new(unusable(name, &why))));
            } else if interpreter::key_name(&settings) == Some(name) {
                let made = model(&settings, &keys);
                models.replace(made.unwrap_or_else(|why| Arc::new(unusable(name, &why))));
            } else {
                return;
            }
            tracing::info!(name, "a changed credential is used from now on");
        })
    }
}

/// The credentials that the configuration names.
pub fn in_use(settings: &Settings) -> Vec<String> {
    let others = [repository::key_name(settings), interpreter::key_name(settings)];
    [Some(sign_in_key(settings))].into_iter().chain(others).flatten().map(str::to_owned).collect()
}

/// Tries a credential that is not stored against what it is for; empty where the configuration does not use it.
pub async fn tried(settings: &Settings, name: &str, value: &Secret<String>) -> Result<Vec<Check>, Failure> {
    if name == sign_in_key(settings) {
        let client = Client::new(connect_with(settings, value)?);
        return Ok(vec![agent::keys::signed_in(&client).await]);
    }
    if repository::key_name(settings) == Some(name) {
        return Ok(repository::open_with(settings, value.clone())?.examine().await);
    }
    if interpreter::key_name(settings) == Some(name) {
        return Ok(interpreter::chosen_with(settings, Some(value.clone()))?.examine().await);
    }
    Ok(Vec::new())
}

/// The folder of key files, and what systemd hands over. Refused if somebody else could have read any of it.
pub fn key_folder(settings: &Settings) -> Result<KeyFolder, Failure> {
    KeyFolder::open(&settings.secrets, std::env::var_os("CREDENTIALS_DIRECTORY")).map_err(unreadable)
}

/// The key file that the configuration signs in to the cluster with.
pub fn sign_in_key(settings: &Settings) -> &'static str {
    if settings.proxmox.token.contains('!') { "proxmox-token" } else { "proxmox-password" }
}

fn unreadable(error: FileError) -> Failure {
    Failure::new(Code::Unavailable, &error, error.advice())
}

/// The credential; none while it is not stored.
fn stored(keys: &KeyFolder, name: &str) -> Result<Option<Secret<String>>, Failure> {
    match keys.read_text(name) {
        Ok(value) => Ok(Some(value)),
        Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

fn missing(name: &str, page: &str) -> NoKey {
    tracing::warn!(name, "what this credential opens cannot be reached before it is stored");
    NoKey(format!("{name} is not stored yet; store it under Settings, {page}"))
}

fn unusable(name: &str, failure: &Failure) -> NoKey {
    tracing::error!(name, why = failure.what, advice = failure.next, "a credential cannot be used");
    NoKey(format!("{name} cannot be used: {}", failure.what))
}

fn wire(settings: &Settings, keys: &KeyFolder) -> Result<Wire, Failure> {
    let name = sign_in_key(settings);
    Ok(match stored(keys, name)? {
        None => Arc::new(missing(name, "Proxmox")),
        Some(secret) => Arc::new(connect_with(settings, &secret)?),
    })
}

fn repository(settings: &Settings, keys: &KeyFolder) -> Result<Arc<dyn Repository>, Failure> {
    let Some(name) = repository::key_name(settings) else { return repository::open(settings, keys) };
    let Some(token) = stored(keys, name)? else { return Ok(Arc::new(missing(name, "GitHub"))) };
    match repository::open_with(settings, token) {
        // The name of the repository, the address: that is the configuration's, and is said at the start.
        Err(failure) if failure.code != Code::Unavailable => Err(failure),
        Err(failure) => Ok(Arc::new(unusable(name, &failure))),
        Ok(repository) => Ok(repository),
    }
}

fn model(settings: &Settings, keys: &KeyFolder) -> Result<Arc<dyn Interpreter>, Failure> {
    match interpreter::chosen(settings, keys) {
        Err(failure) if failure.code == Code::Unavailable => {
            let name = interpreter::key_name(settings).unwrap_or_default();
            Ok(Arc::new(unusable(name, &failure)))
        }
        chosen => chosen,
    }
}

/// The connection to the cluster, by the key file and the pinned certificate.
pub fn connect(settings: &Settings, keys: &KeyFolder) -> Result<Https, Failure> {
    let secret = keys.read_text(sign_in_key(settings)).map_err(unreadable)?;
    connect_with(settings, &secret)
}

/// The same with a secret that is not stored.
pub fn connect_with(settings: &Settings, secret: &Secret<String>) -> Result<Https, Failure> {
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
        let login = Login { user: id, password: proxmox::Secret::new(secret.expose().as_str()) };
        return Https::signed_in(&addresses, &trust, login, Timeouts::default()).map_err(invalid);
    }
    let token = ApiToken { id, secret: proxmox::Secret::new(secret.expose().as_str()) };
    Https::new(&Endpoint { base_urls: addresses, trust, token }).map_err(invalid)
}
