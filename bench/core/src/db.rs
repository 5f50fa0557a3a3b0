//! Plain connections, for what is beside the stores: tables, checks, the poller, the limits.

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("connecting to PostgreSQL")?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a connection broke: {error}");
        }
    });
    Ok(client)
}

/// Leaves a table as it is after a while of use: hint bits set, statistics known, written to disk.
pub async fn settle(client: &Client, table: &str) -> Result<()> {
    client.batch_execute(&format!("vacuum (analyze) {table}")).await?;
    Ok(client.batch_execute("checkpoint").await?)
}
