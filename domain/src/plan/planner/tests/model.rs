//! A plan carried out on the model of the cluster, as a run would: guards before, outcomes after, guests claimed.

use super::{DECLARATION, World};
use crate::cluster::{Event, Origin};
use crate::decider::Decider;
use crate::ids::RunId;
use crate::plan::Plan;
use crate::plan::rehearsal::{Model, claimed, take};
use uuid::Uuid;

impl World {
    /// Does everything the plan says, in order.
    pub(super) fn apply(&mut self, plan: &Plan) {
        let mut model = Model::new(self.seen.clone());
        for call in plan.steps.iter().flat_map(|step| &step.calls) {
            if let Err(why) = take(&mut model, call) {
                panic!("{}: {why}", call.shown());
            }
            let Some((vmid, kind, mark, adopted)) = claimed(call) else { continue };
            let run = RunId(Uuid::nil());
            let origin = match adopted {
                true => Origin::Adopted { declaration: DECLARATION, run },
                false => Origin::Made { declaration: DECLARATION, run },
            };
            let name = model.seen.guests[&vmid].name.clone();
            let claim = Event::GuestClaimed { vmid, name, kind, mark, origin };
            self.cluster = std::mem::take(&mut self.cluster).evolve(&claim);
        }
        self.seen = model.seen;
    }
}
