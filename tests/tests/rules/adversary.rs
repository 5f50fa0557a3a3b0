//! The repository as somebody else writes it: each commit lands in its named state, an Admin decides, nothing is applied.

use crate::SCRATCH;
use crate::trail::told;
use agent::limits::{DRAFTS_PER_COMMIT_MAX, FILE_BYTES_MAX, FILES_PER_COMMIT_MAX};
use domain::canonical::Digest;
use domain::declaration::{Declaration, Status};
use domain::event::Category;
use domain::ids::{DeclarationId, REPOSITORY, REPOSITORY_AUTHOR};
use domain::limits::TEXT_BYTES_MAX;
use domain::repository::{Command, Event, Quarantine, Repository};
use domain::run;
use eventstore::{EventLog, StreamId};
use projections::{Projector, Reader};
use simulator::github::Entry;
use tests::{ADA, InProcess, WAIT, World};

/// What is committed, its message, the state it lands in, a word of the reason, drafts.
type Case<'a> = (Vec<(String, Entry)>, &'a str, Option<Quarantine>, &'a str, usize);

pub struct Applied {
    pub world: World,
    pub agent: InProcess,
    pub digest: Digest,
    pub english: String,
    pub lock: String,
    pub lock_text: String,
}

/// A world in which one declaration was approved, committed and carried out.
pub async fn applied(at_github: bool) -> Applied {
    let world = World::start_with(at_github).await;
    let agent = world.agent();
    let (id, _) = world.declare(SCRATCH).await;
    let run = world.apply(id).await;
    assert_eq!(run.status, run::Status::Completed);
    let declaration: Declaration = world.load(Category::Declaration, id.0).await;
    let slug = agent::repository::lock_file::slug(&declaration.title, id);
    let (english, lock) = agent::repository::lock_file::paths(&slug);
    let tip = world.hand().tip().await.unwrap().unwrap();
    let lock_text = world.backend().file(&tip, &lock).await.unwrap().unwrap();
    let lock_text = String::from_utf8(lock_text).unwrap();
    let digest = declaration.committed.unwrap().0;
    Applied { world, agent, digest, english, lock, lock_text }
}

/// The read models, which the command line looks at; kept as the UI keeps them.
pub struct Models {
    reader: Reader,
    projector: Projector,
}

impl Models {
    pub async fn keep(world: &World) -> Self {
        let reader = Reader::connect(&world.postgres.url(), world.keyring()).await.unwrap();
        let pool = reader.pool().clone();
        let projector = Projector::start(world.store.clone(), pool, world.keyring()).await.unwrap();
        Self { reader, projector }
    }

    /// What a command says once they have everything that was recorded: its exit code, output and errors.
    pub async fn told(&self, world: &World, args: &[&str]) -> (i32, String, String) {
        let head = world.store.head().await.unwrap().position;
        assert!(self.reader.wait_for(head, WAIT).await.unwrap());
        told(world, args).await
    }

    pub async fn done(&self, world: &World, args: &[&str]) -> String {
        let (code, said, error) = self.told(world, args).await;
        assert_eq!(code, 0, "{args:?}: {error}");
        said
    }

    pub async fn stop(self) {
        self.projector.stop().await;
    }
}

fn file(text: &str) -> Entry {
    Entry::File(text.as_bytes().to_vec())
}

pub async fn events(world: &World) -> Vec<Event> {
    let stream = StreamId::new(Category::Repository, REPOSITORY);
    let history = world.store.read_stream(stream, 1).await.unwrap();
    history.iter().map(|recorded| eventstore::decode(recorded).unwrap()).collect()
}

/// Asks for a look now, and waits until the state is as wanted.
pub async fn looked(world: &World, wanted: impl Fn(&Repository) -> bool) -> Repository {
    world.tell::<Repository>(Category::Repository, REPOSITORY, Command::Refresh { by: ADA.id }).await;
    world.until::<Repository>(Category::Repository, REPOSITORY, wanted).await
}

/// What became of a commit, once it was judged: none where it is harmless.
async fn judged(world: &World, commit: &str) -> Option<(Quarantine, String, Vec<DeclarationId>)> {
    looked(world, |state| state.has_seen(commit)).await;
    events(world).await.into_iter().find_map(|event| match event {
        Event::CommitQuarantined { commit: seen, why, detail, drafts, .. } if seen == commit => {
            Some((why, detail, drafts))
        }
        Event::CommitSeen { commit: seen, plan: Some(_), .. } if seen == commit => {
            panic!("{commit} was taken for approved")
        }
        _ => None,
    })
}

