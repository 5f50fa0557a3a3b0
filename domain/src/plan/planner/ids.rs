//! Numbers for new guests: the lowest free ones of the owner's range, fixed in the plan.

use super::NoPlan;
use super::context::Context;
use crate::ids::Vmid;

/// As many free numbers as there are new guests, in ascending order. A number that a guest has, or that the log
/// still holds a claim for, is not free.
pub(super) fn free(context: &Context<'_>, count: usize) -> Result<Vec<Vmid>, NoPlan> {
    let rules = context.request.rules;
    let taken = |vmid: &Vmid| {
        context.seen().guests.contains_key(vmid) || context.request.cluster.claims.contains_key(vmid)
    };
    let free: Vec<Vmid> =
        (rules.vmid_first..=rules.vmid_last).filter(|vmid| !taken(vmid)).take(count).collect();
    if free.len() < count {
        return Err(NoPlan::new(
            format!(
                "{count} new guests need numbers, {} are free from {} to {}.",
                free.len(),
                rules.vmid_first,
                rules.vmid_last
            ),
            "An Admin can widen the range of guest numbers in Settings.",
        ));
    }
    Ok(free)
}
