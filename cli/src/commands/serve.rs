//! `mycopod serve`: the UI service, which also keeps the read models.

use crate::args::ServeArgs;
use crate::config::Config;
use crate::context::Context;
use crate::demo::parent_gone;
use crate::failure::{Code, Failure, Outcome};
use projections::Projector;
use std::path::Path;
use std::sync::Arc;

pub async fn run(path: &Path, args: ServeArgs) -> Outcome {
    let config = Config::read(path)?;
    let settings = config.ui()?.clone();
    let keyring = config.open_key_ring()?;
    let context = Context::open(path).await?;
    let projector = Projector::start(context.store.clone(), context.reader.pool().clone(), keyring)
        .await
        .map_err(|error| Failure::new(Code::Unavailable, &error, error.advice()))?;
    let service = api::Config {
        listen: args.listen.unwrap_or(settings.listen),
        store: context.store,
        reader: context.reader,
        projector: Arc::new(projector),
        public_origin: settings.public_url.starts_with("https://").then_some(settings.public_url),
        cost: api::Cost::default(),
        clock: chrono::Utc::now,
    };
    let server = api::serve(service).await.map_err(|error| {
        let next = error.advice();
        Failure::new(Code::Unavailable, error, next)
    })?;
    tracing::info!(address = %server.address(), "the pages are served");
    let parent = async {
        match args.with_parent {
            true => parent_gone().await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = parent => {}
        _ = tokio::signal::ctrl_c() => {}
        () = super::terminated() => {}
    }
    server.stop().await;
    Ok(())
}
