//! The anchors: each commit of ours names the end of the log at its time, so that the repository remembers what the
//! database may be made to forget (I3).
//!
//! Begin with [`Anchors::check`], which the watch calls at each look. An anchor that the log does not confirm means that
//! one of the two was made anew; which one is a person's finding, so all that is known is told and kept.
//!
//! Never here: deciding what is true, sealing, verifying the whole chain (`mycopod events verify --anchors` does).

use crate::limits::SUBJECT_CHARACTERS_MAX;
use crate::log::{Log, LogError};
use crate::repository::{Message, Repository as Backend, RepositoryError, shown, trailer};
use domain::repository::{Command, Doubt, Repository};
use eventstore::{EventLog, Head};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What an anchor is called in a commit's message.
pub const TRAILER: &str = "MycoPod-Log";

/// What a commit says about the log.
#[derive(Clone, Debug)]
struct Anchor {
    commit: String,
    author: String,
    head: Head,
}

/// The branch as it was read last.
#[derive(Clone, Default)]
struct Known {
    tip: Option<String>,
    /// Newest first.
    anchors: Vec<Anchor>,
    commits: BTreeSet<String>,
    /// Nothing of the branch was left out.
    whole: bool,
    /// Commits whose anchors the log confirmed. The newest is asked for again each time all the same.
    held: BTreeSet<String>,
}

pub struct Anchors {
    log: Log,
    repository: Arc<dyn Backend>,
    /// None before the first look.
    known: Mutex<Option<Known>>,
}

impl Anchors {
    pub fn new(log: Log, repository: Arc<dyn Backend>) -> Self {
        Self { log, repository, known: Mutex::default() }
    }

    /// Holds the anchors of the branch against the log; answers with what is to be told. The inner error is a repository
    /// that does not answer now.
    pub async fn check(&self, state: &Repository) -> Result<Result<Command, RepositoryError>, LogError> {
        let mut known = match self.read().await {
            Ok(known) => known,
            Err(error) => return Ok(Err(error)),
        };
        let doubt = match self.disproved(&mut known, state).await? {
            None => absent(&known, state),
            found => found,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(Ok(doubt.unwrap_or(Command::TrustAnchors)))
    }

    /// The branch, of which only what is new is read.
    async fn read(&self) -> Result<Known, RepositoryError> {
        let before = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tip = self.repository.tip().await?;
        let before = match before {
            Some(before) if before.tip == tip => return Ok(before),
            before => before.unwrap_or_default(),
        };
        let read = self.repository.messages(before.tip.as_deref()).await?;
        let mut known = Known { tip: read.tip, whole: read.whole, ..Known::default() };
        known.commits = read.newest_first.iter().map(|message| message.commit.clone()).collect();
        known.anchors = read.newest_first.iter().filter_map(anchor).collect();
        if read.reached {
            known.whole = before.whole;
            known.anchors.extend(before.anchors);
            known.commits.extend(before.commits);
            known.held = before.held;
        }
        Ok(known)
    }

    /// The newest anchor that the log contradicts.
    async fn disproved(&self, known: &mut Known, state: &Repository) -> Result<Option<Command>, LogError> {
        let end = self.log.store.head().await?.position;
        let mut first = true;
        for anchor in known.anchors.iter().filter(|anchor| state.counts_as_anchor(&anchor.commit)) {
            if !std::mem::take(&mut first) && known.held.contains(&anchor.commit) {
                continue;
            }
            let position = anchor.head.position;
            let (doubt, detail) = if position > end {
                (Doubt::Beyond, format!("the log ends at {end}, the anchor is at {position}"))
            } else {
                let chain = self.chain_at(position).await?;
                if chain == anchor.head.chain {
                    known.held.insert(anchor.commit.clone());
                    continue;
                }
                let (here, there) = (hex::encode(chain), hex::encode(anchor.head.chain));
                (Doubt::Forked, format!("at {position} the log has {here}, the anchor has {there}"))
            };
            let author = shown(&anchor.author, SUBJECT_CHARACTERS_MAX / 2);
            let detail = format!("{detail}; the commit is by {author}");
            return Ok(Some(Command::DoubtAnchors {
                doubt,
                position,
                commit: anchor.commit.clone(),
                detail,
            }));
        }
        Ok(None)
    }

    async fn chain_at(&self, position: i64) -> Result<[u8; 32], LogError> {
        if position <= 0 {
            return Ok(Head::default().chain);
        }
        let found = self.log.store.read_from(position - 1, 1).await?;
        let found = found.first().filter(|event| event.position == position);
        found
            .map(|event| event.chain)
            .ok_or_else(|| LogError::Unavailable(format!("there is no event {position}")))
    }
}

/// The newest commit that the log made is not on the branch, or no anchor is.
fn absent(known: &Known, state: &Repository) -> Option<Command> {
    let ours = state.ours.as_ref().filter(|ours| !known.commits.contains(*ours))?;
    let newest = known.anchors.iter().find(|anchor| state.counts_as_anchor(&anchor.commit));
    // Under so many later commits it may still be there; a branch that lost it is found rewritten by the watch.
    if !known.whole {
        return None;
    }
    let (doubt, position, detail) = match newest {
        None => (Doubt::Missing, 0, "no commit of the branch has an anchor".to_owned()),
        Some(anchor) => {
            let at = anchor.head.position;
            (Doubt::Older, at, format!("the newest anchor of the branch is at {at}"))
        }
    };
    let detail = format!("the log made the commit {ours}, and the branch does not have it: {detail}");
    Some(Command::DoubtAnchors { doubt, position, commit: ours.clone(), detail })
}

fn anchor(message: &Message) -> Option<Anchor> {
    let head = parse(trailer(&message.message, TRAILER)?)?;
    Some(Anchor { commit: message.commit.clone(), author: message.author.clone(), head })
}

/// `42 sha256:…`
pub fn parse(text: &str) -> Option<Head> {
    let (position, chain) = text.trim().split_once(' ')?;
    let position = position.parse().ok().filter(|position: &i64| *position >= 0)?;
    let chain = hex::decode(chain.trim().strip_prefix("sha256:")?).ok()?.try_into().ok()?;
    Some(Head { position, chain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_anchor_is_one() {
        let whole = format!("42 sha256:{}", "ab".repeat(32));
        assert_eq!(parse(&whole), Some(Head { position: 42, chain: [0xab; 32] }));
        for wrong in ["", "42", "x sha256:00", "-1 sha256:00", &whole[..60], &whole.replace("sha256", "md5")]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
