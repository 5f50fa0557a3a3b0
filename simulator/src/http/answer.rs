//! Answers: status line with exact reason, the usual headers, the envelope.

use super::json::Order;
use crate::api::{Fail, Reply};
use crate::limits::COMPRESS_BYTES_MIN;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Map, Value, json};
use std::io::Write;

/// How an answer may be squeezed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squeeze {
    No,
    Gzip,
    Deflate,
}

impl Squeeze {
    /// What the client's `Accept-Encoding` allows.
    pub fn asked(header: Option<&str>) -> Self {
        match header {
            Some(h) if h.contains("gzip") => Self::Gzip,
            Some(h) if h.contains("deflate") => Self::Deflate,
            _ => Self::No,
        }
    }
}

/// An answer before it is turned into bytes.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    /// Content type of the body, if it has one.
    pub kind: Option<&'static str>,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

const JSON: &str = "application/json;charset=UTF-8";

impl Answer {
    /// An answer from before dispatch: only a reason, no body.
    pub fn bare(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), kind: None, location: None, body: Vec::new() }
    }

    /// An answer from before dispatch whose body repeats the reason.
    pub fn plain(status: u16, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { body: reason.clone().into_bytes(), ..Self::bare(status, reason) }
    }

    /// The envelope of a call. `extjs` is always 200 and carries the status inside.
    pub fn envelope(result: Result<Reply, Fail>, extjs: bool, order: &Order) -> Self {
        let mut body = Map::new();
        let (status, reason) = match result {
            Ok(reply) => {
                body.insert("data".into(), reply.data);
                // The server leaves a count of nothing out.
                if let Some(total) = reply.total.filter(|t| *t > 0) {
                    body.insert("total".into(), json!(total));
                }
                if let Some(changes) = reply.changes {
                    body.insert("changes".into(), json!(changes));
                }
                (200, "OK".to_owned())
            }
            Err(fail) => {
                body.insert("data".into(), Value::Null);
                let reason = fail.message.lines().next().unwrap_or_default().to_owned();
                body.insert("message".into(), json!(fail.message));
                if !fail.errors.is_empty() {
                    body.insert("errors".into(), json!(fail.errors));
                }
                (fail.status, reason)
            }
        };
        let (status, reason) = match extjs {
            true => {
                body.insert("success".into(), json!(u8::from(status == 200)));
                if status != 200 {
                    // Refused rights come with the status as text.
                    let shown = if status == 403 { json!("403") } else { json!(status) };
                    body.insert("status".into(), shown);
                }
                (200, "OK".to_owned())
            }
            false => (status, reason),
        };
        Self { kind: Some(JSON), body: order.write(&Value::Object(body)), ..Self::bare(status, reason) }
    }

    /// The bytes of the response. `last` announces the end of the connection.
    pub fn bytes(self, protocol: &str, last: bool, squeeze: Squeeze) -> Vec<u8> {
        let now = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let (body, encoding) = squeezed(self.body, squeeze);
        let mut head = format!("{protocol} {} {}\r\n", self.status, self.reason.replace(['\r', '\n'], " "));
        head.push_str("Cache-Control: max-age=0\r\n");
        head.push_str(if last { "Connection: close\r\n" } else { "Connection: Keep-Alive\r\n" });
        head.push_str(&format!("Date: {now}\r\nPragma: no-cache\r\nServer: pve-api-daemon/3.0\r\n"));
        if let Some(encoding) = encoding {
            head.push_str(&format!("Content-Encoding: {encoding}\r\n"));
        }
        // An empty body has no length; a connection that stays open needs one to know the end.
        if !body.is_empty() || !last {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        if let Some(kind) = self.kind {
            head.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        if let Some(location) = &self.location {
            head.push_str(&format!("Location: {location}\r\n"));
        }
        head.push_str(&format!("Expires: {now}\r\n\r\n"));
        let mut out = head.into_bytes();
        out.extend_from_slice(&body);
        out
    }
}

fn squeezed(body: Vec<u8>, squeeze: Squeeze) -> (Vec<u8>, Option<&'static str>) {
    if body.len() <= COMPRESS_BYTES_MIN {
        return (body, None);
    }
    let (small, name) = match squeeze {
        Squeeze::No => return (body, None),
        Squeeze::Gzip => {
            let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
            (writer.write_all(&body).and_then(|()| writer.finish()), "gzip")
        }
        Squeeze::Deflate => {
            let mut writer = ZlibEncoder::new(Vec::new(), Compression::fast());
            (writer.write_all(&body).and_then(|()| writer.finish()), "deflate")
        }
    };
    match small {
        Ok(small) => (small, Some(name)),
        Err(_) => (body, None),
    }
}
