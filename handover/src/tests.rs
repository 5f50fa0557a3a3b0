#![allow(clippy::unwrap_used, clippy::panic)]

use crate::message::{Act, Answer, Hello, Order, receive, send, send_bytes};
use crate::*;
use rustls::pki_types::ServerName;
use secrets::Secret;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ADA: Uuid = Uuid::from_u128(1);
const VALUE: &str = "canary-7f3a-value";

/// Notes what it was given.
#[derive(Default)]
struct Noting(Mutex<Vec<(String, Uuid, Option<String>)>>);

impl Noting {
    fn taken(&self) -> Vec<(String, Uuid, Option<String>)> {
        self.0.lock().unwrap().clone()
    }
}

impl Intake for Noting {
    fn store<'a>(&'a self, name: &'a str, by: Uuid, value: Secret<Vec<u8>>) -> Taking<'a> {
        Box::pin(async move {
            if name == "refused" {
                return Err(Refused { what: "no".into(), next: "ask".into() });
            }
            let text = String::from_utf8(value.expose().clone()).unwrap();
            self.0.lock().unwrap().push((name.into(), by, Some(text)));
            Ok(Done { position: 7 })
        })
    }
    fn remove<'a>(&'a self, name: &'a str, by: Uuid) -> Taking<'a> {
        Box::pin(async move {
            self.0.lock().unwrap().push((name.into(), by, None));
            Ok(Done { position: 8 })
        })
    }
}

struct Lab {
    _folder: tempfile::TempDir,
    ui: Identity,
    agent: Identity,
    stranger: Identity,
    intake: Arc<Noting>,
    address: String,
    stop: CancellationToken,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Lab {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str| Identity::create_if_missing(&folder.path().join("keys").join(name)).unwrap();
        let (ui, agent, stranger) = (made("intake-ui"), made("intake-agent"), made("stranger"));
        let receiver = Receiver::bind(([127, 0, 0, 1], 0).into(), &agent, ui.pin()).await.unwrap();
        let (intake, stop) = (Arc::new(Noting::default()), CancellationToken::new());
        let address = receiver.address().to_string();
        tokio::spawn(receiver.run(intake.clone(), stop.clone()));
        Self { _folder: folder, ui, agent, stranger, intake, address, stop }
    }

    fn sender(&self) -> Sender {
        Sender::new(&self.address, &self.ui, self.agent.pin()).unwrap()
    }

    /// A connection that both sides trust, up to the hello.
    async fn greeted(&self) -> (tokio_rustls::client::TlsStream<TcpStream>, Hello) {
        let config = tls::client(&self.ui, self.agent.pin()).unwrap();
        let tcp = TcpStream::connect(&self.address).await.unwrap();
        let name = ServerName::try_from(tls::NAME).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        let hello = receive(&mut stream).await.unwrap();
        (stream, hello)
    }
}

fn value() -> Secret<Vec<u8>> {
    Secret::new(VALUE.as_bytes().to_vec())
}

#[tokio::test]
async fn a_secret_arrives_with_its_name_and_who_sent_it() {
    let lab = Lab::start().await;
    assert_eq!(lab.sender().store("github-token", ADA, value()).await.unwrap(), Done { position: 7 });
    assert_eq!(lab.sender().remove("github-token", ADA).await.unwrap(), Done { position: 8 });
    let name = || "github-token".to_owned();
    assert_eq!(lab.intake.taken(), [(name(), ADA, Some(VALUE.into())), (name(), ADA, None)]);
    let refused = lab.sender().store("refused", ADA, value()).await.unwrap_err();
    assert_eq!((refused.to_string(), refused.advice()), ("no".into(), "ask".into()));
}

#[tokio::test]
async fn an_order_with_the_challenge_of_another_connection_is_refused() {
    let lab = Lab::start().await;
    let (mut first, hello) = lab.greeted().await;
    let order = Order { challenge: hello.challenge, act: Act::Store, name: "k".into(), by: ADA };
    send(&mut first, &order).await.unwrap();
    send_bytes(&mut first, VALUE.as_bytes()).await.unwrap();
    assert!(matches!(receive(&mut first).await.unwrap(), Answer::Done(_)));
    // The same order, word for word, over a new connection of the right UI; and after it a delayed one.
    for _ in 0..2 {
        let (mut again, hello) = lab.greeted().await;
        assert_ne!(hello.challenge, order.challenge);
        send(&mut again, &order).await.unwrap();
        send_bytes(&mut again, VALUE.as_bytes()).await.unwrap();
        assert!(matches!(receive(&mut again).await.unwrap(), Answer::Refused(_)));
    }
    assert_eq!(lab.intake.taken().len(), 1);
}

