//! Help: how work goes, in the words of the pages.

use crate::frame::Frame;
use crate::parts::{Badge, Kind};
use askama::Template;

#[derive(Template)]
#[template(path = "pages/help.html")]
pub struct HelpPage {
    pub f: Frame,
}

impl HelpPage {
    fn badges(&self) -> [(Badge, &'static str); 7] {
        [
            (Badge::new(Kind::Good, "in step"), "what was asked for holds"),
            (Badge::new(Kind::Active, "running"), "being done now"),
            (Badge::new(Kind::Waiting, "awaiting approval"), "waits for a person or a time"),
            (Badge::new(Kind::Bad, "failed"), "ended without its result"),
            (Badge::new(Kind::Calm, "draft"), "nothing is asked of anybody"),
            (Badge::new(Kind::Drift, "drifted"), "the cluster differs from what was declared"),
            (Badge::new(Kind::Unknown, "cannot tell"), "could not be read, so nothing is claimed"),
        ]
    }
}
