//! Every event ever written is read: `domain/golden/` has the data of each tag in each version, as Rust wrote it.
//!
//! A file is a JSON array with one payload on each line. Files are added and never change:
//! `UPDATE_GOLDEN=1 cargo nextest run -p mycopod-domain golden` writes samples that no file has yet into new
//! files (`<tag>.json`, later `<tag>+2.json`). Where an old file no longer comes out as it is, the event's shape
//! has changed: give it the next number and a step in `domain/src/upcast.rs`.
//!
//! Begin with the two tests; the samples are made by one module per aggregate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod declaration;
mod house;
mod interpretation;
mod others;
mod plan;
mod run;

use chrono::{DateTime, Utc};
use domain::decider::Decider;
use domain::event::{AnyEvent, Category, split_tag};
use domain::ids::AccountId;
use domain::upcast::variants;
use domain::{account, repository, settings};
use serde::de::{DeserializeOwned, value};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const BY: AccountId = AccountId(Uuid::from_u128(0xa));
const COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// With a fraction of a second, as the clock gives it.
fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_760_000_000_123_456).unwrap()
}

/// Every value of an enum without fields; a new one is in the samples by itself.
fn every<T: DeserializeOwned>() -> Vec<T> {
    let read =
        |name: &&'static str| T::deserialize(value::StrDeserializer::<value::Error>::new(name)).unwrap();
    variants::<T>(None).iter().map(read).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// File name → its text.
fn kept() -> BTreeMap<String, String> {
    let entries =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files = entries.filter(|name| !name.ends_with(".new"));
    files.map(|name| (name.clone(), std::fs::read_to_string(folder().join(name)).unwrap())).collect()
}

/// `run.paused.v1` of `run.paused.v1+2.json`.
fn tag_of(file: &str) -> &str {
    let tag = file.strip_suffix(".json").expect("golden files are .json");
    tag.split_once('+').map_or(tag, |(tag, _)| tag)
}

/// Tag and data of an event, as the store's typed layer writes them.
fn written(event: &AnyEvent) -> (String, Value) {
    let mut event = serde_json::to_value(event).unwrap();
    (event["type"].as_str().unwrap().to_owned(), event["data"].take())
}

fn render(samples: &[Value]) -> String {
    let lines: Vec<String> = samples.iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Tag → samples, made by today's types.
fn made() -> BTreeMap<String, Vec<Value>> {
    let mut made = BTreeMap::<_, Vec<_>>::new();
    let events = (declaration::samples().into_iter().map(AnyEvent::Declaration))
        .chain(run::samples().into_iter().map(AnyEvent::Run))
        .chain(cluster::samples().into_iter().map(AnyEvent::Cluster))
        .chain(others::accounts().into_iter().map(AnyEvent::Account))
        .chain(others::settings().into_iter().map(AnyEvent::Settings))
        .chain(others::repository().into_iter().map(AnyEvent::Repository));
    for (tag, data) in events.map(|event| written(&event)) {
        made.entry(tag).or_default().push(data);
    }
    made
}

/// Every tag of today, asked of the types.
fn tags() -> BTreeSet<&'static str> {
    let of = |category| match category {
        Category::Declaration => variants::<domain::declaration::Event>(Some("type")),
        Category::Run => variants::<domain::run::Event>(Some("type")),
        Category::Cluster => variants::<domain::cluster::Event>(Some("type")),
        Category::Account => variants::<account::Event>(Some("type")),
        Category::Settings => variants::<settings::Event>(Some("type")),
        Category::Repository => variants::<repository::Event>(Some("type")),
    };
    Category::ALL.into_iter().flat_map(of).copied().collect()
}

/// Writes samples that no file has into a new file; one that exists is never opened for writing.
fn add(tag: &str, samples: &[Value]) {
    let names = std::iter::once(format!("{tag}.json")).chain((2..).map(|n| format!("{tag}+{n}.json")));
    let path = names.map(|name| folder().join(name)).find(|path| !path.exists()).unwrap();
    let new = path.with_extension("new");
    std::fs::write(&new, render(samples)).unwrap();
    std::fs::hard_link(&new, &path).unwrap();
    std::fs::remove_file(&new).unwrap();
}

#[test]
fn golden_files_have_every_event_of_today() {
    let is_in = |sample: &Value, tag: &str, files: &BTreeMap<String, String>| {
        let line = sample.to_string();
        let mut of_tag = files.iter().filter(|(file, _)| tag_of(file) == tag);
        of_tag.any(|(_, text)| text.lines().any(|kept| kept.trim_end_matches(',') == line))
    };
    for (tag, mut samples) in made() {
        let files = kept();
        samples.retain(|sample| !is_in(sample, &tag, &files));
        if std::env::var_os("UPDATE_GOLDEN").is_some() && !samples.is_empty() {
            // A file that exists tells of a changed shape before new samples could hide it.
            files.iter().filter(|(file, _)| tag_of(file) == tag).for_each(|(file, text)| reads(file, text));
            add(&tag, &samples);
            samples.clear();
        }
        assert!(samples.is_empty(), "{tag}: no file has {}; run with UPDATE_GOLDEN=1", render(&samples));
    }
    let files = kept();
    for tag in tags() {
        let (name, today) = split_tag(tag).unwrap();
        for version in 1..=today {
            let tag = format!("{name}.v{version}");
            assert!(files.contains_key(&format!("{tag}.json")), "{tag} has no golden file");
        }
    }
    let text: String = files.into_values().collect();
    for (key, names) in [
        ("kind", variants::<domain::declaration::Failure>(Some("kind"))),
        ("end", variants::<domain::run::TaskEnd>(Some("end"))),
        ("how", variants::<domain::cluster::Origin>(Some("how"))),
        ("when", variants::<domain::plan::Condition>(Some("when"))),
        ("guard", variants::<domain::plan::Guard>(Some("guard"))),
        ("is", variants::<domain::plan::Expected>(Some("is"))),
        ("by", variants::<domain::plan::Origin>(Some("by"))),
        ("kind", variants::<domain::plan::Reverse>(Some("kind"))),
        ("from", variants::<domain::interpretation::Label>(Some("from"))),
    ] {
        assert!(names.len() > 1, "{key} lists no variants");
        for name in names {
            assert!(text.contains(&format!(r#""{key}":"{name}""#)), "no sample has {key} {name}");
        }
    }
}

#[test]
fn golden_files_of_every_version_are_read_as_events_of_today() {
    for (file, text) in kept() {
        reads(&file, &text);
    }
}

/// A file's data is events of today, and in today's version it comes out as it is, byte for byte.
fn reads(file: &str, text: &str) {
    let (today, tag) = (tags(), tag_of(file));
    let (name, version) = split_tag(tag).expect("golden files are named by their tag");
    let category = name.split_once('.').and_then(|(category, _)| Category::named(category)).unwrap();
    let samples: Vec<Value> = serde_json::from_str(text).unwrap();
    assert!(!samples.is_empty(), "{file} is empty");
    let read = samples.iter().map(|sample| {
        let event = AnyEvent::read(category, name, version, sample.to_string().as_bytes());
        event.unwrap_or_else(|error| panic!("{file}: {error}"))
    });
    let events: Vec<AnyEvent> = read.collect();
    events.iter().for_each(fold);
    let (tags, written): (BTreeSet<String>, Vec<Value>) = events.iter().map(written).unzip();
    assert!(tags.iter().all(|tag| today.contains(tag.as_str())), "{file} is read as {tags:?}");
    if today.contains(tag) {
        assert_eq!(render(&written), text, "{file}: the shape changed; it needs the next number and a step");
    }
}

/// A fold takes any fact, even as its first.
fn fold(event: &AnyEvent) {
    match event {
        AnyEvent::Declaration(event) => drop(domain::declaration::Declaration::default().evolve(event)),
        AnyEvent::Run(event) => drop(domain::run::Run::default().evolve(event)),
        AnyEvent::Cluster(event) => drop(domain::cluster::Cluster::default().evolve(event)),
        AnyEvent::Account(event) => drop(account::Account::default().evolve(event)),
        AnyEvent::Settings(event) => drop(settings::Settings::default().evolve(event)),
        AnyEvent::Repository(event) => drop(repository::Repository::default().evolve(event)),
    }
}
