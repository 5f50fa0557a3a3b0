//! The server's schema check, done by us before a call is put into a plan.
//!
//! Begin with [`call`]. Texts are the server's, so that both sides of a refusal read alike.

use super::table::{Definition, Kind, Method, Table};
use super::{Matched, PART, Violation, formats, property};
use std::collections::BTreeMap;

pub(super) const UNKNOWN: &str =
    "property is not defined in schema and the schema does not allow additional properties";
pub(super) const ABSENT: &str = "property is missing and it is not optional";
const CONFLICT: &str = "duplicate parameter (already defined in URI) with conflicting values!";

/// All violations of one call, in the order of parameter names.
pub(super) fn call(table: &Table, found: &Matched<'_>, args: &BTreeMap<String, String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut refuse = |parameter: &str, text: String| {
        violations.push(Violation { parameter: parameter.to_owned(), text });
    };
    let mut all = args.clone();
    for (name, value) in &found.captures {
        if let Some(given) = all.insert(name.clone(), value.clone())
            && given != *value
        {
            refuse(name, CONFLICT.into());
        }
    }
    for (name, value) in &all {
        match definition(table, found.method, name) {
            Some(definition) => {
                if let Err(text) = self::value(table, definition, name, value) {
                    refuse(name, text);
                }
                if let Some(partner) = &definition.requires
                    && !all.contains_key(partner)
                {
                    refuse(partner, format!("missing property - '{name}' requires this property"));
                }
            }
            None if found.method.allows_unknown() => {}
            None => refuse(name, UNKNOWN.into()),
        }
    }
    for (name, place) in &found.method.params {
        let required =
            table.defs.get(*place).is_some_and(|def| !def.is_optional() && def.index_max.is_none());
        if required && !all.contains_key(name) {
            refuse(name, ABSENT.into());
        }
    }
    violations.sort_by(|a, b| a.parameter.cmp(&b.parameter));
    violations
}

/// The definition behind a name; `net3` finds `net[n]` when 3 is within its range.
pub(super) fn definition<'t>(table: &'t Table, method: &Method, name: &str) -> Option<&'t Definition> {
    if let Some(place) = method.params.get(name) {
        // The family's own name is not a parameter.
        return table.defs.get(*place).filter(|def| def.index_max.is_none());
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &name[stem.len()..];
    if number.len() > 1 && number.starts_with('0') {
        return None;
    }
    let number: u32 = number.parse().ok()?;
    let place = method.params.get(&format!("{stem}[n]"))?;
    table.defs.get(*place).filter(|def| def.index_max.is_some_and(|max| number <= max))
}

/// Checks one value: type, format, pattern, length, range, enumeration; the first failure counts.
pub(super) fn value(table: &Table, def: &Definition, path: &str, value: &str) -> Result<(), String> {
    match def.kind {
        Kind::Integer if !is_integer(value) => return Err(not_a("integer", value)),
        Kind::Number if !is_number(value) => return Err(not_a("number", value)),
        Kind::Boolean if !matches!(value, "0" | "1") => return Err(not_a("boolean", value)),
        Kind::Array => {
            let Some(item) = &def.item else { return Ok(()) };
            return value.split(PART).try_for_each(|part| self::value(table, item, path, part));
        }
        Kind::Text if value.contains(PART) => return Err(not_a("string", "ARRAY")),
        _ => {}
    }
    if let Some(name) = &def.property_string {
        property::check(table, name, path, value).map_err(|text| format!("invalid format - {text}"))?;
    }
    if let Some(name) = &def.format {
        formats::check(table, name, path, value).map_err(|text| format!("invalid format - {text}"))?;
    }
    if def.pattern.as_ref().is_some_and(|pattern| !pattern.covers(value)) {
        return Err("value does not match the regex pattern".into());
    }
    if let Some(max) = def.chars_max.filter(|max| value.chars().count() > *max) {
        return Err(format!("value may only be {max} characters long"));
    }
    if let Some(min) = def.chars_min.filter(|min| value.chars().count() < *min) {
        return Err(format!("value must be at least {min} characters long"));
    }
    if matches!(def.kind, Kind::Integer | Kind::Number)
        && let Ok(number) = value.parse::<f64>()
    {
        if let Some(min) = def.minimum.filter(|min| number < *min) {
            return Err(format!("value must have a minimum value of {min}"));
        }
        if let Some(max) = def.maximum.filter(|max| number > *max) {
            return Err(format!("value must have a maximum value of {max}"));
        }
    }
    if !def.allowed.is_empty() && !def.allowed.iter().any(|allowed| allowed == value) {
        let allowed = def.allowed.join(", ");
        return Err(format!("value '{value}' does not have a value in the enumeration '{allowed}'"));
    }
    Ok(())
}

fn not_a(kind: &str, value: &str) -> String {
    format!("type check ('{kind}') failed - got '{value}'")
}

fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A plain decimal number; `inf` and `nan`, which Rust would read, are not.
fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok_and(f64::is_finite) && value.bytes().any(|b| b.is_ascii_digit())
}
