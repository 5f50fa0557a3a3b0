//! Corruptions of a log of 2,100 events, made as the superuser: each one is found, at the right event, by the store
//! and by the independent verifier.

use crate::{
    doctored::Doctored,
    flips::{EVENT_COLUMNS, Kind, SEAL_COLUMNS, STREAM_COLUMNS},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;

/// What a change must lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    At(i64),
    /// Found; which event is named follows from more than the change.
    Found,
    /// The change changes nothing that is history.
    Good,
}

struct Corruption {
    table: &'static str,
    sql: String,
    expect: Expect,
}

fn event_column(column: &(&str, Kind), byte: i32, bit: i32, at: i64) -> Corruption {
    let value = column.1.flipped(column.0, byte, bit);
    let sql = format!("update log.events set {} = {value} where position = {at}", column.0);
    Corruption { table: "events", sql, expect: Expect::At(at) }
}

/// One bit of the seal with this number, from 0.
fn seal_column(column: &(&str, Kind), byte: i32, bit: i32, number: i64) -> Corruption {
    let value = column.1.flipped(column.0, byte, bit);
    let sql = format!(
        "update log.seals set {} = {value} where position = \
         (select position from log.seals order by position offset {number} limit 1)",
        column.0
    );
    let (from, to) = (number * 256 + 1, ((number + 1) * 256).min(2_050));
    let expect = match column.0 {
        "position" => Expect::Found,
        "chain" => Expect::At(from),
        _ => Expect::At(to),
    };
    Corruption { table: "seals", sql, expect }
}

fn stream_column(column: &(&str, Kind), byte: i32, bit: i32, number: u32, head: i64) -> Corruption {
    let value = column.1.flipped(column.0, byte, bit);
    let sql = format!(
        "update log.streams set {} = {value} where stream_id = \
         (select stream_id from kept.streams order by stream_id offset {number} limit 1)",
        column.0
    );
    Corruption { table: "streams", sql, expect: Expect::At(head) }
}

fn head_column(rng: &mut StdRng, head: i64) -> Corruption {
    let bit = rng.random_range(0..62);
    let (set, expect) = match rng.random_range(0..3) {
        0 => {
            let moved = head ^ (1 << bit);
            let at = if moved > head { head + 1 } else { moved };
            (format!("position = {moved}"), Expect::At(at))
        }
        1 => {
            let value = Kind::Bytes(32).flipped("chain", bit / 2, 3);
            (format!("chain = {value}"), Expect::At(head))
        }
        // A counter that fences leases: no part of history.
        _ => (format!("epoch = epoch # (1::bigint << {bit})"), Expect::Good),
    };
    Corruption { table: "head", sql: format!("update log.head set {set}"), expect }
}

/// Deletions, insertions, swaps, cuts, and writes that change nothing.
fn structural(rng: &mut StdRng, head: i64) -> Corruption {
    let (a, b) = (rng.random_range(1..=head), rng.random_range(1..=head));
    let unless_same = if a == b { Expect::Good } else { Expect::At(a.min(b)) };
    let beyond = head + rng.random_range(1..1_000);
    let (sql, expect) = match rng.random_range(0..10) {
        0 => (format!("delete from log.events where position = {a}"), Expect::At(a)),
        1 => {
            let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 300));
            (format!("delete from log.events where position between {from} and {to}"), Expect::At(from))
        }
        2 => (format!("delete from log.events where position >= {a}"), Expect::At(a)),
        3 => (
            format!(
                "update log.events set position = {a} + {b} - position + 5000000 where position in ({a}, {b});
                 update log.events set position = position - 5000000 where position > 5000000"
            ),
            unless_same,
        ),
        4 => (
            format!(
                "update log.events x set payload = y.payload from log.events y
                 where (x.position, y.position) in (({a}, {b}), ({b}, {a}))"
            ),
            unless_same,
        ),
        5 => (inserted(a, beyond), Expect::At(beyond)),
        6 => (
            format!(
                "update log.events set position = position + 5000001 where position >= {b};
                 update log.events set position = position - 5000000 where position > 5000000;
                 {}",
                inserted(a + i64::from(a >= b), b)
            ),
            Expect::At(b),
        ),
        7 => (
            format!("update log.events set payload = payload || '\\x00' where position = {a}"),
            Expect::At(a),
        ),
        8 => (
            format!(
                "update log.events set payload = substr(payload, 1, length(payload) - 1) where position = {a}"
            ),
            Expect::At(a),
        ),
        _ => (
            format!("update log.events set chain = chain, version = version where position = {a}"),
            Expect::Good,
        ),
    };
    Corruption { table: "events", sql, expect }
}

/// A copy of the event at `of`, with ids of its own, as a new event at `at`.
fn inserted(of: i64, at: i64) -> String {
    format!(
        "insert into log.events select {at}, recorded_at, gen_random_uuid(), category, 1, gen_random_uuid(), type_id,
             schema_version, key_id, null, null, null, chain, payload from log.events where position = {of}"
    )
}

