//! The one call with a file: `multipart/form-data` of an upload.
//!
//! Begin with [`fields`]. The server looks for the fields `content`, `checksum-algorithm` and `checksum` before
//! the part called `filename`, in this order, and drops other parts.

use super::answer::Answer;
use super::decode::{self, Given};
use super::process::Request;
use serde_json::{Value, json};

/// Name under which the size of the file is handed on; no client can send it.
pub const SIZE: &str = "tmpfilename";

/// The fields of the body; the file itself becomes its size and, if asked for, its checksum.
pub fn fields(request: &Request) -> Result<Given, Answer> {
    let bad = |text: &str| Answer::plain(500, text);
    let boundary = request
        .kind
        .as_deref()
        .and_then(|k| k.split_once("boundary="))
        .map(|(_, b)| b.split([';', ',']).next().unwrap_or_default().trim().trim_matches('"'))
        .filter(|b| !b.is_empty())
        .ok_or_else(|| bad("upload failed"))?;
    if decode::form(&request.query).contains_key(SIZE) {
        return Err(bad("'tmpfilename' query parameter is not allowed for file uploads"));
    }
    let mark = format!("--{boundary}");
    let mut out = Given::new();
    let mut rest = request.body.as_slice();
    while let Some(at) = find(rest, mark.as_bytes()) {
        rest = &rest[at + mark.len()..];
        if rest.starts_with(b"--") {
            break;
        }
        let Some(end) = find(rest, b"\r\n\r\n") else { break };
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let data = &rest[end + 4..];
        let close = format!("\r\n{mark}");
        let Some(length) = find(data, close.as_bytes()) else { return Err(bad("upload failed")) };
        part(&head, &data[..length], &mut out)?;
        rest = &data[length + 2..];
    }
    match out.contains_key("filename") {
        true => Ok(out),
        false => Err(bad("upload failed")),
    }
}

fn part(head: &str, data: &[u8], out: &mut Given) -> Result<(), Answer> {
    let of = |name: &str| {
        let (_, rest) = head.split_once(&format!("{name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let Some(name) = of(" name").or_else(|| of(";name")) else { return Ok(()) };
    match (name.as_str(), of("filename")) {
        ("filename", Some(file)) => {
            out.insert("filename".into(), json!(file));
            out.insert(SIZE.into(), json!(format!("{}", data.len())));
            if let Some(Value::String(kind)) = out.get("checksum-algorithm").cloned() {
                out.insert("checksum-found".into(), json!(crate::storage::download::checksum(&kind, data)));
            }
            Ok(())
        }
        (other, Some(_)) => Err(Answer::plain(
            500,
            format!("wrong field name '{other}' for file upload, expected 'filename'"),
        )),
        ("content" | "checksum" | "checksum-algorithm", None) => {
            out.insert(name, json!(String::from_utf8_lossy(data)));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|w| w == needle)
}
