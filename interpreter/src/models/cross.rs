//! The grammar's reading beside a model's: where they differ in counts, numbers or losses, the author is warned.
//!
//! Begin with [`check`]. Nothing is taken over from one reading to the other.

use crate::limits;
use domain::facts::Facts;
use domain::interpretation::{GuestChange, GuestWish, Interpretation, Kind, Warning, WarningAbout};
use std::collections::BTreeMap;

/// Adds one warning that names every difference that matters, and the warning about secrets, which a model that
/// never saw them cannot give.
pub fn check(answer: &mut Interpretation, grammar: &Interpretation, _facts: &Facts) {
    let secret = grammar.warnings.iter().find(|w| w.about == WarningAbout::SecretInText);
    if let Some(secret) = secret
        && !answer.warnings.iter().any(|w| w.about == WarningAbout::SecretInText)
    {
        warn(answer, secret.clone());
    }
    if answer.kind != Kind::Desired {
        return;
    }
    let found =
        if grammar.kind == Kind::Desired { differences(answer, grammar) } else { vec![unread(grammar)] };
    if found.is_empty() {
        return;
    }
    let text = format!("The grammar reads this differently: {}.", found.join("; "));
    warn(
        answer,
        Warning {
            about: WarningAbout::InterpretersDisagree,
            text: Some(limits::cut(&text, limits::WARNING_CHARS_MAX)),
            reason: None,
            span: None,
        },
    );
}

/// The first place is for what must be seen; the list stays within its bound.
fn warn(answer: &mut Interpretation, warning: Warning) {
    answer.warnings.insert(0, warning);
    answer.warnings.truncate(limits::WARNINGS_MAX);
}

fn unread(grammar: &Interpretation) -> String {
    match (&grammar.refusal, grammar.questions.first()) {
        (Some(refusal), _) => format!("it refuses ({})", refusal.reason.as_str()),
        (None, Some(question)) => format!("it asks: {}", limits::cut(&question.text, 160)),
        (None, None) => "it finds nothing to do".into(),
    }
}

fn differences(answer: &Interpretation, grammar: &Interpretation) -> Vec<String> {
    let mut found = Vec::new();
    for (change, what) in [
        (GuestChange::Create, "new guests"),
        (GuestChange::Update, "changed guests"),
        (GuestChange::Adopt, "adopted guests"),
    ] {
        let count = |doc: &Interpretation| doc.guests.iter().filter(|g| g.change == change).count();
        let (here, there) = (count(answer), count(grammar));
        if here != there {
            found.push(format!("{there} {what} instead of {here}"));
        }
    }
    let lost = |doc: &Interpretation| {
        let gone = doc.guests.iter().filter(|g| g.change == GuestChange::Destroy);
        let mut names: Vec<String> = gone.map(|g| g.name.clone()).collect();
        names.sort();
        names
    };
    let (here, there) = (lost(answer), lost(grammar));
    if here != there {
        let say = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        found.push(format!("it would destroy {} instead of {}", say(&there), say(&here)));
    }
    let (here, there) = (numbers(answer), numbers(grammar));
    for (what, mine) in &here {
        match there.get(what) {
            Some(theirs) if theirs == mine => {}
            Some(theirs) => found.push(format!("{what} {theirs} instead of {mine}")),
            None => {}
        }
    }
    for what in there.keys().filter(|what| !here.contains_key(*what)) {
        found.push(format!("it also reads {what}"));
    }
    for what in here.keys().filter(|what| !there.contains_key(*what)) {
        found.push(format!("it does not read {what}"));
    }
    for (list, here, there) in [
        ("moves", answer.moves.len(), grammar.moves.len()),
        ("mounts", answer.mounts.len(), grammar.mounts.len()),
        ("snapshots", answer.snapshots.len(), grammar.snapshots.len()),
        ("backups", answer.backups.len(), grammar.backups.len()),
        ("storages", answer.storages.len(), grammar.storages.len()),
        ("Kubernetes clusters", answer.kubernetes.len(), grammar.kubernetes.len()),
    ] {
        if here != there {
            found.push(format!("{there} {list} instead of {here}"));
        }
    }
    found.truncate(6);
    found
}

/// Numbers that the text gave, by guest and field. Guests whose names were made up are told apart by their order.
fn numbers(doc: &Interpretation) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    let mut nameless = 0_usize;
    for (n, guest) in doc.guests.iter().enumerate() {
        let said = |field: &str| spoken(doc, n, field);
        let who = if guest.vmid.is_some() || said("name") {
            guest.name.clone()
        } else {
            nameless += 1;
            format!("new guest {nameless}")
        };
        for (field, value) in fields(guest) {
            if let Some(value) = value.filter(|_| said(field)) {
                out.insert(format!("{field} of {who}"), value);
            }
        }
    }
    out
}

fn fields(guest: &GuestWish) -> [(&'static str, Option<u64>); 5] {
    [
        ("cores", guest.cores.map(u64::from)),
        ("memory_mib", guest.memory_mib),
        ("disk_gib", guest.disk_gib),
        ("vlan", guest.vlan.map(u64::from)),
        ("start_order", guest.start_order.map(u64::from)),
    ]
}

fn spoken(doc: &Interpretation, n: usize, field: &str) -> bool {
    use domain::interpretation::Label;
    let own = format!("/guests/{n}/{field}");
    let all = format!("/guests/*/{field}");
    let label = doc.provenance.get(&own).or_else(|| doc.provenance.get(&all));
    !matches!(label, Some(Label::Default { .. } | Label::Observed { .. }) | None)
}
