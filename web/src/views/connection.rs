//! The pages of the services that need credentials.
//!
//! Begin with [`page`]. It is made of what the log knows: names, fingerprints, and how tests went.

use super::Names;
use crate::frame::Frame;
use crate::pages::connection::{self as page, check_badge};
use crate::parts::{Ago, Badge, Copy, Kind, Message};
use crate::words;
use domain::settings::{CREDENTIALS, Check, Credential, Outcome, Service};
use projections::model::{ClusterMeta, CredentialRow, RepositoryRow, SettingsRow, TestRow};

/// What the page is drawn from.
pub struct Facts<'a> {
    pub settings: &'a SettingsRow,
    pub meta: &'a ClusterMeta,
    pub repository: &'a RepositoryRow,
    /// Whether secrets can be sent from here.
    pub has_channel: bool,
    /// What was wrong with what was sent: the credential's name, and the message.
    pub error: Option<(String, Message)>,
}

pub fn page(f: Frame, service: Service, names: &Names, facts: Facts<'_>) -> page::ConnectionPage {
    let (_, title, tab) = page::place(service);
    let of_service = || CREDENTIALS.iter().filter(|credential| credential.service == service);
    let stored = |name: &str| facts.settings.credentials.iter().find(|stored| stored.name == name);
    let test = |name: &str| facts.settings.tests.iter().find(|test| test.name == name);
    // The other way to sign in is shown only where it is used.
    let shown =
        |credential: &&Credential| credential.name != "proxmox-password" || stored(credential.name).is_some();
    let none_stored = of_service().all(|credential| stored(credential.name).is_none());
    let (badge, words, advice) = standing(service, &facts, &f);
    let card = |credential: &Credential| {
        let (stored, test) = (stored(credential.name), test(credential.name));
        card(credential, stored, test, names, &f)
    };
    let form = |(place, credential): (usize, &Credential)| {
        let version = stored(credential.name).map_or(0, |stored| stored.stored_at.timestamp_micros());
        let wrong = facts.error.as_ref().is_some_and(|(about, _)| about == credential.name);
        page::CredentialForm {
            name: credential.name.into(),
            title: credential.title,
            is_stored: version != 0,
            open: wrong || (none_stored && place == 0),
            hint: hint(credential),
            store: f.guard(&format!("store {}", credential.name), version),
            remove: f.guard(&format!("remove {}", credential.name), version),
        }
    };
    let forms = of_service().filter(shown).enumerate().map(form).collect();
    let verb = |name: &str| if stored(name).is_some() { "rotate" } else { "set" };
    page::ConnectionPage {
        tab,
        lede: lede(service).into(),
        state: page::StateRegion {
            title,
            badge,
            words,
            advice,
            facts: known(service, &facts),
            credentials: of_service().filter(shown).map(card).collect(),
        },
        forms: if facts.has_channel { forms } else { Vec::new() },
        no_channel: (!facts.has_channel).then(no_channel),
        commands: of_service()
            .filter(shown)
            .map(|credential| format!("mycopod secrets {} {}", verb(credential.name), credential.name))
            .collect(),
        error: facts.error,
        f,
    }
}

fn lede(service: Service) -> &'static str {
    match service {
        Service::Proxmox => "The Agent signs in to the cluster with this. The pages never have it.",
        Service::Repository => {
            "The Agent writes declarations to the repository with this. The pages never have it."
        }
        Service::Model => "The Agent asks a language model with this, where its configuration names one.",
    }
}

fn hint(credential: &Credential) -> &'static str {
    match credential.name {
        "proxmox-token" => {
            "The secret of the token alone: what Proxmox showed once, without USER@REALM!NAME."
        }
        "proxmox-password" => "The password of the user in the Agent’s configuration.",
        "github-token" => {
            "A fine-grained token for this one repository, with read and write access to its contents."
        }
        _ => "It goes to the Agent and is never shown again.",
    }
}

fn no_channel() -> Message {
    let text = "Secrets cannot be sent from this page, because the UI has no channel to the Agent. Use the command \
                below, or set up [ui.intake] and [agent.intake]: `mycopod secrets channel` prints what each side is \
                to be told.";
    Message::new(Kind::Calm, "By command only", text).quiet()
}

