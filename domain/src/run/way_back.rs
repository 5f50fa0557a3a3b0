//! The way back of a run: a plan made from the reverses that were shown and sealed with the steps.
//!
//! A pure function of the run: the page shows it, the command makes it again and compares digests, so what is approved is
//! what was seen. It undoes what this run did, last first, one step after the other; what was already so stays.

use super::Run;
use crate::plan::{
    Effect, FieldChange, Hazard, HazardKind, Note, NoteKind, Plan, Reverse, Rights, Step, StepVerb,
};

/// The plan that undoes what the run did so far; none where nothing can be undone.
pub fn plan(run: &Run) -> Option<Plan> {
    let plan = run.plan.as_deref()?;
    let mut steps: Vec<Step> = Vec::new();
    let (mut hazards, mut notes) = (Vec::new(), Vec::new());
    for (step, state) in plan.steps.iter().zip(&run.progress).rev() {
        // A step that is half done is undone too, if a call of ours changed anything.
        if state.ours == 0 {
            continue;
        }
        match &step.reverse {
            Reverse::None { why } => notes.push(Note {
                kind: NoteKind::Warning,
                text: format!("Step {} stays: {why}", step.no),
                span: None,
            }),
            Reverse::Calls { sentence, loses_data, calls } => {
                let no = u32::try_from(steps.len()).unwrap_or(u32::MAX).saturating_add(1);
                if *loses_data {
                    hazards.push(Hazard {
                        kind: HazardKind::Destroys,
                        text: format!("{} will be gone for good.", step.subject.words()),
                        confirm: Some(step.subject.name.clone()),
                        step: Some(no),
                    });
                }
                steps.push(Step {
                    no,
                    verb: if *loses_data { StepVerb::Destroy } else { StepVerb::Change },
                    subject: step.subject.clone(),
                    sentence: sentence.clone(),
                    phrases: vec![],
                    after: steps.last().map(|before| before.no).into_iter().collect(),
                    lane: step.lane.clone(),
                    effect: if *loses_data { Effect::Destroys } else { step.effect },
                    time: step.time,
                    changes: step.changes.iter().map(back).collect(),
                    calls: calls.clone(),
                    reverse: Reverse::None { why: "it is itself the way back.".into() },
                });
            }
        }
    }
    if steps.is_empty() {
        return None;
    }
    // Predictions and rights were those of the way there.
    Some(Plan { steps, hazards, notes, rights: Rights::default(), rehearsal: None, ..plan.clone() })
}

fn back(change: &FieldChange) -> FieldChange {
    FieldChange { before: change.after.clone(), after: change.before.clone(), ..change.clone() }
}
