//! Every request that the client can build, held against the contract twice: by the planner's table and by the
//! simulator's own reading of it.

use crate::lab::{SECRET, TOKEN, https, of_the_examples, patient, quiet};
use domain::contract::Contract;
use proxmox::requests::{self, Example};
use proxmox::transport::{Https, Transport};
use proxmox::{CallError, Kind, Request};
use simulator::{Running, Simulator};

pub fn examples() -> Vec<Example> {
    requests::examples().unwrap()
}

fn refused(request: &Request) -> Option<String> {
    let checked = Contract::v8_4().check(request.verb.as_str(), &request.path, &request.args);
    checked.err().map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Is this refusal one of the schema, or of what comes before it? Handlers may refuse: the objects are not there.
fn by_the_schema(error: &CallError) -> bool {
    const TEXTS: [&str; 8] = [
        "property is",
        "type check",
        "invalid format",
        "value must",
        "value may",
        "value does not",
        "does not have a value in the enumeration",
        "missing property",
    ];
    match error {
        CallError::Answered { status: 500, .. } => false,
        // A pool that an earlier call should have made.
        CallError::Answered { status: 403, .. } => error.kind() != Kind::DoesNotExist,
        CallError::Answered { status: 400, errors, .. } => {
            errors.values().any(|text| TEXTS.iter().any(|part| text.contains(part)))
        }
        _ => true,
    }
}

async fn lab() -> (Running, Https) {
    let sim = Simulator::start(of_the_examples().with_token(TOKEN, SECRET)).await.unwrap();
    let transport = https(&sim, patient());
    (sim, transport)
}

#[test]
fn every_request_passes_the_contract_with_and_without_its_options() {
    let mut wrong = Vec::new();
    for Example { name, request, bare } in examples() {
        for request in [&request, &bare] {
            if let Some(text) = refused(request) {
                wrong.push(format!("{name}: {} {}: {text}", request.verb, request.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_request_needs_rights_that_can_be_named() {
    for Example { name, request, .. } in examples() {
        let needed = Contract::v8_4().privileges(request.verb.as_str(), &request.path, &request.args);
        assert!(needed.is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_simulator_takes_the_parameters_of_every_request() {
    let (sim, transport) = lab().await;
    let mut wrong = Vec::new();
    for Example { name, request, bare } in examples() {
        for request in [&request, &bare] {
            if let Err(error) = transport.send(request).await
                && by_the_schema(&error)
            {
                wrong.push(format!("{name}: {} {}: {error}", request.verb, request.path));
            }
            quiet(&sim).await;
            sim.reset();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn both_readings_refuse_an_option_that_does_not_exist() {
    let (sim, transport) = lab().await;
    for Example { name, bare, .. } in examples() {
        let bad = bare.arg("no-such-option", 1);
        assert!(
            refused(&bad).is_some_and(|text| text.starts_with("no-such-option: property is not defined")),
            "{name}"
        );
        match transport.send(&bad).await {
            // What a handler of the access lists refuses comes first; a schema refusal names the option.
            Err(CallError::Answered { status: 400, errors, .. }) => {
                assert!(errors.contains_key("no-such-option"), "{name}: {errors:?}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(sim.ledger().iter().all(|entry| !entry.effect));
}
