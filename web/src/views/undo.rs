//! The way back of a run, drawn from the run itself.

use crate::frame::Frame;
use crate::pages::undo as page;
use crate::words;
use domain::plan::{Call, Plan, StepVerb};
use domain::run::{Run, Status, way_back};

/// `no` and `position`: the run's number, and where it was read.
pub fn page(f: Frame, no: u64, run: &Run, position: i64) -> page::UndoPage {
    let busy = run.status == Status::Running || run.is_under_way();
    let plan = if run.undo.is_some() { None } else { way_back::plan(run) };
    let lede = match (&plan, &run.undo) {
        (_, Some(_)) => "Undoing this run was approved already.".to_owned(),
        (None, None) => "This run did nothing that can be undone.".into(),
        (Some(_), None) if busy => {
            "It still works. Stop it first, and wait until what is under way ends.".into()
        }
        (Some(plan), None) => format!(
            "{} would take back what this run did. What was already so before it stays.",
            words::sentence(&words::counted(plan.steps.len(), "step"))
        ),
    };
    let approve = plan.as_ref().filter(|_| !busy).map(|plan| {
        let digest = plan.digest();
        page::Approve {
            guard: f.guard(&format!("undo run {no} {digest}"), position),
            short: digest.short().to_owned(),
            digest: digest.to_string(),
            names: plan.names_to_confirm(),
        }
    });
    let digest = approve.as_ref().map(|approve| approve.digest.clone()).unwrap_or_default();
    let plan = plan.as_ref();
    page::UndoPage {
        no,
        lede,
        steps: plan.map(steps).unwrap_or_default(),
        hazards: plan.map(|plan| plan.hazards.iter().map(|h| h.text.clone()).collect()).unwrap_or_default(),
        stays: plan.map(|plan| plan.notes.iter().map(|n| n.text.clone()).collect()).unwrap_or_default(),
        approve,
        command: format!("mycopod runs undo {no} --digest {digest}"),
        f,
    }
}

fn steps(plan: &Plan) -> Vec<page::UndoStep> {
    let step = |step: &domain::plan::Step| page::UndoStep {
        no: step.no,
        sentence: step.sentence.clone(),
        calls: step.calls.iter().map(Call::shown).collect(),
        loses_data: step.verb == StepVerb::Destroy,
    };
    plan.steps.iter().map(step).collect()
}
