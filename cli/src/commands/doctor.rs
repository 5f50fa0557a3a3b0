//! `mycopod doctor`: every connection, with what to do where one fails.

use crate::config::Config;
use crate::context::open_store;
use crate::failure::{Code, Failure, Outcome};
use crate::{out, output};
use eventstore::EventLog;
use proxmox::Client;
use serde::Serialize;
use std::path::Path;

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
    if config.agent.is_some() {
        checks.push(match cluster(&config).await {
            Ok(found) => well("Proxmox", found),
            Err(failure) => ill("Proxmox", failure),
        });
        checks.push(match repository(&config).await {
            Ok(found) => well("repository", found),
            Err(failure) => ill("repository", failure),
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

async fn cluster(config: &Config) -> Result<String, Failure> {
    let failed = |error: proxmox::CallError| {
        let next = error.advice();
        Failure::new(Code::Unavailable, error, next)
    };
    let client = Client::new(super::agent::connect(config.agent()?)?);
    let version = client.version().await.map_err(failed)?.version.unwrap_or_default();
    if !version.starts_with("8.4") {
        let next = "MycoPod is made for 8.4; upgrade the cluster or wait for a version that knows this one";
        return Err(Failure::new(Code::CheckFailed, format!("this is Proxmox VE {version}"), next));
    }
    let status = client.cluster_status().await.map_err(failed)?;
    let rights = client.permissions().await.map_err(failed)?;
    if rights.is_empty() {
        let next = "give the token a role on / (privilege-separated tokens begin with none)";
        return Err(Failure::new(Code::CheckFailed, "the token has no rights at all", next));
    }
    let quorum = if status.is_quorate() { "quorate" } else { "NO QUORUM" };
    Ok(format!(
        "Proxmox VE {version}, {} nodes, {quorum}; the token has rights on {} paths",
        status.members.len(),
        rights.len()
    ))
}

async fn repository(config: &Config) -> Result<String, Failure> {
    let git = crate::repository::open(config.agent()?)?;
    let tip = git.tip().await.map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    Ok(match tip {
        Some(tip) => format!("{}, is at {}", git.describe(), tip.get(..8).unwrap_or(&tip)),
        None => format!("{}, has no commit yet", git.describe()),
    })
}
