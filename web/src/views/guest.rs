//! One guest's page.

use super::cluster::{self, Declared};
use crate::frame::Frame;
use crate::pages::guest as page;
use crate::parts::{Copy, From, Kind};
use domain::plan::Origin;
use projections::model::{ClusterView, GuestRow};

/// `made_by`: number of the run that made it.
pub fn page(
    f: Frame,
    guest: &GuestRow,
    view: &ClusterView,
    declared: &Declared,
    made_by: Option<u64>,
) -> page::GuestPage {
    let wish = cluster::wish(guest, declared);
    let matches = cluster::match_badge(guest, view, f.now);
    let drifted: Vec<&projections::model::DriftRow> = view.drift_of(guest.vmid, f.now).collect();
    let from = |key: &str| {
        let (index, _, desired) = wish?;
        let label = desired.label(&format!("/guests/{index}/{key}"))?.clone();
        Some(From::of(&Origin::Label { label }))
    };
    let compared = guest.seen.as_ref().map(|seen| cluster::compare(wish.map(|(_, wish, _)| wish), seen));
    let mut fields: Vec<page::Field> = compared
        .unwrap_or_default()
        .into_iter()
        .map(|field| page::Field {
            from: field.declared.as_ref().and_then(|_| from(field.key)),
            differs: drifted.iter().any(|row| row.drift.field == field.name),
            name: field.name.to_owned(),
            declared: field.declared,
            observed: field.observed,
        })
        .collect();
    for row in &drifted {
        let drift = &row.drift;
        match fields.iter_mut().find(|field| field.name == drift.field) {
            Some(field) => field.declared = Some(drift.declared.clone()),
            None => fields.push(page::Field {
                from: None,
                name: drift.field.clone(),
                declared: Some(drift.declared.clone()),
                observed: drift.observed.clone(),
                differs: true,
            }),
        }
    }
    let differing = fields.iter().filter(|field| field.differs).count();
    let lede = match (matches.kind, &guest.seen) {
        (Kind::Unknown, _) => {
            "Its node does not answer, or its mark is not ours: nothing is claimed about it.".to_owned()
        }
        (_, None) => "It was made by MycoPod and is not there any more.".into(),
        (Kind::Drift, Some(_)) => format!(
            "{} from what was declared.",
            if differing == 1 {
                "One field differs".to_owned()
            } else {
                format!("{differing} fields differ")
            }
        ),
        (Kind::Good, Some(_)) => "It is as declared.".into(),
        (_, Some(_)) if guest.claim.is_none() => "Nobody declared it, so MycoPod never touches it.".into(),
        (_, Some(_)) => "It is ours; no declaration says how it should look.".into(),
    };
    let seen = guest.seen.as_ref();
    page::GuestPage {
        vmid: guest.vmid,
        name: seen
            .map(|seen| seen.name.clone())
            .or(guest.claim.as_ref().map(|claim| claim.name.clone()))
            .unwrap_or_default(),
        kind: seen.map_or("guest", |seen| cluster::kind_word(seen.kind)),
        lede,
        health: cluster::health_badge(guest, view),
        matches,
        seen: cluster::seen(view, f.now),
        fields,
        declared_by: cluster::maker(guest).map(|id| {
            (
                id.to_string(),
                declared.get(&id).map_or_else(|| "a declaration".into(), |(title, _)| title.clone()),
            )
        }),
        made_by,
        notes: seen.map(|seen| seen.notes().to_owned()).unwrap_or_default(),
        config: seen.map(config).unwrap_or_default(),
        mark: guest.claim.as_ref().map(|claim| Copy { text: claim.mark.to_string(), label: "Copy" }),
        f,
    }
}

/// The configuration as read; what unlocks something is shown as set.
fn config(seen: &domain::observation::GuestSeen) -> Vec<(String, String)> {
    let shown = |key: &str, value: &str| {
        if key.contains("password") { "••• (set)".to_owned() } else { value.to_owned() }
    };
    seen.config.iter().map(|(key, value)| (key.clone(), shown(key, value))).collect()
}
