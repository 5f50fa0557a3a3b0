//! One module per page. Each page is a template; pages that freshen by themselves name their [`Live`] regions.

pub mod account;
pub mod approvals;
pub mod cluster;
pub mod connection;
pub mod declaration;
pub mod declarations;
pub mod drift;
pub mod edit;
pub mod error;
pub mod guest;
pub mod help;
pub mod history;
pub mod overview;
pub mod plan;
pub mod repository;
pub mod reread;
pub mod run;
pub mod runs;
pub mod settings;
pub mod sign_in;
pub mod undo;

/// The parts of a page that a live stream sends again when they change: the region's name and its HTML, by the
/// very template that stands in the page.
pub trait Live {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error>;
}

/// Cuts a list into pages by the address: what was left out before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pager {
    pub newer: Option<String>,
    pub older: Option<String>,
}
