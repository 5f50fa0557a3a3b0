//! The parameter check of one request, with the server's own texts.
//!
//! Begin with [`check`]: all bad parameters are found together. A request that passes comes out with
//! every scalar as text, as the handlers of the server see it.

use super::{Contract, Method, Param, formats, props};
use serde_json::Value;
use std::collections::BTreeMap;

/// Bad parameters with their texts.
pub type Errors = BTreeMap<String, String>;

const MISSING: &str = "property is missing and it is not optional";
const UNKNOWN: &str = "property is not defined in schema and the schema does not allow additional properties";

/// Checked parameters: scalars are `String`, arrays hold strings.
pub type Checked = BTreeMap<String, Value>;

/// Checks all parameters of a call.
pub fn check(
    contract: &Contract,
    method: &Method,
    given: &BTreeMap<String, Value>,
) -> Result<Checked, Errors> {
    let mut errors = Errors::new();
    let mut out = Checked::new();
    for (name, raw) in given {
        let Some(param) = method.param(name) else {
            if method.open == 0 {
                errors.insert(name.clone(), UNKNOWN.into());
            } else {
                out.insert(name.clone(), raw.clone());
            }
            continue;
        };
        if let Some(required) = &param.requires
            && !given.contains_key(required)
        {
            errors.insert(required.clone(), format!("missing property - '{name}' requires this property"));
        }
        let value = normal(param, raw);
        match &value {
            Value::Array(items) if param.kind == "array" => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(element) = param.items.as_deref()
                        && let Err(text) = scalar(contract, element, item, name)
                    {
                        errors.insert(format!("{name}[{index}]"), text);
                    }
                }
            }
            _ => {
                if let Err(text) = scalar(contract, param, &value, name) {
                    errors.insert(name.clone(), text);
                }
            }
        }
        out.insert(name.clone(), value);
    }
    for (name, param) in &method.params {
        if param.optional == 0 && param.index_max.is_none() && !given.contains_key(name) {
            errors.entry(name.clone()).or_insert_with(|| MISSING.into());
        }
    }
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

/// Numbers and booleans of JSON bodies as text; arrays for lists joined; scalars for arrays wrapped.
fn normal(param: &Param, raw: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Bool(flag) => Value::String(if *flag { "1" } else { "0" }.into()),
        Value::Number(number) => Value::String(number.to_string()),
        other => other.clone(),
    };
    match raw {
        Value::Array(items) if param.kind == "array" => Value::Array(items.iter().map(text).collect()),
        Value::Array(items) if param.format.as_ref().is_some_and(|f| f.ends_with("-list")) => {
            let words: Vec<String> =
                items.iter().map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned)).collect();
            Value::String(words.join(","))
        }
        scalar if param.kind == "array" && !scalar.is_array() => Value::Array(vec![text(scalar)]),
        other => text(other),
    }
}

fn scalar(contract: &Contract, param: &Param, value: &Value, path: &str) -> Result<(), String> {
    let kind = if param.kind.is_empty() { "string" } else { param.kind.as_str() };
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Array(_) => return Err(format!("type check ('{kind}') failed - got ARRAY")),
        Value::Object(_) => return Err(format!("type check ('{kind}') failed - got HASH")),
        _ => return Err(MISSING.into()),
    };
    one(contract, param, text, path)
}

/// One scalar against one parameter, in the order the server checks: type, format, pattern, length, limits, choice.
pub fn one(contract: &Contract, param: &Param, text: &str, path: &str) -> Result<(), String> {
    let type_ok = match param.kind.as_str() {
        "boolean" => matches!(text, "0" | "1"),
        "integer" => contract.patterns.matches(r"^[+-]?\d+$", text),
        "number" => contract.patterns.matches(r"^[+-]?(\d+\.?\d*|\.\d+)([Ee][+-]?\d+)?$", text),
        _ => true,
    };
    if !type_ok {
        return Err(format!("type check ('{}') failed - got '{text}'", param.kind));
    }
    if let Some(format) = &param.format {
        formats::verify(contract, format, text, path).map_err(|e| format!("invalid format - {e}"))?;
    }
    if let Some(format) = &param.property_format {
        property_string(contract, format, text, path).map_err(|e| format!("invalid format - {e}"))?;
    }
    if let Some(pattern) = &param.pattern
        && !contract.patterns.matches(&format!("^(?:{pattern})$"), text)
    {
        return Err("value does not match the regex pattern".into());
    }
    let length = text.chars().count();
    if let Some(max) = param.maxl.filter(|max| length > *max) {
        return Err(format!("value may only be {max} characters long"));
    }
    if let Some(min) = param.minl.filter(|min| length < *min) {
        return Err(format!("value must be at least {min} characters long"));
    }
    if let Ok(number) = text.parse::<f64>() {
        if let Some(max) = param.max.filter(|max| number > *max) {
            return Err(format!("value must have a maximum value of {max}"));
        }
        if let Some(min) = param.min.filter(|min| number < *min) {
            return Err(format!("value must have a minimum value of {min}"));
        }
    }
    if let Some(choices) = &param.choices {
        let words: Vec<String> =
            choices.iter().map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned)).collect();
        if !words.iter().any(|w| w == text) {
            return Err(format!(
                "value '{text}' does not have a value in the enumeration '{}'",
                words.join(", ")
            ));
        }
    }
    Ok(())
}

/// A whole property string: its keys, their values, and what is missing.
pub fn property_string(contract: &Contract, format: &str, text: &str, path: &str) -> Result<(), String> {
    let Some(keys) = contract.props.get(format) else { return Ok(()) };
    let given = props::split(keys, text)?;
    let mut lines = Vec::new();
    for (name, value) in &given {
        let at = format!("{path}.{name}");
        match keys.get(name) {
            None => lines.push(format!("{at}: {UNKNOWN}\n")),
            Some(param) => {
                if let Some(required) = &param.requires
                    && !given.contains_key(required)
                {
                    lines.push(format!(
                        "{path}.{required}: missing property - '{at}' requires this property\n"
                    ));
                }
                if let Err(text) = one(contract, param, value, &at) {
                    lines.push(format!("{at}: {text}\n"));
                }
            }
        }
    }
    for (name, param) in keys {
        if param.optional == 0 && param.alias.is_none() && !given.contains_key(name) {
            lines.push(format!("{path}.{name}: {MISSING}\n"));
        }
    }
    if lines.is_empty() { Ok(()) } else { Err(format!("format error\n{}", lines.concat())) }
}
