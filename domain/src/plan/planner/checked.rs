//! The last look at a draft: every call must pass the API contract, and the plan must be of bounded size.

use super::NoPlan;
use super::draft::Draft;
use crate::contract::Contract;
use crate::limits::{CALLS_MAX, STEPS_MAX};
use crate::plan::{Call, Reverse, Verb};

pub(super) fn draft(draft: &Draft) -> Result<(), NoPlan> {
    let calls: usize = draft.steps.iter().map(|step| step.calls.len()).sum();
    if draft.steps.len() > STEPS_MAX || calls > CALLS_MAX {
        return Err(NoPlan::new(
            format!("The plan would have {} steps and {calls} calls.", draft.steps.len()),
            format!("Ask for less at once: a plan has at most {STEPS_MAX} steps and {CALLS_MAX} calls."),
        ));
    }
    for step in &draft.steps {
        step.calls.iter().try_for_each(checked)?;
        if let Reverse::Calls { calls, .. } = &step.reverse {
            calls.iter().try_for_each(checked)?;
        }
    }
    Ok(())
}

/// A call that the contract refuses is an error of the planner, or a value no rule has caught: it is never sent.
fn checked(call: &Call) -> Result<(), NoPlan> {
    if call.verb == Verb::Get {
        return Err(NoPlan::new(format!("A plan changes things, and {} only reads.", call.shown()), REPORT));
    }
    Contract::v8_4().check(call.verb.as_str(), &call.path, &call.args).map_err(|violations| {
        let all: Vec<String> =
            violations.iter().map(|violation| violation.to_string().trim().to_owned()).collect();
        NoPlan::new(
            format!("Proxmox would refuse {} {}: {}.", call.verb.as_str(), call.path, all.join("; ")),
            REPORT,
        )
    })
}

const REPORT: &str =
    "If a value in your text is unusual, write it another way. Otherwise this is an error in MycoPod.";
