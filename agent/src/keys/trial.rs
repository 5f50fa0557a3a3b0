//! Trying a credential against what it is for, one check after the other, each an event as soon as it is known.
//!
//! Begin with [`Trials::run`]. Only reading: nothing is changed anywhere to find out whether it could be.

use super::{Keeper, Settled};
use crate::api::Api;
use crate::log::LogError;
use domain::contract::Missing;
use domain::contract::rights::{self, Held};
use domain::event::Category;
use domain::ids::SETTINGS;
use domain::settings::{Check, Command, Outcome, Service, Settings, credential};
use proxmox::{CallError, Release};
use std::sync::Arc;

/// Tests of credentials on request.
pub struct Trials {
    pub keeper: Keeper,
    pub api: Arc<Api>,
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
        match credential(name).map(|credential| credential.service) {
            Some(Service::Proxmox) => self.proxmox(name).await,
            _ => self.noted(name, Step::Last(no_test())).await.map(drop),
        }
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
        let used = if self.api.token().contains('!') { "proxmox-token" } else { "proxmox-password" };
        if name != used {
            let found = format!("the configuration signs in with {used}");
            let next = vec!["Change agent.proxmox.token, or remove this one.".into()];
            return self.noted(name, Step::Last(failed("In use", found, next))).await.map(drop);
        }
        let connected = self.connected().await;
        if !self.noted(name, connected).await? {
            return Ok(());
        }
        self.noted(name, Step::On(self.quorum().await)).await?;
        self.noted(name, Step::Last(self.rights().await)).await.map(drop)
    }

    /// Address, certificate, sign-in and release: the first answer says all of it.
    async fn connected(&self) -> Step {
        let version = match self.api.client().version().await {
            Ok(version) => version.version.unwrap_or_default(),
            Err(error) => return Step::Last(trouble("Sign-in", &error)),
        };
        match Release::known(&version) {
            Ok(release) => Step::On(passed("Sign-in", format!("accepted by Proxmox VE {release}"))),
            Err(error) => Step::Last(failed("Release", error.to_string(), vec![error.advice()])),
        }
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

fn no_test() -> Check {
    let found = "the Agent cannot try this one".into();
    Check { what: "Test".into(), outcome: Outcome::Noted, found, next: Vec::new() }
}
