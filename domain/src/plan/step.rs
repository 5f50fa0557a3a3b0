//! One step of a plan: a sentence for people beside the exact calls for the cluster.

use super::call::Call;
use crate::ids::Vmid;
use crate::interpretation::{Label, Span};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepVerb {
    Create,
    Change,
    Destroy,
    /// Nothing to do: the cluster is as declared.
    AlreadySo,
}

impl StepVerb {
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Destroy => "destroy",
            Self::AlreadySo => "already so",
        }
    }
}

/// What a step does to who uses the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    None,
    /// Takes effect at the guest's next start.
    RestartNeeded,
    /// The guest is unreachable for a while.
    Interrupts,
    /// What it holds is gone.
    Destroys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeClass {
    Seconds,
    Minutes,
}

/// The thing a step is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `VM`, `container`, `storage`.
    pub noun: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<Vmid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Subject {
    /// "VM k8s-1 (201)".
    pub fn words(&self) -> String {
        match self.vmid {
            Some(vmid) => format!("{} {} ({vmid})", self.noun, self.name),
            None => format!("{} {}", self.noun, self.name),
        }
    }
}

/// Where a value in a plan comes from: the interpretation's label, or the planner's own choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Origin {
    Label { label: Label },
    Planner { why: String },
}

impl Origin {
    /// said · default · derived · observed: the words of the page.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Label { label: Label::Said { .. } } => "said",
            Self::Label { label: Label::Default { .. } } => "default",
            Self::Label { label: Label::Derived { .. } } | Self::Planner { .. } => "derived",
            Self::Label { label: Label::Observed { .. } } => "observed",
        }
    }

    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Label { label } => label.span(),
            Self::Planner { .. } => None,
        }
    }

    /// Why, in words; empty where the text itself says it.
    pub fn why(&self) -> String {
        match self {
            Self::Label { label: Label::Said { .. } } => String::new(),
            Self::Label { label: Label::Default { rule } } => {
                format!("house rule {}", rule.trim_start_matches("/defaults/"))
            }
            Self::Label { label: Label::Derived { why, .. } } | Self::Planner { why } => why.clone(),
            Self::Label { label: Label::Observed { fact } } => format!("seen at {fact}"),
        }
    }
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The word of the page: cores, memory, disk, address, node, storage, template.
    pub field: String,
    /// With its unit; none where there was nothing.
    pub before: Option<String>,
    pub after: Option<String>,
    pub origin: Origin,
}

/// The way back from a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reverse {
    /// Undone by a sentence and these calls.
    Calls { sentence: String, loses_data: bool, calls: Vec<Call> },
    /// There is none.
    None { why: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From 1, in order.
    pub no: u32,
    pub verb: StepVerb,
    pub subject: Subject,
    /// One sentence, made by a template from the fields of the plan, never by a model.
    pub sentence: String,
    /// Phrases of the English that this step comes from.
    pub phrases: Vec<Span>,
    /// Steps that must be done before.
    pub after: Vec<u32>,
    /// Steps of one lane are never done at once: `template 9000`, `storage tank-nfs`, `guest 110`.
    pub lane: String,
    pub effect: Effect,
    pub time: TimeClass,
    pub changes: Vec<FieldChange>,
    /// Empty where the step is already so.
    pub calls: Vec<Call>,
    pub reverse: Reverse,
}
