//! Commands through deciders, on both logs.

use crate::support::{Database, all, stream};
use domain::decider::Decider;
use eventstore::{
    AppendError, EventLog, Expected, HandleError, MemoryStore, Meta, NewEvent, StoreError, decode, encode,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// A purse that cannot be overdrawn.
#[derive(Clone, Debug, Default, PartialEq)]
struct Purse {
    coins: i64,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Put(i64),
    Take(i64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Event {
    #[serde(rename = "purse.coins_put.v1")]
    Put { coins: i64 },
    #[serde(rename = "purse.coins_taken.v3")]
    Taken { coins: i64 },
    #[serde(rename = "purse.opened.v1")]
    Opened,
}

impl Decider for Purse {
    type Command = Command;
    type Event = Event;
    type Refusal = String;

    fn decide(&self, command: Command) -> Result<Vec<Event>, String> {
        match command {
            Command::Put(0) => Ok(vec![]),
            Command::Put(coins) if self.coins == 0 => Ok(vec![Event::Opened, Event::Put { coins }]),
            Command::Put(coins) => Ok(vec![Event::Put { coins }]),
            Command::Take(coins) if coins > self.coins => Err(format!("there are only {}", self.coins)),
            Command::Take(coins) => Ok(vec![Event::Taken { coins }]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match event {
            Event::Put { coins } => Self { coins: self.coins + coins },
            Event::Taken { coins } => Self { coins: self.coins - coins },
            Event::Opened => self,
        }
    }
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let database = super::Database::new().await;
                super::$name(database.store().await, database.store().await).await;
            })*
        }
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let log = super::MemoryStore::new();
                super::$name(log.clone(), log).await;
            })*
        }
    };
}

on_both! {
    a_command_becomes_events_and_state,
    a_decision_is_made_on_what_other_processes_recorded,
    a_crowd_on_one_stream_never_overdraws,
    a_command_said_twice_under_one_key_is_done_once,
    an_unknown_tag_fails_by_name,
    a_tag_of_a_newer_version_fails_by_name,
    a_lost_lease_stops_commands,
    an_erased_aggregate_takes_no_more_commands,
}

async fn put<L: EventLog>(log: &L, purse: eventstore::StreamId, coins: i64) -> eventstore::Handled<Purse> {
    log.handle::<Purse>(purse, Command::Put(coins), Meta::default(), None).await.unwrap()
}

