//! The projections, one file each.

mod accounts;
mod cluster;
mod declarations;
mod history;
mod plans;
mod repository;
mod runs;
mod sentence;
mod settings;

use crate::fold::Projection;
use std::sync::Arc;

/// All read models, in the order in which a page may need them.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(accounts::Accounts),
        Arc::new(declarations::Declarations),
        Arc::new(plans::Plans),
        Arc::new(runs::Runs),
        Arc::new(cluster::ClusterFold),
        Arc::new(repository::RepositoryFold),
        Arc::new(settings::SettingsFold),
        Arc::new(history::History),
    ]
}

/// The read model of this name.
pub fn named(name: &str) -> Option<Arc<dyn Projection>> {
    all().into_iter().find(|projection| projection.name() == name)
}

/// Whether rows of this table are sealed at rest.
pub(crate) fn is_sealed(name: &str) -> bool {
    named(name).is_some_and(|projection| projection.sealed())
}

pub(crate) use cluster::META as CLUSTER_META;
pub(crate) use history::key as history_key;
pub(crate) use repository::{STATE as REPOSITORY_STATE, State as RepositoryState};
pub(crate) use settings::KEY as SETTINGS_KEY;
