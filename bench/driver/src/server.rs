//! The PostgreSQL that everybody is measured on: a private one, or one that is given.

use anyhow::{Context, Result};
use bench_core::db;
use eventstore::embedded::Cluster;

/// Beside the cluster's own settings, the same for every store. Durability is on; memory is what a small server of
/// today has; checkpoints come between the rounds instead of inside somebody's turn.
pub const SETTINGS: [(&str, &str); 8] = [
    ("shared_buffers", "1GB"),
    ("work_mem", "256MB"),
    ("maintenance_work_mem", "256MB"),
    ("effective_cache_size", "8GB"),
    ("max_wal_size", "16GB"),
    ("min_wal_size", "2GB"),
    ("checkpoint_timeout", "30min"),
    ("wal_buffers", "16MB"),
];

pub struct Server {
    /// Kept, because the server ends with it.
    cluster: Option<Cluster>,
    given: String,
}

impl Server {
    pub async fn start(given: Option<String>) -> Result<Self> {
        match given {
            Some(given) => Ok(Self { cluster: None, given }),
            None => {
                let cluster = Cluster::start_with(None, &SETTINGS).await.context("starting PostgreSQL")?;
                Ok(Self { cluster: Some(cluster), given: String::new() })
            }
        }
    }

    /// The address of a database for its owner.
    pub fn url(&self, database: &str) -> String {
        match &self.cluster {
            // The owner's address differs from another database's only in the name.
            Some(cluster) => with_database(cluster.owner_url().expose(), database),
            None => with_database(&self.given, database),
        }
    }

    /// An empty database. One of this name that was left by an earlier run goes.
    pub async fn make(&self, database: &str) -> Result<()> {
        let client = db::connect(&self.url("postgres")).await?;
        client.batch_execute(&format!("drop database if exists {database}")).await?;
        Ok(client.batch_execute(&format!("create database {database}")).await?)
    }

    /// Writes out what is pending, so that nobody pays for what others wrote.
    pub async fn settle(&self) -> Result<()> {
        Ok(db::connect(&self.url("postgres")).await?.batch_execute("checkpoint").await?)
    }

    /// Its version, and the settings that decide about durability and speed.
    pub async fn describe(&self) -> Result<Vec<(String, String)>> {
        let client = db::connect(&self.url("postgres")).await?;
        let mut said = Vec::new();
        for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes"]
            .into_iter()
            .chain(SETTINGS.map(|(name, _)| name))
        {
            let row = client.query_one("select current_setting($1)", &[&name]).await?;
            said.push((name.to_owned(), row.get(0)));
        }
        Ok(said)
    }

    pub async fn stop(self) -> Result<()> {
        if let Some(cluster) = self.cluster {
            cluster.stop().await.context("stopping PostgreSQL")?;
        }
        Ok(())
    }
}

/// The same address with another path.
fn with_database(url: &str, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{host}/{database}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_an_address_changes() {
        assert_eq!(
            with_database("postgres:///a?host=%2Ftmp&user=b", "c"),
            "postgres:///c?host=%2Ftmp&user=b"
        );
        assert_eq!(with_database("postgres://b:p@h:5432/a", "c"), "postgres://b:p@h:5432/c");
        assert_eq!(with_database("postgres://b@h", "c"), "postgres://b@h/c");
    }
}
