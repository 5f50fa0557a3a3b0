//! JSON as the server writes it: the order of keys differs from answer to answer.

use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the next answer's order comes from. Apart from all other chance, so that reading changes nothing.
#[derive(Default)]
pub struct Order(AtomicU64);

impl Order {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Writes a value with its keys in some order.
    pub fn write(&self, value: &Value) -> Vec<u8> {
        let seed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mut out = Vec::with_capacity(256);
        put(value, &mut out, &mut (seed | 1));
        out
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn put(value: &Value, out: &mut Vec<u8>, state: &mut u64) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                put(item, out, state);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            for last in (1..entries.len()).rev() {
                let other = usize::try_from(next(state) % (last as u64 + 1)).unwrap_or(0);
                entries.swap(last, other);
            }
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                text(key, out);
                out.push(b':');
                put(item, out, state);
            }
            out.push(b'}');
        }
        Value::String(word) => text(word, out),
        scalar => {
            // Writing into a vector cannot fail.
            let _ = serde_json::to_writer(out, scalar);
        }
    }
}

/// A text in quotes. Most have nothing to escape and are copied whole.
fn text(word: &str, out: &mut Vec<u8>) {
    if word.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(word.as_bytes());
        out.push(b'"');
    } else {
        let _ = serde_json::to_writer(out, word);
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use serde_json::{Value, json};

    #[test]
    fn the_order_changes_and_the_value_does_not() {
        let order = Order::new(7);
        let value = json!({"a": 1, "b": [{"c": "\"", "d": null}], "e": true, "f": 1.5});
        let texts: Vec<Vec<u8>> = (0..20).map(|_| order.write(&value)).collect();
        assert!(texts.iter().all(|t| serde_json::from_slice::<Value>(t).unwrap() == value));
        assert!(texts.iter().any(|t| *t != texts[0]));
    }
}
