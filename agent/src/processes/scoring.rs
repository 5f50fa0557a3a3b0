//! After a run: the plan's prediction against the cluster as it really is.
//!
//! Begin with [`score`]. It only reads and records; a run is over whether its prediction came true or not.

use crate::api::Api;
use crate::log::{Log, LogError};
use domain::cluster::Cluster;
use domain::declaration::{Command, Declaration};
use domain::event::Category;
use domain::ids::{CLUSTER, RunId};
use domain::plan::rehearsal;
use domain::run::{Run, Status};

/// Looks at the cluster and records how the prediction of a completed run did. A cluster that cannot be read is left
/// unscored.
pub async fn score(log: &Log, api: &Api, id: RunId) -> Result<(), LogError> {
    let run: Run = log.load(Category::Run, id.0).await?;
    if run.status != Status::Completed {
        return Ok(());
    }
    let (Some(plan), Some(declaration), Some(digest)) = (&run.plan, run.declaration, &run.digest) else {
        return Ok(());
    };
    let Some(predicted) = &plan.rehearsal else { return Ok(()) };
    let cluster: Cluster = log.load(Category::Cluster, CLUSTER).await?;
    let seen = match api.observe(&cluster.name).await {
        Ok((seen, _)) => seen,
        Err(error) => {
            tracing::warn!(run = %id, %error, "the prediction of a run is not scored: the cluster cannot be read");
            return Ok(());
        }
    };
    let score = rehearsal::score(predicted, &seen);
    let command = Command::Score { plan: digest.clone(), run: id, score };
    log.handle::<Declaration>(Category::Declaration, declaration.0, command, Some(id.0)).await.map(drop)
}
