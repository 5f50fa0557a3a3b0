//! `mycopod freeze` and `mycopod thaw`: the switch that stops all writes to the cluster (I11).

use crate::config::Config;
use crate::context::{open_store, refused};
use crate::failure::Outcome;
use crate::out;
use domain::cluster::{Cluster, Command};
use domain::event::Category;
use domain::ids::CLUSTER;
use eventstore::{EventLog, Meta, StreamId};
use std::path::Path;

pub async fn freeze(path: &Path, reason: String) -> Outcome {
    let done = tell(path, Command::Freeze { by: None, reason }).await?;
    out!(
        "{}",
        if done {
            "Writes are frozen. No call that changes anything leaves."
        } else {
            "Writes were frozen already."
        }
    );
    Ok(())
}

pub async fn thaw(path: &Path) -> Outcome {
    let done = tell(path, Command::Thaw { by: None }).await?;
    out!(
        "{}",
        if done {
            "Writes are allowed again. Paused runs wait for Resume."
        } else {
            "Writes were not frozen."
        }
    );
    Ok(())
}

async fn tell(path: &Path, command: Command) -> Result<bool, crate::failure::Failure> {
    let config = Config::read(path)?;
    let (store, _, _) = open_store(&config, "mycopod freeze").await?;
    let stream = StreamId::new(Category::Cluster, CLUSTER);
    let handled = store.handle::<Cluster>(stream, command, Meta::default(), None).await.map_err(refused)?;
    Ok(!handled.events.is_empty())
}
