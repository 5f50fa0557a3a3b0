//! The page about the declarations repository.

use super::Viewer;
use crate::frame::Frame;
use crate::pages::repository as page;
use crate::pages::settings::{Card, Tab, quarantine_words};
use crate::parts::{Ago, Badge, Kind};
use crate::words;
use domain::repository::{Decision, Quarantine};
use projections::model::{CommitRow, DecisionRow, RepositoryRow};

/// Commits shown of those that are settled.
const SETTLED_SHOWN: usize = 20;

pub fn page(f: Frame, viewer: &Viewer, repository: &RepositoryRow) -> page::RepositoryPage {
    let (badge, words) = standing(repository, &f);
    let doubt = repository.doubt.as_ref().map(|doubt| page::DoubtNote {
        what: page::doubt_words(doubt.doubt),
        detail: words::sentence(&doubt.detail),
        commit: doubt.commit.clone(),
        since: Ago { at: doubt.since, now: f.now },
        advice: page::doubt_advice(doubt.doubt),
    });
    let settled = repository.commits.iter().filter(|row| {
        row.quarantine.is_some() && repository.decisions.get(&row.commit).is_some_and(|one| !one.waits())
    });
    let line = |row: &CommitRow| line(&f, viewer, repository, row);
    page::RepositoryPage {
        tab: Tab::Repository,
        badge,
        words,
        refresh: f.guard("refresh", f.position),
        doubt,
        waiting: repository.waiting().map(line).collect(),
        settled: settled.take(SETTLED_SHOWN).map(line).collect(),
        f,
    }
}

fn standing(repository: &RepositoryRow, f: &Frame) -> (Badge, String) {
    match (&repository.failing, repository.commits.first()) {
        (Some((why, at)), _) => {
            (Badge::new(Kind::Bad, "failing"), format!("Since {}: {why}.", words::ago(*at, f.now)))
        }
        (None, None) => (Badge::new(Kind::Calm, "nothing yet"), "No commit was seen.".into()),
        (None, Some(commit)) => {
            let seen = format!("Newest commit seen {}.", words::ago(commit.seen_at, f.now));
            (Badge::new(Kind::Good, "ok"), seen)
        }
    }
}

fn line(f: &Frame, viewer: &Viewer, repository: &RepositoryRow, row: &CommitRow) -> page::SetAside {
    let (why, detail) = row.quarantine.clone().unwrap_or((Quarantine::Unreadable, String::new()));
    let nothing = DecisionRow::default();
    let decision = repository.decisions.get(&row.commit).unwrap_or(&nothing);
    let (badge, outcome) = outcome(f, viewer, decision);
    let mut drafts: Vec<String> = row.drafts.iter().map(ToString::to_string).collect();
    if let Some((_, later, _)) = &decision.settled {
        drafts.extend(
            later.iter().map(ToString::to_string).filter(|id| !drafts.contains(id)).collect::<Vec<_>>(),
        );
    }
    let choices = match decision.waits() {
        true => why.decisions(),
        false => &[],
    };
    let rewritten = why == Quarantine::HistoryRewritten;
    let choices = choices.iter().map(|one| page::choice(*one, !row.drafts.is_empty(), rewritten)).collect();
    page::SetAside {
        commit: row.commit.clone(),
        subject: row.subject.clone(),
        author: row.author.clone(),
        why: quarantine_words(why),
        detail: words::sentence(&detail),
        seen: Ago { at: row.seen_at, now: f.now },
        badge,
        outcome,
        drafts,
        choices,
        // After a decision that could not be done another one is another form.
        guard: f.guard(
            &format!("decide {}", row.commit),
            decision.decided.as_ref().map_or(row.position, |(_, _, at)| at.timestamp_micros()),
        ),
    }
}

fn outcome(f: &Frame, viewer: &Viewer, decision: &DecisionRow) -> (Badge, String) {
    let Some((what, by, at)) = &decision.decided else {
        return match &decision.settled {
            Some(_) => (Badge::new(Kind::Good, "settled"), "The branch goes on where it was.".into()),
            None => (Badge::new(Kind::Bad, "set aside"), String::new()),
        };
    };
    let decided = format!(
        "{} decided {}: {}.",
        viewer.names.name(*by),
        words::ago(*at, f.now),
        match what {
            Decision::Take => "its English is a draft",
            Decision::Restore => "restore what was approved",
            Decision::Leave => "leave it as it is",
        }
    );
    match (&decision.failed, &decision.settled) {
        (Some(why), _) => (
            Badge::new(Kind::Bad, "set aside"),
            format!("{decided} That could not be done: {why}. Decide otherwise."),
        ),
        (None, None) => {
            (Badge::new(Kind::Waiting, "decided"), format!("{decided} The Agent does it at its next look."))
        }
        (None, Some((_, _, Some(restored)))) => {
            (Badge::new(Kind::Good, "settled"), format!("{decided} Commit {restored} did it."))
        }
        (None, Some(_)) => (Badge::new(Kind::Good, "settled"), decided),
    }
}

/// What the System page says about the anchors.
pub fn anchors_card(repository: &RepositoryRow, f: &Frame) -> Card {
    let title = "Anchors of the log".to_owned();
    match &repository.doubt {
        Some(doubt) => Card {
            title,
            badge: Badge::new(Kind::Bad, "do not hold"),
            words: format!(
                "Since {}: {}. {}",
                words::ago(doubt.since, f.now),
                page::doubt_words(doubt.doubt),
                words::sentence(&doubt.detail)
            ),
            advice: page::doubt_advice(doubt.doubt).to_owned(),
        },
        None => Card {
            title,
            badge: Badge::new(Kind::Good, "ok"),
            words: "No commit of the repository contradicts the log.".into(),
            advice: String::new(),
        },
    }
}
