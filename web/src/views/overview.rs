//! The overview: what waits for an Admin comes first.

use super::{Viewer, cluster, declaration, history, run};
use crate::frame::Frame;
use crate::pages::overview as page;
use crate::parts::{Ago, Badge, Kind};
use crate::words;
use chrono::{DateTime, Utc};
use projections::model::{
    ClusterView, DeclarationRow, DeclarationStatus, HistoryRow, RepositoryRow, RunRow, RunStatus,
};

/// What the overview is made from.
pub struct Facts<'a> {
    pub waiting: &'a [DeclarationRow],
    /// Declarations with open questions.
    pub asking: &'a [DeclarationRow],
    /// The newest runs.
    pub runs: &'a [RunRow],
    pub cluster: &'a ClusterView,
    pub declared: &'a cluster::Declared,
    pub repository: &'a RepositoryRow,
    pub lately: &'a [HistoryRow],
}

pub fn page(f: Frame, viewer: &Viewer, facts: &Facts) -> page::OverviewPage {
    let now = f.now;
    let running = facts.runs.iter().filter(|run| run.status == RunStatus::Running);
    page::OverviewPage {
        needs: page::NeedsRegion {
            needs: needs(viewer, facts, now),
            running: running.map(|run| run::running(run, now)).collect(),
            checked: cluster::seen(facts.cluster, now),
        },
        cluster: page::ClusterRegion { nodes: nodes(facts.cluster), note: note(facts.cluster) },
        lately: page::LatelyRegion {
            lines: facts.lately.iter().map(|row| history::line(row, now)).collect(),
        },
        f,
    }
}

fn needs(viewer: &Viewer, facts: &Facts, now: DateTime<Utc>) -> Vec<page::Need> {
    let ago = |at| Some(Ago { at, now });
    let mut needs = Vec::new();
    for row in facts.waiting {
        let no = row.plan_no.unwrap_or_default();
        needs.push(page::Need {
            badge: crate::pages::declaration::badge(&declaration::status(row)),
            what: row.title.clone(),
            detail: format!(
                "asked by {}",
                viewer.names.name(row.asked.as_ref().map_or(row.author, |asked| asked.by))
            ),
            at: ago(row.asked.as_ref().map_or(row.changed_at, |asked| asked.at)),
            href: format!("/declarations/{}/plans/{no}", row.id),
            button: format!("Open plan {no}"),
        });
    }
    let mine =
        |row: &&DeclarationRow| row.author == viewer.actor.id && row.status == DeclarationStatus::Question;
    for row in facts.asking.iter().filter(mine) {
        needs.push(page::Need {
            badge: Badge::new(Kind::Waiting, "question"),
            what: row.title.clone(),
            detail: row.questions.first().map(|question| question.text.clone()).unwrap_or_default(),
            at: ago(row.changed_at),
            href: format!("/declarations/{}", row.id),
            button: "Answer".into(),
        });
    }
    for run in facts.runs.iter().filter(|run| run.status == RunStatus::Paused) {
        needs.push(page::Need {
            badge: declaration::run_badge(run.status),
            what: format!("Run {}: {}", run.no, run.title),
            detail: run.cause.clone().unwrap_or_default(),
            at: ago(run.started_at),
            href: format!("/runs/{}", run.no),
            button: format!("Open run {}", run.no),
        });
    }
    for guest in &facts.cluster.guests {
        let badge = cluster::match_badge(guest, facts.cluster, now);
        if matches!(badge.kind, Kind::Drift | Kind::Bad) {
            let name = guest
                .seen
                .as_ref()
                .map(|seen| seen.name.clone())
                .or(guest.claim.as_ref().map(|claim| claim.name.clone()));
            needs.push(page::Need {
                badge,
                what: format!("{} ({})", name.unwrap_or_default(), guest.vmid),
                detail: "differs from what was declared".into(),
                at: ago(guest.changed_at),
                href: format!("/cluster/guests/{}", guest.vmid),
                button: "Compare".into(),
            });
        }
    }
    if let Some(doubt) = &facts.repository.doubt {
        needs.push(page::Need {
            badge: Badge::new(Kind::Bad, "anchors"),
            what: crate::pages::repository::doubt_words(doubt.doubt).into(),
            detail: words::sentence(&doubt.detail),
            at: ago(doubt.since),
            href: "/settings/repository".into(),
            button: "Look".into(),
        });
    }
    let set_aside = facts.repository.waiting().count();
    if set_aside > 0 {
        needs.push(page::Need {
            badge: Badge::new(Kind::Bad, "set aside"),
            what: format!("{} not acted upon", words::counted(set_aside, "commit")),
            detail: "They carry no approved plan.".into(),
            at: None,
            href: "/settings/repository".into(),
            button: "Decide".into(),
        });
    }
    needs
}

fn nodes(view: &ClusterView) -> Vec<page::NodeLine> {
    let line = |row: &projections::model::NodeRow| {
        let here = || {
            view.guests
                .iter()
                .filter_map(|guest| guest.seen.as_ref())
                .filter(|seen| seen.node == row.name && !seen.template)
        };
        let running = here().filter(|seen| seen.running).count();
        let (memory, bar) =
            cluster::memory_words(cluster::promised_mib(&row.name, view), row.node.memory_mib);
        let free = |storage: &&projections::model::StorageRow| {
            storage.storage.free_gib.contains_key(&row.name) || storage.storage.free_gib.contains_key("any")
        };
        let storages: Vec<String> = view
            .storages
            .iter()
            .filter(free)
            .filter_map(|s| {
                let gib = s.storage.free_gib.get(&row.name).or_else(|| s.storage.free_gib.get("any"))?;
                Some(format!("{} {} GiB", s.id, words::number(*gib as i64)))
            })
            .collect();
        page::NodeLine {
            name: row.name.clone(),
            badge: cluster::node_badge(row.node.online),
            guests: format!("{running} running, {} stopped", here().count() - running),
            memory,
            bar,
            storage: super::some_of(&storages, 3),
        }
    };
    view.nodes.iter().map(line).collect()
}

fn note(view: &ClusterView) -> String {
    match &view.meta.failing {
        Some((why, advice, _)) => format!("The last look failed: {why}. {advice}"),
        None if !view.meta.quorate && view.meta.observed_at.is_some() => "The cluster has no quorum.".into(),
        None => String::new(),
    }
}
