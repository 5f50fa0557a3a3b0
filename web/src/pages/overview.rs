//! "What needs me?": what waits for an Admin, what runs, how the cluster is, what happened lately.

use super::Live;
use super::history::Line;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Bar, Icon};
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "pages/overview.html")]
pub struct OverviewPage {
    pub f: Frame,
    pub needs: NeedsRegion,
    pub cluster: ClusterRegion,
    pub lately: LatelyRegion,
}

#[derive(Template)]
#[template(path = "regions/overview_needs.html")]
pub struct NeedsRegion {
    pub needs: Vec<Need>,
    pub running: Vec<Running>,
    /// When the cluster was looked at last.
    pub checked: Option<Ago>,
}
impl HtmlSafe for NeedsRegion {}

/// Something that waits, with its one button.
pub struct Need {
    pub badge: Badge,
    pub what: String,
    pub detail: String,
    pub at: Option<Ago>,
    pub href: String,
    pub button: String,
}

pub struct Running {
    pub no: u64,
    pub title: String,
    pub words: String,
    pub bar: Bar,
}

#[derive(Template)]
#[template(path = "regions/overview_cluster.html")]
pub struct ClusterRegion {
    pub nodes: Vec<NodeLine>,
    pub note: String,
}
impl HtmlSafe for ClusterRegion {}

pub struct NodeLine {
    pub name: String,
    pub badge: Badge,
    pub guests: String,
    pub memory: String,
    pub bar: Bar,
    pub storage: String,
}

#[derive(Template)]
#[template(path = "regions/overview_lately.html")]
pub struct LatelyRegion {
    pub lines: Vec<Line>,
}
impl HtmlSafe for LatelyRegion {}

impl Live for OverviewPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![
            ("needs", self.needs.render()?),
            ("cluster", self.cluster.render()?),
            ("lately", self.lately.render()?),
        ])
    }
}
