//! A log that is changed as a superuser can, looked at by both verifiers, and put back.

use crate::support::{Database, event, stream};
use eventstore::{
    Append, Category, Checkpoint, EventLog, Evidence, Expected, Meta, NewEvent, Store, StreamId, VerifyReport,
};
use secrets::SigningKey;
use std::cell::Cell;
use tokio_postgres::Client;
use uuid::Uuid;

/// Events under checkpoints, and all of them. The rest is newer than the last checkpoint.
const SEALED: i64 = 2_050;
const EVENTS: i64 = 2_100;
const STREAMS: usize = 40;

/// A sealed log of [`EVENTS`] events, a connection that may do anything, and an independent auditor.
pub struct Doctored {
    pub database: Database,
    pub owner: Client,
    pub head: i64,
    pub evidence: Evidence,
    key: SigningKey,
    /// The first transaction after the log was last in order.
    since: Cell<i64>,
    store: Store,
    auditor: Client,
    theirs: verifier::Evidence,
}

impl Doctored {
    pub async fn new() -> Self {
        let database = Database::new().await;
        let (store, key) = (database.store().await, SigningKey::ephemeral().unwrap());
        write(&store, SEALED).await;
        store.seal(&key, true).await.unwrap();
        write(&store, EVENTS - SEALED).await;
        let head = store.head().await.unwrap();
        assert_eq!(head.position, EVENTS);
        let owner = database.owner().await;
        owner
            .batch_execute(
                "set session_replication_role = replica;
                 create schema kept;
                 create table kept.events as table log.events;
                 create table kept.head as table log.head;
                 create table kept.streams as table log.streams;
                 create table kept.seals as table log.seals;
                 create table kept.event_types as table log.event_types",
            )
            .await
            .unwrap();
        let mut theirs = verifier::Evidence::default();
        theirs.trust(&key.public().to_string()).unwrap();
        theirs.anchor(&format!("{EVENTS} sha256:{}", hex::encode(head.chain))).unwrap();
        let checkpoints = store.checkpoints(0, 100).await.unwrap();
        let lines: Vec<String> = checkpoints.iter().map(ToString::to_string).collect();
        assert_eq!(theirs.exported(&lines.join("\n")), verifier::Skipped::default());
        let evidence = Evidence { anchors: vec![head], checkpoints, keys: vec![key.public()] };
        let auditor = database.app().await;
        let since = Cell::new(next_transaction(&owner).await);
        Self { database, owner, head: EVENTS, evidence, key, since, store, auditor, theirs }
    }

    /// Makes a change; false if a constraint refuses it.
    pub async fn change(&self, sql: &str) -> bool {
        match self.owner.batch_execute(sql).await {
            Ok(()) => true,
            Err(error) => {
                let code = error.code().map(|code| code.code()).unwrap_or_default();
                assert!(code.starts_with("23"), "{sql}: {error:?}");
                false
            }
        }
    }

