//! What each subcommand does, one file each.

pub mod agent;
pub mod bench;
pub mod cluster;
pub mod config;
pub mod declarations;
pub mod doctor;
pub mod drift;
pub mod events;
pub mod freeze;
pub mod interpret;
pub mod interpreter;
pub mod keys;
pub mod migrate;
mod pages;
pub mod projections;
pub mod reconcile;
pub mod repository;
pub mod rules;
pub mod runs;
pub mod secrets;
pub mod serve;
pub mod sim;
pub mod sim_github;
pub mod user;
mod way_back;

/// Ends when the system asks this process to stop.
pub async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
