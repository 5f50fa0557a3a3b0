//! Which steps may be under way at once: the order the plan asks for, and what the cluster bears.
//!
//! Copies of one template queue on its lock and time out, so one at a time; two disks are written to one storage at once;
//! a node works on a few guests. What these hold is counted from the steps and how far they are, so a restart changes
//! nothing.
//!
//! Never here: choosing the order of a plan. `after` in its steps does that; this adds only what would be unsafe otherwise.

use crate::interpretation::GuestKind;
use crate::limits::{STEPS_AT_ONCE_MAX, STEPS_PER_NODE_MAX, STEPS_PER_STORAGE_MAX};
use crate::plan::{Condition, Step, StepVerb, Verb};

/// Something a step holds while it is under way, and how many may hold it at once.
pub(super) type Claim = (String, usize);

/// What a step holds while it is at its call number `call`.
pub(super) fn claims(step: &Step, call: usize) -> Vec<Claim> {
    if step.calls.is_empty() {
        return vec![];
    }
    let mut claims = vec![("run".to_owned(), STEPS_AT_ONCE_MAX)];
    // The first call of a step that makes a guest copies it; the others set it up and leave what it was copied from alone.
    if step.verb != StepVerb::Create || call == 0 {
        claims.push((step.lane.clone(), 1));
    }
    claims.extend(step.subject.vmid.map(|vmid| (format!("guest {vmid}"), 1)));
    claims.extend(step.subject.node.as_ref().map(|node| (format!("node {node}"), STEPS_PER_NODE_MAX)));
    claims.extend(storages(step).into_iter().map(|id| (format!("disks on {id}"), STEPS_PER_STORAGE_MAX)));
    claims.sort();
    claims.dedup_by(|a, b| a.0 == b.0);
    claims
}

/// Storages on which the step makes disks.
fn storages(step: &Step) -> Vec<String> {
    let mut storages = Vec::new();
    for call in step.calls.iter().filter(|call| call.verb == Verb::Post) {
        let Condition::GuestExists { kind, .. } = &call.done_when else { continue };
        storages.extend(call.args.get("storage").cloned());
        for (key, value) in &call.args {
            let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
            let disk = match kind {
                GuestKind::Vm => stem.len() < key.len() && ["scsi", "virtio", "sata"].contains(&stem),
                GuestKind::Container => key == "rootfs" || (stem == "mp" && stem.len() < key.len()),
            };
            let storage = value.split_once(':').filter(|_| disk).map(|(storage, _)| storage.to_owned());
            storages.extend(storage);
        }
    }
    storages
}

/// Indices of the steps that must be through before this one begins.
pub(super) fn before(steps: &[Step], index: usize) -> Vec<usize> {
    let Some(step) = steps.get(index) else { return vec![] };
    let mut before: Vec<usize> =
        step.after.iter().filter_map(|no| steps.iter().position(|s| s.no == *no)).collect();
    for (earlier, other) in steps.iter().enumerate().take(index) {
        let same_guest = step.subject.vmid.is_some() && step.subject.vmid == other.subject.vmid;
        // What is destroyed goes last: steps before it may still need it. Guests may need any storage set up before.
        let ordered = step.verb == StepVerb::Destroy || other.subject.vmid.is_none();
        if (same_guest || ordered) && !before.contains(&earlier) {
            before.push(earlier);
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn two_copies_of_one_template_hold_the_same_lane() {
        let mut plan = sample::plan("text", 1);
        plan.steps[0].lane = "template 9000".into();
        assert!(claims(&plan.steps[0], 0).contains(&("template 9000".to_owned(), 1)));
        assert!(claims(&plan.steps[0], 0).contains(&("guest 200".to_owned(), 1)));
    }

    #[test]
    fn a_copy_that_is_made_leaves_its_template_to_the_next_and_keeps_everything_else() {
        let mut plan = sample::plan("text", 1);
        plan.steps[0].lane = "template 9000".into();
        assert_eq!(plan.steps[0].verb, StepVerb::Create);
        let (copying, set_up) = (claims(&plan.steps[0], 0), claims(&plan.steps[0], 1));
        let left: Vec<&Claim> = copying.iter().filter(|claim| !set_up.contains(claim)).collect();
        assert_eq!(left, [&("template 9000".to_owned(), 1)]);
        // Only what makes a guest: another kind of step keeps its lane to its end.
        plan.steps[0].verb = StepVerb::Change;
        assert_eq!(claims(&plan.steps[0], 1), claims(&plan.steps[0], 0));
    }

    #[test]
    fn what_destroys_waits_for_all_before_it() {
        let mut plan = sample::plan("text", 1);
        plan.steps[1].subject.vmid = Some(201);
        assert!(before(&plan.steps, 1).is_empty());
        plan.steps[1].verb = StepVerb::Destroy;
        assert_eq!(before(&plan.steps, 1), [0]);
    }
}