async fn a_command_becomes_events_and_state<L: EventLog>(log: L, _: L) {
    let purse = stream();
    let handled = put(&log, purse, 5).await;
    assert_eq!(handled.events, [Event::Opened, Event::Put { coins: 5 }]);
    assert_eq!((handled.version, handled.position, handled.state), (2, 2, Purse { coins: 5 }));
    let nothing = put(&log, purse, 0).await;
    assert!(nothing.events.is_empty());
    assert_eq!((nothing.version, nothing.position), (2, 2));
    let refused = log.handle::<Purse>(purse, Command::Take(6), Meta::default(), None).await.unwrap_err();
    assert!(matches!(&refused, HandleError::Refused(why) if why == "there are only 5"));
    log.handle::<Purse>(purse, Command::Take(2), Meta::default(), None).await.unwrap();
    let events = all(&log).await;
    assert_eq!((events[2].tag(), events[2].schema_version), ("purse.coins_taken.v3".into(), 3));
    assert_eq!(events[2].payload.open().unwrap(), br#"{"coins":2}"#);
    let decoded: Vec<Event> = events.iter().map(|event| decode(event).unwrap()).collect();
    assert_eq!(decoded, [Event::Opened, Event::Put { coins: 5 }, Event::Taken { coins: 2 }]);
}

async fn a_decision_is_made_on_what_other_processes_recorded<L: EventLog>(here: L, there: L) {
    let purse = stream();
    put(&here, purse, 1).await;
    put(&there, purse, 10).await;
    // `here` remembers one coin; a refusal from memory would be wrong.
    let handled = here.handle::<Purse>(purse, Command::Take(11), Meta::default(), None).await.unwrap();
    assert_eq!(handled.state, Purse { coins: 0 });
    let refused = there.handle::<Purse>(purse, Command::Take(1), Meta::default(), None).await.unwrap_err();
    assert!(matches!(refused, HandleError::Refused(_)));
}

async fn a_crowd_on_one_stream_never_overdraws<L: EventLog>(here: L, there: L) {
    let purse = stream();
    put(&here, purse, 100).await;
    let crowd = (0..24).map(|n| {
        // A few from the other process, so that decisions made ahead are sometimes on the wrong state.
        let log = if n % 12 == 0 { there.clone() } else { here.clone() };
        tokio::spawn(async move {
            let mut taken = 0;
            for _ in 0..10 {
                match log.handle::<Purse>(purse, Command::Take(1), Meta::default(), None).await {
                    Ok(handled) => taken += handled.events.len(),
                    Err(HandleError::Refused(_)) => {}
                    // Eight conflicts in a row with the other process: nothing was recorded.
                    Err(HandleError::Append(AppendError::Conflict { .. })) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            taken
        })
    });
    let taken: usize = futures::future::join_all(crowd).await.into_iter().map(Result::unwrap).sum();
    let events: Vec<Event> = all(&here).await.iter().map(|event| decode(event).unwrap()).collect();
    let recorded = events.iter().filter(|event| matches!(event, Event::Taken { .. })).count();
    assert_eq!((taken, Purse::fold(&events).coins), (recorded, 100 - recorded as i64));
    assert_eq!(recorded, 100, "240 tries for 100 coins");
}

async fn a_command_said_twice_under_one_key_is_done_once<L: EventLog>(here: L, there: L) {
    let (purse, key) = (stream(), Some(Uuid::new_v4()));
    put(&here, purse, 5).await;
    let take = Command::Take(5);
    let first = here.handle::<Purse>(purse, take, Meta::default(), key).await.unwrap();
    // Now it would be refused, were it not the same command.
    for log in [&here, &there] {
        let again = log.handle::<Purse>(purse, take, Meta::default(), key).await.unwrap();
        assert!(again.replayed && !first.replayed);
        assert_eq!((&again.events, again.position), (&first.events, first.position));
    }
    put(&here, purse, 20).await;
    let again = here.handle::<Purse>(purse, take, Meta::default(), key).await.unwrap();
    assert_eq!((again.replayed, again.events, again.state), (true, first.events, Purse { coins: 20 }));
    put(&here, purse, 1).await;
    assert_eq!(here.head().await.unwrap().position, 6);
}

async fn an_unknown_tag_fails_by_name<L: EventLog>(log: L, _: L) {
    let purse = stream();
    put(&log, purse, 5).await;
    let future = NewEvent {
        event_id: Uuid::new_v4(),
        type_name: "purse.stolen".into(),
        schema_version: 2,
        payload: b"{}".to_vec(),
    };
    log.append(eventstore::Append::new(purse, Expected::Any, vec![future])).await.unwrap();
    let refused = log.handle::<Purse>(purse, Command::Put(1), Meta::default(), None).await.unwrap_err();
    let shown = refused.to_string();
    assert!(matches!(refused, HandleError::Store(StoreError::Undecodable { .. })));
    assert!(shown.contains("purse.stolen.v2 at 3"), "{shown}");
    assert!(shown.contains("there is no event purse.stolen here"), "{shown}");
}

async fn a_tag_of_a_newer_version_fails_by_name<L: EventLog>(log: L, _: L) {
    let newer = NewEvent { schema_version: 2, ..encode(&Event::Put { coins: 1 }).unwrap() };
    log.append(eventstore::Append::new(stream(), Expected::New, vec![newer])).await.unwrap();
    let shown = decode::<Event>(&all(&log).await[0]).unwrap_err().to_string();
    assert!(shown.contains("purse.coins_put.v2 at 1 cannot be read: it was written by a newer"), "{shown}");
}

async fn a_lost_lease_stops_commands<L: EventLog>(here: L, there: L) {
    let purse = stream();
    let lease = here.acquire_lease("purse", "here", Duration::ZERO).await.unwrap();
    here.handle_leased::<Purse>(purse, Command::Put(1), Meta::default(), None, lease.clone()).await.unwrap();
    there.acquire_lease("purse", "there", Duration::from_secs(60)).await.unwrap().unwrap();
    let refused =
        here.handle_leased::<Purse>(purse, Command::Put(1), Meta::default(), None, lease).await.unwrap_err();
    assert!(matches!(refused, HandleError::Append(AppendError::Fenced { .. })), "{refused}");
    assert_eq!(put(&here, purse, 1).await.state, Purse { coins: 2 }, "without a lease it goes on");
}

async fn an_erased_aggregate_takes_no_more_commands<L: EventLog>(here: L, there: L) {
    let purse = stream();
    put(&here, purse, 1).await;
    here.destroy_keys(purse.id).await.unwrap();
    let refused = there.handle::<Purse>(purse, Command::Put(1), Meta::default(), None).await.unwrap_err();
    assert!(matches!(refused, HandleError::Store(StoreError::Shredded { .. })), "{refused}");
}

#[test]
fn what_is_not_an_event_is_not_written() {
    assert!(encode(&5).is_err());
    assert!(encode(&serde_json::json!({ "type": "no.version" })).is_err());
    assert!(encode(&serde_json::json!({ "data": 1 })).is_err());
    assert_eq!(encode(&Event::Opened).unwrap().payload, b"null");
}
