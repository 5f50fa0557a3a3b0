//! How a request becomes bytes: path, query, form, multipart.
//!
//! The server splits forms on raw `=`, `;` and `&` and reads `+` as a space, so everything but letters,
//! digits and `-._~` is percent-encoded in names and values. DELETE and GET never have a body.

use crate::error::{CallError, NotSent};
use crate::limits::{FORM_BYTES_MAX, TARGET_BYTES_MAX, UPLOAD_BYTES_MAX};
use crate::wire::{FilePart, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;

const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Task ids and volume ids keep their colons, slashes and signs readable; the server unescapes the rest.
const PATH: &AsciiSet = &VALUE.remove(b'/').remove(b':').remove(b'@').remove(b'!').remove(b',');
const PART: char = '\0';

/// A request as bytes, the same for every node it is tried on.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Path and query below the base address.
    pub target: String,
    pub body: Option<Body>,
}

pub(crate) struct Body {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.content_type, self.bytes.len())
    }
}

/// Encodes a request, or says why it cannot be sent.
pub(crate) fn request(request: &Request) -> Result<Encoded, CallError> {
    let refuse = |why: &str| Err(CallError::not_sent(NotSent::Malformed, why));
    if !request.path.starts_with('/') || request.path.contains(|c: char| c.is_control()) {
        return refuse("the path does not begin with a slash or has control characters");
    }
    if request.path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return refuse("the path has a '.' or '..' segment");
    }
    let mut target = format!("/api2/json{}", utf8_percent_encode(&request.path, PATH));
    let body = match &request.file {
        Some(_) if !request.verb.has_body() => return refuse("a file goes only with POST or PUT"),
        Some(file) if file.bytes.len() > UPLOAD_BYTES_MAX => return refuse("the file is too large"),
        Some(file) => Some(multipart(&request.args, file)?),
        None if request.verb.has_body() => {
            let bytes = form(&request.args).into_bytes();
            if bytes.len() > FORM_BYTES_MAX {
                return refuse("the arguments are longer than 512 KiB");
            }
            Some(Body { content_type: "application/x-www-form-urlencoded".into(), bytes })
        }
        None => {
            if !request.args.is_empty() {
                target = format!("{target}?{}", form(&request.args));
            }
            None
        }
    };
    if target.len() > TARGET_BYTES_MAX {
        return refuse("path and query are too long");
    }
    Ok(Encoded { target, body })
}

