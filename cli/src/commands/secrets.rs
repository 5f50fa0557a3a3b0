//! `mycopod secrets`: the Agent's credentials. Their content is read from a file, standard input or a hidden prompt, and
//! is never shown. A running Agent uses a new one within seconds.

use super::agent::agent_identity;
use crate::args::{Person, SecretsCommand};
use crate::config::{Agent as Settings, Config};
use crate::connections::{self, key_folder};
use crate::context::{self, Context, open_store, refused};
use crate::failure::{Code, Failure, Outcome};
use crate::{note, out, output, prompt};
use domain::account::Actor;
use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::{CREDENTIALS, Command, Outcome as CheckOutcome, Refusal, credential};
use eventstore::{EventLog, HandleError, StreamId};
use handover::Identity;
use secrets::{FileError, KeyFolder, Secret, Source};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Listed {
    name: String,
    fingerprint: String,
    age_days: u64,
    /// `file` or `systemd`.
    source: &'static str,
    /// Whether the Agent reads a credential of this name.
    used: bool,
}

fn failed(error: FileError) -> Failure {
    let next = error.advice();
    Failure::new(Code::Failed, error, next)
}

pub async fn run(path: &Path, command: SecretsCommand, json: bool) -> Outcome {
    let config = Config::read(path)?;
    match command {
        SecretsCommand::Set { name, file, person } => {
            let by = acting(path, &person).await?;
            let folder = made(config.agent()?)?;
            let value = prompt::secret(&name, file.as_deref())?;
            store(&config, &folder, &name, &value, by).await
        }
        SecretsCommand::Rotate { name, file, untested, person } => {
            let by = acting(path, &person).await?;
            let settings = config.agent()?;
            let folder = key_folder(settings)?;
            let before = folder.read(&name).map_err(failed)?;
            let value = prompt::secret(&name, file.as_deref())?;
            if before.expose().trim_ascii() == value.expose().as_slice() {
                let what = format!("{name} has this value already");
                return Err(Failure::new(Code::Refused, what, "make a new one where it comes from"));
            }
            if !untested {
                tried(settings, &name, &value).await?;
            }
            store(&config, &folder, &name, &value, by).await
        }
        SecretsCommand::List { fingerprint } => list(&key_folder(config.agent()?)?, fingerprint, json),
        SecretsCommand::Remove { name, person } => {
            let by = acting(path, &person).await?;
            key_folder(config.agent()?)?.remove(&name).map_err(failed)?;
            out!("{name} removed.");
            record(&config, by, Command::RemoveCredential { name, by }).await
        }
        SecretsCommand::Channel => channel(&config),
    }
}

/// The folder, made if this is the first secret.
fn made(settings: &Settings) -> Result<KeyFolder, Failure> {
    secrets::files::ensure_folder(&settings.secrets).map_err(failed)?;
    key_folder(settings)
}

async fn store(
    config: &Config,
    folder: &KeyFolder,
    name: &str,
    value: &Secret<Vec<u8>>,
    by: Option<Actor>,
) -> Outcome {
    folder.store(name, value).map_err(failed)?;
    let fingerprint = folder.fingerprint(name, value).map_err(failed)?;
    out!("{name} stored, fingerprint {fingerprint}. A running Agent uses it within seconds.");
    if credential(name).is_none() {
        let names: Vec<&str> = CREDENTIALS.iter().map(|credential| credential.name).collect();
        note!("Nothing here reads {name}. The Agent reads {}.", names.join(", "));
    }
    record(config, by, Command::StoreCredential { name: name.to_owned(), fingerprint, by }).await
}

