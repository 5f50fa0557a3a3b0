//! `mycopod migrate`: the schema forward, as the owner of the database.

use crate::config::Config;
use crate::context::{open_store, store_failed};
use crate::failure::Outcome;
use crate::out;
use secrets::Secret;
use std::path::Path;

pub async fn run(path: &Path, check: bool, owner_url: Option<String>) -> Outcome {
    if check {
        // Opening the store proves that the schema is there and the server is safe.
        let config = Config::read(path)?;
        open_store(&config, "mycopod migrate").await?;
        out!("The schema is up to date.");
        return Ok(());
    }
    let url = match owner_url {
        Some(url) => Secret::new(url),
        None => {
            let config = Config::read(path)?;
            config.database_url(&config.open_key_ring()?)?
        }
    };
    eventstore::migrate(&url).await.map_err(store_failed)?;
    out!("The schema is up to date.");
    Ok(())
}
