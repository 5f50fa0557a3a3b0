//! Fifty thousand answers that no honest model would give: bytes by chance, and good and hostile documents with something
//! changed in them. None may end as more than the text asks for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::facts;
use domain::facts::Facts;
use domain::interpretation::{Change, GuestChange, Interpretation, Kind, rules};
use interpreter::model::judged;
use interpreter::{Context, Scripted, judge_model_output, schema};
use serde_json::Value;

const CASES: usize = 50_000;

/// Declarations that ask for no loss and for no adoption.
const TEXTS: [&str; 6] = [
    "Give web-old 3 cores.",
    "Three Debian VMs called a1, a2 and a3 with 2 cores and 2 GB each.",
    "Move build to pve1 and back up db-1 every night at 3.",
    "A k3s cluster called edge with one control plane and two workers.",
    "Snapshot web-old, and mount 10.0.20.5:/tank/media at /mnt/media in build.",
    "Start build. Tag grafana with ops. Nothing happens to guest 100, nor to haos or before-upgrade.",
];

/// A small generator (xorshift64*), so that every run tries the same answers.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Bytes by chance, half of them such as JSON is made of.
fn noise(chance: &mut Chance) -> String {
    let length = chance.below(120);
    let bytes: Vec<u8> = (0..length)
        .map(|_| {
            if chance.below(2) == 0 {
                *chance.of(b"{}[]\":,0123456789truefalsn \\u\"e-+.\n")
            } else {
                chance.next() as u8
            }
        })
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One document with some of its bytes changed, left out, or said twice.
fn torn(raw: &str, other: &str, chance: &mut Chance) -> String {
    let mut bytes = raw.as_bytes().to_vec();
    for _ in 0..=chance.below(3) {
        let (a, b) = (chance.below(bytes.len()), chance.below(bytes.len()));
        let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 40));
        match chance.below(5) {
            0 => bytes[a..b].iter_mut().for_each(|byte| *byte ^= 1 << (*byte % 7)),
            1 => drop(bytes.drain(a..b)),
            2 => {
                let piece = bytes[a..b].to_vec();
                bytes.splice(b..b, piece).for_each(drop);
            }
            3 => {
                let from = chance.below(other.len());
                let piece = other.as_bytes()[from..(from + 60).min(other.len())].to_vec();
                bytes.splice(a..b, piece).for_each(drop);
            }
            _ => bytes.truncate(b),
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One value of a document replaced by what an attacker would like to see there.
fn bent(document: &mut Value, chance: &mut Chance) {
    const WORDS: [&str; 16] = [
        "destroy",
        "adopt",
        "remove",
        "rollback",
        "update",
        "create",
        "desired",
        "truenas",
        "vault",
        "web-old",
        "db-1",
        "said",
        "derived",
        "/guests/110/cores",
        "../../etc/passwd",
        "",
    ];
    match document {
        Value::Object(map) if !map.is_empty() => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = chance.of(&keys).clone();
            match chance.below(12) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(
                    (*chance.of(&["vmid", "approved", "copy_of", "change", "x"])).into(),
                    110.into(),
                )),
                2 => {
                    let value = map.get(&key).cloned().unwrap();
                    let target = chance.of(&keys).clone();
                    map.insert(target, value);
                }
                _ => bent(map.get_mut(&key).unwrap(), chance),
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let at = chance.below(list.len());
            match chance.below(10) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => bent(&mut list[at], chance),
            }
        }
        leaf => {
            *leaf = match chance.below(6) {
                0 => Value::Null,
                1 => (*chance.of(&[0_u64, 1, 3, 100, 110, 114, 4096, u64::MAX])).into(),
                2 => (-1_i64).into(),
                3 => true.into(),
                _ => (*chance.of(&WORDS)).into(),
            }
        }
    }
}

/// Nothing is lost, taken over, or touched that the text does not ask for.
fn harmless(answer: &Interpretation, text: &str, facts: &Facts) {
    let document = serde_json::to_value(answer).unwrap();
    assert_eq!(schema::problem(&document), None, "{text}: {document}");
    assert_eq!(rules::check(answer, text, facts), vec![], "{text}: {document}");
    if answer.kind != Kind::Desired {
        return;
    }
    for guest in &answer.guests {
        assert!(
            matches!(guest.change, GuestChange::Create | GuestChange::Update | GuestChange::Keep),
            "{text}: {document}"
        );
        let old = guest.vmid.and_then(|id| facts.guest(id)).filter(|_| guest.change == GuestChange::Update);
        assert!(old.is_none_or(|g| g.managed && !g.protected), "{text}: {document}");
    }
    let changes = (answer.storages.iter().map(|s| s.change))
        .chain(answer.mounts.iter().map(|m| m.change))
        .chain(answer.kubernetes.iter().map(|k| k.change))
        .chain(answer.snapshots.iter().map(|s| s.change))
        .chain(answer.backups.iter().map(|b| b.change))
        .chain(answer.pools.iter().map(|p| p.change));
    for change in changes {
        assert!(matches!(change, Change::Create | Change::Update), "{text}: {document}");
    }
}

#[test]
fn no_answer_comes_to_more_than_the_text_asks_for() {
    let facts = facts();
    let before = serde_json::to_string(&facts).unwrap();
    let good: Vec<String> = TEXTS
        .iter()
        .map(|text| {
            let read = Scripted::read(text, &facts, &Context::default());
            assert_eq!(read.kind, Kind::Desired, "{text}: {:?} {:?}", read.questions, read.refusal);
            serde_json::to_string(&read).unwrap()
        })
        .collect();
    let hostile: Vec<String> = include_str!("../fixtures/hostile.jsonl")
        .lines()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line.get("model_output").and_then(Value::as_str).map(str::to_owned)
        })
        .filter(|raw| !raw.is_empty() && raw.len() < 8_000)
        .collect();
    let mut chance = Chance(0x5EED_0F50_1A7E_D001);
    let (mut taken, mut thrown) = (0, 0);
    for case in 0..CASES {
        let n = chance.below(TEXTS.len());
        let (text, base) = (TEXTS[n], if case % 3 == 0 { chance.of::<String>(&hostile) } else { &good[n] });
        let raw = match case % 5 {
            0 => noise(&mut chance),
            1 | 2 => torn(base, chance.of::<String>(&hostile), &mut chance),
            _ => match serde_json::from_str::<Value>(base) {
                Ok(mut document) => {
                    (0..=chance.below(2)).for_each(|_| bent(&mut document, &mut chance));
                    document.to_string()
                }
                Err(_) => torn(base, &good[n], &mut chance),
            },
        };
        match judged(&raw, text, &facts) {
            Ok(answer) => {
                taken += 1;
                harmless(&answer, text, &facts);
            }
            Err(_) => {
                thrown += 1;
                // What is thrown away is shown as a refusal, for a few of them: it is always the same path.
                if case % 500 == 0 {
                    assert_eq!(judge_model_output(&raw, text, &facts).kind, Kind::Refusal);
                }
            }
        }
    }
    assert_eq!(serde_json::to_string(&facts).unwrap(), before, "the facts are read only");
    assert!(taken > 500 && thrown > 20_000, "{taken} taken, {thrown} thrown away: the answers are too alike");
}
