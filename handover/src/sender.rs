//! The side of the UI: it passes a secret on and keeps nothing of it.

use crate::error::HandoverError;
use crate::identity::{Identity, Pin};
use crate::limits::{ORDER_S_MAX, VALUE_BYTES_MAX, WORK_S_MAX};
use crate::message::{Act, Answer, Done, Hello, Order, receive, send, send_bytes};
use crate::tls;
use rustls::pki_types::ServerName;
use secrets::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

/// Orders to one Agent. Each is a connection of its own.
pub struct Sender {
    /// `host:port`.
    address: String,
    connector: TlsConnector,
}

impl Sender {
    /// `agent`: the pin of the Agent's certificate.
    pub fn new(address: impl Into<String>, identity: &Identity, agent: Pin) -> Result<Self, HandoverError> {
        let config = tls::client(identity, agent)?;
        Ok(Self { address: address.into(), connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Hands over a secret; `by` is the account that ordered it. Nothing of it is kept here.
    pub async fn store(&self, name: &str, by: Uuid, value: Secret<Vec<u8>>) -> Result<Done, HandoverError> {
        let length = value.expose().len();
        if length == 0 || length > VALUE_BYTES_MAX {
            return Err(HandoverError::Size(length));
        }
        self.order(Act::Store, name, by, Some(value)).await
    }

    /// Has a secret removed.
    pub async fn remove(&self, name: &str, by: Uuid) -> Result<Done, HandoverError> {
        self.order(Act::Remove, name, by, None).await
    }

    async fn order(
        &self,
        act: Act,
        name: &str,
        by: Uuid,
        value: Option<Secret<Vec<u8>>>,
    ) -> Result<Done, HandoverError> {
        let late = |_| self.unreachable(&"it took too long");
        let limit = Duration::from_secs(ORDER_S_MAX);
        let (mut stream, hello) = tokio::time::timeout(limit, self.greeted()).await.map_err(late)??;
        let order = Order { challenge: hello.challenge, act, name: name.to_owned(), by };
        let said = async {
            send(&mut stream, &order).await?;
            if let Some(value) = value {
                send_bytes(&mut stream, value.expose()).await?;
                drop(value);
            }
            receive::<Answer>(&mut stream).await
        };
        let limit = Duration::from_secs(ORDER_S_MAX + WORK_S_MAX);
        match tokio::time::timeout(limit, said).await {
            Ok(Ok(Answer::Done(done))) => Ok(done),
            Ok(Ok(Answer::Refused(refused))) => Err(HandoverError::Refused(refused)),
            Ok(Err(error)) => Err(HandoverError::NoAnswer(error.to_string())),
            Err(_) => Err(HandoverError::NoAnswer("it took too long".into())),
        }
    }

    /// Connected, both sides proved, and greeted: until then nothing of the order was sent.
    async fn greeted(&self) -> Result<(TlsStream<TcpStream>, Hello), HandoverError> {
        let tcp = TcpStream::connect(&self.address).await.map_err(|error| self.unreachable(&error))?;
        let name = ServerName::try_from(tls::NAME).map_err(|error| self.unreachable(&error))?;
        let mut stream = self.connector.connect(name, tcp).await.map_err(|error| self.not_trusted(&error))?;
        // The Agent's opinion of our certificate comes with its first words.
        let hello = receive(&mut stream).await.map_err(|error| self.not_trusted(&error))?;
        Ok((stream, hello))
    }

    fn not_trusted(&self, error: &std::io::Error) -> HandoverError {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(_)) => HandoverError::NotTheAgent(self.address.clone()),
            Some(rustls::Error::AlertReceived(_)) => HandoverError::NotTrusted,
            _ => self.unreachable(error),
        }
    }

    fn unreachable(&self, why: &impl ToString) -> HandoverError {
        HandoverError::Unreachable { address: self.address.clone(), why: why.to_string() }
    }
}
