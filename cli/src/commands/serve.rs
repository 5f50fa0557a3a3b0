//! `mycopod serve`: the UI service, which also keeps the read models.

use crate::args::ServeArgs;
use crate::config::{Config, Ui};
use crate::context::Context;
use crate::demo::parent_gone;
use crate::failure::{Code, Failure, Outcome};
use crate::ring;
use projections::Projector;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

pub async fn run(path: &Path, args: ServeArgs) -> Outcome {
    let config = Config::read(path)?;
    let settings = config.ui()?.clone();
    let mut listen = args.listen.unwrap_or(settings.listen);
    let stopped = stopped(args.with_parent);
    tokio::pin!(stopped);
    loop {
        let keyring = config.open_key_ring()?;
        let server = start(path, &settings, listen, keyring.clone()).await?;
        // The same address again, also where any free port was asked for.
        listen = server.address();
        tracing::info!(address = %listen, "the pages are served");
        let again = tokio::select! {
            () = &mut stopped => false,
            _ = ring::changed(&config.key_ring, &keyring) => true,
        };
        server.stop().await;
        if !again {
            return Ok(());
        }
        // Log, read models and sessions are opened with it anew; a browser only sees its live stream reconnect.
        tracing::info!("the key ring changed; the pages start again with it");
    }
}

async fn start(
    path: &Path,
    settings: &Ui,
    listen: SocketAddr,
    keyring: secrets::KeyRing,
) -> Result<api::Server, Failure> {
    let context = Context::open(path).await?;
    let projector = Projector::start(context.store.clone(), context.reader.pool().clone(), keyring)
        .await
        .map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    let intake = sender(&context.config)?;
    let service = api::Config {
        listen,
        store: context.store,
        reader: context.reader,
        projector: Arc::new(projector),
        public_origin: settings.public_url.starts_with("https://").then(|| settings.public_url.clone()),
        cost: api::Cost::default(),
        clock: chrono::Utc::now,
        intake,
    };
    api::serve(service).await.map_err(|error| {
        let next = error.advice();
        Failure::new(Code::Unavailable, error, next)
    })
}

/// The way to the Agent's intake of secrets, if the configuration has one.
fn sender(config: &Config) -> Result<Option<Arc<handover::Sender>>, Failure> {
    let Some(intake) = config.ui.as_ref().and_then(|ui| ui.intake.as_ref()) else { return Ok(None) };
    let failed = |error: handover::HandoverError| {
        let next = error.advice();
        Failure::new(Code::Unavailable, error, next)
    };
    let identity = handover::Identity::create_if_missing(&config.ui_identity()).map_err(failed)?;
    let agent = intake.agent.parse().map_err(failed)?;
    let sender = handover::Sender::new(&intake.address, &identity, agent).map_err(failed)?;
    Ok(Some(Arc::new(sender)))
}

async fn stopped(with_parent: bool) {
    let parent = async {
        match with_parent {
            true => parent_gone().await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = parent => {}
        _ = tokio::signal::ctrl_c() => {}
        () = super::terminated() => {}
    }
}
