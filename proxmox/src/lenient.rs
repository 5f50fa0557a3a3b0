//! Reading values of a Perl server: a number may come as text and the reverse, a flag as 0, "1" or true,
//! and anything may be absent. What cannot be read as the wanted type counts as absent.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) fn unsigned<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        // Sizes above 2^53 and rates come as floats.
        Value::Number(n) => n.as_u64().or_else(|| n.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|n| *n >= 0.0).map(|n| n as u64))
        }
        Value::Bool(flag) => Some(u64::from(flag)),
        _ => None,
    })
}

pub(crate) fn float<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Bool(flag) => Some(flag),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.trim() {
            "0" | "" | "no" | "off" | "false" => Some(false),
            _ => Some(true),
        },
        _ => None,
    })
}

pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(plain(Value::deserialize(from)?))
}

/// A text that must be there; a number is taken as text.
pub(crate) fn required<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    plain(Value::deserialize(from)?).ok_or_else(|| serde::de::Error::custom("not a text or number"))
}

/// A scalar as text: flags as 1 and 0. Lists and objects as their JSON; null is nothing.
pub(crate) fn plain(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(if flag { "1" } else { "0" }.to_owned()),
        other => Some(other.to_string()),
    }
}

/// An object as names and texts.
pub(crate) fn texts(value: Value) -> Option<BTreeMap<String, String>> {
    match value {
        Value::Object(fields) => {
            Some(fields.into_iter().filter_map(|(name, value)| Some((name, plain(value)?))).collect())
        }
        _ => None,
    }
}

/// Is a flag, a number or a text set?
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.as_str(), "" | "0"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Shape {
        #[serde(deserialize_with = "unsigned")]
        size: Option<u64>,
        #[serde(deserialize_with = "float")]
        load: Option<f64>,
        #[serde(deserialize_with = "flag")]
        on: Option<bool>,
        #[serde(deserialize_with = "text")]
        name: Option<String>,
    }

    fn read(value: Value) -> Shape {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn numbers_and_texts_are_the_same_here() {
        let wanted = Shape { size: Some(512), load: Some(0.5), on: Some(true), name: Some("7".into()) };
        assert_eq!(read(json!({"size": "512", "load": "0.5", "on": "1", "name": 7})), wanted);
        assert_eq!(read(json!({"size": 512, "load": 0.5, "on": 1, "name": "7"})), wanted);
        assert_eq!(read(json!({"size": 512.0, "load": 0.5, "on": true, "name": "7"})), wanted);
    }

    #[test]
    fn absent_null_and_nonsense_are_nothing() {
        assert_eq!(read(json!({})), Shape::default());
        assert_eq!(read(json!({"size": null, "load": null, "on": null, "name": null})), Shape::default());
        assert_eq!(read(json!({"size": "many", "load": "x"})), Shape::default());
        assert_eq!(read(json!({"size": -1, "on": 0})), Shape { on: Some(false), ..Shape::default() });
    }
}
