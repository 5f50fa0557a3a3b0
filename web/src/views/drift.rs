//! Drift: from the read model to one row for each field.

use super::Viewer;
use super::cluster;
use crate::frame::Frame;
use crate::pages::drift as page;
use crate::parts::{Ago, Badge, Kind, Message};
use crate::words;
use domain::drift;
use projections::model::{ClusterView, DriftRow, PutBackRow};

pub fn page(f: Frame, viewer: &Viewer, view: &ClusterView) -> page::DriftPage {
    let open = view.drift.iter().filter(|row| row.is_open(f.now)).count();
    let left = view.drift.len() - open;
    let lede = match (view.meta.observed_at, open, left) {
        (None, ..) => "Nothing was seen yet, so nothing can be compared.".to_owned(),
        (_, 0, 0) => "Everything that could be compared is as declared.".into(),
        (_, 0, left) => format!("Nothing needs you: {} left alone.", words::counted(left, "field")),
        (_, open, _) => {
            let verb = if open == 1 { "differs" } else { "differ" };
            format!("{} {verb} from what was put in force.", words::counted(open, "field"))
        }
    };
    let mut messages = Vec::new();
    if let Some((why, advice, _)) = &view.meta.failing {
        let title = format!("The last look at the cluster failed: {why}");
        messages.push(Message::new(Kind::Bad, title, advice.clone()).quiet());
    }
    let admin = viewer.actor.is_admin();
    let name = |subject: &str| name_of(view, subject);
    let unjudged = view.meta.unjudged.iter().map(|(subject, why)| (name(subject), why.clone())).collect();
    let shown = |put_back: &&PutBackRow| view.drift.iter().any(|row| row.drift.subject == put_back.subject);
    let put_back = |row: &PutBackRow| page::PutBack {
        name: name(&row.subject),
        subject: row.subject.clone(),
        sentences: row.sentences.clone(),
        calls: row.calls.clone(),
        digest: row.digest.to_string(),
        short: row.digest.short().to_owned(),
        approve: admin.then(|| f.guard(&format!("put back {}", row.subject), row.position)),
    };
    let put_backs = view.put_backs.iter().filter(shown).map(put_back).collect();
    let rows = view.drift.iter().enumerate().map(|(i, row)| line(&f, viewer, i + 1, row)).collect();
    page::DriftPage {
        picture: page::DriftRegion {
            seen: cluster::seen(view, f.now),
            lede,
            messages,
            rows,
            put_backs,
            unjudged,
            why_not: if admin || view.drift.is_empty() {
                String::new()
            } else {
                format!("An Admin decides about drift. {}", viewer.ask_an_admin())
            },
        },
        command: "mycopod drift --exit-code",
        f,
    }
}

fn line(f: &Frame, viewer: &Viewer, index: usize, row: &DriftRow) -> page::Row {
    let drift = &row.drift;
    let left = row.left.as_ref().filter(|left| left.covers(drift, f.now));
    let (kind, word) = match left {
        Some(_) => (Kind::Calm, "left alone"),
        None => (Kind::Drift, "drifted"),
    };
    let told = left.map(|left| {
        let until =
            left.until.map_or_else(|| "until it changes".into(), |at| format!("until {}", words::moment(at)));
        format!("{} {until}: {}", viewer.names.name(left.by), left.why)
    });
    page::Row {
        index,
        vmid: drift.vmid,
        name: drift.name.clone(),
        subject: drift.subject.clone(),
        field: drift.field.clone(),
        declared: drift.declared.clone(),
        observed: drift.observed.clone(),
        since: Ago { at: drift.since, now: f.now },
        by: drift.by.clone().unwrap_or_default(),
        badge: Badge::new(kind, word),
        left: told.unwrap_or_default(),
        leave: (viewer.actor.is_admin() && left.is_none())
            .then(|| f.guard(&format!("leave {}", drift.key()), row.position)),
    }
}

/// "web-old (110)" of `guest/110`.
fn name_of(view: &ClusterView, subject: &str) -> String {
    let guest = view.guests.iter().find(|guest| drift::guest(guest.vmid) == subject);
    let Some(guest) = guest else {
        return subject.strip_prefix("storage/").map_or_else(|| subject.into(), |id| format!("storage {id}"));
    };
    let seen = guest.seen.as_ref().map(|seen| seen.name.clone());
    let claimed = || guest.claim.as_ref().map(|claim| claim.name.clone());
    format!("{} ({})", seen.or_else(claimed).unwrap_or_else(|| "guest".into()), guest.vmid)
}
