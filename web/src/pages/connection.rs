//! "Is this connection set up well?": one service, its credentials, how their tests went, and forms to change them.
//! Admins only. A credential is a name, a keyed fingerprint and an age here; its content is never shown.

use super::Live;
use super::settings::Tab;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Copy, Guard, Kind, Message};
use askama::{Template, filters::HtmlSafe};
use domain::settings::Service;

#[derive(Template)]
#[template(path = "pages/connection.html")]
pub struct ConnectionPage {
    pub f: Frame,
    pub tab: Tab,
    /// What this service is for, in one line.
    pub lede: String,
    pub state: StateRegion,
    /// Forms, where there is a channel to the Agent.
    pub forms: Vec<CredentialForm>,
    /// Why there are no forms, and what to do.
    pub no_channel: Option<Message>,
    /// What was wrong with what was sent, by the credential's name.
    pub error: Option<(String, Message)>,
    /// The same by command.
    pub commands: Vec<String>,
}

#[derive(Template)]
#[template(path = "regions/connection_state.html")]
pub struct StateRegion {
    pub title: &'static str,
    pub badge: Badge,
    pub words: String,
    pub advice: String,
    /// Name and value of what is known about the service.
    pub facts: Vec<(String, String)>,
    pub credentials: Vec<CredentialCard>,
}
impl HtmlSafe for StateRegion {}

/// A credential as the log knows it.
pub struct CredentialCard {
    pub name: String,
    pub title: &'static str,
    pub badge: Badge,
    /// None if it is not stored.
    pub stored: Option<Stored>,
    /// The newest test.
    pub test: Option<Test>,
    /// The button, where the Agent can try it and it is stored.
    pub ask: Option<Guard>,
}

pub struct Stored {
    pub fingerprint: String,
    pub at: Ago,
    pub by: String,
}

pub struct Test {
    pub words: String,
    pub at: Ago,
    pub checks: Vec<CheckLine>,
}

pub struct CheckLine {
    pub badge: Badge,
    pub what: String,
    pub found: String,
    /// Sentences to follow.
    pub advice: Vec<String>,
    /// Commands to copy, all of them at once.
    pub commands: Option<(String, Copy)>,
}

/// Storing, replacing and removing one credential.
pub struct CredentialForm {
    pub name: String,
    pub title: &'static str,
    pub is_stored: bool,
    pub open: bool,
    pub hint: &'static str,
    pub store: Guard,
    pub remove: Guard,
}

impl Live for ConnectionPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("state", self.state.render()?)])
    }
}

/// Address, title and tab of a service's page.
pub fn place(service: Service) -> (&'static str, &'static str, Tab) {
    match service {
        Service::Proxmox => ("/settings/proxmox", "Proxmox", Tab::Proxmox),
        Service::Repository => ("/settings/github", "GitHub", Tab::GitHub),
        Service::Model => ("/settings/model", "Model", Tab::Model),
    }
}

impl ConnectionPage {
    /// Whether the error is about this credential's field.
    fn is_wrong(&self, name: &str) -> bool {
        self.error.as_ref().is_some_and(|(about, _)| about == name)
    }
}

/// The badge of one check.
pub fn check_badge(outcome: domain::settings::Outcome) -> Badge {
    use domain::settings::Outcome;
    match outcome {
        Outcome::Passed => Badge::new(Kind::Good, "well"),
        Outcome::Noted => Badge::new(Kind::Waiting, "to note"),
        Outcome::Failed => Badge::new(Kind::Bad, "failed"),
    }
}
