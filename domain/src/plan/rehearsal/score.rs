//! The prediction against what was seen after the run: which fields came out as rehearsed.

use super::{GuestAfter, Rehearsal};
use crate::ids::Vmid;
use crate::observation::Observation;
use serde::{Deserialize, Serialize};

/// How a prediction did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Fields that were predicted.
    pub fields: u32,
    /// Fields that came out so.
    pub right: u32,
    /// Those that did not, each named.
    pub wrong: Vec<Wrong>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    pub vmid: Vmid,
    pub field: String,
    pub predicted: String,
    pub seen: String,
}

impl Score {
    fn field(&mut self, vmid: Vmid, field: &str, predicted: &str, seen: &str) {
        self.fields += 1;
        if predicted == seen {
            self.right += 1;
            return;
        }
        let (predicted, seen) = (predicted.to_owned(), seen.to_owned());
        self.wrong.push(Wrong { vmid, field: field.to_owned(), predicted, seen });
    }
}

/// Compares every predicted field with a picture taken after the run.
pub fn score(rehearsal: &Rehearsal, seen: &Observation) -> Score {
    let mut score = Score::default();
    for guest in &rehearsal.guests {
        let found = seen.guests.get(&guest.vmid).map(GuestAfter::of);
        let there = if found.is_some() { "there" } else { "gone" };
        score.field(guest.vmid, "presence", "there", there);
        let Some(found) = found else { continue };
        let words = |g: &GuestAfter| {
            [
                ("name", g.name.clone()),
                ("node", g.node.clone()),
                ("power", if g.running { "running" } else { "stopped" }.to_owned()),
                ("cores", g.cores.to_string()),
                ("memory", format!("{} MiB", g.memory_mib)),
                ("disk", format!("{} GiB", g.disk_gib)),
                ("storage", g.storage.clone().unwrap_or_else(|| "none".into())),
            ]
        };
        for ((field, predicted), (_, seen)) in words(guest).into_iter().zip(words(&found)) {
            score.field(guest.vmid, field, &predicted, &seen);
        }
    }
    for vmid in &rehearsal.gone {
        let there = if seen.guests.contains_key(vmid) { "there" } else { "gone" };
        score.field(*vmid, "presence", "gone", there);
    }
    score
}
