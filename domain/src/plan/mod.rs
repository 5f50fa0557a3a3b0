//! A plan: exactly what would be done, sealed by its digest (I1).
//!
//! Begin with [`Plan`]; [`planner::plan`] makes one. A plan leaves nothing to decide when it is carried out:
//! numbers, nodes, names, MAC addresses, every call with every argument are fixed in it, and so is how to tell
//! that a call's outcome already holds ([`Condition`]) and what must still be true before it ([`Guard`]).
//!
//! Never here: sending anything.

mod call;
mod condition;
pub mod planner;
pub mod rehearsal;
#[cfg(test)]
pub(crate) mod sample;
mod step;

pub use call::{Call, Verb};
pub use condition::{Condition, Expected, Guard, Look, LookAt, Verdict};
pub use step::{Effect, FieldChange, Origin, Reverse, Step, StepVerb, Subject, TimeClass};

pub use rehearsal::Rehearsal;

use crate::canonical::Digest;
use crate::contract::Missing;
use crate::ids::DeclarationId;
use crate::interpretation::{Interpretation, Span};
use crate::observation::Observation;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Who understood the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterIdentity {
    /// `scripted`, `openai`, `claude`, `ollama`.
    pub provider: String,
    pub model: String,
    pub version: String,
}

/// An immutable plan. Its digest covers every field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format of this structure.
    pub format: u32,
    pub declaration: DeclarationId,
    /// Counts the plans of the declaration, from 1.
    pub number: u32,
    pub made_at: DateTime<Utc>,
    /// SHA-256 of the English exactly as typed.
    pub text: Digest,
    pub desired: Interpretation,
    pub interpreter: InterpreterIdentity,
    /// What the plan assumes about the cluster.
    pub base: Base,
    /// Version of the API contract that every call was checked against.
    pub contract: String,
    /// Digest of the owner's rules.
    pub policy: Digest,
    pub steps: Vec<Step>,
    /// What somebody who approves must see first; never folded away.
    pub hazards: Vec<Hazard>,
    /// What the plan says besides: taken defaults, things not done in this version, words nobody used.
    pub notes: Vec<Note>,
    /// What our token lacks for these calls. While anything is missing, the plan is not approved.
    #[serde(default, skip_serializing_if = "Rights::is_enough")]
    pub rights: Rights,
    /// What the cluster is predicted to be afterwards; none in plans made before there was a rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
}

/// The gap between what the calls of a plan need and what the token may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    pub missing: Vec<Missing>,
    /// What to type on a node, as root, to close the gap.
    pub commands: Vec<String>,
}

impl Rights {
    pub fn is_enough(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Plan {
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// Steps that would change something.
    pub fn steps_to_do(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !step.calls.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.steps_to_do().next().is_none()
    }

    pub fn counts(&self) -> Counts {
        let count = |verb: StepVerb| self.steps.iter().filter(|step| step.verb == verb).count();
        Counts {
            create: count(StepVerb::Create),
            change: count(StepVerb::Change),
            destroy: count(StepVerb::Destroy),
            already: count(StepVerb::AlreadySo),
        }
    }

    /// Names that an approver has to type: what the plan destroys.
    pub fn names_to_confirm(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for step in self.steps.iter().filter(|s| s.verb == StepVerb::Destroy || s.effect == Effect::Destroys)
        {
            if !names.contains(&step.subject.name) {
                names.push(step.subject.name.clone());
            }
        }
        names
    }
}

/// "3 to create · 1 to change · 0 to destroy · 2 already so".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub create: usize,
    pub change: usize,
    pub destroy: usize,
    pub already: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    pub observed_at: DateTime<Utc>,
    pub pve_version: String,
    pub fingerprint: Digest,
}

impl Base {
    /// The fingerprint leaves out what changes by itself (free space); it covers nodes, storages, guests and
    /// their configurations.
    pub fn of(seen: &Observation) -> Self {
        let nodes: Vec<_> = seen.nodes.iter().map(|(name, node)| (name, node.online, node.threads)).collect();
        let storages: Vec<_> = seen
            .storages
            .iter()
            .map(|(id, s)| (id, &s.kind, &s.content, &s.nodes, &s.server, &s.export))
            .collect();
        let guests: Vec<_> =
            seen.guests.values().map(|g| (g.vmid, g.kind, &g.name, &g.node, g.running, &g.digest)).collect();
        Self {
            observed_at: seen.at,
            pve_version: seen.pve_version.clone(),
            fingerprint: Digest::of(&(nodes, storages, guests)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HazardKind {
    /// Data is lost for good; the name has to be typed.
    Destroys,
    /// A guest is unreachable for a while.
    Interrupts,
    /// Something seen or read deserves a second look.
    Caution,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    pub kind: HazardKind,
    pub text: String,
    /// The guest's name, where one has to be typed.
    pub confirm: Option<String>,
    pub step: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Asked for, understood, and not carried out by this version.
    NotYet,
    /// A house rule filled a gap in the text.
    Default,
    /// Words that nothing in the plan uses.
    Unused,
    /// What the plan relies on: observation, headroom.
    Assumes,
    /// A warning of the interpreter.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub kind: NoteKind,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}
