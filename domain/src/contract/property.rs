//! Property strings: several settings in one value, such as `virtio,bridge=vmbr0,tag=5`.

use super::check::{self, ABSENT, UNKNOWN};
use super::table::{Kind, Table};
use std::collections::BTreeMap;

/// Checks a property string against the named shape. All bad keys are reported in one text.
pub(super) fn check(table: &Table, shape: &str, path: &str, value: &str) -> Result<(), String> {
    let Some(keys) = table.props.get(shape) else { return Ok(()) };
    let given = read(table, shape, value)?;
    let mut wrong = BTreeMap::new();
    for (name, value) in &given {
        let Some(def) = keys.get(name).and_then(|key| table.defs.get(key.definition?)) else {
            wrong.insert(name.clone(), UNKNOWN.to_owned());
            continue;
        };
        let value = if def.kind == Kind::Boolean { flag(value) } else { value };
        if let Err(text) = check::value(table, def, &format!("{path}.{name}"), value) {
            wrong.insert(name.clone(), text);
        }
        if let Some(partner) = def.requires.as_ref().filter(|partner| !given.contains_key(*partner)) {
            let text = format!("missing property - '{path}.{name}' requires this property");
            wrong.insert(partner.clone(), text);
        }
    }
    for (name, key) in keys {
        let required = key.definition.and_then(|at| table.defs.get(at)).is_some_and(|d| !d.is_optional());
        if required && !given.contains_key(name) {
            wrong.insert(name.clone(), ABSENT.to_owned());
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let lines: String = wrong.iter().map(|(name, text)| format!("{path}.{name}: {text}\n")).collect();
    Err(format!("format error\n{lines}"))
}

/// Reads a property string into its keys, aliases resolved. Fails on what the server cannot take apart.
pub(super) fn read(table: &Table, shape: &str, value: &str) -> Result<BTreeMap<String, String>, String> {
    let empty = BTreeMap::new();
    let keys = table.props.get(shape).unwrap_or(&empty);
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for part in value.split(',').filter(|part| !part.trim().is_empty()) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => (name, value),
            Some(_) => return Err("missing key in comma-separated list property\n".into()),
            None => match keys.iter().find(|(_, key)| key.is_default()) {
                Some((name, _)) => (name.as_str(), part),
                None => {
                    return Err("value without key, but schema does not define a default key\n".into());
                }
            },
        };
        let key = keys.get(name);
        if let Some(also) = key.and_then(|key| key.also.as_ref())
            && given.insert(also.clone(), name.to_owned()).is_some()
        {
            return Err(format!("key alias '{also}' is already defined\n"));
        }
        let name = key.and_then(|key| key.alias.as_deref()).unwrap_or(name);
        if given.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("duplicate key in comma-separated list property: {name}\n"));
        }
    }
    Ok(given)
}

/// Inside property strings the server reads words for flags.
fn flag(value: &str) -> &str {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => "1",
        "0" | "off" | "no" | "false" => "0",
        _ => value,
    }
}
