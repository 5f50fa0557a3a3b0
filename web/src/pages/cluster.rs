//! "What is really there, and does it match?": nodes, storages, guests.

use super::Live;
use crate::frame::Frame;
use crate::parts::{Ago, Badge, Bar, Kind, Message};
use crate::words;
use askama::{Template, filters::HtmlSafe};

#[derive(Template)]
#[template(path = "pages/cluster.html")]
pub struct ClusterPage {
    pub f: Frame,
    pub name: String,
    pub picture: PictureRegion,
}

#[derive(Template)]
#[template(path = "regions/cluster.html")]
pub struct PictureRegion {
    pub seen: Option<Ago>,
    pub lede: String,
    pub messages: Vec<Message>,
    pub nodes: Vec<Node>,
    pub storages: Vec<Storage>,
    pub guests: Vec<Guest>,
    /// Fields that differ and that nobody left alone.
    pub drift: usize,
}
impl HtmlSafe for PictureRegion {}

pub struct Node {
    pub name: String,
    pub badge: Badge,
    pub threads: u32,
    pub memory: String,
    pub bar: Bar,
    pub address: String,
    pub guests: usize,
}

pub struct Storage {
    pub id: String,
    pub kind: String,
    pub content: String,
    pub nodes: String,
    pub free: String,
}

pub struct Guest {
    pub vmid: u32,
    pub name: String,
    pub kind: &'static str,
    pub node: String,
    /// In step, drifted, not declared, missing, cannot tell.
    pub matches: Badge,
    /// Running, stopped, …
    pub health: Badge,
    /// Id and title of the declaration.
    pub declared_by: Option<(String, String)>,
}

impl Live for ClusterPage {
    fn regions(&self) -> Result<Vec<(&'static str, String)>, askama::Error> {
        Ok(vec![("picture", self.picture.render()?)])
    }
}
