//! What every page says about the whole: the worst news first, the state of each connection.

use crate::frame::{Banner, Dot, Then};
use crate::parts::Kind;
use crate::views::Names;
use crate::words;
use chrono::{DateTime, TimeDelta, Utc};
use projections::model::{ClusterMeta, RepositoryRow};

/// The bounds the service works with.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub agent_silent_s: i64,
    pub lag_events_told: i64,
}

fn is_silent(meta: &ClusterMeta, bounds: Bounds, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    meta.observed_at.filter(|at| now - *at > TimeDelta::seconds(bounds.agent_silent_s))
}

/// One banner at a time, the worst first.
pub fn banner(
    meta: &ClusterMeta,
    lag: i64,
    names: &Names,
    bounds: Bounds,
    now: DateTime<Utc>,
) -> Option<Banner> {
    if let Some(frozen) = &meta.frozen {
        let by = frozen.by.map_or_else(|| "the command line".into(), |by| names.name(by));
        let text = format!("Writes are frozen by {by} {}: {}", words::ago(frozen.at, now), frozen.reason);
        return Some(Banner { kind: Kind::Bad, text, link: Some(("/settings/rules", "Rules")) });
    }
    if meta.failing.is_none()
        && let Some(at) = is_silent(meta, bounds, now)
    {
        let text = format!(
            "The Agent is silent. It last looked at the cluster {}; runs do not go on.",
            words::ago(at, now)
        );
        return Some(Banner { kind: Kind::Waiting, text, link: None });
    }
    if lag > bounds.lag_events_told {
        let text =
            format!("The pages are {} events behind the log and still catching up.", words::number(lag));
        return Some(Banner { kind: Kind::Waiting, text, link: None });
    }
    meta.demo.then(|| Banner {
        kind: Kind::Calm,
        text: "Demonstration: nothing here is real.".into(),
        link: None,
    })
}

/// Above a page that shows an earlier moment.
pub fn past(then: &Then) -> Banner {
    let text = format!(
        "You are looking at {}, after event {}. Nothing here can be changed.",
        words::moment(then.at),
        words::number(then.position)
    );
    Banner { kind: Kind::Waiting, text, link: Some(("/", "Back to now")) }
}

/// Each connection in two words.
pub fn dots(meta: &ClusterMeta, repository: &RepositoryRow, bounds: Bounds, now: DateTime<Utc>) -> Vec<Dot> {
    let dot = |kind, text: &str| Dot { kind, text: text.into() };
    let silent = is_silent(meta, bounds, now).is_some();
    vec![
        match (&meta.failing, meta.observed_at) {
            (Some(_), _) => dot(Kind::Bad, "Proxmox failing"),
            (None, None) => dot(Kind::Waiting, "Proxmox not seen yet"),
            (None, Some(_)) if silent => dot(Kind::Waiting, "Proxmox not seen lately"),
            (None, Some(_)) => dot(Kind::Good, "Proxmox ok"),
        },
        match &repository.failing {
            Some(_) => dot(Kind::Bad, "Repository failing"),
            None if repository.doubt.is_some() => dot(Kind::Bad, "Repository differs from the log"),
            None => dot(Kind::Good, "Repository ok"),
        },
        match meta.observed_at {
            None => dot(Kind::Waiting, "Agent not seen yet"),
            Some(_) if silent && meta.failing.is_none() => dot(Kind::Bad, "Agent silent"),
            Some(_) => dot(Kind::Good, "Agent ok"),
        },
    ]
}
