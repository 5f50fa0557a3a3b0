//! How it would be afterwards: the rehearsal's nodes, storages and guests, and how the prediction did.

use crate::parts::{Badge, Bar, Kind};
use crate::words;
use domain::plan::Rehearsal;
use domain::plan::rehearsal::{NodeAfter, Score};

/// What is predicted for the cluster afterwards.
pub struct RehearsalView {
    pub nodes: Vec<NodeView>,
    pub storages: Vec<StorageView>,
    pub guests: Vec<GuestView>,
    pub blinks: Vec<(String, u32)>,
    pub quorum: String,
}

pub struct ScoreView {
    pub badge: Badge,
    pub words: String,
    pub wrong: Vec<String>,
}

impl ScoreView {
    pub fn of(score: &Score) -> Self {
        let kind = if score.wrong.is_empty() { Kind::Good } else { Kind::Waiting };
        let word = if score.wrong.is_empty() { "came true" } else { "differs" };
        let wrong = score.wrong.iter().map(|wrong| {
            format!(
                "Guest {}, {}: {} predicted, {} seen.",
                wrong.vmid, wrong.field, wrong.predicted, wrong.seen
            )
        });
        Self {
            badge: Badge::new(kind, word),
            words: format!("After the run {} of {} predicted fields were so.", score.right, score.fields),
            wrong: wrong.collect(),
        }
    }
}

pub struct NodeView {
    pub name: String,
    pub memory: String,
    pub before: String,
    pub after: String,
    pub running: u32,
    pub bar: Bar,
}

pub struct StorageView {
    pub place: String,
    pub before: String,
    pub after: String,
}

pub struct GuestView {
    pub name: String,
    pub node: String,
    pub power: &'static str,
    pub size: String,
}

pub(super) fn rehearsal(of: &Rehearsal) -> RehearsalView {
    let quorum = &of.quorum;
    let spare = quorum.online.saturating_sub(quorum.needed);
    RehearsalView {
        nodes: of.nodes.iter().map(node).collect(),
        storages: of
            .storages
            .iter()
            .map(|store| StorageView {
                place: store.node.as_ref().map_or(store.id.clone(), |node| format!("{} on {node}", store.id)),
                before: format!(
                    "{} GiB",
                    words::number(i64::try_from(store.free_before_gib).unwrap_or(i64::MAX))
                ),
                after: format!(
                    "{} GiB",
                    words::number(i64::try_from(store.free_after_gib).unwrap_or(i64::MAX))
                ),
            })
            .collect(),
        guests: of
            .guests
            .iter()
            .map(|guest| GuestView {
                name: format!("{} ({})", guest.name, guest.vmid),
                node: guest.node.clone(),
                power: if guest.running { "running" } else { "stopped" },
                size: format!(
                    "{}, {}, {} GiB of disk",
                    words::counted(guest.cores as usize, "core"),
                    words::memory(guest.memory_mib),
                    guest.disk_gib
                ),
            })
            .collect(),
        blinks: of.blinks.iter().map(|blink| (blink.guest.clone(), blink.step)).collect(),
        quorum: match (quorum.nodes, spare) {
            (0 | 1, _) => "One node: there is no quorum to keep.".to_owned(),
            (nodes, 0) => format!(
                "{} of {nodes} nodes are online and all of them are needed: losing one stops the cluster.",
                quorum.online
            ),
            (nodes, spare) => format!(
                "{} of {nodes} nodes are online and {} are needed; {spare} may be lost. The plan changes none of that.",
                quorum.online, quorum.needed
            ),
        },
    }
}

fn node(of: &NodeAfter) -> NodeView {
    NodeView {
        name: of.name.clone(),
        memory: words::memory(of.memory_mib),
        before: words::memory(of.free_before_mib()),
        after: words::memory(of.free_after_mib()),
        running: of.running,
        bar: Bar::of(
            of.promised_after_mib,
            of.memory_mib,
            if of.free_after_mib() * 10 < of.memory_mib { "bad" } else { "good" },
        ),
    }
}
