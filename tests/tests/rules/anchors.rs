//! The repository remembers what the log was: anchors that are missing, older or forked raise an alarm within one look.

use crate::adversary::{Applied, Models, applied, events, looked};
use crate::trail::done;
use domain::repository::{Doubt, Event, Repository};
use simulator::github::Entry;
use tests::World;

fn file(text: &str) -> Entry {
    Entry::File(text.as_bytes().to_vec())
}

fn doubts(state: &Repository, doubt: Doubt) -> bool {
    state.doubt.as_ref().is_some_and(|(found, _)| *found == doubt)
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_anchors_of_the_configured_repository_are_read_by_verify() {
    for at_github in [false, true] {
        let Applied { world, agent, .. } = applied(at_github).await;
        looked(&world, |state| state.ours.is_some()).await;
        agent.stop().await;
        let said = done(&world, &["events", "verify", "--anchors"]).await;
        assert!(
            said.contains("Anchored outside up to ") && !said.contains("Anchored outside: nothing"),
            "{said}"
        );
        assert!(events(&world).await.iter().all(|event| !matches!(event, Event::AnchorsDoubted { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_is_forked_or_beyond_is_told_until_an_admin_has_decided_about_its_commit() {
    let Applied { world, agent, .. } = applied(false).await;
    let models = Models::keep(&world).await;
    let wrong = "ab".repeat(32);
    for (position, doubt) in [(3, Doubt::Forked), (9_999_999, Doubt::Beyond)] {
        let message = format!("forged\n\nMycoPod-Log: {position} sha256:{wrong}\n");
        let odd = format!("declarations/{position}.txt");
        let commit = world.hand().commit(&[(&odd, file("x"))], &message, "mallory").await.unwrap();
        let state = looked(&world, |state| doubts(state, doubt)).await;
        assert_eq!(state.doubt.unwrap().1, commit);
        let told = events(&world).await.into_iter().rev().find_map(|event| match event {
            Event::AnchorsDoubted { detail, .. } => Some(detail),
            _ => None,
        });
        assert!(told.unwrap().contains("mallory"));
        let shown = models.done(&world, &["repository", "show"]).await;
        assert!(shown.contains(web::pages::repository::doubt_words(doubt)), "{shown}");
        models.done(&world, &["repository", "decide", &commit, "leave", "--as", "ada"]).await;
        looked(&world, |state| state.doubt.is_none()).await;
    }
    agent.stop().await;
    models.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_without_the_newest_anchor_or_without_any_is_told() {
    let Applied { world, agent, .. } = applied(false).await;
    let first = world.hand().tip().await.unwrap().unwrap();
    let (id, _) = world.declare(crate::PIHOLE).await;
    world.apply(id).await;
    looked(&world, |state| state.applied.len() == 2).await;
    world.hand().force(&first).await.unwrap();
    looked(&world, |state| doubts(state, Doubt::Older)).await;
    let bare = world.hand().commit_on(None, &[("README.md", file("x"))], "new", "mallory").await.unwrap();
    world.hand().force(&bare).await.unwrap();
    looked(&world, |state| doubts(state, Doubt::Missing)).await;
    agent.stop().await;
}

/// The log was made anew (or an older copy of it restored), the repository is the old one: it knows better.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_made_anew_is_contradicted_by_the_repository() {
    let Applied { world: old, agent, .. } = applied(false).await;
    agent.stop().await;
    let world = World::start().await;
    copy(&old.repository(), &world.repository());
    let before = world.mutations();
    let agent = world.agent();
    looked(&world, |state| doubts(state, Doubt::Forked) || doubts(state, Doubt::Beyond)).await;
    assert_eq!(world.mutations(), before, "nothing is applied from commits of another log");
    agent.stop().await;
}
