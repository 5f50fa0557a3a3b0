//! `mycopod doctor`: every connection, with what to do where one fails.

use crate::config::Config;
use crate::connections;
use crate::context::{load, open_store};
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use domain::contract::rights::{self, Held};
use domain::event::Category;
use domain::ids::REPOSITORY;
use domain::repository::Repository;
use eventstore::EventLog;
use proxmox::{Client, Release};
use serde::Serialize;
use std::path::Path;
use web::pages::repository::{doubt_advice, doubt_words};

#[derive(Serialize)]
struct Check {
    name: &'static str,
    well: bool,
    found: String,
    next: String,
}

fn well(name: &'static str, found: String) -> Check {
    Check { name, well: true, found, next: String::new() }
}

fn ill(name: &'static str, failure: Failure) -> Check {
    Check { name, well: false, found: failure.what, next: failure.next }
}

pub async fn run(path: &Path, json: bool) -> Outcome {
    let config = Config::read(path)?;
    let mut checks = vec![database(&config).await];
    if let Some(agent) = &config.agent {
        if checks[0].well {
            checks.push(sealing(&config, agent).await.unwrap_or_else(|failure| ill("sealing", failure)));
        }
        checks.push(match cluster(&config).await {
            Ok(found) => well("Proxmox", found),
            Err(failure) => ill("Proxmox", failure),
        });
        checks.push(match repository(&config).await {
            Ok(found) => well("repository", found),
            Err(failure) => ill("repository", failure),
        });
        checks.push(match model(agent).await {
            Ok(found) => well("interpreter", found),
            Err(failure) => ill("interpreter", failure),
        });
    }
    if json {
        output::json(&checks);
    } else {
        for check in &checks {
            out!("{}  {:<11} {}", if check.well { "ok  " } else { "FAIL" }, check.name, check.found);
            if !check.next.is_empty() {
                out!("      next: {}", check.next);
            }
        }
    }
    if checks.iter().all(|check| check.well) { Ok(()) } else { Err(Failure::quiet(Code::CheckFailed)) }
}

async fn database(config: &Config) -> Check {
    let checked = async {
        let (store, _, _) = open_store(config, "mycopod doctor").await?;
        let head = store.head().await.map_err(crate::context::store_failed)?;
        Ok(format!("durable settings are on; {} events", head.position))
    };
    match checked.await {
        Ok(found) => well("database", found),
        Err(failure) => ill("database", failure),
    }
}

/// Up to where the log is sealed, and whether what is newer is older than the Agent would leave it.
async fn sealing(config: &Config, agent: &crate::config::Agent) -> Result<Check, Failure> {
    const LATE_SECONDS: i64 = 300;
    let (store, _, _) = open_store(config, "mycopod doctor").await?;
    let failed = crate::context::store_failed;
    let head = store.head().await.map_err(failed)?.position;
    let last = store.last_checkpoint().await.map_err(failed)?;
    let sealed = last.map_or(0, |last| last.position);
    let oldest = store.read_from(sealed, 1).await.map_err(failed)?;
    let waits = oldest.first().map(|event| chrono::Utc::now() - event.recorded_at);
    let late = waits.is_some_and(|waits| waits.num_seconds() > LATE_SECONDS);
    let exported = crate::sealing::export(agent).last_position().map_err(|error| {
        let what = format!("the file of checkpoints cannot be read: {error}");
        Failure::new(Code::Unavailable, what, "check agent.state in the configuration")
    })?;
    let found =
        format!("{} of {head} events are sealed, {} in the file outside", sealed, exported.min(sealed));
    if late || exported < sealed {
        let next = "start the Agent; its log says what keeps it from sealing";
        return Ok(ill("sealing", Failure::new(Code::CheckFailed, found, next)));
    }
    Ok(well("sealing", found))
}

async fn cluster(config: &Config) -> Result<String, Failure> {
    let failed = |error: proxmox::CallError| {
        let next = error.advice();
        Failure::new(Code::Unavailable, error, next)
    };
    let settings = config.agent()?;
    let client = Client::new(connections::connect(settings, &connections::key_folder(settings)?)?);
    let release = client.version().await.map_err(failed)?.version.unwrap_or_default();
    let release = Release::known(&release).map_err(|error| {
        let next = error.advice();
        Failure::new(Code::CheckFailed, error, next)
    })?;
    let status = client.cluster_status().await.map_err(failed)?;
    let held = Held::from_map(client.permissions().await.map_err(failed)?);
    if held.is_empty() {
        let commands = rights::recipe(&config.agent()?.proxmox.token).join("; ");
        let next = format!("type on a node as root, as far as it is not done yet: {commands}");
        return Err(Failure::new(Code::CheckFailed, "the token has no rights at all", next));
    }
    let rights = match rights::never_held(&held) {
        missing if missing.is_empty() => "every right that MycoPod may need".to_owned(),
        missing => format!("not {} (a plan that needs one says so)", missing.join(", ")),
    };
    let quorum = if status.is_quorate() { "quorate" } else { "NO QUORUM" };
    Ok(format!("Proxmox VE {release}, {} nodes, {quorum}; the token has {rights}", status.members.len()))
}

async fn model(settings: &crate::config::Agent) -> Result<String, Failure> {
    super::interpreter::examined(settings, &connections::key_folder(settings)?).await
}

async fn repository(config: &Config) -> Result<String, Failure> {
    let settings = config.agent()?;
    let git = crate::repository::open(settings, &connections::key_folder(settings)?)?;
    let tip = git.tip().await.map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    let found = match tip {
        Some(tip) => format!("{}, is at {}", git.describe(), tip.get(..8).unwrap_or(&tip)),
        None => format!("{}, has no commit yet", git.describe()),
    };
    // A database that does not answer is told by its own check.
    let Ok((store, _, _)) = open_store(config, "mycopod doctor").await else { return Ok(found) };
    let (state, _) = load::<Repository>(&store, Category::Repository, REPOSITORY).await?;
    if let Some((doubt, commit)) = state.doubt {
        let what = format!("{found}. {}: see commit {commit}", doubt_words(doubt));
        return Err(Failure::new(Code::CheckFailed, what, doubt_advice(doubt)));
    }
    Ok(match state.set_aside.len() {
        0 => found,
        waiting => format!("{found}; {waiting} set aside, see `mycopod repository show`"),
    })
}