/// How the service is, by what the Agent did with it last.
fn standing(service: Service, facts: &Facts<'_>, f: &Frame) -> (Badge, String, String) {
    let (meta, repository) = (facts.meta, facts.repository);
    match service {
        Service::Proxmox => match (&meta.failing, meta.observed_at) {
            (Some((why, advice, since)), _) => {
                let told =
                    format!("{} Since {}.", words::sentence(&format!("{why}.")), words::ago(*since, f.now));
                (Badge::new(Kind::Bad, "failing"), told, advice.clone())
            }
            (None, Some(at)) => {
                (Badge::new(Kind::Good, "ok"), format!("Seen {}.", words::ago(at, f.now)), String::new())
            }
            (None, None) => {
                let advice = "Check that the Agent runs: `mycopod doctor`.";
                (
                    Badge::new(Kind::Waiting, "not seen yet"),
                    "The Agent has not looked yet.".into(),
                    advice.into(),
                )
            }
        },
        Service::Repository => match (&repository.failing, repository.commits.first()) {
            (Some((why, since)), _) => (
                Badge::new(Kind::Bad, "failing"),
                format!("Since {}: {why}.", words::ago(*since, f.now)),
                String::new(),
            ),
            (None, Some(commit)) => (
                Badge::new(Kind::Good, "ok"),
                format!("Newest commit seen {}.", words::ago(commit.seen_at, f.now)),
                String::new(),
            ),
            (None, None) => {
                (Badge::new(Kind::Calm, "nothing yet"), "No commit was seen.".into(), String::new())
            }
        },
        Service::Model => {
            let told =
                "The Agent’s configuration says which interpreter reads texts; the offline one needs no key.";
            (Badge::new(Kind::Calm, "optional"), told.into(), String::new())
        }
    }
}

fn known(service: Service, facts: &Facts<'_>) -> Vec<(String, String)> {
    let meta = facts.meta;
    let mut known = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            known.push((name.to_owned(), value));
        }
    };
    match service {
        Service::Proxmox => {
            add("Cluster", meta.name.clone());
            add("Addresses", meta.addresses.join(", "));
            add("Release", meta.pve_version.clone());
            if meta.observed_at.is_some() {
                add("Quorum", if meta.quorate { "yes" } else { "no" }.into());
            }
        }
        Service::Repository => {
            if let Some(rules) = &facts.settings.rules {
                add(
                    "Looked at",
                    match rules.poll_interval_s {
                        0 => "on request only".into(),
                        s => format!("every {s} s"),
                    },
                );
            }
            if let Some(commit) = facts.repository.commits.first() {
                add(
                    "Newest commit",
                    format!("{} {}", commit.commit.get(..8).unwrap_or_default(), commit.subject),
                );
            }
        }
        Service::Model => {}
    }
    known
}

fn card(
    credential: &Credential,
    stored: Option<&CredentialRow>,
    test: Option<&TestRow>,
    names: &Names,
    f: &Frame,
) -> page::CredentialCard {
    let badge = match (stored, test.map(|test| (test.ended, noted(test)))) {
        (None, _) => Badge::new(Kind::Calm, "not stored"),
        (Some(_), None) => Badge::new(Kind::Calm, "stored"),
        (Some(_), Some((None, _))) => Badge::new(Kind::Active, "testing"),
        (Some(_), Some((Some((_, false)), _))) => Badge::new(Kind::Bad, "test failed"),
        (Some(_), Some((Some((_, true)), true))) => Badge::new(Kind::Waiting, "works, with notes"),
        (Some(_), Some((Some((_, true)), false))) => Badge::new(Kind::Good, "works"),
    };
    let version = stored.map_or(0, |stored| stored.stored_at.timestamp_micros())
        ^ test.map_or(0, |test| test.asked_at.timestamp_micros());
    let under_way = test.is_some_and(|test| test.ended.is_none());
    let may_ask = stored.is_some() && !under_way;
    page::CredentialCard {
        name: credential.name.into(),
        title: credential.title,
        badge,
        stored: stored.map(|stored| page::Stored {
            fingerprint: stored.fingerprint.clone(),
            at: Ago { at: stored.stored_at, now: f.now },
            by: stored.by.map_or_else(|| "the command line".into(), |by| names.name(by)),
        }),
        test: test.map(|test| page::Test {
            words: match test.ended {
                None => format!("{} so far. Asked for", words::counted(test.checks.len(), "check")),
                Some((_, true)) => "Passed".into(),
                Some((_, false)) => "Failed".into(),
            },
            at: Ago { at: test.ended.map_or(test.asked_at, |(at, _)| at), now: f.now },
            checks: test.checks.iter().map(check).collect(),
        }),
        ask: may_ask.then(|| f.guard(&format!("test {}", credential.name), version)),
    }
}

fn noted(test: &TestRow) -> bool {
    test.checks.iter().any(|check| check.outcome == Outcome::Noted)
}

fn check(check: &Check) -> page::CheckLine {
    let (commands, advice): (Vec<String>, Vec<String>) =
        check.next.iter().cloned().partition(|line| line.starts_with("pveum "));
    let text = commands.join("\n");
    page::CheckLine {
        badge: check_badge(check.outcome),
        what: check.what.clone(),
        found: words::sentence(&format!("{}.", check.found)),
        advice,
        commands: (!text.is_empty()).then(|| (text.clone(), Copy { text, label: "Copy commands" })),
    }
}
