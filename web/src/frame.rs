//! What stands around every page: header, navigation, banner, message, footer.

use crate::parts::{Guard, Kind, Message};
use crate::words;
use chrono::{DateTime, Utc};
use domain::account::Role;
use uuid::Uuid;

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    #[default]
    None,
    Overview,
    Declarations,
    Approvals,
    Runs,
    Cluster,
    History,
    Settings,
    Account,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    pub name: String,
    pub role: Role,
}

/// One line under the header: the worst thing one must know on every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    pub kind: Kind,
    pub text: String,
    pub link: Option<(&'static str, &'static str)>,
}

/// The state of one connection in a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dot {
    pub kind: Kind,
    pub text: String,
}

/// How the page freshens when scripts are off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The page with the refreshing switched off.
    pub stop: String,
}

/// The moment that a look into the past shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then {
    /// The last event that counts.
    pub position: i64,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct Frame {
    /// Without the product name.
    pub title: String,
    pub here: Section,
    pub me: Option<Me>,
    /// The session's token against forged requests; empty before sign-in.
    pub csrf: String,
    pub banner: Option<Banner>,
    pub message: Option<Message>,
    /// Plans that wait for an Admin.
    pub approvals: usize,
    pub dots: Vec<Dot>,
    /// Position of the log, and how far the pages are behind it.
    pub position: i64,
    pub lag: i64,
    pub now: DateTime<Utc>,
    /// The address of this page's live stream.
    pub live: Option<String>,
    pub refresh: Option<Refresh>,
    /// The page shows an earlier moment: nothing on it moves or can be sent.
    pub then: Option<Then>,
    /// What idempotency keys of this page are derived from: the session's own random id.
    pub seed: Uuid,
}

impl Frame {
    pub fn new(title: impl Into<String>, here: Section, now: DateTime<Utc>) -> Self {
        Self {
            title: title.into(),
            here,
            me: None,
            csrf: String::new(),
            banner: None,
            message: None,
            approvals: 0,
            dots: Vec::new(),
            position: 0,
            lag: 0,
            now,
            live: None,
            refresh: None,
            then: None,
            seed: Uuid::nil(),
        }
    }

    /// The address of the page's live stream, if it has one and shows today.
    pub(crate) fn stream(&self) -> Option<&str> {
        self.live.as_deref().filter(|_| self.then.is_none())
    }

    pub(crate) fn refreshing(&self) -> Option<&Refresh> {
        self.refresh.as_ref().filter(|_| self.then.is_none())
    }

    pub fn is_admin(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.role == Role::Admin)
    }

    /// The hidden fields of a form. The same action on the same version of a thing has the same key, so it is
    /// done once, however often it is sent, and a page drawn again does not differ by its keys.
    pub fn guard(&self, action: &str, version: i64) -> Guard {
        let key = Uuid::new_v5(&self.seed, format!("{action}@{version}").as_bytes());
        Guard { csrf: self.csrf.clone(), key }
    }

    /// The entries of the navigation for this role.
    pub(crate) fn entries(&self) -> Vec<(Section, &'static str, &'static str)> {
        let mut entries = Vec::new();
        if self.is_admin() {
            entries.push((Section::Overview, "/overview", "Overview"));
        }
        entries.push((Section::Declarations, "/declarations", "Declarations"));
        if self.is_admin() {
            entries.push((Section::Approvals, "/approvals", "Approvals"));
        }
        entries.push((Section::Runs, "/runs", "Runs"));
        entries.push((Section::Cluster, "/cluster", "Cluster"));
        entries.push((Section::History, "/history", "History"));
        if self.is_admin() {
            entries.push((Section::Settings, "/settings", "Settings"));
        }
        entries
    }

    pub(crate) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    pub(crate) fn log_words(&self) -> String {
        if let Some(then) = &self.then {
            return format!("As it was at log position {}", words::number(then.position));
        }
        match self.lag {
            0 => format!("Log position {}, pages up to date", words::number(self.position)),
            lag => format!(
                "Log position {}, pages {} events behind",
                words::number(self.position),
                words::number(lag)
            ),
        }
    }
}
