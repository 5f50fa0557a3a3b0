//! The fixture cluster and short ways to ask about it.

use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind, rules};
use interpreter::{Context, Scripted};

pub fn facts() -> Facts {
    serde_json::from_str(include_str!("../../fixtures/cluster.json")).expect("the fixture is a facts file")
}

/// What the grammar reads, checked against the rules again.
#[allow(dead_code)]
pub fn read(text: &str) -> Interpretation {
    read_with(text, &facts(), &Context::default())
}

#[allow(dead_code)]
pub fn read_with(text: &str, facts: &Facts, context: &Context<'_>) -> Interpretation {
    let answer = Scripted::read(text, facts, context);
    assert_eq!(rules::check_answered(&answer, text, facts, context.answers), vec![], "{text}");
    let document = serde_json::to_value(&answer).expect("a document");
    assert_eq!(interpreter::schema::problem(&document), None, "{text}");
    answer
}

#[allow(dead_code)]
pub fn desired(text: &str) -> Interpretation {
    let answer = read(text);
    assert_eq!(answer.kind, Kind::Desired, "{text}: {:?} {:?}", answer.questions, answer.refusal);
    answer
}
