//! The interpretation schema, and the small part of JSON Schema that it uses.
//!
//! Begin with [`problem`]. The schema file is what models are shown and what their answers are checked against.
//!
//! Never here: rules that look at the text or the facts.

use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The schema as a document, version 1.
pub const SCHEMA: &str = include_str!("../schema/interpretation.schema.json");

static ROOT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or(Value::Null));
static PATTERNS: LazyLock<HashMap<String, Regex>> = LazyLock::new(|| {
    let mut found = HashMap::new();
    collect(&ROOT, &mut found);
    found
});

fn collect(schema: &Value, found: &mut HashMap<String, Regex>) {
    match schema {
        Value::Object(map) => {
            if let Some(pattern) = map.get("pattern").and_then(Value::as_str) {
                // The last line break before the end counts as part of the text here.
                let whole =
                    pattern.strip_suffix('$').map_or_else(|| pattern.to_owned(), |p| format!("{p}\\z"));
                if let Ok(regex) = Regex::new(&whole) {
                    found.insert(pattern.to_owned(), regex);
                }
            }
            map.values().for_each(|inner| collect(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| collect(inner, found)),
        _ => {}
    }
}

/// The first thing about a document that the schema does not allow.
pub fn problem(document: &Value) -> Option<String> {
    against(document, &ROOT, "")
}

fn against(value: &Value, schema: &Value, at: &str) -> Option<String> {
    let rules = match schema {
        Value::Bool(true) => return None,
        Value::Object(map) => map,
        _ => return Some(format!("{}: not allowed here", name(at))),
    };
    if let Some(target) =
        rules.get("$ref").and_then(Value::as_str).and_then(|r| ROOT.pointer(r.trim_start_matches('#')))
        && let Some(problem) = against(value, target, at)
    {
        return Some(problem);
    }
    plain(value, rules, at)
        .or_else(|| list(value, rules, at))
        .or_else(|| object(value, rules, at))
        .or_else(|| combined(value, rules, at))
}

fn plain(value: &Value, rules: &Map<String, Value>, at: &str) -> Option<String> {
    let wrong = |what: &str| Some(format!("{}: {what}", name(at)));
    if let Some(kind) = rules.get("type").and_then(Value::as_str)
        && !is_type(value, kind)
    {
        return wrong(&format!("not of type {kind}"));
    }
    if rules.get("const").is_some_and(|only| only != value) {
        return wrong("not the one value allowed");
    }
    if rules.get("enum").and_then(Value::as_array).is_some_and(|all| !all.contains(value)) {
        return wrong("not one of the listed values");
    }
    let bound = |key: &str| rules.get(key).and_then(Value::as_u64).map(|n| n as usize);
    if let Some(text) = value.as_str() {
        let length = text.chars().count();
        if bound("minLength").is_some_and(|n| length < n) || bound("maxLength").is_some_and(|n| length > n) {
            return wrong("length out of bounds");
        }
        if let Some(pattern) = rules.get("pattern").and_then(Value::as_str)
            && PATTERNS.get(pattern).is_none_or(|regex| !regex.is_match(text))
        {
            return wrong("the wrong form");
        }
    }
    if let Some(number) = value.as_f64() {
        let limit = |key: &str| rules.get(key).and_then(Value::as_f64);
        if limit("minimum").is_some_and(|n| number < n) || limit("maximum").is_some_and(|n| number > n) {
            return wrong("out of bounds");
        }
    }
    None
}

fn list(value: &Value, rules: &Map<String, Value>, at: &str) -> Option<String> {
    let items = value.as_array()?;
    let bound = |key: &str| rules.get(key).and_then(Value::as_u64).map(|n| n as usize);
    if bound("minItems").is_some_and(|n| items.len() < n)
        || bound("maxItems").is_some_and(|n| items.len() > n)
    {
        return Some(format!("{}: number of entries out of bounds", name(at)));
    }
    if rules.get("uniqueItems") == Some(&Value::Bool(true))
        && items.iter().enumerate().any(|(n, one)| items.iter().take(n).any(|other| other == one))
    {
        return Some(format!("{}: entries repeat", name(at)));
    }
    let schema = rules.get("items")?;
    items.iter().enumerate().find_map(|(n, one)| against(one, schema, &format!("{at}/{n}")))
}

fn object(value: &Value, rules: &Map<String, Value>, at: &str) -> Option<String> {
    let map = value.as_object()?;
    let needed =
        rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = needed.into_iter().find(|key| !map.contains_key(*key)) {
        return Some(format!("{}: {missing} is missing", name(at)));
    }
    if rules.get("maxProperties").and_then(Value::as_u64).is_some_and(|n| map.len() as u64 > n) {
        return Some(format!("{}: too many properties", name(at)));
    }
    let properties = rules.get("properties").and_then(Value::as_object);
    map.iter().find_map(|(key, inner)| {
        if let Some(names) = rules.get("propertyNames")
            && against(&Value::from(key.as_str()), names, at).is_some()
        {
            return Some(format!("{}: a name that is not allowed", name(at)));
        }
        let inside = format!("{at}/{}", key.chars().take(60).collect::<String>());
        match (properties.and_then(|p| p.get(key)), rules.get("additionalProperties")) {
            (Some(schema), _) => against(inner, schema, &inside),
            (None, Some(Value::Bool(false))) => Some(format!("{inside}: unknown property")),
            (None, Some(schema)) => against(inner, schema, &inside),
            (None, None) => None,
        }
    })
}

fn combined(value: &Value, rules: &Map<String, Value>, at: &str) -> Option<String> {
    let parts = |key: &str| rules.get(key).and_then(Value::as_array);
    if let Some(problem) = parts("allOf").into_iter().flatten().find_map(|part| against(value, part, at)) {
        return Some(problem);
    }
    if parts("anyOf").is_some_and(|any| any.iter().all(|part| against(value, part, at).is_some())) {
        return Some(format!("{}: fits none of the allowed forms", name(at)));
    }
    if parts("oneOf")
        .is_some_and(|one| one.iter().filter(|part| against(value, part, at).is_none()).count() != 1)
    {
        return Some(format!("{}: does not fit exactly one allowed form", name(at)));
    }
    let branch = if against(value, rules.get("if")?, at).is_none() { "then" } else { "else" };
    rules.get(branch).and_then(|schema| against(value, schema, at))
}

fn is_type(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    }
}

fn name(at: &str) -> &str {
    if at.is_empty() { "the document" } else { at }
}
