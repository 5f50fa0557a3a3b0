//! Parameters out of query strings and bodies, with the server's peculiarities.
//!
//! Pairs end at `&` or `;`, a value ends at a second raw `=`, `+` is a space, and a repeated key makes a list.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

/// Parameters as given: strings, lists of strings, or any JSON.
pub type Given = BTreeMap<String, Value>;

/// Percent-decoding once. Bytes that are no UTF-8 are replaced.
pub fn unescape(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes a form or a query. A key without `=` has no value (`null`).
pub fn form(text: &str) -> Given {
    let mut out = Given::new();
    for pair in text.split(['&', ';']).filter(|p| !p.is_empty()) {
        let mut parts = pair.split('=');
        let decode = |part: &str| unescape(&part.replace('+', " "));
        let key = decode(parts.next().unwrap_or_default());
        let value = parts.next().map_or(Value::Null, |v| Value::String(decode(v)));
        match out.get_mut(&key) {
            None => {
                out.insert(key, value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::form;
    use serde_json::json;

    #[test]
    fn a_form_is_split_as_the_server_splits_it() {
        let got = form("a=1&b=x=y;c=one+two%2B&d&e=1&e=2");
        assert_eq!(got["a"], json!("1"));
        assert_eq!(got["b"], json!("x"));
        assert_eq!(got["c"], json!("one two+"));
        assert_eq!(got["d"], json!(null));
        assert_eq!(got["e"], json!(["1", "2"]));
    }
}
