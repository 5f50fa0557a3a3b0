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

/// All read models, in the order in which a page may need them.
pub fn all() -> Vec<Box<dyn Projection>> {
    vec![
        Box::new(accounts::Accounts),
        Box::new(declarations::Declarations),
        Box::new(plans::Plans),
        Box::new(runs::Runs),
        Box::new(cluster::ClusterFold),
        Box::new(repository::RepositoryFold),
        Box::new(settings::SettingsFold),
        Box::new(history::History),
    ]
}

pub(crate) use cluster::META as CLUSTER_META;
pub(crate) use history::key as history_key;
pub(crate) use repository::{STATE as REPOSITORY_STATE, State as RepositoryState};
pub(crate) use settings::KEY as SETTINGS_KEY;
