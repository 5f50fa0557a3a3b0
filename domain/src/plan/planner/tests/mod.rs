//! The planner's tests: what is wished and seen, and the calls that follow; then properties over many wishes.
//!
//! [`fixture`] is a small cluster, [`model`] carries plans out on it as Proxmox would, checking every guard before
//! a call and every outcome after it.

mod anything;
mod facts;
mod fixture;
mod model;
mod moving;
mod placing;
mod properties;
mod reach;
mod refusals;
mod surroundings;
mod triples;
mod updates;

use super::{NoPlan, Other, Request, plan};
use crate::cluster::Cluster;
use crate::ids::DeclarationId;
use crate::interpretation::Interpretation;
use crate::observation::Observation;
use crate::plan::{InterpreterIdentity, Plan, Verb};
use crate::settings::Rules;
use chrono::DateTime;
use uuid::Uuid;

const DECLARATION: DeclarationId = DeclarationId(Uuid::from_u128(14));

/// Everything around one declaration.
struct World {
    seen: Observation,
    cluster: Cluster,
    rules: Rules,
    others: Vec<Other>,
}

impl World {
    fn new() -> Self {
        Self {
            seen: fixture::observation(),
            cluster: fixture::cluster(),
            rules: fixture::rules(),
            others: Vec::new(),
        }
    }

    fn try_plan(&self, text: &str, desired: &Interpretation) -> Result<Plan, NoPlan> {
        let interpreter =
            InterpreterIdentity { provider: "scripted".into(), model: "grammar".into(), version: "1".into() };
        plan(&Request {
            declaration: DECLARATION,
            number: 1,
            made_at: DateTime::UNIX_EPOCH,
            text,
            desired,
            interpreter: &interpreter,
            cluster: &self.cluster,
            seen: &self.seen,
            rules: &self.rules,
            others: &self.others,
        })
    }

    fn plan(&self, desired: &Interpretation) -> Plan {
        match self.try_plan("A text.", desired) {
            Ok(plan) => plan,
            Err(no) => panic!("no plan: {} {}", no.text, no.advice),
        }
    }

    fn refused(&self, desired: &Interpretation) -> NoPlan {
        self.try_plan("A text.", desired).expect_err("a plan where none may be")
    }
}

/// A document of kind *desired* with these entries.
fn desired(entries: serde_json::Value) -> Interpretation {
    let mut document = serde_json::json!({ "version": 1, "kind": "desired" });
    for (key, value) in entries.as_object().unwrap() {
        document[key] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// The mutating calls of a plan as lines: verb, path, then arguments by name.
fn lines(plan: &Plan) -> Vec<String> {
    let calls = plan.steps.iter().flat_map(|step| &step.calls);
    calls.filter(|call| call.verb != Verb::Get).map(|call| call.shown()).collect()
}

fn sentences(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.sentence.as_str()).collect()
}
