//! The plan tried on a model of the cluster: what cannot work is refused here, with its reason.

use super::NoPlan;
use super::context::Context;
use super::draft::Draft;
use super::sentence;
use crate::observation::Observation;
use crate::plan::rehearsal::{Rehearsal, rehearse};

/// The prediction, and the whole cluster as it would be.
pub(super) fn draft(context: &Context<'_>, draft: &Draft) -> Result<(Rehearsal, Observation), NoPlan> {
    let seen = context.seen();
    let (rehearsal, end) = rehearse(&draft.steps, seen).map_err(|stumble| {
        let what = draft.steps.iter().find(|step| step.no == stumble.step).map(|step| step.subject.words());
        NoPlan::new(
            format!(
                "Tried on a model of the cluster, step {} for {} ({}) does not work: {}.",
                stumble.step,
                what.unwrap_or_default(),
                stumble.purpose,
                stumble.why
            ),
            "Nothing was changed. Say it in two declarations, one after the other, or look at the guest first.",
        )
    })?;
    overcommitted(context, &rehearsal)?;
    Ok((rehearsal, end))
}

/// Memory promised beyond what a node has, with the sum that shows it.
fn overcommitted(context: &Context<'_>, rehearsal: &Rehearsal) -> Result<(), NoPlan> {
    if context.house().policy.over_memory != "refuse" {
        return Ok(());
    }
    for node in &rehearsal.nodes {
        if node.promised_after_mib > node.memory_mib && node.promised_after_mib > node.promised_before_mib {
            return Err(NoPlan::new(
                format!(
                    "{} has {} of memory; running guests have {} of it, and with this plan they would have {}.",
                    node.name,
                    sentence::memory(node.memory_mib),
                    sentence::memory(node.promised_before_mib),
                    sentence::memory(node.promised_after_mib)
                ),
                "Ask for less, name another node, or make room first.",
            ));
        }
    }
    Ok(())
}
