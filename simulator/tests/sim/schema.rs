//! Random good and bad parameters over the whole contract: the status and the names in `errors` are those that
//! the schema demands. The table is read here a second time, by other code than the simulator's.

use crate::client::{bare_lab, cluster};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../contract/table.json");
/// Rounds over all methods.
const ROUNDS: u64 = 4;

/// A value that the parameter takes; none when this reader cannot make one.
fn good(param: &Value, rng: &mut StdRng) -> Option<String> {
    if ["f", "pf", "pat", "req"].iter().any(|key| !param[*key].is_null()) {
        return None;
    }
    if let Some(choices) = param["e"].as_array() {
        return choices.choose(rng).and_then(Value::as_str).map(str::to_owned);
    }
    match param["t"].as_str()? {
        "boolean" => Some(rng.random_range(0..2).to_string()),
        "integer" | "number" => {
            let low = param["min"].as_f64().unwrap_or(0.0).ceil() as i64;
            let high = param["max"].as_f64().map_or(low + 50, |m| m as i64);
            Some(rng.random_range(low..=high).to_string())
        }
        "string" => {
            let length = param["minl"].as_u64().unwrap_or(1).max(1);
            (length <= param["maxl"].as_u64().unwrap_or(40))
                .then(|| "x".repeat(usize::try_from(length).unwrap()))
        }
        _ => None,
    }
}

/// A value that the parameter refuses; none when every value made of letters and digits is good.
fn bad(param: &Value) -> Option<String> {
    if ["f", "pf", "pat", "req"].iter().any(|key| !param[*key].is_null()) {
        return None;
    }
    if !param["e"].is_null() {
        return Some("nosuchchoice".into());
    }
    match param["t"].as_str()? {
        "boolean" => Some("maybe".into()),
        "integer" | "number" => Some("abc".into()),
        "string" => param["maxl"].as_u64().map(|most| "x".repeat(usize::try_from(most).unwrap() + 1)),
        _ => None,
    }
}

fn in_path(name: &str) -> Option<&'static str> {
    match name {
        "node" => Some("pve1"),
        "vmid" => Some("110"),
        "storage" => Some("local"),
        _ => None,
    }
}

/// The path with its parameters filled in; none when this reader knows no value for one.
fn path_of(template: &str) -> Option<String> {
    let mut out = String::new();
    for (index, part) in template.split(['{', '}']).enumerate() {
        out.push_str(if index % 2 == 0 { part } else { in_path(part)? });
    }
    Some(out)
}

#[tokio::test]
async fn errors_name_exactly_the_parameters_that_the_schema_refuses() {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let lab = bare_lab(cluster()).await;
    let mut rng = StdRng::seed_from_u64(8);
    let mut asked = 0;
    for round in 0..ROUNDS {
        for method in table["methods"].as_array().unwrap() {
            let callable =
                method["perm"].is_object() && method["ticket"].is_null() && method["open"].is_null();
            let by_user = method["perm"].to_string().contains("userid-");
            let template = method["p"].as_str().unwrap();
            let form_call = !template.ends_with("/upload");
            let (true, false, Some(path)) = (callable && form_call, by_user, path_of(template)) else {
                continue;
            };
            let mut form = Vec::new();
            let mut wrong = BTreeSet::new();
            for (name, param) in method["a"].as_object().unwrap() {
                if template.contains(&format!("{{{name}}}")) || !param["ix"].is_null() {
                    continue;
                }
                let required = param["o"].is_null();
                let draw = rng.random_range(0..10);
                let value = match draw {
                    0..4 => bad(param).inspect(|_| {
                        wrong.insert(name.clone());
                    }),
                    4..6 => good(param, &mut rng),
                    _ => None,
                };
                match value {
                    Some(value) => form.push(format!("{name}={}", value.replace('+', "%2B"))),
                    None if required => {
                        wrong.insert(name.clone());
                    }
                    None => {}
                }
            }
            if round % 2 == 0 || wrong.is_empty() {
                form.push("no-such-parameter=1".into());
                wrong.insert("no-such-parameter".into());
            }
            let verb = method["v"].as_str().unwrap();
            let answer = lab.send(verb, &path, &form.join("&")).await;
            let named: BTreeSet<String> =
                answer.json()["errors"].as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect();
            assert_eq!((answer.status, &named), (400, &wrong), "{verb} {path} {form:?}: {answer:?}");
            asked += 1;
        }
    }
    assert!(asked > 1_000, "only {asked} calls were asked");
}
