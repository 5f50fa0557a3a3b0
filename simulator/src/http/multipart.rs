//! The one call with a file: `multipart/form-data` of an upload.
//!
//! Begin with [`fields`]. The server looks for the fields `content`, `checksum-algorithm` and `checksum` before
//! the part called `filename`, in this order, and drops other parts.

use super::answer::Answer;
use super::decode::{self, Given};
use super::process::Request;
use crate::state::sha1_hex;
use crate::storage::download;
use serde_json::{Value, json};

/// Under this name the server tells the handler where it put the file; no client can send it.
const STORED: &str = "tmpfilename";

/// A file that came with a call. It is not kept, only what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    pub size_bytes: u64,
    /// Algorithm and checksum in lower-case hex, when the call asked for one.
    pub checksum: Option<(String, String)>,
}

/// The fields of the body and the file.
pub fn fields(request: &Request) -> Result<(Given, Uploaded), Answer> {
    let bad = |text: &str| Answer::plain(500, text);
    let boundary = request
        .kind
        .as_deref()
        .and_then(|k| k.split_once("boundary="))
        .map(|(_, b)| b.split([';', ',']).next().unwrap_or_default().trim().trim_matches('"'))
        .filter(|b| !b.is_empty())
        .ok_or_else(|| bad("upload failed"))?;
    if decode::form(&request.query).contains_key(STORED) {
        return Err(bad("'tmpfilename' query parameter is not allowed for file uploads"));
    }
    let mark = format!("--{boundary}");
    let mut out = Given::new();
    let mut file = None;
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
        part(&head, &data[..length], &mut out, &mut file)?;
        rest = &data[length + 2..];
    }
    file.map(|file| (out, file)).ok_or_else(|| bad("upload failed"))
}

fn part(head: &str, data: &[u8], out: &mut Given, file: &mut Option<Uploaded>) -> Result<(), Answer> {
    let of = |name: &str| {
        let (_, rest) = head.split_once(&format!("{name}=\""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let Some(name) = of(" name").or_else(|| of(";name")) else { return Ok(()) };
    match (name.as_str(), of("filename")) {
        ("filename", Some(name)) => {
            out.insert("filename".into(), json!(name));
            // The server puts the file there and says so to the call's handler.
            out.insert(STORED.into(), json!(format!("/var/tmp/pveupload-{}", &sha1_hex(&name)[..16])));
            let checksum = out.get("checksum-algorithm").and_then(Value::as_str);
            *file = Some(Uploaded {
                size_bytes: data.len() as u64,
                checksum: checksum.map(|kind| (kind.to_owned(), download::checksum(kind, data))),
            });
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
