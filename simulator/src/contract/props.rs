//! Property strings, such as `virtio,bridge=vmbr0`: read into keys, written back in the stored order.
//!
//! Begin with [`parse`]; [`print`] writes the default key first and the others sorted.

use super::{Contract, PropertyFormat};
use std::collections::BTreeMap;

/// Keys and values of one property string.
pub type Props = BTreeMap<String, String>;

/// Splits a property string and gives aliases their real names. No value is checked here.
pub fn split(format: &PropertyFormat, text: &str) -> Result<Props, String> {
    let default_key = format.iter().find(|(_, p)| p.default_key == 1).map(|(name, _)| name.as_str());
    let mut out = Props::new();
    for part in text.split(',').filter(|p| !p.trim().is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                if out.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                let mut name = key;
                if let Some(param) = format.get(key)
                    && let Some(alias) = &param.alias
                {
                    if let Some(key_alias) = &param.key_alias {
                        if out.contains_key(key_alias) {
                            return Err(format!("key alias '{key_alias}' is already defined\n"));
                        }
                        out.insert(key_alias.clone(), key.to_owned());
                    }
                    name = alias;
                }
                let boolean = format.get(name).is_some_and(|p| p.kind == "boolean");
                let value = if boolean { boolean_word(value).unwrap_or(value) } else { value };
                out.insert(name.to_owned(), value.to_owned());
            }
            None => {
                let Some(key) = default_key else {
                    return Err("value without key, but schema does not define a default key\n".into());
                };
                if out.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                let boolean = format.get(key).is_some_and(|p| p.kind == "boolean");
                let value = if boolean { boolean_word(part).unwrap_or(part) } else { part };
                out.insert(key.to_owned(), value.to_owned());
            }
            Some(_) => return Err("missing key in comma-separated list property\n".into()),
        }
    }
    Ok(out)
}

/// `on`, `yes`, `true` and their opposites as `1` and `0`.
pub fn boolean_word(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some("1"),
        "0" | "off" | "no" | "false" => Some("0"),
        _ => None,
    }
}

/// Reads a stored value by the name of its property format; what cannot be read is empty.
pub fn parse(contract: &Contract, format: &str, text: &str) -> Props {
    contract.props.get(format).and_then(|f| split(f, text).ok()).unwrap_or_default()
}

/// Writes keys in the stored order: `first` without its name, then the others sorted.
pub fn print(props: &Props, first: &str) -> String {
    let mut out: Vec<String> = props.get(first).cloned().into_iter().collect();
    out.extend(props.iter().filter(|(key, _)| *key != first).map(|(key, value)| format!("{key}={value}")));
    out.join(",")
}

/// Writes a VM network card: `virtio=MAC,bridge=…`.
pub fn print_vm_net(props: &Props) -> String {
    let model = props.get("model").map_or("virtio", String::as_str);
    let mut out = vec![match props.get("macaddr") {
        Some(mac) => format!("{model}={mac}"),
        None => model.to_owned(),
    }];
    let rest = props.iter().filter(|(key, _)| !matches!(key.as_str(), "model" | "macaddr"));
    out.extend(rest.map(|(key, value)| format!("{key}={value}")));
    out.join(",")
}

/// Writes a container network card: `name=eth0,bridge=…`.
pub fn print_ct_net(props: &Props) -> String {
    let mut out = vec![format!("name={}", props.get("name").map_or("", String::as_str))];
    out.extend(props.iter().filter(|(key, _)| *key != "name").map(|(key, value)| format!("{key}={value}")));
    out.join(",")
}