fn any(rng: &mut StdRng, head: i64) -> Corruption {
    let column = |rng: &mut StdRng, columns: &[(&'static str, Kind)]| {
        let column = columns[rng.random_range(0..columns.len())];
        (column, rng.random_range(0..column.1.bytes()), rng.random_range(0..8))
    };
    match rng.random_range(0..100) {
        0..50 => {
            let (found, byte, bit) = column(rng, &EVENT_COLUMNS);
            event_column(&found, byte, bit, rng.random_range(1..=head))
        }
        50..75 => structural(rng, head),
        75..85 => {
            let (found, byte, bit) = column(rng, &SEAL_COLUMNS);
            seal_column(&found, byte, bit, rng.random_range(0..9))
        }
        85..87 => {
            let number = rng.random_range(0..40);
            let sql = format!(
                "delete from log.streams where stream_id = \
                 (select stream_id from kept.streams order by stream_id offset {number} limit 1)"
            );
            Corruption { table: "streams", sql, expect: Expect::At(head) }
        }
        87..90 => {
            let (found, byte, bit) = column(rng, &STREAM_COLUMNS);
            stream_column(&found, byte, bit, rng.random_range(0..40), head)
        }
        90..92 => {
            let (byte, name) =
                (rng.random_range(0..11), ["run.started", "declaration.drafted"][rng.random_range(0..2)]);
            let value = Kind::Text(11).flipped("name", byte, 0);
            let sql = format!("update log.event_types set name = {value} where name = '{name}'");
            // The first turn writes one event of the first type, the second turn the other type.
            Corruption {
                table: "event_types",
                sql,
                expect: Expect::At(if name == "run.started" { 1 } else { 2 }),
            }
        }
        _ => head_column(rng, head),
    }
}

/// Makes a corruption, looks, puts it back. False if the database's constraints refused it.
async fn judge(log: &mut Doctored, corruption: &Corruption) -> bool {
    let Corruption { table, sql, expect } = corruption;
    if !log.change(sql).await {
        return false;
    }
    let found = log.first_bad(sql).await;
    match expect {
        Expect::At(position) => assert_eq!(found, Some(*position), "{sql}"),
        Expect::Found => assert!(found.is_some(), "{sql}"),
        Expect::Good => assert_eq!(found, None, "{sql}"),
    }
    log.put_back(table).await;
    true
}

#[tokio::test]
async fn a_flipped_bit_in_each_byte_of_each_column_is_found_at_its_event() {
    let mut log = Doctored::new().await;
    assert_eq!(log.first_bad("nothing changed").await, None);
    let mut rng = StdRng::seed_from_u64(25);
    let (mut found, mut refused) = (BTreeMap::new(), BTreeMap::new());
    let mut count = |name: String, made: bool| {
        *if made { &mut found } else { &mut refused }.entry(name).or_insert(0) += 1;
    };
    for column in EVENT_COLUMNS {
        for byte in column.1.classes() {
            let at = rng.random_range(1..=log.head);
            let made = judge(&mut log, &event_column(&column, byte, rng.random_range(0..8), at)).await;
            count(format!("events.{}", column.0), made);
        }
    }
    for column in SEAL_COLUMNS {
        for byte in column.1.classes() {
            let made =
                judge(&mut log, &seal_column(&column, byte, rng.random_range(0..8), rng.random_range(0..9)))
                    .await;
            count(format!("seals.{}", column.0), made);
        }
    }
    for column in STREAM_COLUMNS {
        for byte in column.1.classes() {
            let corruption =
                stream_column(&column, byte, rng.random_range(0..8), rng.random_range(0..40), log.head);
            let made = judge(&mut log, &corruption).await;
            count(format!("streams.{}", column.0), made);
        }
    }
    println!("found: {found:?}; refused by constraints: {refused:?}");
    for (column, _) in EVENT_COLUMNS {
        assert!(found.contains_key(&format!("events.{column}")), "{column} was never changed");
    }
    assert_eq!(log.first_bad("everything put back").await, None);
}

#[tokio::test]
async fn both_verifiers_agree_on_a_thousand_random_corruptions() {
    let seed =
        std::env::var("MYCOPOD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("MYCOPOD_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    // Two logs side by side: while one waits for its server, the other computes.
    let (one, two) = (StdRng::from_rng(&mut rng), StdRng::from_rng(&mut rng));
    let ((a, b, c), (d, e, f)) = tokio::join!(corruptions(one, 500), corruptions(two, 500));
    let (bad, good, refused) = (a + d, b + e, c + f);
    println!("{bad} found, {good} changed nothing, {refused} refused by constraints");
    assert!(bad > 500 && good > 10, "{bad} {good}");
}

/// Found, good and refused ones of so many that were made.
async fn corruptions(mut rng: StdRng, count: usize) -> (usize, usize, usize) {
    let mut log = Doctored::new().await;
    let (mut bad, mut good, mut refused) = (0, 0, 0);
    while bad + good < count {
        let corruption = any(&mut rng, log.head);
        match judge(&mut log, &corruption).await {
            false => refused += 1,
            true if corruption.expect == Expect::Good => good += 1,
            true => bad += 1,
        }
    }
    assert_eq!(log.first_bad("everything put back").await, None);
    (bad, good, refused)
}
