//! R23: a database of another version: a migration that dies anywhere, a program that is older or newer.

use crate::support::{Database, append, cluster, connect, stream};
use eventstore::{
    AppendError, EventLog, Expected, Store, StoreConfig, StoreError, embedded::APP_ROLE, migrate,
};
use secrets::{KeyRing, Secret};
use sqlx::{Connection, migrate::Migrator};
use uuid::Uuid;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// A database with the first migrations only, as an older version left it.
async fn older(migrations: usize) -> (String, Secret<String>) {
    let name = format!("t_{}", Uuid::new_v4().simple());
    let owner = cluster().await.url_of("postgres", eventstore::embedded::OWNER_ROLE);
    connect(&owner).await.batch_execute(&format!("create database {name}")).await.unwrap();
    let url = cluster().await.url_of(&name, eventstore::embedded::OWNER_ROLE);
    let first =
        Migrator { migrations: MIGRATIONS.migrations[..migrations].to_vec().into(), ..Migrator::DEFAULT };
    first.run(&mut sqlx::PgConnection::connect(url.expose()).await.unwrap()).await.unwrap();
    (name, url)
}

/// Tables, columns, functions, triggers, grants and constraints: all that migrations make.
async fn shape(url: &Secret<String>) -> Vec<String> {
    const SHAPE: &str = "
        select format('column %s.%s.%s %s %s', table_schema, table_name, column_name, data_type, is_nullable)
            from information_schema.columns where table_schema in ('log', 'read', 'read_next', 'session')
        union all select format('function %s %s', p.oid::regprocedure, md5(p.prosrc)) from pg_proc p
            join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('log', 'read', 'read_next', 'session')
        union all select format('trigger %s %s', tgrelid::regclass, tgname) from pg_trigger where not tgisinternal
        union all select format('grant %s %s.%s %s', grantee, table_schema, table_name, privilege_type)
            from information_schema.role_table_grants where table_schema in ('log', 'read', 'read_next', 'session')
        union all select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
            from pg_constraint where conrelid <> 0 and connamespace in
                (select oid from pg_namespace where nspname in ('log', 'read', 'read_next', 'session'))
        order by 1";
    connect(url).await.query(SHAPE, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_every_earlier_version_is_brought_up_and_keeps_what_it_holds() {
    let wanted = shape(&older(MIGRATIONS.migrations.len()).await.1).await;
    for migrations in 1..MIGRATIONS.migrations.len() {
        let (name, owner) = older(migrations).await;
        connect(&owner)
            .await
            .batch_execute("insert into log.event_types (name) values ('kept')")
            .await
            .unwrap();
        let app = cluster().await.url_of(&name, APP_ROLE);
        let config = || StoreConfig::new(app.clone(), KeyRing::ephemeral().unwrap());
        // The newer program on the older database, before it is migrated: no half work, and what to do.
        let store = Store::connect(config()).await.unwrap();
        let refused = store.append(append(stream(), Expected::New, &["too early"])).await.unwrap_err();
        assert!(matches!(&refused, AppendError::Store(StoreError::NotMigrated)), "{migrations}: {refused}");
        assert!(refused.advice().contains("migrations"), "{}", refused.advice());
        migrate(&owner).await.unwrap();
        migrate(&owner).await.unwrap();
        assert_eq!(shape(&owner).await, wanted, "after {migrations} of them");
        let kept = connect(&owner)
            .await
            .query("select from log.event_types where name = 'kept'", &[])
            .await
            .unwrap();
        assert_eq!(kept.len(), 1);
        Store::connect(config())
            .await
            .unwrap()
            .append(append(stream(), Expected::New, &["x"]))
            .await
            .unwrap();
    }
}

/// The backend is killed at the first command that changes the schema, then, beginning anew, at the second, and so
/// on until a migration gets through.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_killed_at_every_statement_goes_on_where_it_was() {
    let wanted = shape(&older(MIGRATIONS.migrations.len()).await.1).await;
    let (_, url) = older(1).await;
    let owner = connect(&url).await;
    // A sequence counts across rollbacks.
    owner
        .batch_execute(
            "create schema lab; create sequence lab.commands; create table lab.dies_at (command bigint);
             insert into lab.dies_at values (1);
             create function lab.die() returns event_trigger language plpgsql as $$ begin
                 if nextval('lab.commands') = (select command from lab.dies_at) then
                     perform pg_terminate_backend(pg_backend_pid());
                 end if;
             end $$;
             create event trigger die on ddl_command_end execute function lab.die()",
        )
        .await
        .unwrap();
    let mut kills = 0;
    while let Err(error) = migrate(&url).await {
        assert!(!error.advice().is_empty(), "{error}");
        kills += 1;
        owner
            .batch_execute(
                "update lab.dies_at set command = command + 1; select setval('lab.commands', 1, false)",
            )
            .await
            .unwrap();
    }
    assert!(kills >= MIGRATIONS.migrations.len() as i32, "killed {kills} times");
    assert_eq!(
        shape(&url).await.into_iter().filter(|line| !line.contains("lab.")).collect::<Vec<_>>(),
        wanted
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_refuses_to_migrate_a_newer_database() {
    let database = Database::new().await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (29990101000000, 'of a later version', true, '\\x00', 0)",
        )
        .await
        .unwrap();
    let refused = migrate(&database.owner_url().await).await.unwrap_err();
    assert!(refused.to_string().contains("29990101000000"), "{refused}");
    assert!(refused.advice().contains("version"), "{}", refused.advice());
}
