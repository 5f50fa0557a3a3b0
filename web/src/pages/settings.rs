//! "Is MycoPod set up well?": people, rules, system. Admins only.

use crate::frame::Frame;
use crate::parts::{Ago, Badge, Guard, Kind};
use crate::words;
use askama::Template;
use domain::limits::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};

/// The tabs above each settings page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Proxmox,
    GitHub,
    Model,
    People,
    Rules,
    Repository,
    System,
}

impl Tab {
    pub const ALL: [(Tab, &'static str, &'static str); 7] = [
        (Self::Proxmox, "/settings/proxmox", "Proxmox"),
        (Self::GitHub, "/settings/github", "GitHub"),
        (Self::Model, "/settings/model", "Model"),
        (Self::People, "/settings/people", "People"),
        (Self::Rules, "/settings/rules", "Rules"),
        (Self::Repository, "/settings/repository", "Repository"),
        (Self::System, "/settings/system", "System"),
    ];
}

#[derive(Template)]
#[template(path = "pages/people.html")]
pub struct PeoplePage {
    pub f: Frame,
    pub tab: Tab,
    pub people: Vec<Person>,
    pub add: Guard,
    /// What was typed into the form, after an error.
    pub typed_name: String,
    pub typed_role: String,
    pub error: Option<(Wrong, String)>,
}

/// The field an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Name,
    Password,
}

pub struct Person {
    pub id: String,
    pub name: String,
    pub badge: Badge,
    pub is_admin: bool,
    pub disabled: bool,
    /// The one who looks at the page.
    pub me: bool,
    pub signed_in: Option<Ago>,
    pub role: Guard,
    pub able: Guard,
}

#[derive(Template)]
#[template(path = "pages/rules.html")]
pub struct RulesPage {
    pub f: Frame,
    pub tab: Tab,
    pub frozen: Option<Frozen>,
    pub freeze: Guard,
    pub refresh: Guard,
    pub save: Guard,
    pub rules: Option<RulesForm>,
    pub error: Option<String>,
    pub repository: RepositoryCard,
    /// Name and value of each house rule, to read.
    pub house: Vec<(String, String)>,
}

pub struct Frozen {
    pub why: String,
    pub by: String,
    pub at: Option<Ago>,
}

/// As typed: numbers stay text, so that what was wrong can be shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesForm {
    pub vmid_first: String,
    pub vmid_last: String,
    pub protected: String,
    pub poll_interval_s: String,
    pub observe_interval_s: String,
    /// report, ask or heal.
    pub drift: String,
    pub nodes: String,
    pub storages: String,
    pub vlans: String,
    pub addresses: String,
    pub guests_max: String,
    pub cores_max: String,
    pub memory_gib_max: String,
    pub disk_gib_max: String,
    pub destroys_max: String,
    pub own_plans: String,
    pub linked_clones: bool,
}

pub struct RepositoryCard {
    pub badge: Badge,
    pub words: String,
    pub last: String,
    pub quarantined: Vec<QuarantineLine>,
}

pub struct QuarantineLine {
    pub commit: String,
    pub subject: String,
    pub author: String,
    pub why: &'static str,
    pub detail: String,
}

#[derive(Template)]
#[template(path = "pages/system.html")]
pub struct SystemPage {
    pub f: Frame,
    pub tab: Tab,
    pub position: String,
    pub projections: Vec<Projection>,
    pub cards: Vec<Card>,
    pub credentials: Vec<(String, String)>,
}

pub struct Projection {
    pub name: String,
    pub position: String,
    pub lag: String,
    pub badge: Badge,
}

/// One connection: its state, the last success, what helps.
pub struct Card {
    pub title: String,
    pub badge: Badge,
    pub words: String,
    pub advice: String,
}

/// Why a commit was set aside, in words.
pub fn quarantine_words(why: domain::repository::Quarantine) -> &'static str {
    use domain::repository::Quarantine as Q;
    match why {
        Q::EnglishEdited => "the English changed without an approval",
        Q::LockEdited => "the lock file changed without an approval",
        Q::BothEdited => "English and lock file changed without an approval",
        Q::FileDeleted => "a file was deleted",
        Q::UnknownApproval => "it names an approval that is not known or was used before",
        Q::HistoryRewritten => "commits seen before are no longer part of the branch",
        Q::Unreadable => "a file cannot be read",
    }
}