/// A value in which every sign that means something to the server is encoded.
pub(crate) fn value(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// `name=value&…`, everything encoded; the parts of an array value repeat the name.
pub(crate) fn form(args: &BTreeMap<String, String>) -> String {
    let pairs = args.iter().flat_map(|(name, value)| value.split(PART).map(move |part| (name, part)));
    pairs
        .map(|(name, value)| format!("{}={}", self::value(name), self::value(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The upload form: arguments first, because the server wants checksums before the file.
fn multipart(args: &BTreeMap<String, String>, file: &FilePart) -> Result<Body, CallError> {
    let quotable = |text: &str| !text.contains(|c: char| c == '"' || c == '\\' || c.is_control());
    if !quotable(&file.name) || !args.iter().all(|(name, value)| quotable(name) && !value.contains("\r\n")) {
        return Err(CallError::not_sent(NotSent::Malformed, "an upload field cannot be written"));
    }
    let boundary = boundary(&file.bytes);
    let mut bytes = Vec::with_capacity(file.bytes.len() + 1024);
    for (name, value) in args {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        file.name
    );
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(&file.bytes);
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok(Body { content_type: format!("multipart/form-data; boundary={boundary}"), bytes })
}

/// A line that does not occur in the file, because it is made from the file's hash.
fn boundary(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("mycopod-{hex}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wire::Verb;

    fn encoded(verb: Verb, path: &str, args: &[(&str, &str)]) -> (String, Option<String>) {
        let args = args.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let encoded = request(&Request::new(verb, path, args)).unwrap();
        (encoded.target, encoded.body.map(|body| String::from_utf8(body.bytes).unwrap()))
    }

    #[test]
    fn every_sign_the_server_reads_is_encoded_in_a_form() {
        let (target, body) = encoded(
            Verb::Post,
            "/nodes/n/qemu",
            &[("scsi0", "local:1,format=raw"), ("size", "+1G"), ("x", "a;b&c%d e/ü")],
        );
        assert_eq!(target, "/api2/json/nodes/n/qemu");
        assert_eq!(body.unwrap(), "scsi0=local%3A1%2Cformat%3Draw&size=%2B1G&x=a%3Bb%26c%25d%20e%2F%C3%BC");
    }

    #[test]
    fn an_already_encoded_key_is_encoded_again() {
        let (_, body) = encoded(Verb::Put, "/nodes/n/qemu/1/config", &[("sshkeys", "ssh-rsa%20A%2BB%0A")]);
        assert_eq!(body.unwrap(), "sshkeys=ssh-rsa%2520A%252BB%250A");
    }

    #[test]
    fn reads_and_deletes_have_a_query_and_no_body() {
        let (target, body) = encoded(Verb::Delete, "/nodes/n/qemu/101", &[("purge", "1")]);
        assert_eq!((target.as_str(), body), ("/api2/json/nodes/n/qemu/101?purge=1", None));
        let (target, body) = encoded(Verb::Get, "/version", &[]);
        assert_eq!((target.as_str(), body), ("/api2/json/version", None));
    }

    #[test]
    fn a_write_without_arguments_has_an_empty_body() {
        assert_eq!(encoded(Verb::Post, "/nodes/n/qemu/1/status/start", &[]).1.unwrap(), "");
    }

    #[test]
    fn an_array_repeats_its_name() {
        let (_, body) = encoded(Verb::Post, "/nodes/n/qemu/1/agent/exec", &[("command", "ls\0-l")]);
        assert_eq!(body.unwrap(), "command=ls&command=-l");
    }

    #[test]
    fn a_path_keeps_what_ids_need() {
        let upid = "/nodes/n/tasks/UPID:n:0000:1:2:a:1:u@pve!t:/status";
        assert_eq!(encoded(Verb::Get, upid, &[]).0, format!("/api2/json{upid}"));
        let (target, _) = encoded(Verb::Get, "/nodes/n/storage/s/content/s:iso/a b+?#%.iso", &[]);
        assert_eq!(target, "/api2/json/nodes/n/storage/s/content/s:iso/a%20b%2B%3F%23%25.iso");
    }

    #[test]
    fn what_would_reach_another_path_is_not_sent() {
        for path in ["nodes", "/nodes/../access", "/nodes/./x", "/a\r\nb"] {
            let error = request(&Request::get(path)).unwrap_err();
            assert!(matches!(error, CallError::NotSent { cause: NotSent::Malformed, .. }), "{path}");
        }
        let long = Request::get("/nodes").arg("x", "a".repeat(TARGET_BYTES_MAX));
        assert!(request(&long).is_err());
        let large = Request::new(Verb::Post, "/x", BTreeMap::new()).arg("x", "a".repeat(FORM_BYTES_MAX));
        assert!(request(&large).is_err());
    }

    #[test]
    fn an_upload_has_its_fields_before_the_file() {
        let mut upload = Request::new(Verb::Post, "/nodes/n/storage/s/upload", BTreeMap::new())
            .arg("content", "iso")
            .arg("checksum", "ab");
        upload.file = Some(FilePart { name: "seed.iso".into(), bytes: b"CD001".to_vec() });
        let body = request(&upload).unwrap().body.unwrap();
        let text = String::from_utf8(body.bytes).unwrap();
        let boundary = body.content_type.split_once("boundary=").unwrap().1;
        let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 5, "{text}");
        assert!(parts[1].contains("name=\"checksum\"\r\n\r\nab\r\n"));
        assert!(parts[2].contains("name=\"content\"\r\n\r\niso\r\n"));
        assert!(
            parts[3].contains("name=\"filename\"; filename=\"seed.iso\"") && parts[3].ends_with("CD001\r\n")
        );
        assert_eq!(parts[4], "--\r\n");
        upload.file = Some(FilePart { name: "a\"b".into(), bytes: Vec::new() });
        assert!(request(&upload).is_err());
    }
}
