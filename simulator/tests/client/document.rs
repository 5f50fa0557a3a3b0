//! `docs/proxmox.md` is true: its tables are made from the contract, the client's requests and the simulator.
//!
//! `UPDATE_PROXMOX_DOC=1` writes them anew.

use crate::requests::examples;
use crate::role::role;
use domain::contract::rights::recipe;
use simulator::{Covered, coverage};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Replaces what stands between the marks of a section.
fn filled(text: &str, section: &str, content: &str) -> String {
    let (begin, end) =
        (format!("<!-- {section}: made by a test -->\n"), format!("<!-- end of {section} -->"));
    let (head, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no section {section}"));
    let (_, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("section {section} has no end"));
    format!("{head}{begin}{content}{end}{tail}")
}

fn commands() -> String {
    format!("```sh\n{}\n```\n", recipe("mycopod@pve!agent").join("\n"))
}

fn privileges() -> String {
    let mut out = "| privilege | asked for by |\n| --- | --- |\n".to_owned();
    for (privilege, uses) in role().privileges {
        let shown: Vec<String> = uses.iter().take(4).map(|name| name.replace("::", " ")).collect();
        let more = uses.len().saturating_sub(4);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        writeln!(out, "| {privilege} | {}{more} |", shown.join(", ")).unwrap();
    }
    out
}

fn requests() -> String {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for example in examples() {
        let (table, name) = example.name.split_once("::").unwrap();
        tables.entry(table.to_owned()).or_default().push(name.replace('_', " "));
    }
    let mut out = String::new();
    for (table, names) in tables {
        writeln!(out, "* **{table}** ({}): {}", names.len(), names.join(", ")).unwrap();
    }
    out
}

/// `/nodes/{node}/qemu/…` and the like: what a reader looks for.
fn area(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "{node}").collect();
    match parts[..] {
        ["nodes", area, ..] if !area.starts_with('{') => format!("/nodes/…/{area}"),
        ["cluster", area, ..] if !area.starts_with('{') => format!("/cluster/{area}"),
        [first, ..] => format!("/{first}"),
        [] => "/".into(),
    }
}

fn table(all: &[Covered]) -> String {
    let mut areas: BTreeMap<String, (usize, usize, BTreeSet<&str>)> = BTreeMap::new();
    for method in all {
        let (with, total, verbs) = areas.entry(area(&method.path)).or_default();
        *with += usize::from(method.state);
        *total += 1;
        verbs.insert(method.verb.as_str());
    }
    let with = all.iter().filter(|method| method.state).count();
    let mut out = format!(
        "{} methods are routed, checked for parameters and rights; {with} have state behind them.\n\n\
         | area | methods | with state |\n| --- | --- | --- |\n",
        all.len()
    );
    for (area, (with, total, _)) in areas {
        writeln!(out, "| `{area}` | {total} | {with} |").unwrap();
    }
    out
}

#[tokio::test]
async fn the_page_on_proxmox_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proxmox.md");
    let old = std::fs::read_to_string(&path).unwrap();
    let all = coverage().await.unwrap();
    assert_eq!(all.len(), 605);
    let mut new = old.clone();
    for (section, content) in [
        ("commands", commands()),
        ("privileges", privileges()),
        ("requests", requests()),
        ("coverage", table(&all)),
    ] {
        new = filled(&new, section, &content);
    }
    if std::env::var_os("UPDATE_PROXMOX_DOC").is_some() {
        std::fs::write(&path, &new).unwrap();
    } else {
        assert!(old == new, "docs/proxmox.md is stale: run this test with UPDATE_PROXMOX_DOC=1");
    }
}
