//! A raw HTTPS client: one request, one connection, the status line as it was sent.

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::Value;
use simulator::{Grant, Running, SimConfig, Simulator};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const TOKEN: &str = "root@pam!test";
pub const SECRET: &str = "11111111-2222-3333-4444-555555555555";
pub const LIMITED: &str = "root@pam!limited";

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    /// Header lines, in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().trim_end().to_owned()
    }

    pub fn error(&self, name: &str) -> String {
        self.json()["errors"][name].as_str().unwrap_or_default().to_owned()
    }
}

/// A simulator with its client.
pub struct Lab {
    pub sim: Running,
    tls: Arc<rustls::ClientConfig>,
}

/// The cluster of the fixture file, where time does not count.
pub async fn lab() -> Lab {
    lab_of(cluster()).await
}

pub fn cluster() -> SimConfig {
    SimConfig::from_cluster_json(include_str!("../fixtures/cluster.json")).unwrap().with_time_scale(0.0)
}

/// With a second token that may only look at guests.
pub async fn lab_of(config: SimConfig) -> Lab {
    let mut config = config.with_token(LIMITED, SECRET);
    config.grants.push(Grant {
        token: LIMITED.into(),
        path: "/vms".into(),
        privileges: vec!["VM.Audit".into()],
    });
    bare_lab(config).await
}

/// With one token that may do everything.
pub async fn bare_lab(config: SimConfig) -> Lab {
    let sim = Simulator::start(config.with_token(TOKEN, SECRET)).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sim.ca_pem().as_bytes()).unwrap()).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Lab { sim, tls: Arc::new(tls) }
}

/// Is this a whole answer of a connection that stays open?
fn complete(bytes: &[u8]) -> bool {
    let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..at]).to_ascii_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
    head.contains("connection: keep-alive") && length == Some(bytes.len() - at - 4)
}

impl Lab {
    /// Sends bytes and reads to the end; none when the connection ended without a whole answer.
    pub async fn raw(&self, request: &str) -> Option<Answer> {
        let tcp = TcpStream::connect(self.sim.addr()).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(self.tls.clone()).connect(name, tcp).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        // The server may end without a TLS farewell; what came before counts.
        while !complete(&bytes) && stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {}
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut line = head.lines().next()?.splitn(3, ' ').skip(1);
        let status = line.next()?.parse().ok()?;
        let reason = line.next().unwrap_or_default().to_owned();
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|l| l.strip_prefix("content-length: ").map(str::to_owned));
        if length.is_some_and(|l| l.parse() != Ok(body.len())) {
            return None;
        }
        Some(Answer { status, reason, head: head.to_ascii_lowercase(), body: body.to_owned() })
    }

    pub async fn send_as(&self, token: &str, verb: &str, path: &str, form: &str) -> Option<Answer> {
        let body = if matches!(verb, "POST" | "PUT") { form } else { "" };
        let query = if body.is_empty() && !form.is_empty() { format!("?{form}") } else { String::new() };
        let authorization = if token.is_empty() {
            String::new()
        } else {
            format!("Authorization: PVEAPIToken={token}={SECRET}\r\n")
        };
        let length = if body.is_empty() && !matches!(verb, "POST" | "PUT") {
            String::new()
        } else {
            format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len())
        };
        self.raw(&format!("{verb} /api2/json{path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}{length}\r\n{body}")).await
    }

    pub async fn send(&self, verb: &str, path: &str, form: &str) -> Answer {
        self.send_as(TOKEN, verb, path, form).await.unwrap_or_else(|| panic!("no answer to {verb} {path}"))
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.data()
    }

    /// Sends a call that starts a task, waits until nothing runs, and gives the exit status.
    pub async fn task(&self, verb: &str, path: &str, form: &str) -> String {
        let answer = self.send(verb, path, form).await;
        assert_eq!(answer.status, 200, "{verb} {path}: {answer:?}");
        let upid = answer.data().as_str().unwrap().to_owned();
        assert!(self.sim.idle(Duration::from_secs(20)).await, "a task does not end");
        let node = upid.split(':').nth(1).unwrap().to_owned();
        let status = self.get(&format!("/nodes/{node}/tasks/{upid}/status")).await;
        assert_eq!(status["status"], "stopped");
        status["exitstatus"].as_str().unwrap().to_owned()
    }
}
