//! Nobody rewrites the past: refused by grant, and by trigger when the grant is there; unsafe servers are
//! refused by the name of the setting.

use crate::support::{Database, append, cluster, connect, stream};
use eventstore::{
    AppendError, EventLog, Expected, Store, StoreConfig, StoreError,
    embedded::{APP_ROLE, Cluster, DATABASE},
};
use secrets::{KeyRing, Secret};

const INSUFFICIENT_PRIVILEGE: &str = "42501";
const APPEND_ONLY: &str = "MP001";

const REWRITES: [&str; 6] = [
    "update log.events set payload = ''::bytea",
    "delete from log.events",
    "truncate log.events",
    "update log.events_000000 set payload = ''::bytea",
    "delete from log.events_000000",
    "truncate log.events_000000",
];

async fn refusal(client: &tokio_postgres::Client, sql: &str) -> String {
    let refused = client.batch_execute(sql).await.expect_err(sql);
    refused.code().unwrap_or_else(|| panic!("{sql}: {refused}")).code().to_owned()
}

#[tokio::test]
async fn the_application_may_not_rewrite_history_by_grant() {
    let database = Database::new().await;
    database.store().await.append(append(stream(), Expected::New, &["x"])).await.unwrap();
    let app = database.app().await;
    for sql in REWRITES {
        assert_eq!(refusal(&app, sql).await, INSUFFICIENT_PRIVILEGE, "{sql}");
    }
    for sql in [
        "alter table log.events disable trigger all",
        "drop trigger append_only on log.events",
        "drop table log.events",
        "alter table log.events drop column chain",
        "create table log.mine (x int)",
        "update log.event_types set name = 'other'",
        "update log.idempotency set version = 9",
        "update log.seals set chain = ''",
        "delete from log.streams",
        "delete from log.keys",
        "set session_replication_role = replica",
        "create or replace function log.refuse_change() returns trigger language sql as 'select null'",
        "insert into log.events_000000 select * from log.events",
    ] {
        assert_eq!(refusal(&app, sql).await, INSUFFICIENT_PRIVILEGE, "{sql}");
    }
    // Granting what one does not own only warns; it must not take effect.
    app.batch_execute("grant all on log.events to mycopod_app").await.unwrap();
    assert_eq!(refusal(&app, REWRITES[0]).await, INSUFFICIENT_PRIVILEGE);
}

#[tokio::test]
async fn with_the_grant_the_trigger_still_refuses() {
    let database = Database::new().await;
    let store = database.store().await;
    store.append(append(stream(), Expected::New, &["x"])).await.unwrap();
    let owner = database.owner().await;
    owner
        .batch_execute(
            "grant update, delete, truncate on log.events, log.events_000000 to mycopod_app;
             select log.ensure_partition(10000000);
             grant truncate on log.events_000001 to mycopod_app",
        )
        .await
        .unwrap();
    let app = database.app().await;
    for sql in REWRITES.into_iter().chain(["truncate log.events_000001"]) {
        assert_eq!(refusal(&app, sql).await, APPEND_ONLY, "{sql}");
        assert_eq!(refusal(&owner, sql).await, APPEND_ONLY, "{sql} as the owner");
    }
    assert!(store.verify(1, i64::MAX).await.unwrap().ok);
}

#[tokio::test]
async fn the_application_makes_its_own_tables_in_read() {
    let app = Database::new().await.app().await;
    app.batch_execute(
        "create table read.page (id int); insert into read.page values (1); drop table read.page",
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn an_append_without_the_insert_right_is_refused_and_leaves_nothing() {
    let database = Database::new().await;
    let store = database.store().await;
    store.append(append(stream(), Expected::New, &["x"])).await.unwrap();
    let owner = database.owner().await;
    owner.batch_execute("revoke insert on log.events from mycopod_app").await.unwrap();
    let refused = store.append(append(stream(), Expected::New, &["y"])).await.unwrap_err();
    assert!(matches!(refused, AppendError::Store(StoreError::Database { .. })), "{refused}");
    assert_eq!(store.head().await.unwrap().position, 1);
    owner.batch_execute("grant insert on log.events to mycopod_app").await.unwrap();
    store.append(append(stream(), Expected::New, &["z"])).await.unwrap();
    assert!(store.verify(1, i64::MAX).await.unwrap().ok);
}

async fn refused_setting(url: &Secret<String>) -> String {
    match Store::connect(StoreConfig::new(url.clone(), KeyRing::ephemeral().unwrap())).await {
        Err(error @ StoreError::UnsafeServer { .. }) => {
            let StoreError::UnsafeServer { setting, .. } = &error else { unreachable!() };
            assert!(error.advice().contains(&format!("{setting}=on")));
            setting.clone()
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an unsafe server was accepted"),
    }
}

#[tokio::test]
async fn a_server_that_may_forget_is_refused_by_name() {
    let forgetful = Cluster::start_with(None, &[("fsync", "off")]).await.unwrap();
    assert_eq!(refused_setting(&forgetful.url()).await, "fsync");
    forgetful.stop().await.unwrap();

    let torn = Cluster::start_with(None, &[("full_page_writes", "off")]).await.unwrap();
    assert_eq!(refused_setting(&torn.url()).await, "full_page_writes");
    torn.stop().await.unwrap();

    // By database or role, the setting hides from a look at postgresql.conf.
    let name = cluster().await.fresh_database().await.unwrap();
    let url = cluster().await.url_of(&name, APP_ROLE);
    let owner = connect(&cluster().await.owner_url()).await;
    owner.batch_execute(&format!("alter database {name} set synchronous_commit = off")).await.unwrap();
    assert_eq!(refused_setting(&url).await, "synchronous_commit");
}

#[tokio::test]
async fn a_missing_schema_and_a_missing_server_are_told_apart() {
    let cluster = cluster().await;
    let owner = connect(&cluster.owner_url()).await;
    let name = format!("empty_{}", uuid::Uuid::new_v4().simple());
    owner.batch_execute(&format!("create database {name}")).await.unwrap();
    let ring = || KeyRing::ephemeral().unwrap();
    let missing =
        Store::connect(StoreConfig::new(cluster.url_of(&name, APP_ROLE), ring())).await.err().unwrap();
    assert!(matches!(missing, StoreError::NotMigrated), "{missing}");
    let nobody = Secret::from(format!("postgres:///{DATABASE}?host=/nonexistent&user=x").as_str());
    let gone = Store::connect(StoreConfig::new(nobody, ring())).await.err().unwrap();
    assert!(gone.is_transient() && gone.advice().contains("PostgreSQL"), "{gone}");
}