    /// The first bad position, on which both verifiers must agree.
    pub async fn first_bad(&mut self, what: &str) -> Option<i64> {
        let (ours, theirs) = tokio::join!(
            self.store.verify_with(1, i64::MAX, &self.evidence, |_, _| ()),
            verifier::verify(&mut self.auditor, &self.theirs)
        );
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.ok, ours.first_bad.is_none());
        let position = ours.first_bad.as_ref().map(|bad| bad.position);
        let other = theirs.first_bad.as_ref().map(|bad| bad.position);
        assert_eq!(position, other, "{what}\nstore: {ours:?}\nverifier: {theirs:?}");
        if position.is_none() {
            assert_eq!((ours.events, ours.sealed_to), (theirs.events, theirs.sealed_to), "{what}");
        }
        position
    }

    /// Puts a table back as it was, if only this log's connections changed it since it was last put back.
    pub async fn put_back(&self, table: &str) {
        let key = match table {
            "events" | "seals" => "position",
            "streams" => "stream_id",
            "event_types" => "type_id",
            _ => "one",
        };
        // Every row remembers the transaction that wrote it: those since the last time are the changed ones.
        let since = self.since.get();
        let sql = format!(
            "delete from log.{table} where xmin::text::bigint >= {since};
             insert into log.{table} overriding system value select * from kept.{table} k
                 where not exists (select from log.{table} l where l.{key} = k.{key})"
        );
        self.owner.batch_execute(&sql).await.unwrap();
        self.since.set(next_transaction(&self.owner).await);
    }

    /// What the store says with this evidence; a new one, which has seen nothing before.
    pub async fn report(&self, evidence: &Evidence) -> VerifyReport {
        self.database.store().await.verify_with(1, i64::MAX, evidence, |_, _| ()).await.unwrap()
    }

    /// Goes on with the log; returns the checkpoint over its new end.
    pub async fn write_and_seal(&self, events: i64) -> Checkpoint {
        write(&self.store, events).await;
        self.store.seal(&self.key, true).await.unwrap().pop().unwrap()
    }

    /// Cuts the log off and makes head and streams table agree.
    pub async fn cut_after(&self, last: i64) {
        let sql = format!(
            "delete from log.events where position > {last};
             update log.head set (position, chain) = (select position, chain from log.events where position = {last});
             delete from log.streams;
             insert into log.streams select distinct on (stream_id) stream_id, category, version, position
                 from log.events order by stream_id, version desc"
        );
        assert!(self.change(&sql).await);
    }

    /// Changes the event at `from`, makes all hashes from there anew, moves the head along, and replaces the
    /// checkpoints over the rewritten part by ones that `forger` signed.
    pub async fn rewrite_tail(&self, from: i64, forger: &SigningKey) {
        const READ: &str = "select position, (extract(epoch from recorded_at) * 1000000)::bigint, stream_id, category, \
            version, event_id, type_id, name, schema_version, key_id, correlation_id, causation_position, actor_id, \
            payload from log.events join log.event_types using (type_id) where position >= $1 order by position";
        // The actor is not in what a payload is bound to: only the hashes tell.
        let actor = format!("update log.events set actor_id = gen_random_uuid() where position = {from}");
        assert!(self.change(&actor).await);
        let chain_at = "select chain from log.events where position = $1";
        let row = self.owner.query_one(chain_at, &[&(from - 1)]).await.unwrap();
        let mut chain: [u8; 32] = row.get::<_, &[u8]>(0).try_into().unwrap();
        let bytes = |id: Uuid| id.into_bytes();
        for row in self.owner.query(READ, &[&from]).await.unwrap() {
            let event = verifier::Event {
                position: row.get(0),
                recorded_at_us: row.get(1),
                stream: bytes(row.get(2)),
                category: row.get(3),
                version: row.get(4),
                event: bytes(row.get(5)),
                type_id: row.get(6),
                type_name: row.get(7),
                schema_version: row.get(8),
                key_id: row.get(9),
                correlation: row.get::<_, Option<Uuid>>(10).map(bytes),
                causation: row.get(11),
                actor: row.get::<_, Option<Uuid>>(12).map(bytes),
                chain: [0; 32],
                payload: row.get(13),
            };
            chain = event.hash(&chain);
            let set = "update log.events set chain = $1 where position = $2";
            self.owner.execute(set, &[&&chain[..], &event.position]).await.unwrap();
        }
        self.owner.execute("update log.head set chain = $1", &[&&chain[..]]).await.unwrap();
        assert!(self.change(&format!("delete from log.seals where position >= {from}")).await);
        self.database.store().await.seal(forger, true).await.unwrap();
    }

    pub async fn put_all_back(&self) {
        let since = self.since.get();
        for table in ["events", "seals", "streams", "event_types", "head"] {
            self.since.set(since);
            self.put_back(table).await;
        }
    }
}

/// The number of the next transaction that writes; far from its wrap at 2^32 in a new server.
async fn next_transaction(owner: &Client) -> i64 {
    let row = owner.query_one("select txid_snapshot_xmax(txid_current_snapshot())", &[]).await.unwrap();
    row.get(0)
}

/// Appends of 1 to 25 events to streams in turn, with and without the optional columns.
async fn write(store: &Store, events: i64) {
    let streams: Vec<StreamId> = (0..STREAMS).map(|_| stream()).collect();
    let mut left = usize::try_from(events).unwrap();
    let mut turn = 0;
    while left > 0 {
        let count = (turn * 7 % 25 + 1).min(left);
        let at = turn % streams.len();
        let category = if at % 2 == 0 { Category::Declaration } else { Category::Run };
        let meta = match turn % 3 {
            0 => Meta::default(),
            _ => Meta { actor: Some(Uuid::new_v4()), correlation: Some(Uuid::new_v4()), causation: Some(1) },
        };
        let texts = (0..count).map(|n| format!("event {n} of turn {turn}"));
        let name = if turn % 4 == 0 { "run.started" } else { "declaration.drafted" };
        let events = texts.map(|text| NewEvent { type_name: name.into(), ..event(&text) }).collect();
        let stream = StreamId::new(category, streams[at].id);
        store.append(Append { meta, ..Append::new(stream, Expected::Any, events) }).await.unwrap();
        left -= count;
        turn += 1;
    }
}
