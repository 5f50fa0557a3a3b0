//! The plan while it grows: steps get their numbers here, and nowhere else.

use super::NoPlan;
use crate::ids::Vmid;
use crate::interpretation::{GuestKind, Span};
use crate::mark::Mark;
use crate::observation::{GuestSeen, Observation};
use crate::plan::{
    Effect, FieldChange, Guard, Hazard, HazardKind, Note, NoteKind, Origin, Reverse, Step, StepVerb, Subject,
    TimeClass,
};
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Draft {
    pub steps: Vec<Step>,
    pub hazards: Vec<Hazard>,
    pub notes: Vec<Note>,
}

impl Draft {
    /// Adds a step and returns its number.
    pub fn push(&mut self, mut step: Step) -> u32 {
        let no = u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(1);
        step.no = no;
        self.steps.push(step);
        no
    }

    /// Orders the steps for runs that do several at once: a guest's own steps keep their order, and what has no way
    /// back waits for everything that has one.
    pub fn order(&mut self) {
        for at in 0..self.steps.len() {
            let (before, rest) = self.steps.split_at_mut(at);
            let Some(step) = rest.first_mut().filter(|step| !step.calls.is_empty()) else { continue };
            let acting = || before.iter().filter(|earlier| !earlier.calls.is_empty());
            let own = acting()
                .rev()
                .find(|earlier| earlier.subject.vmid.is_some() && earlier.subject.vmid == step.subject.vmid);
            step.after.extend(own.map(|own| own.no));
            if ends(step) {
                step.after.extend(acting().filter(|earlier| !ends(earlier)).map(|earlier| earlier.no));
            }
            step.after.sort_unstable();
            step.after.dedup();
        }
    }

    /// The plan's first call on each existing guest asks whether it still is as it was seen.
    pub fn bind(&mut self, seen: &Observation) {
        let mut met = BTreeSet::new();
        for step in &mut self.steps {
            let Some(call) = step.calls.first_mut() else { continue };
            let Some(guest) = step.subject.vmid.and_then(|vmid| seen.guests.get(&vmid)) else { continue };
            // A guest that is being worked on has a lock in its configuration, which will be gone.
            if !met.insert(guest.vmid) || guest.digest.is_empty() || guest.lock.is_some() {
                continue;
            }
            call.guards.push(Guard::AsSeen {
                vmid: guest.vmid,
                kind: guest.kind,
                node: guest.node.clone(),
                digest: guest.digest.clone(),
                running: guest.running,
            });
        }
    }

    pub fn hazard(&mut self, kind: HazardKind, text: String, step: Option<u32>) {
        self.hazards.push(Hazard { kind, text, confirm: None, step });
    }

    pub fn note(&mut self, kind: NoteKind, text: impl Into<String>, span: Option<Span>) {
        self.notes.push(Note { kind, text: text.into(), span });
    }
}

/// Takes something away for good, or a definition that others of the plan may still use.
fn ends(step: &Step) -> bool {
    step.verb == StepVerb::Destroy || step.effect == Effect::Destroys
}

/// A step with nothing in it yet. Its lane is its subject until somebody says otherwise.
pub(super) fn step(verb: StepVerb, subject: Subject, sentence: String, phrases: Vec<Span>) -> Step {
    let lane = match subject.vmid {
        Some(vmid) => format!("guest {vmid}"),
        None => format!("{} {}", subject.noun, subject.name),
    };
    Step {
        no: 0,
        verb,
        subject,
        sentence,
        phrases,
        after: Vec::new(),
        lane,
        effect: Effect::None,
        time: TimeClass::Seconds,
        changes: Vec::new(),
        calls: Vec::new(),
        reverse: Reverse::None { why: "nothing is changed".into() },
    }
}

/// Which guest a call is about: the key of its conditions and guards.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub vmid: Vmid,
    pub kind: GuestKind,
    pub node: String,
    pub name: String,
    pub mark: Mark,
    pub stamp: Option<String>,
}

impl Target {
    /// A guest that was seen and is ours: it has a mark.
    pub fn seen(guest: &GuestSeen) -> Result<Self, NoPlan> {
        let mark = guest.mark().ok_or_else(|| {
            let name = &guest.name;
            NoPlan::new(
                format!("Guest {name} carries no mark of ours."),
                "MycoPod changes only guests it made.",
            )
        })?;
        Ok(Self {
            vmid: guest.vmid,
            kind: guest.kind,
            node: guest.node.clone(),
            name: guest.name.clone(),
            mark,
            stamp: guest.stamp().map(str::to_owned),
        })
    }

    /// A guest that is not ours yet; its mark is to be set.
    pub fn unmarked(guest: &GuestSeen) -> Self {
        Self {
            vmid: guest.vmid,
            kind: guest.kind,
            node: guest.node.clone(),
            name: guest.name.clone(),
            mark: Mark(uuid::Uuid::nil()),
            stamp: guest.stamp().map(str::to_owned),
        }
    }

    /// `/nodes/pve1/qemu/110/config`.
    pub fn path(&self, rest: &str) -> String {
        format!("/nodes/{}/{}/{}{rest}", self.node, self.kind.api(), self.vmid)
    }

    pub fn guard(&self) -> Guard {
        Guard::GuestIs {
            vmid: self.vmid,
            kind: self.kind,
            node: self.node.clone(),
            name: self.name.clone(),
            mark: self.mark,
            stamp: self.stamp.clone(),
        }
    }

    pub fn subject(&self) -> Subject {
        Subject {
            noun: self.kind.noun().to_owned(),
            name: self.name.clone(),
            vmid: Some(self.vmid),
            node: Some(self.node.clone()),
        }
    }
}

/// One field before and after, for the page.
pub(super) fn change(
    field: &str,
    before: Option<String>,
    after: Option<String>,
    origin: Origin,
) -> FieldChange {
    FieldChange { field: field.to_owned(), before, after, origin }
}
