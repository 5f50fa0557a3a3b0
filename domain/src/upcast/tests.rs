//! The machinery, on a table of its own: a ticket whose holder was renamed in v2 and split in v3.

use super::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Ticket {
    #[serde(rename = "ticket.sold.v3")]
    Sold { first: String, last: String },
    #[serde(rename = "ticket.void.v2")]
    Void {},
}

const TABLE: &[Step] = &[
    Step { name: "ticket.sold", from: 2, raise: split_holder },
    Step { name: "ticket.sold", from: 1, raise: rename_owner },
];

fn rename_owner(mut data: Value) -> Result<Value, String> {
    let object = data.as_object_mut().ok_or("it is no object")?;
    let owner = object.remove("owner").ok_or("it has no owner")?;
    object.insert("holder".into(), owner);
    Ok(data)
}

fn split_holder(data: Value) -> Result<Value, String> {
    let holder = data.get("holder").and_then(Value::as_str).ok_or("it has no holder")?;
    let (first, last) = holder.split_once(' ').ok_or("the holder has one name only")?;
    Ok(json!({ "first": first, "last": last }))
}

fn reads(name: &str, version: u16, data: &str) -> Result<Ticket, String> {
    read(TABLE, name, version, data.as_bytes()).map_err(|error| error.to_string())
}

fn ada() -> Result<Ticket, String> {
    Ok(Ticket::Sold { first: "Ada".into(), last: "Lovelace".into() })
}

#[test]
fn every_version_is_read_as_todays() {
    assert_eq!(reads("ticket.sold", 1, r#"{"owner":"Ada Lovelace"}"#), ada());
    assert_eq!(reads("ticket.sold", 2, r#"{"holder":"Ada Lovelace"}"#), ada());
    assert_eq!(reads("ticket.sold", 3, r#"{"first":"Ada","last":"Lovelace"}"#), ada());
}

#[test]
fn what_was_written_later_fails_by_name() {
    let newer = Err("it was written by a newer version: ticket.sold ends at v3 here".into());
    assert_eq!(reads("ticket.sold", 4, r#"{"first":"Ada","last":"Lovelace"}"#), newer);
    assert_eq!(reads("ticket.sold", u16::MAX, "{}"), newer);
}

#[test]
fn a_version_without_a_step_fails_by_name() {
    assert_eq!(reads("ticket.void", 1, "{}"), Err("no step leads from ticket.void.v1 to v2".into()));
}

#[test]
fn an_unknown_name_fails_by_name() {
    assert_eq!(reads("ticket.eaten", 1, "{}"), Err("there is no event ticket.eaten here".into()));
}

#[test]
fn a_step_that_cannot_says_which_and_why() {
    let failed = |from, why| Err(format!("the step from ticket.sold.v{from} failed: {why}"));
    assert_eq!(reads("ticket.sold", 1, "{}"), failed(1, "it has no owner"));
    assert_eq!(reads("ticket.sold", 1, r#"{"owner":"Ada"}"#), failed(2, "the holder has one name only"));
    assert!(matches!(read::<Ticket>(TABLE, "ticket.sold", 1, b"{"), Err(Unreadable::Malformed(_))));
}

#[test]
fn data_of_another_shape_under_todays_tag_is_the_parsers_to_name() {
    let refused = read::<Ticket>(TABLE, "ticket.sold", 3, b"{}").unwrap_err();
    assert!(matches!(&refused, Unreadable::Malformed(error) if error.to_string().contains("first")));
}

#[test]
fn an_enum_names_its_variants_itself() {
    assert_eq!(variants::<Ticket>(Some("type")), ["ticket.sold.v3", "ticket.void.v2"]);
    assert_eq!(variants::<crate::account::Role>(None), ["admin", "user"]);
    assert_eq!(variants::<crate::run::TaskEnd>(Some("end")), ["ok", "warnings", "failed", "unexpected"]);
    assert!(variants::<String>(None).is_empty());
}

#[test]
fn no_two_steps_leave_from_one_version() {
    let from = |step: &Step| (step.name, step.from);
    let mut all: Vec<_> = STEPS.iter().map(from).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), STEPS.len());
}
