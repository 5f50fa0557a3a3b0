//! One byte changed after approval, and nothing is sent (I1).

use crate::SCRATCH;
use agent::repository::local::LocalGit;
use agent::repository::{NewCommit, Repository};
use domain::event::Category;
use domain::ids::REPOSITORY;
use domain::repository::{Event, Quarantine};
use eventstore::{EventLog, StreamId};
use tests::{ADA, World};

/// What the watcher thought of commits other than the first.
async fn quarantined(world: &World, commit: &str) -> Option<Quarantine> {
    let stream = StreamId::new(Category::Repository, REPOSITORY);
    let history = world.store.read_stream(stream, 1).await.unwrap();
    history.iter().find_map(|recorded| match eventstore::decode(recorded) {
        Ok(Event::CommitQuarantined { commit: seen, why, .. }) if seen == commit => Some(why),
        Ok(Event::CommitSeen { commit: seen, declaration: Some(_), .. }) if seen == commit => {
            panic!("the commit {commit} was taken for approved")
        }
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_differs_in_one_byte_is_set_aside_and_nothing_is_sent() {
    let world = World::start().await;
    let agent = world.agent();
    let (id, state) = world.declare(SCRATCH).await;
    let digest = world.approve(id).await;
    // The agent is away while the commit is asked for; somebody else writes into the repository.
    agent.stop().await;
    let git = LocalGit::new(world.repository(), "main");
    world.commit(id, &digest, ADA).await;
    let plan = state.plan.unwrap();
    let approval = approval_of(&world, id.0).await;
    let lock = agent::repository::lock_file::LockFile::of(&plan, approval).to_toml().unwrap();
    let slug = agent::repository::lock_file::slug(&state.title, id);
    let (english_path, lock_path) = agent::repository::lock_file::paths(&slug);
    let message = |digest: &str| format!("x\n\nMycoPod-Plan: {digest}\nMycoPod-Approved-By: ada\n");
    let forged = [
        (SCRATCH.replace("30 GB", "31 GB"), lock.clone(), digest.to_string(), Quarantine::EnglishEdited),
        (
            SCRATCH.to_owned(),
            lock.replace("memory_mib = 4096", "memory_mib = 4097"),
            digest.to_string(),
            Quarantine::LockEdited,
        ),
        (
            SCRATCH.to_owned(),
            lock.replace("by = \"ada\"", "by = \"bo\""),
            digest.to_string(),
            Quarantine::LockEdited,
        ),
        (
            SCRATCH.to_owned(),
            lock.clone(),
            digest.to_string().replace(digest.short(), "000000000000"),
            Quarantine::UnknownApproval,
        ),
    ];
    let mut commits = Vec::new();
    for (english, lock_text, digest, why) in forged {
        assert!(
            english != SCRATCH || lock_text != lock || why == Quarantine::UnknownApproval,
            "the forgery changes something"
        );
        let new = NewCommit {
            files: vec![(english_path.clone(), english), (lock_path.clone(), lock_text)],
            message: message(&digest),
            author: "mallory".into(),
        };
        commits.push((git.commit(&new).await.unwrap(), why));
    }
    let agent = world.agent();
    for (commit, why) in &commits {
        let mut head = 0;
        let seen = loop {
            if let Some(seen) = quarantined(&world, commit).await {
                break seen;
            }
            world.store.wait_beyond(head).await;
            head = world.store.head().await.unwrap().position;
        };
        assert_eq!(seen, *why, "{commit}");
    }
    assert_eq!(world.mutations(), 0);
    agent.stop().await;
}

async fn approval_of(world: &World, id: uuid::Uuid) -> agent::repository::lock_file::Approval {
    let history = world.store.read_stream(StreamId::new(Category::Declaration, id), 1).await.unwrap();
    let position = history.iter().find(|e| &*e.type_name == "declaration.plan_approved").unwrap().position;
    agent::repository::lock_file::Approval { by: "ada".into(), position }
}
