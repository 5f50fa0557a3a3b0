//! The marks of the recordings: wildcards in strings, objects with one key, variables.

use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// Variables of one conversation.
pub type Env = BTreeMap<String, String>;

/// Replaces `{{name}}` everywhere; a name that nobody captured is an error.
pub fn subst(value: &Value, env: &Env) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(subst_text(text, env)?),
        Value::Array(items) => Value::Array(items.iter().map(|i| subst(i, env)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let pairs = map.iter().map(|(k, v)| Ok((subst_text(k, env)?, subst(v, env)?)));
            Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn subst_text(text: &str, env: &Env) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("{{") {
        let (name, after) = tail.split_once("}}").ok_or("an open variable")?;
        out.push_str(head);
        out.push_str(env.get(name).ok_or_else(|| format!("{name} was not captured"))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn token(name: &str) -> &'static str {
    match name {
        "int" => r"-?\d+",
        "num" => r"-?\d+(?:\.\d+)?",
        "hex" => "[0-9A-Fa-f]+",
        "hex8" => "[0-9A-Fa-f]{8}",
        "pstart" => "[0-9A-Fa-f]{8,9}",
        "sha1" => "[0-9a-f]{40}",
        "epoch" => r"\d{10}",
        "uuid" => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "mac" => "BC:24:11(?::[0-9A-F]{2}){3}",
        "ver" => r"\d+(?:\.\d+)+",
        _ => r"[\s\S]*",
    }
}

/// Does a text fit a pattern with `%{name}` wildcards?
pub fn text_fits(pattern: &str, got: &str) -> bool {
    if !pattern.contains("%{") {
        return pattern == got;
    }
    let mut rule = String::from("^");
    let mut rest = pattern;
    while let Some((head, tail)) = rest.split_once("%{") {
        let (name, after) = tail.split_once('}').unwrap();
        rule.push_str(&regex::escape(head));
        rule.push_str(&format!("(?:{})", token(name)));
        rest = after;
    }
    rule.push_str(&regex::escape(rest));
    rule.push('$');
    Regex::new(&rule).unwrap().is_match(got)
}

fn sorted<'t>(text: &'t str, by: &str) -> Vec<&'t str> {
    let mut parts: Vec<&str> = text.split(by).collect();
    parts.sort_unstable();
    parts
}

fn type_fits(name: &str, got: &Value) -> bool {
    match name {
        "integer" => got.is_i64() || got.is_u64(),
        "number" => got.is_number(),
        "string" => got.is_string(),
        "boolean" => got.is_boolean(),
        "array" => got.is_array(),
        "object" => got.is_object(),
        "null" => got.is_null(),
        "numeric" => got.is_number() || got.as_str().is_some_and(|t| text_fits("%{num}", t)),
        _ => true,
    }
}

/// Where and how `got` differs from the pattern; none when it fits.
pub fn mismatch(want: &Value, got: &Value, at: &str) -> Option<String> {
    let differs = || Some(format!("{at}: expected {want}, got {got}"));
    let fits = |good: bool| if good { None } else { differs() };
    match want {
        Value::Object(map) if map.contains_key("$type") => {
            fits(type_fits(map["$type"].as_str().unwrap(), got))
        }
        Value::Object(map) if map.contains_key("$num") => {
            let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            fits(!got.is_boolean() && plain(got) == plain(&map["$num"]))
        }
        Value::Object(map) if map.contains_key("$or") => {
            fits(map["$or"].as_array().unwrap().iter().any(|one| mismatch(one, got, at).is_none()))
        }
        Value::Object(map) if map.contains_key("$set") || map.contains_key("$lines") => {
            let (want, by) = map.get("$set").map_or_else(|| (&map["$lines"], "\n"), |set| (set, ","));
            fits(got.as_str().is_some_and(|g| sorted(g, by) == sorted(want.as_str().unwrap(), by)))
        }
        Value::Object(map) => {
            let partial = map.get("$partial").and_then(Value::as_object);
            let (Some(keys), Some(found)) = (partial.or(Some(map)), got.as_object()) else {
                return differs();
            };
            for (key, want) in keys {
                let here = format!("{at}/{key}");
                match found.get(key) {
                    None => return Some(format!("{here}: expected {want}, got nothing")),
                    Some(got) => {
                        if let Some(bad) = mismatch(want, got, &here) {
                            return Some(bad);
                        }
                    }
                }
            }
            let extra = found.keys().find(|key| partial.is_none() && !keys.contains_key(*key));
            extra.map(|key| format!("{at}/{key}: expected nothing, got {}", found[key]))
        }
        Value::Array(wanted) => match got.as_array() {
            Some(found) if found.len() == wanted.len() => fits(paired(wanted, found)),
            _ => differs(),
        },
        Value::String(pattern) => fits(got.as_str().is_some_and(|g| text_fits(pattern, g))),
        other => fits(other == got),
    }
}

/// Can every wanted item have an item of its own, in any order?
fn paired(wanted: &[Value], found: &[Value]) -> bool {
    fn place(
        i: usize,
        seen: &mut Vec<bool>,
        pairs: &mut Vec<Option<usize>>,
        fits: &dyn Fn(usize, usize) -> bool,
    ) -> bool {
        for j in 0..pairs.len() {
            if seen[j] || !fits(i, j) {
                continue;
            }
            seen[j] = true;
            if pairs[j].is_none_or(|other| place(other, seen, pairs, fits)) {
                pairs[j] = Some(i);
                return true;
            }
        }
        false
    }
    let fits = |i: usize, j: usize| mismatch(&wanted[i], &found[j], "").is_none();
    let mut pairs = vec![None; found.len()];
    (0..wanted.len()).all(|i| place(i, &mut vec![false; found.len()], &mut pairs, &fits))
}

#[test]
fn the_marks_mean_what_the_recordings_say() {
    use serde_json::json;
    assert!(text_fits("a %{int} b", "a -3 b") && !text_fits("a %{int} b", "a x b"));
    assert!(mismatch(&json!([1, {"$num": 5}]), &json!(["5", 1]), "").is_none());
    assert!(mismatch(&json!({"$partial": {"a": 1}}), &json!({"a": 1, "b": 2}), "").is_none());
    assert!(mismatch(&json!({"a": 1}), &json!({"a": 1, "b": 2}), "").is_some());
    assert!(mismatch(&json!({"a": 1}), &json!({"a": "1"}), "").is_some());
    assert!(mismatch(&json!({"$set": "a,b"}), &json!("b,a"), "").is_none());
}
