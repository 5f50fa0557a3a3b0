//! A copy of the interpretation schema that every provider's structured output can follow, and the way back.
//!
//! Begin with [`schema`]. Providers know no free-form maps, no conditionals and no optional properties in strict
//! form: every property is required and may be null, and `provenance` is a list of labels with their pointers.
//! [`restored`] turns an answer back; the result is always checked against the real schema.

use crate::schema::SCHEMA;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static SIMPLE: LazyLock<Value> = LazyLock::new(|| {
    let whole: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    simplified(&whole, &whole, true)
});

/// The simplified schema.
pub fn schema() -> Value {
    SIMPLE.clone()
}

fn simplified(schema: &Value, whole: &Value, top: bool) -> Value {
    let Some(map) = schema.as_object() else { return json!({}) };
    if let Some(target) = map.get("$ref").and_then(Value::as_str) {
        let target = whole.pointer(target.trim_start_matches('#')).cloned().unwrap_or_default();
        return simplified(&target, whole, false);
    }
    let mut out = Map::new();
    if let Some(text) = map.get("description").filter(|_| !top) {
        out.insert("description".into(), text.clone());
    }
    // A fixed value and a choice are both a choice.
    if let Some(fixed) = map.get("const") {
        out.insert("enum".into(), json!([fixed]));
        out.insert("type".into(), json!(type_of(fixed)));
        return Value::Object(out);
    }
    if let Some(choice) = map.get("enum") {
        out.insert("type".into(), json!(choice.get(0).map_or("string", type_of)));
        out.insert("enum".into(), choice.clone());
        return Value::Object(out);
    }
    match map.get("type").and_then(Value::as_str) {
        Some("object") => {
            let mut properties = Map::new();
            let required: Vec<&str> = map
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let simple = if name == "provenance" { labels() } else { simplified(inner, whole, false) };
                let needed = required.contains(&name.as_str());
                properties.insert(
                    name.clone(),
                    if needed { simple } else { json!({"anyOf": [simple, {"type": "null"}]}) },
                );
            }
            let all: Vec<&String> = properties.keys().collect();
            out.insert("required".into(), json!(all));
            out.insert("type".into(), json!("object"));
            out.insert("additionalProperties".into(), json!(false));
            out.insert("properties".into(), Value::Object(properties));
        }
        Some("array") => {
            out.insert("type".into(), json!("array"));
            // A pair of numbers has its items under another word.
            let items = map.get("items").filter(|items| items.is_object());
            let items = items.or_else(|| map.get("prefixItems").and_then(|p| p.get(0)));
            out.insert(
                "items".into(),
                items.map_or_else(|| json!({"type": "integer"}), |i| simplified(i, whole, false)),
            );
        }
        Some(kind) => {
            out.insert("type".into(), json!(kind));
        }
        None => {
            let branches =
                ["oneOf", "anyOf"].iter().find_map(|word| map.get(*word)).and_then(Value::as_array);
            let branches: Vec<Value> =
                branches.into_iter().flatten().map(|b| simplified(b, whole, false)).collect();
            if branches.is_empty() {
                out.insert("type".into(), json!("string"));
            } else {
                out.insert("anyOf".into(), Value::Array(branches));
            }
        }
    }
    Value::Object(out)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        _ => "string",
    }
}

fn labels() -> Value {
    let words = |text: &str| json!({"anyOf": [{"type": "string", "description": text}, {"type": "null"}]});
    json!({
        "type": "array",
        "description": "Where each value comes from: one entry for each property but vmid.",
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["pointer", "from", "quote", "rule", "fact", "why"],
            "properties": {
                "pointer": {"type": "string", "description": "Such as /guests/0/cores; * in place of an index covers all."},
                "from": {"type": "string", "enum": ["said", "default", "derived", "observed"]},
                "quote": words("said: the exact words of the declaration"),
                "rule": words("default: pointer under /defaults"),
                "fact": words("observed: pointer into the facts"),
                "why": words("derived: one short sentence"),
            },
        },
    })
}

/// The answer in the real form: nulls left out, the list of labels as a map. What cannot be read stays as it is,
/// for the judge to throw away.
pub fn restored(raw: &str) -> String {
    if raw.len() > crate::limits::DOCUMENT_BYTES_MAX
        || crate::model::depth(raw) > crate::limits::DOCUMENT_DEPTH_MAX
    {
        return raw.to_owned();
    }
    // Read as strictly as the judge reads: a key that stands twice is not tidied away here.
    let Some(mut document) = crate::model::strict(raw) else { return raw.to_owned() };
    if let Some(list) = document.get_mut("provenance").filter(|p| p.is_array()) {
        let Some(map) = as_map(list) else { return raw.to_owned() };
        *list = Value::Object(map);
    }
    without_nulls(&mut document);
    document.to_string()
}

fn as_map(list: &Value) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    for entry in list.as_array()? {
        let mut label = entry.as_object()?.clone();
        let Some(Value::String(pointer)) = label.remove("pointer") else { return None };
        if map.insert(pointer, Value::Object(label)).is_some() {
            return None;
        }
    }
    Some(map)
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
