//! Reading requests off a connection as the API server does, peculiarities included.
//!
//! Begin with [`Wire::head`]. The real server takes any byte in a target that is no space, so nothing here
//! judges targets; limits are those of `limits.rs`.
//!
//! Never here: what a request means.

use super::answer::Answer;
use crate::limits::{BODY_BYTES_MAX, DRAIN_BYTES_MAX, DRAIN_MS, HEADER_BYTES_MAX, HEADER_LINES_MAX, IDLE_MS};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A request line with its headers; names in lower case.
#[derive(Debug, Default)]
pub struct Head {
    pub verb: String,
    /// Path as written, not unescaped.
    pub path: String,
    pub query: String,
    /// `HTTP/1.1` or what the client said.
    pub protocol: String,
    pub old: bool,
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header; several of one name are joined by a comma.
    pub fn get(&self, name: &str) -> Option<String> {
        let all: Vec<&str> =
            self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Does the client want the connection to end with this request?
    pub fn closes(&self) -> bool {
        self.get("connection").map_or(self.old, |c| c.to_ascii_lowercase().contains("close"))
    }
}

/// What came.
pub enum Read {
    Head(Head),
    /// Not a request: the answer, after which the connection ends.
    Refused(Answer),
    /// Headers over the limit: the server says nothing more on this connection.
    Mute,
    /// The client is gone, or was idle too long.
    End,
}

/// One connection's incoming bytes.
pub struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were taken.
    taken: usize,
}

impl<S: AsyncRead + Unpin> Wire<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(4096), taken: 0 }
    }

    /// The stream, for writing.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Reads more; false at the end of the stream or after five idle seconds.
    async fn fill(&mut self) -> bool {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        let mut chunk = [0_u8; 8192];
        let idle = Duration::from_millis(IDLE_MS);
        match tokio::time::timeout(idle, self.stream.read(&mut chunk)).await {
            Ok(Ok(count)) if count > 0 => {
                self.buffer.extend_from_slice(&chunk[..count]);
                true
            }
            _ => false,
        }
    }

    /// The next line without its end; none when there will be none.
    async fn line(&mut self) -> Option<String> {
        let mut seen = 0;
        loop {
            let waiting = &self.buffer[self.taken..];
            if let Some(at) = waiting[seen..].iter().position(|b| *b == b'\n') {
                let end = seen + at;
                let line = waiting[..end].strip_suffix(b"\r").unwrap_or(&waiting[..end]);
                let line = String::from_utf8_lossy(line).into_owned();
                self.taken += end + 1;
                return Some(line);
            }
            seen = waiting.len();
            if seen > BODY_BYTES_MAX + HEADER_BYTES_MAX || !self.fill().await {
                return None;
            }
        }
    }

    /// The next request line with its headers.
    pub async fn head(&mut self) -> Read {
        let line = loop {
            match self.line().await {
                None => return Read::End,
                Some(line) if line.is_empty() => {}
                Some(line) => break line,
            }
        };
        let mut head = match request_line(&line) {
            Ok(head) => head,
            Err(answer) => return Read::Refused(answer),
        };
        let mut bytes = 0;
        for _ in 1..HEADER_LINES_MAX {
            let Some(line) = self.line().await else { return Read::End };
            bytes += line.len();
            if bytes >= HEADER_BYTES_MAX {
                return Read::Mute;
            }
            if line.is_empty() {
                return Read::Head(head);
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = head.headers.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim_start());
                }
                continue;
            }
            match line.split_once(':') {
                Some((name, value))
                    if !name.trim_end().is_empty() && !name.trim_end().contains(char::is_whitespace) =>
                {
                    head.headers.push((name.trim_end().to_ascii_lowercase(), value.trim_start().to_owned()));
                }
                _ => return Read::Refused(Answer::plain(506, "unable to parse request header")),
            }
        }
        Read::Mute
    }

    /// Reads and drops what still comes, for a short time and up to a bound.
    pub async fn drain(&mut self) {
        let rest = async {
            let mut chunk = vec![0_u8; 16 * 1024];
            let mut dropped = 0;
            while dropped < DRAIN_BYTES_MAX {
                match self.stream.read(&mut chunk).await {
                    Ok(count) if count > 0 => dropped += count,
                    _ => return,
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(DRAIN_MS), rest).await;
    }

    /// Exactly `length` bytes; an error when the client stops before.
    pub async fn body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.taken < length {
            if !self.fill().await {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = self.buffer[self.taken..self.taken + length].to_vec();
        self.taken += length;
        Ok(body)
    }
}

fn request_line(line: &str) -> Result<Head, Answer> {
    let bad = || Answer::plain(400, "bad request");
    let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
    let [verb, target, protocol] = words[..] else { return Err(bad()) };
    let version = protocol.strip_prefix("HTTP/").and_then(|v| v.split_once('.')).ok_or_else(bad)?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(version.0) || !digits(version.1) {
        return Err(bad());
    }
    if version.0 != "1" {
        return Err(Answer::plain(
            506,
            format!("http protocol version {}.{} not supported", version.0, version.1),
        ));
    }
    if target.split('/').next().is_some_and(|first| first.contains('@')) {
        return Err(Answer::plain(400, "invalid url"));
    }
    let target = target.split('#').next().unwrap_or_default();
    // A whole address is as good as its path.
    let local = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    Ok(Head {
        verb: verb.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        protocol: format!("HTTP/1.{}", version.1),
        old: version.1 == "0",
        headers: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Read, Wire, request_line};

    #[test]
    fn a_request_line_may_hold_bytes_that_are_no_address() {
        let head = request_line("GET /api2/json/a>b?x=1#y HTTP/1.1").unwrap();
        assert_eq!((head.path.as_str(), head.query.as_str()), ("/api2/json/a>b", "x=1"));
        assert_eq!(request_line("GET / HTTP/2.0").unwrap_err().status, 506);
        assert_eq!(request_line("nonsense").unwrap_err().status, 400);
        assert_eq!(request_line("GET u@h/ HTTP/1.1").unwrap_err().reason, "invalid url");
    }

    #[tokio::test]
    async fn two_requests_in_one_packet_are_two_requests() {
        let bytes = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\nX : y\n\n";
        let mut wire = Wire::new(&bytes[..]);
        let Read::Head(first) = wire.head().await else { panic!("a head") };
        assert_eq!(first.get("content-length").as_deref(), Some("2"));
        assert_eq!(wire.body(2).await.unwrap(), b"hi");
        let Read::Head(second) = wire.head().await else { panic!("a head") };
        assert_eq!((second.path.as_str(), second.get("x").as_deref()), ("/b", Some("y")));
        assert!(matches!(wire.head().await, Read::End));
    }
}