async fn each_foreign_change_lands_in_its_named_state(at_github: bool) {
    let Applied { world, agent, digest, english, lock, lock_text, .. } = applied(at_github).await;
    let before = world.mutations();
    let used = format!("x\n\nMycoPod-Plan: {digest}\nMycoPod-Approved-By: ada\n");
    let unknown = used.replace(digest.short(), "000000000000");
    let edited = SCRATCH.replace("30 GB", "31 GB");
    let other_lock = lock_text.replace("memory_mib = 4096", "memory_mib = 9999");
    assert_ne!(other_lock, lock_text);
    let module = world.hand().tip().await.unwrap().unwrap();
    let many: Vec<String> = (0..=FILES_PER_COMMIT_MAX).map(|n| format!("declarations/{n}.md")).collect();
    let some: Vec<String> =
        (0..=DRAFTS_PER_COMMIT_MAX).map(|n| format!("declarations/some-{n}.md")).collect();
    let of = |paths: &[String], text: &str| -> Vec<(String, Entry)> {
        paths.iter().map(|path| (path.clone(), file(text))).collect()
    };
    let one = |path: &str, entry: Entry| vec![(path.to_owned(), entry)];
    use Quarantine as Q;
    let cases: Vec<Case> = vec![
        (one("README.md", file("hello")), "a note", None, "", 0),
        (one("Declarations/web.md", file("A VM.")), "another folder", None, "", 0),
        (one(&english, file(&edited)), "more disk", Some(Q::EnglishEdited), "waits as a draft", 1),
        (
            one("declarations/new.md", file("A Debian 12 VM called fresh, 1 core, 1 GB.")),
            "new",
            Some(Q::EnglishEdited),
            "draft",
            1,
        ),
        (one(&lock, file(&other_lock)), "more memory", Some(Q::LockEdited), "names no approved plan", 0),
        (
            vec![(english.clone(), file(SCRATCH)), (lock.clone(), file("x"))],
            "both",
            Some(Q::BothEdited),
            "its English",
            0,
        ),
        (
            vec![(english.clone(), file(&edited)), (lock.clone(), file(&lock_text))],
            &used,
            Some(Q::UnknownApproval),
            "used by an earlier",
            0,
        ),
        (one(&lock, Entry::Gone), "gone", Some(Q::FileDeleted), "nothing is destroyed", 0),
        (one(&lock, file(&lock_text)), &unknown, Some(Q::UnknownApproval), "knows no approval", 0),
        (one(&english, Entry::Link("/etc/shadow".into())), "link", Some(Q::Unreadable), "is a link", 0),
        (
            one("declarations/sub.md", Entry::Module(module)),
            "module",
            Some(Q::Unreadable),
            "no plain file",
            0,
        ),
        (
            one("declarations/bytes.md", Entry::File(b"A VM \xff\xfe".to_vec())),
            "bytes",
            Some(Q::Unreadable),
            "no UTF-8",
            0,
        ),
        (
            one("declarations/bidi.md", file("A VM with \u{202e}2 cores")),
            "bidi",
            Some(Q::Unreadable),
            "U+202E",
            0,
        ),
        (
            one("declarations/na\u{200b}me.md", file("A VM.")),
            "hidden name",
            Some(Q::Unreadable),
            "hidden characters",
            0,
        ),
        (
            one("declarations/long.md", file(&"x".repeat(TEXT_BYTES_MAX + 1))),
            "long",
            Some(Q::Unreadable),
            "longer",
            0,
        ),
        (
            one("declarations/huge.md", file(&"x".repeat(FILE_BYTES_MAX + 1))),
            "huge",
            Some(Q::Unreadable),
            "larger",
            0,
        ),
        (one("declarations/empty.md", file("\n")), "empty", Some(Q::Unreadable), "empty", 0),
        (one("declarations/a/b.md", file("A VM.")), "nested", Some(Q::Unreadable), "neither the English", 0),
        (
            one("declarations/x.yaml", file("a: &a [*a,*a]")),
            "yaml",
            Some(Q::Unreadable),
            "neither the English",
            0,
        ),
        (of(&some, "A VM."), "some", Some(Q::Unreadable), "more than", 0),
        (of(&many, "A VM."), "many", Some(Q::Unreadable), "more than", 0),
        (
            one("declarations/odd.lock.toml", file("not toml [")),
            &unknown,
            Some(Q::Unreadable),
            "not a lock file",
            0,
        ),
        // Somebody puts back what was approved: nothing to say.
        (vec![(english.clone(), file(SCRATCH)), (lock.clone(), file(&lock_text))], "as it was", None, "", 0),
    ];
    for (files, message, wanted, word, drafts) in cases {
        let files: Vec<(&str, Entry)> =
            files.iter().map(|(path, entry)| (path.as_str(), entry.clone())).collect();
        let commit = world.hand().commit(&files, message, "mallory \u{202e}").await.unwrap();
        let found = judged(&world, &commit).await;
        assert_eq!(found.as_ref().map(|(why, ..)| *why), wanted, "{message}: {found:?}");
        let Some((_, detail, drafted)) = found else { continue };
        assert!(detail.contains(word), "{message}: {detail}");
        assert_eq!(drafted.len(), drafts, "{message}: {detail}");
        for id in drafted {
            let ended = |state: &Declaration| {
                !matches!(state.status, Status::None | Status::Draft | Status::Previewing { .. })
            };
            let state = world.until::<Declaration>(Category::Declaration, id.0, ended).await;
            assert_eq!(
                (state.status, state.writers),
                (Status::Proposed, vec![REPOSITORY_AUTHOR]),
                "{message}"
            );
        }
    }
    assert_eq!(world.mutations(), before, "nothing is applied from any of them");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_foreign_change_lands_in_its_named_state_in_a_local_repository() {
    each_foreign_change_lands_in_its_named_state(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_foreign_change_lands_in_its_named_state_at_github() {
    each_foreign_change_lands_in_its_named_state(true).await;
}

/// The bytes of a file at the tip of the branch.
async fn now(world: &World, path: &str) -> Option<String> {
    let tip = world.hand().tip().await.unwrap()?;
    world.backend().file(&tip, path).await.unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_takes_restores_or_leaves_what_was_set_aside() {
    let Applied { world, agent, english, lock, lock_text, .. } = applied(false).await;
    let models = Models::keep(&world).await;
    let before = world.mutations();
    let edited = SCRATCH.replace("30 GB", "31 GB");
    let both = [(english.as_str(), file(&edited)), (lock.as_str(), file("x"))];
    let commit = world.hand().commit(&both, "both", "mallory").await.unwrap();
    assert_eq!(judged(&world, &commit).await.unwrap().0, Quarantine::BothEdited);
    let shown = models.done(&world, &["repository", "show"]).await;
    assert!(shown.contains(&commit) && shown.contains("take|restore|leave"), "{shown}");
    // Only an Admin decides.
    let (code, _, said) =
        models.told(&world, &["repository", "decide", &commit, "restore", "--as", "bo"]).await;
    assert!(code != 0 && said.contains("Admins"), "{said}");

    models.done(&world, &["repository", "decide", &commit[..12], "take", "--as", "ada"]).await;
    world.until::<Repository>(Category::Repository, REPOSITORY, |state| state.set_aside.is_empty()).await;
    let drafts = events(&world).await.into_iter().find_map(|event| match event {
        Event::QuarantineSettled { drafts, restored: None, .. } => Some(drafts),
        _ => None,
    });
    let draft = drafts.unwrap()[0];
    let state: Declaration = world.load(Category::Declaration, draft.0).await;
    assert_eq!((state.author, state.text.as_str()), (Some(ADA.id), edited.as_str()));

    for (entry, why) in [(file("y"), Quarantine::LockEdited), (Entry::Gone, Quarantine::FileDeleted)] {
        let commit = world.hand().commit(&[(&lock, entry)], "lock", "mallory").await.unwrap();
        assert_eq!(judged(&world, &commit).await.unwrap().0, why);
        let (code, _, said) =
            models.told(&world, &["repository", "decide", &commit, "take", "--as", "ada"]).await;
        assert!(code != 0 && said.contains("restore, leave"), "{said}");
        models.done(&world, &["repository", "decide", &commit, "restore", "--as", "ada"]).await;
        let settled = |state: &Repository| state.set_aside.is_empty();
        world.until::<Repository>(Category::Repository, REPOSITORY, settled).await;
        assert_eq!(now(&world, &lock).await.as_deref(), Some(lock_text.as_str()), "{why:?}");
        // Our own commit is judged like anybody's, and found harmless.
        let restored = world.hand().tip().await.unwrap().unwrap();
        let message = world.hand().message(&restored).await.unwrap();
        assert!(
            message.contains(&format!("MycoPod-Restores: {commit}")) && message.contains("MycoPod-Log: "),
            "{message}"
        );
        assert_eq!(judged(&world, &restored).await, None);
    }

    let commit = world.hand().commit(&[("declarations/x.txt", file("x"))], "odd", "mallory").await.unwrap();
    judged(&world, &commit).await.unwrap();
    models.done(&world, &["repository", "decide", &commit, "leave", "--as", "ada"]).await;
    world.until::<Repository>(Category::Repository, REPOSITORY, |state| state.set_aside.is_empty()).await;
    assert_eq!(world.hand().tip().await.unwrap(), Some(commit), "nothing was written");
    assert_eq!(world.mutations(), before, "nothing is applied by any decision");
    agent.stop().await;
    models.stop().await;
}

/// An emptied or rewritten branch: nothing is destroyed, and after an Admin's word work goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_repository_deletes_nothing_and_is_restored_by_an_admins_word() {
    for at_github in [false, true] {
        let Applied { world, agent, english, lock, lock_text, .. } = applied(at_github).await;
        let models = Models::keep(&world).await;
        let before = world.mutations();
        world.hand().delete_branch().await.unwrap();
        let state = looked(&world, |state| state.rewritten.is_some() && state.doubt.is_some()).await;
        assert_eq!(state.rewritten.as_deref(), Some("rewritten:empty"));
        assert_eq!((world.mutations(), world.guests_named("scratch")), (before, 1), "nothing is deleted");
        models.done(&world, &["repository", "decide", "rewritten:empty", "restore", "--as", "ada"]).await;
        let whole = |state: &Repository| state.set_aside.is_empty() && state.doubt.is_none();
        looked(&world, whole).await;
        assert_eq!(now(&world, &english).await.as_deref(), Some(SCRATCH));
        assert_eq!(now(&world, &lock).await.as_deref(), Some(lock_text.as_str()));
        assert_eq!((world.mutations(), world.guests_named("scratch")), (before, 1));
        // And the next approved plan is committed and carried out as ever.
        let (id, _) = world.declare(crate::PIHOLE).await;
        assert_eq!(world.apply(id).await.status, run::Status::Completed);
        agent.stop().await;
        models.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_branch_takes_no_commit_until_it_is_restored_or_an_admin_follows_it() {
    let Applied { world, agent, .. } = applied(false).await;
    let models = Models::keep(&world).await;
    let before = world.mutations();
    let whole = world.hand().tip().await.unwrap().unwrap();
    let other =
        world.hand().commit_on(None, &[("README.md", file("new"))], "a new root", "mallory").await.unwrap();
    world.hand().force(&other).await.unwrap();
    let name = format!("rewritten:{other}");
    looked(&world, |state| state.rewritten.as_ref() == Some(&name)).await;
    // Restored by hand it goes on by itself.
    world.hand().force(&whole).await.unwrap();
    looked(&world, |state| state.rewritten.is_none() && state.set_aside.is_empty() && state.doubt.is_none())
        .await;
    // The same once more, and an Admin follows the branch as it is.
    world.hand().force(&other).await.unwrap();
    looked(&world, |state| state.rewritten.as_ref() == Some(&name)).await;
    let (id, _) = world.declare(crate::PIHOLE).await;
    let digest = world.approve(id).await;
    world.commit(id, &digest, ADA).await;
    let failed = |state: &Declaration| !matches!(state.status, Status::Committing { .. });
    let state = world.until::<Declaration>(Category::Declaration, id.0, failed).await;
    assert!(!matches!(state.status, Status::Committed { .. }), "{:?}", state.status);
    assert_eq!(world.hand().tip().await.unwrap(), Some(other.clone()), "nothing is written onto it");
    models.done(&world, &["repository", "decide", &name, "leave", "--as", "ada"]).await;
    looked(&world, |state| state.rewritten.is_none() && state.last.as_ref() == Some(&other)).await;
    assert_eq!(world.mutations(), before);
    world.commit(id, &digest, ADA).await;
    let run = world.run_of(id, &digest).await;
    let run = world.until::<run::Run>(Category::Run, run.0, tests::settled).await;
    assert_eq!(run.status, run::Status::Completed);
    agent.stop().await;
    models.stop().await;
}
