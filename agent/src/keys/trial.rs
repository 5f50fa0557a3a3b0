//! Trying a credential against what it is for, one check after the other, each an event as soon as it is known.
//!
//! Begin with [`Trials::run`]. Only reading: nothing is changed anywhere to find out whether it could be.

use super::{Keeper, Settled};
use crate::api::Api;
use crate::log::LogError;
use crate::repository::Repository;
use domain::contract::Missing;
use domain::contract::rights::{self, Held};
use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::{Check, Command, Outcome, Service, Settings, credential};
use interpreter::Interpreter;
use proxmox::transport::Transport;
use proxmox::{CallError, Client, Release};
use std::sync::Arc;

/// Tests of credentials on request.
pub struct Trials {
    pub keeper: Keeper,
    pub api: Arc<Api>,
    pub repository: Arc<dyn Repository>,
    pub interpreter: Arc<dyn Interpreter>,
    /// Names of the credentials that the configuration uses.
    pub in_use: Vec<String>,
}

/// Whether the test goes on after a check.
enum Step {
    On(Check),
    Last(Check),
}

impl Trials {
    /// Carries out the test of one credential that was asked for. A test that was cut off begins again.
    pub async fn run(&self, name: &str) -> Result<(), LogError> {
        let looked = self.look(name).await;
        match looked {
            // A test that was cut off too often has no room for more checks; it ends all the same.
            Ok(()) | Err(LogError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        match self.record(Command::EndTest { name: name.to_owned() }).await {
            Ok(()) | Err(LogError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn look(&self, name: &str) -> Result<(), LogError> {
        // The newest value is tried, also where it was stored a moment ago by another process.
        if let Err(error) = self.keeper.look(Settled::Everything).await {
            tracing::warn!(%error, "the credentials cannot be looked at");
        }
        if !self.noted(name, self.file(name)).await? {
            return Ok(());
        }
        let Some(service) = credential(name).map(|credential| credential.service) else { return Ok(()) };
        if !self.in_use.iter().any(|used| used == name) {
            return self.noted(name, Step::Last(self.unused(service))).await.map(drop);
        }
        let checks = match service {
            Service::Proxmox => return self.proxmox(name).await,
            Service::Repository => self.repository.examine().await,
            Service::Model => self.interpreter.examine().await,
        };
        for check in checks {
            self.noted(name, Step::On(check)).await?;
        }
        Ok(())
    }

    /// True if the test goes on.
    async fn noted(&self, name: &str, step: Step) -> Result<bool, LogError> {
        let (check, on) = match step {
            Step::On(check) => (check, true),
            Step::Last(check) => (check, false),
        };
        self.record(Command::NoteCheck { name: name.to_owned(), check }).await?;
        Ok(on)
    }

    async fn record(&self, command: Command) -> Result<(), LogError> {
        let log = self.keeper.log();
        log.handle::<Settings>(Category::Settings, SETTINGS, command, None).await.map(drop)
    }

    fn file(&self, name: &str) -> Step {
        match self.keeper.folder().read_text(name) {
            Ok(value) if value.expose().is_empty() => {
                Step::Last(failed("Key file", "it is empty".into(), vec!["Store it again.".into()]))
            }
            Ok(_) => Step::On(passed("Key file", "can be read by the Agent alone".into())),
            Err(error) => Step::Last(failed("Key file", error.to_string(), vec![error.advice()])),
        }
    }

    async fn proxmox(&self, name: &str) -> Result<(), LogError> {
        // Address, certificate, sign-in and release: the first answer says all of it.
        let connected = signed_in(self.api.client()).await;
        let on = connected.outcome != Outcome::Failed;
        self.noted(name, Step::On(connected)).await?;
        if !on {
            return Ok(());
        }
        self.noted(name, Step::On(self.quorum().await)).await?;
        self.noted(name, Step::Last(self.rights().await)).await.map(drop)
    }

    /// What the configuration uses in place of a credential that it does not.
    fn unused(&self, service: Service) -> Check {
        let (instead, otherwise, setting) = match service {
            Service::Proxmox => ("signs in to the cluster with", "", "agent.proxmox.token"),
            Service::Repository => {
                ("signs in to GitHub with", "names a repository on this machine", "agent.repository")
            }
            Service::Model => ("asks a model with", "reads texts without a model", "agent.interpreter"),
        };
        let serves = |name: &&String| {
            // A name of the owner's own can only be that of a token of GitHub.
            credential(name).map_or(service == Service::Repository, |other| other.service == service)
        };
        let found = match self.in_use.iter().filter(serves).map(String::as_str).next() {
            Some(used) => format!("no: the configuration {instead} {used}"),
            None => format!("no: the configuration {otherwise}"),
        };
        let next =
            format!("Change {setting} in the Agent's configuration and restart it, or remove this one.");
        failed("In use", found, vec![next])
    }

    async fn quorum(&self) -> Check {
        match self.api.client().cluster_status().await {
            Ok(status) if status.is_quorate() => {
                passed("Cluster", format!("{} nodes, quorate", status.members.len()))
            }
            Ok(status) => failed(
                "Cluster",
                format!("{} nodes and no quorum: nothing can be changed", status.members.len()),
                vec!["Start the missing nodes.".into()],
            ),
            Err(error) => trouble("Cluster", &error),
        }
    }

    /// What the role of `docs/proxmox.md` holds and this token does not, with the commands that grant it.
    async fn rights(&self) -> Check {
        let held = match self.api.client().permissions().await {
            Ok(held) => Held::from_map(held),
            Err(error) => return trouble("Rights", &error),
        };
        let token = self.api.token();
        if held.is_empty() {
            return failed("Rights", "it has none at all".into(), rights::recipe(token));
        }
        let privs: Vec<String> = rights::never_held(&held).into_iter().map(str::to_owned).collect();
        if privs.is_empty() {
            return passed("Rights", "every right that a plan may need".into());
        }
        let found =
            format!("missing: {}. A plan that needs one says so and is not started", privs.join(", "));
        let missing = [Missing { path: "/".into(), privs, any: false }];
        let next = rights::commands(&missing, token);
        Check { what: "Rights".into(), outcome: Outcome::Noted, found, next }
    }
}

fn passed(what: &str, found: String) -> Check {
    Check { what: what.into(), outcome: Outcome::Passed, found, next: Vec::new() }
}

fn failed(what: &str, found: String, next: Vec<String>) -> Check {
    Check { what: what.into(), outcome: Outcome::Failed, found, next }
}

fn trouble(what: &str, error: &CallError) -> Check {
    failed(what, error.to_string(), vec![error.advice()])
}

/// Whether the cluster takes the credential, and is of a release that is known.
pub async fn signed_in<T: Transport>(client: &Client<T>) -> Check {
    let version = match client.version().await {
        Ok(version) => version.version.unwrap_or_default(),
        Err(error) => return trouble("Sign-in", &error),
    };
    match Release::known(&version) {
        Ok(release) => passed("Sign-in", format!("accepted by Proxmox VE {release}")),
        Err(error) => failed("Release", error.to_string(), vec![error.advice()]),
    }
}
