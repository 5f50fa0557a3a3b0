//! Starting and stopping the service.

use crate::app::{App, Inner};
use crate::limits;
use crate::router;
use crate::security::{
    passwords::{Cost, PasswordError, Passwords},
    sessions::Sessions,
    throttle::Throttle,
};
use axum::Router;
use chrono::{DateTime, Utc};
use eventstore::Store;
use projections::{Projector, Reader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the service needs. It holds no key but the store's own.
pub struct Config {
    pub listen: SocketAddr,
    pub store: Store,
    /// Sessions are kept through its pool.
    pub reader: Reader,
    pub projector: Arc<Projector>,
    /// `https://pod.example`, where a proxy in front changes the host; none compares with the request's own.
    pub public_origin: Option<String>,
    /// Of one password hash.
    pub cost: Cost,
    pub clock: fn() -> DateTime<Utc>,
    /// The way to the Agent's intake of secrets; without it the pages name the command instead.
    pub intake: Option<Arc<handover::Sender>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {why}")]
    Listen { address: SocketAddr, why: std::io::Error },
    #[error(transparent)]
    Passwords(#[from] PasswordError),
}

impl ServeError {
    pub fn advice(&self) -> String {
        match self {
            Self::Listen { .. } => {
                "Another program uses this port, or the address is not of this machine.".into()
            }
            Self::Passwords(_) => "Each password hash takes 64 MiB; free some memory.".into(),
        }
    }
}

/// A running service. Dropping it lets it run on; [`Server::stop`] ends it.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new requests, lets those under way end, and ends live streams.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(Duration::from_secs(limits::STOP_S_MAX), self.task).await.is_err() {
            tracing::warn!("requests were cut off: they took too long to end");
        }
    }
}

/// The service without a socket. The token ends its live streams.
pub fn service(config: Config) -> Result<(Router, CancellationToken), ServeError> {
    let stop = CancellationToken::new();
    let inner = Inner {
        sessions: Sessions::new(config.reader.pool().clone()),
        store: config.store,
        projector: config.projector,
        passwords: Passwords::new(config.cost)?,
        throttle: Throttle::default(),
        public_origin: config.public_origin,
        clock: config.clock,
        intake: config.intake,
        streams: Arc::new(Semaphore::new(limits::LIVE_STREAMS_MAX)),
        stop: stop.clone(),
    };
    Ok((router::build(App::new(inner, config.reader)), stop))
}

/// Listens and serves until it is stopped.
pub async fn serve(config: Config) -> Result<Server, ServeError> {
    let wanted = config.listen;
    let failed = |why| ServeError::Listen { address: wanted, why };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (router, stop) = service(config)?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stop.clone().cancelled_owned();
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the web service ended");
        }
    });
    tracing::info!(%address, "the web service listens");
    Ok(Server { address, stop, task })
}