#[tokio::test]
async fn a_connection_is_good_for_one_order() {
    let lab = Lab::start().await;
    let (mut stream, hello) = lab.greeted().await;
    let order = Order { challenge: hello.challenge, act: Act::Remove, name: "k".into(), by: ADA };
    send(&mut stream, &order).await.unwrap();
    assert!(matches!(receive(&mut stream).await.unwrap(), Answer::Done(_)));
    // Ended by the Agent: whatever else is sent is not read.
    let _ = send(&mut stream, &order).await;
    assert!(receive::<Answer>(&mut stream).await.is_err());
    assert_eq!(lab.intake.taken().len(), 1);
}

#[tokio::test]
async fn bytes_recorded_on_the_wire_are_worth_nothing() {
    let lab = Lab::start().await;
    let tap = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let tapped = tap.local_addr().unwrap().to_string();
    let target = lab.address.clone();
    let recorded = tokio::spawn(async move {
        let (mut near, _) = tap.accept().await.unwrap();
        let mut far = TcpStream::connect(target).await.unwrap();
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                read = near.read(&mut up) => match read.unwrap_or(0) {
                    0 => break,
                    n => { sent.extend(&up[..n]); far.write_all(&up[..n]).await.unwrap(); }
                },
                read = far.read(&mut down) => match read.unwrap_or(0) {
                    0 => break,
                    n => { answered.extend(&down[..n]); if near.write_all(&down[..n]).await.is_err() { break } }
                },
            }
        }
        (sent, answered)
    });
    Sender::new(tapped, &lab.ui, lab.agent.pin()).unwrap().store("k", ADA, value()).await.unwrap();
    let (sent, answered) = recorded.await.unwrap();
    let shows = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for text in [VALUE, "challenge", "store"] {
        assert!(!shows(&sent, text) && !shows(&answered, text), "{text} is readable on the wire");
    }
    let mut replay = TcpStream::connect(&lab.address).await.unwrap();
    replay.write_all(&sent).await.unwrap();
    let mut rest = Vec::new();
    let _ = replay.read_to_end(&mut rest).await;
    assert_eq!(lab.intake.taken().len(), 1, "taken once");
}

#[tokio::test]
async fn strangers_on_either_side_are_refused_before_anything_is_said() {
    let lab = Lab::start().await;
    let stranger = Sender::new(&lab.address, &lab.stranger, lab.agent.pin()).unwrap();
    let refused = stranger.store("k", ADA, value()).await.unwrap_err();
    assert!(matches!(refused, HandoverError::NotTrusted), "{refused:?}");
    let misled = Sender::new(&lab.address, &lab.ui, lab.stranger.pin()).unwrap();
    let refused = misled.store("k", ADA, value()).await.unwrap_err();
    assert!(matches!(refused, HandoverError::NotTheAgent(_)), "{refused:?}");
    assert!(refused.advice().contains("mycopod secrets channel"));
    assert!(lab.intake.taken().is_empty());
}

#[tokio::test]
async fn nobody_gets_in_without_a_certificate_or_with_an_older_protocol() {
    let lab = Lab::start().await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(lab.agent.certificate.clone()).unwrap();
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let config = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let tcp = TcpStream::connect(&lab.address).await.unwrap();
        let name = ServerName::try_from(tls::NAME).unwrap();
        let greeted = async {
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
            receive::<Hello>(&mut stream).await
        };
        assert!(greeted.await.is_err());
    }
}

#[tokio::test]
async fn too_much_and_too_little_are_refused_on_both_sides() {
    let lab = Lab::start().await;
    for length in [0, limits::VALUE_BYTES_MAX + 1] {
        let refused = lab.sender().store("k", ADA, Secret::new(vec![1; length])).await.unwrap_err();
        assert!(matches!(refused, HandoverError::Size(n) if n == length));
    }
    let (mut stream, hello) = lab.greeted().await;
    let order = Order { challenge: hello.challenge, act: Act::Store, name: "k".into(), by: ADA };
    send(&mut stream, &order).await.unwrap();
    // A sender that does not keep to the limit: the length alone ends the connection.
    stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    assert!(receive::<Answer>(&mut stream).await.is_err());
    assert!(lab.intake.taken().is_empty());
    let longest = Secret::new(vec![b'x'; limits::VALUE_BYTES_MAX]);
    lab.sender().store("k", ADA, longest).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_told_as_such() {
    let lab = Lab::start().await;
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let sender = Sender::new(free.to_string(), &lab.ui, lab.agent.pin()).unwrap();
    assert!(matches!(sender.remove("k", ADA).await, Err(HandoverError::Unreachable { .. })));
}

#[test]
fn a_pin_is_read_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys").join("intake-ui");
    let identity = Identity::create_if_missing(&path).unwrap();
    let pin = identity.pin();
    assert_eq!(pin, Identity::create_if_missing(&path).unwrap().pin(), "it is kept");
    let text = pin.to_string();
    let colons: Vec<&str> = (0..32).map(|n| &text[2 * n..2 * n + 2]).collect();
    assert_eq!(colons.join(":").to_uppercase().parse::<Pin>().unwrap(), pin);
    assert!("ab".parse::<Pin>().is_err() && "".parse::<Pin>().is_err());
    assert!(!format!("{identity:?}").contains("KEY"));
}