/// The new value is tried before the old one is given up.
async fn tried(settings: &Settings, name: &str, value: &Secret<Vec<u8>>) -> Outcome {
    let text = std::str::from_utf8(value.expose())
        .map_err(|_| Failure::new(Code::Usage, "the secret is not text", "copy it again"))?;
    let checks = connections::tried(settings, name, &Secret::new(text.to_owned())).await?;
    if checks.is_empty() {
        note!("The configuration does not use {name}, so it cannot be tried.");
    }
    match checks.iter().find(|check| check.outcome == CheckOutcome::Failed) {
        None => Ok(()),
        Some(check) => {
            let what = format!("the new value was tried: {}: {}", check.what, check.found);
            let next =
                format!("{} The old one stays in use; --untested replaces it anyway.", check.next.join(" "));
            Err(Failure::new(Code::CheckFailed, what, next))
        }
    }
}

/// Who acts, found before anything is changed: none without a name. Only an Admin may.
async fn acting(path: &Path, person: &Person) -> Result<Option<Actor>, Failure> {
    if person.name.is_none() {
        return Ok(None);
    }
    let (actor, name) = Context::open(path).await?.person(person).await?;
    if !actor.is_admin() {
        let what = format!("{name} is no Admin; credentials are changed by Admins");
        return Err(Failure::new(Code::Refused, what, "ask an Admin"));
    }
    Ok(Some(actor))
}

/// Writes down what was done, and who did it. Without the database the Agent does it, without a name, when it sees the
/// file.
async fn record(config: &Config, by: Option<Actor>, command: Command) -> Outcome {
    let (store, _, _) = match open_store(config, "mycopod secrets").await {
        Ok(opened) => opened,
        Err(failure) => {
            note!("The log does not answer ({}); the Agent records it when it starts.", failure.what);
            return Ok(());
        }
    };
    let (stream, meta) =
        (StreamId::new(Category::Settings, SETTINGS), by.map(context::by).unwrap_or_default());
    match store.handle::<domain::settings::Settings>(stream, command, meta, None).await {
        // What was never recorded has no end to record.
        Err(HandleError::Refused(Refusal::NoSuchCredential(_))) => Ok(()),
        recorded => recorded.map(drop).map_err(refused),
    }
}

fn list(folder: &KeyFolder, fingerprint: bool, json: bool) -> Outcome {
    let mut listed = Vec::new();
    for entry in folder.entries().map_err(failed)? {
        let content = folder.read(&entry.name).map_err(failed)?;
        let trimmed = Secret::new(content.expose().trim_ascii().to_vec());
        listed.push(Listed {
            fingerprint: folder.fingerprint(&entry.name, &trimmed).map_err(failed)?,
            age_days: entry.modified.elapsed().map_or(0, |age| age.as_secs() / 86_400),
            source: if entry.source == Source::Systemd { "systemd" } else { "file" },
            used: credential(&entry.name).is_some(),
            name: entry.name,
        });
    }
    if json {
        output::json(&listed);
        return Ok(());
    }
    let row = |s: &Listed| {
        let mut cells = vec![s.name.clone(), format!("{} days", s.age_days), s.source.to_owned()];
        cells.push(if s.used { "yes" } else { "no" }.to_owned());
        if fingerprint {
            cells.push(s.fingerprint.clone());
        }
        cells
    };
    let heading = ["NAME", "AGE", "FROM", "USED", "FINGERPRINT"];
    let columns = if fingerprint { 5 } else { 4 };
    output::table(&heading[..columns], &listed.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

/// What each end of the channel between UI and Agent is to be told about the other.
fn channel(config: &Config) -> Outcome {
    let failed = |error: handover::HandoverError| {
        let next = error.advice();
        Failure::new(Code::Failed, error, next)
    };
    if let Some(agent) = &config.agent {
        let own = Identity::create_if_missing(&agent_identity(agent)).map_err(failed)?.pin();
        out!("For the UI's configuration, where [ui.intake] says who the Agent is:\n  agent = \"{own}\"");
    }
    if config.ui.is_some() {
        let own = Identity::create_if_missing(&config.ui_identity()).map_err(failed)?.pin();
        out!("For the Agent's configuration, where [agent.intake] says who the UI is:\n  ui = \"{own}\"");
    }
    Ok(())
}
