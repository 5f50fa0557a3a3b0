//! A small TLS server that plays a script: each request gets the next answer.

use proxmox::{ApiToken, Endpoint, Fingerprint, Secret, Timeouts, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// What the server does with one request after it was read to its end.
#[derive(Clone)]
pub enum Answer {
    /// These bytes; the connection stays open.
    Bytes(String),
    /// These bytes, then the connection is closed.
    Last(String),
    /// Nothing, and the connection is closed.
    Close,
    /// Nothing, and the connection stays open.
    Silence,
}

impl Answer {
    /// A whole answer with a JSON body.
    pub fn json(line: &str, body: &str) -> Self {
        Self::Bytes(format!(
            "HTTP/1.1 {line}\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    pub fn data(data: &str) -> Self {
        Self::json("200 OK", &format!("{{\"data\":{data}}}"))
    }
}

pub struct Server {
    pub url: String,
    pub fingerprint: Fingerprint,
    pub ca: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca_params = CertificateParams::new(Vec::new()).unwrap();
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = ca_params.self_signed(&ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &ca, &ca_key).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), script, seen.clone()));
        Self { url, fingerprint: Fingerprint::of_der(leaf.der()), ca: ca.pem(), seen }
    }

    /// The requests so far, as they came over the line.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn endpoint(&self) -> Endpoint {
        endpoint(vec![self.url.clone()], Trust::fingerprint(self.fingerprint))
    }
}

pub fn endpoint(base_urls: Vec<String>, trust: Trust) -> Endpoint {
    let token = ApiToken { id: "mycopod@pve!agent".into(), secret: Secret::new("canary") };
    Endpoint { base_urls, trust, token }
}

/// Long enough for a busy machine, where a test does not wait for a timeout.
pub fn patient() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts { connect: long, read: long, write: long, upload: long, sign_in: long, ..Timeouts::default() }
}

/// An address where nobody listens.
pub async fn closed_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port())
}

type Script = Arc<Mutex<VecDeque<Answer>>>;

async fn accept(listener: TcpListener, tls: TlsAcceptor, script: Script, seen: Arc<Mutex<Vec<String>>>) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(converse(tcp, tls.clone(), script.clone(), seen.clone()));
    }
}

async fn converse(tcp: TcpStream, tls: TlsAcceptor, script: Script, seen: Arc<Mutex<Vec<String>>>) {
    let Ok(mut stream) = tls.accept(tcp).await else { return };
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request);
        let answer = script.lock().unwrap().pop_front().unwrap_or(Answer::Close);
        match answer {
            Answer::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
            Answer::Last(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
                return;
            }
            Answer::Close => return,
            Answer::Silence => {}
        }
    }
}

/// Head and body of one request; none when the connection ended.
async fn read(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
