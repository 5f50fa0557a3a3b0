//! What our token lacks for the calls of the plan, named before anybody approves it.

use super::NoPlan;
use super::context::Context;
use super::draft::Draft;
use crate::contract::Missing;
use crate::contract::rights;
use crate::plan::{HazardKind, NoteKind, Rights};

/// Shown where our token's name is not known.
const SOME_TOKEN: &str = "mycopod@pve!agent";

pub(super) fn gap(context: &Context<'_>, draft: &mut Draft) -> Result<Rights, NoPlan> {
    let around = &context.seen().around;
    let Some(held) = &around.rights else {
        draft.note(NoteKind::Assumes, "The rights of the token were not read; Proxmox decides them.", None);
        return Ok(Rights::default());
    };
    let calls = draft.steps.iter().flat_map(|step| &step.calls);
    let missing = rights::missing_in(calls, held);
    if missing.iter().any(Missing::is_root_only) {
        let step = draft.steps.iter().find(|step| {
            step.calls.iter().any(|call| rights::missing(call, held).iter().any(Missing::is_root_only))
        });
        let what =
            step.map(|step| format!("Step {} ({})", step.no, step.subject.words())).unwrap_or_default();
        return Err(NoPlan::new(
            format!("{what} is something Proxmox allows only to root@pam, which no token ever is."),
            "Do that part in Proxmox itself, signed in as root, and leave it out of the text.",
        ));
    }
    if missing.is_empty() {
        return Ok(Rights::default());
    }
    let token = around.token.as_deref().unwrap_or(SOME_TOKEN);
    let commands = rights::commands(&missing, token);
    let named: Vec<String> = missing.iter().map(ToString::to_string).collect();
    draft.hazard(
        HazardKind::Caution,
        format!(
            "The token lacks rights for this plan: {}. It cannot be approved until they are given.",
            named.join("; ")
        ),
        None,
    );
    Ok(Rights { missing, commands })
}
