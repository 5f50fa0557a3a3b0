//! The side of the Agent: it takes orders from one UI, one on each connection, each with a challenge of its own.

use crate::error::HandoverError;
use crate::identity::{Identity, Pin};
use crate::limits::{CHALLENGE_BYTES, CONNECTIONS_MAX, ORDER_S_MAX, VALUE_BYTES_MAX, WORK_S_MAX};
use crate::message::{Act, Answer, Done, Hello, Order, Refused, receive, receive_bytes, send};
use crate::tls;
use ring::rand::{SecureRandom, SystemRandom};
use secrets::Secret;
use std::future::Future;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// An order being carried out.
pub type Taking<'a> = Pinned<Box<dyn Future<Output = Result<Done, Refused>> + Send + 'a>>;

/// Whoever keeps the secrets. It decides whether the account `by` may.
pub trait Intake: Send + Sync {
    fn store<'a>(&'a self, name: &'a str, by: Uuid, value: Secret<Vec<u8>>) -> Taking<'a>;
    fn remove<'a>(&'a self, name: &'a str, by: Uuid) -> Taking<'a>;
}

/// A bound port that trusts one UI.
pub struct Receiver {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: TlsAcceptor,
}

impl Receiver {
    /// `ui`: the pin of the UI's certificate.
    pub async fn bind(address: SocketAddr, identity: &Identity, ui: Pin) -> Result<Self, HandoverError> {
        let config = tls::server(identity, ui)?;
        let failed = |why| HandoverError::Listen { address, why };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes orders until `stop`.
    pub async fn run(self, intake: Arc<dyn Intake>, stop: CancellationToken) {
        let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let turn = tokio::select! {
                () = stop.cancelled() => return,
                turn = turns.clone().acquire_owned() => turn,
            };
            let Ok(turn) = turn else { return };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let (tcp, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the intake was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (acceptor, intake) = (self.acceptor.clone(), intake.clone());
            tokio::spawn(async move {
                if let Err(error) = serve(acceptor, tcp, intake).await {
                    tracing::warn!(%from, %error, "the intake refused a connection");
                }
                drop(turn);
            });
        }
    }
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, intake: Arc<dyn Intake>) -> Result<(), Error> {
    let challenge = challenge()?;
    let ordered = async {
        let mut stream = acceptor.accept(tcp).await?;
        send(&mut stream, &Hello { challenge: challenge.clone() }).await?;
        let order: Order = receive(&mut stream).await?;
        let value = match order.act {
            Act::Store => Some(receive_bytes(&mut stream, VALUE_BYTES_MAX).await?),
            Act::Remove => None,
        };
        Ok::<_, Error>((stream, order, value))
    };
    let limit = Duration::from_secs(ORDER_S_MAX);
    let (mut stream, order, value) =
        tokio::time::timeout(limit, ordered).await.map_err(|_| Error::from(ErrorKind::TimedOut))??;
    let answer = if order.challenge == challenge {
        let work = carry_out(&*intake, &order, value);
        tokio::time::timeout(Duration::from_secs(WORK_S_MAX), work).await.unwrap_or_else(|_| {
            Answer::Refused(Refused {
                what: "it took the Agent too long".into(),
                next: "Look at the fingerprint before you try again.".into(),
            })
        })
    } else {
        tracing::error!(name = order.name, "an order with the challenge of another connection was refused");
        Answer::Refused(Refused {
            what: "the order was made for another connection".into(),
            next: "Send the form again. If that happens twice, somebody may be in between.".into(),
        })
    };
    send(&mut stream, &answer).await?;
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await
}

async fn carry_out(intake: &dyn Intake, order: &Order, value: Option<Secret<Vec<u8>>>) -> Answer {
    let done = match value {
        Some(value) => intake.store(&order.name, order.by, value).await,
        None => intake.remove(&order.name, order.by).await,
    };
    match done {
        Ok(done) => Answer::Done(done),
        Err(refused) => Answer::Refused(refused),
    }
}

fn challenge() -> Result<String, Error> {
    let mut bytes = [0; CHALLENGE_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::other("the system gives no random numbers"))?;
    Ok(hex::encode(bytes))
}
