//! `docs/events.md` is made from the domain's own source: every tag, its fields, what it says. `UPDATE_DOCS=1` writes it.

use std::path::{Path, PathBuf};

const SOURCES: [(&str, &str); 6] = [
    ("Declaration", "declaration/event.rs"),
    ("Run", "run/event.rs"),
    ("Cluster", "cluster.rs"),
    ("Account", "account.rs"),
    ("Settings", "settings.rs"),
    ("Repository", "repository.rs"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

struct Found {
    tag: String,
    says: String,
    fields: Vec<String>,
}

/// Reads `#[serde(rename = "tag")]` and the variant after it, with its doc comment before.
fn events(source: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut says = String::new();
    let mut lines = source.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("/// ") {
            says = format!("{says} {words}").trim().to_owned();
        } else if let Some(tag) =
            line.strip_prefix("#[serde(rename = \"").and_then(|rest| rest.strip_suffix("\")]"))
        {
            if !tag.contains(".v") {
                continue;
            }
            let mut variant = String::new();
            for line in lines.by_ref() {
                if let Some(words) = line.strip_prefix("/// ") {
                    says = format!("{says} {words}").trim().to_owned();
                    continue;
                }
                // What is said about a field is no part of it.
                if line.starts_with("#[") {
                    continue;
                }
                variant.push_str(line);
                variant.push(' ');
                if line.ends_with("},") {
                    break;
                }
            }
            let inside = variant
                .split_once('{')
                .and_then(|(_, rest)| rest.rsplit_once('}'))
                .map_or("", |(body, _)| body);
            let fields = split(inside)
                .into_iter()
                .map(|field| field.split(':').next().unwrap_or("").trim().to_owned());
            let fields = fields.filter(|name| !name.is_empty()).collect();
            found.push(Found { tag: tag.to_owned(), says: std::mem::take(&mut says), fields });
        } else if !line.starts_with("#[") {
            says.clear();
        }
    }
    found
}

/// Fields at the outer level: commas inside `<…>` belong to types.
fn split(body: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for c in body.chars() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

fn document() -> String {
    let mut text = String::from(
        "# Events\n\nEvery fact MycoPod records, by stream. Tags are for ever; a new shape takes the next number. This page is \
         made from the\nsource by a test (`UPDATE_DOCS=1 cargo nextest run -p mycopod-tests events_doc`). What each tag's data looks like, in \
         every\nversion ever written, stands in `domain/golden/`.\n",
    );
    for (name, file) in SOURCES {
        let source = std::fs::read_to_string(root().join("domain/src").join(file)).unwrap();
        text.push_str(&format!("\n## {name}\n\n| tag | fields | says |\n|---|---|---|\n"));
        for event in events(&source) {
            let fields = event.fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
            text.push_str(&format!("| `{}` | {fields} | {} |\n", event.tag, event.says.replace('|', "\\|")));
        }
    }
    text
}

#[test]
fn the_page_of_events_is_what_the_source_says() {
    let path = root().join("docs/events.md");
    let made = document();
    assert!(made.matches("| `").count() > 50, "the source was not understood:\n{made}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        made,
        "run with UPDATE_DOCS=1 and commit the page"
    );
}
