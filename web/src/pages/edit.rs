//! A new declaration, or a new text for one.

use crate::frame::Frame;
use crate::parts::{Guard, Kind};
use askama::Template;
use domain::limits::{TEXT_BYTES_MAX, TITLE_CHARS_MAX};

#[derive(Template)]
#[template(path = "pages/edit.html")]
pub struct EditPage {
    pub f: Frame,
    pub id: String,
    /// The declaration exists already.
    pub existing: bool,
    /// The declaration that the text is a new version of: id and number.
    pub follows: Option<(String, i64)>,
    pub title: String,
    pub text: String,
    /// What is wrong with the text, in the words of the page.
    pub error: Option<String>,
    pub guard: Guard,
    pub examples: Vec<&'static str>,
}

impl EditPage {
    fn action(&self) -> String {
        if self.existing { format!("/declarations/{}", self.id) } else { "/declarations".into() }
    }
}

/// Sentences to try, shown beside the empty text.
pub const EXAMPLES: [&str; 4] = [
    "Three Ubuntu VMs for Kubernetes, named k8s-1 to k8s-3, with 4 cores, 8 GiB memory and a 40 GiB disk each, spread over the nodes.",
    "A Debian container called dns with 1 core and 512 MiB. Start it on boot.",
    "Give the VM web-old 4 cores and 8 GiB of memory.",
    "Add the NFS share 10.0.20.5:/tank/backup as storage nas-backup for backups on all nodes.",
];
