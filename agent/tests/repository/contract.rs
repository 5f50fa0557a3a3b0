//! The contract: each rule holds for local git and for GitHub alike.

use crate::rig::{BOTH, Rig, file, line, lock, ours};
use agent::limits::{COMMITS_PER_POLL_MAX, FILE_BYTES_MAX, FILES_PER_COMMIT_MAX};
use agent::repository::{ChangedFile, Messages, RepositoryError, trailer};
use simulator::github::Entry;

fn changed(path: &str) -> ChangedFile {
    ChangedFile { path: path.into(), deleted: false }
}

fn gone(path: &str) -> ChangedFile {
    ChangedFile { path: path.into(), deleted: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_seen_with_its_files_author_and_trailers() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let first = rig.backend.tip().await.unwrap().unwrap();
        let ours = rig.backend.commit(&ours("ü", "A VM, größer.")).await.unwrap();
        assert_eq!(rig.backend.tip().await.unwrap(), Some(ours.clone()), "{kind:?}");
        let commits = rig.backend.commits_since(Some(&first)).await.unwrap();
        assert_eq!(commits.len(), 1, "{kind:?}");
        assert_eq!((commits[0].id.as_str(), commits[0].author.as_str()), (ours.as_str(), "ada"));
        assert_eq!(commits[0].files, [changed("declarations/ü.lock.toml"), changed("declarations/ü.md")]);
        assert_eq!(commits[0].trailer("MycoPod-Plan"), Some("sha256:ü"));
        assert!(!commits[0].more_files);
        let english = rig.backend.file(&ours, "declarations/ü.md").await.unwrap();
        assert_eq!(english.as_deref(), Some("A VM, größer.".as_bytes()), "{kind:?}");
        assert_eq!(rig.hand.message(&ours).await.unwrap().lines().next(), Some("add ü"));
        assert_eq!(rig.backend.commits_since(Some(&ours)).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_takes_the_first_commit() {
    for kind in BOTH {
        let rig = Rig::new(kind).await;
        assert_eq!(rig.backend.tip().await.unwrap(), None, "{kind:?}");
        assert_eq!(rig.backend.commits_since(None).await.unwrap(), [], "{kind:?}");
        assert_eq!(rig.backend.find_line(&line("a"), &lock("a")).await.unwrap(), None, "{kind:?}");
        let id = rig.backend.commit(&ours("a", "A")).await.unwrap();
        let commits = rig.backend.commits_since(None).await.unwrap();
        assert_eq!(commits.last().unwrap().id, id, "{kind:?}");
        assert_eq!(rig.backend.find_line(&line("a"), &lock("a")).await.unwrap(), Some(id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_found_again_under_later_ones_and_only_by_its_own_line() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let id = rig.backend.commit(&ours("a", "A")).await.unwrap();
        rig.backend.commit(&ours("b", "B")).await.unwrap();
        rig.hand.commit(&[("notes.md", file("n"))], "a note", "grace").await.unwrap();
        assert_eq!(rig.backend.find_line(&line("a"), &lock("a")).await.unwrap(), Some(id), "{kind:?}");
        assert_eq!(rig.backend.find_line(&line("zz"), &lock("a")).await.unwrap(), None, "{kind:?}");
        assert_eq!(rig.backend.find_line(&line("a"), &lock("none")).await.unwrap(), None, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_stays_under_a_commit_of_ours() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let theirs = rig.hand.commit(&[("notes/a.md", file("n"))], "a note", "grace").await.unwrap();
        let id = rig.backend.commit(&ours("a", "A")).await.unwrap();
        assert_eq!(rig.hand.log().await.unwrap()[..2], [id.clone(), theirs], "{kind:?}");
        let kept = rig.backend.file(&id, "notes/a.md").await.unwrap();
        assert_eq!(kept.as_deref(), Some(&b"n"[..]), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_lost_a_commit_is_rewritten_and_one_restored_is_not() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let first = rig.hand.tip().await.unwrap().unwrap();
        let second = rig.backend.commit(&ours("a", "A")).await.unwrap();
        let rewritten = |outcome: Result<Vec<_>, RepositoryError>, step: &str| match outcome {
            Err(RepositoryError::Rewritten(commit)) => assert_eq!(commit, second, "{kind:?} {step}"),
            other => panic!("{kind:?} {step}: {other:?}"),
        };
        rig.hand.force(&first).await.unwrap();
        rewritten(rig.backend.commits_since(Some(&second)).await, "moved back");
        rig.hand.commit(&[("b.md", file("b"))], "other", "grace").await.unwrap();
        rewritten(rig.backend.commits_since(Some(&second)).await, "diverged");
        let root = rig.hand.commit_on(None, &[("x.md", file("x"))], "new root", "grace").await.unwrap();
        rig.hand.force(&root).await.unwrap();
        rewritten(rig.backend.commits_since(Some(&second)).await, "nothing in common");
        rig.hand.delete_branch().await.unwrap();
        assert_eq!(rig.backend.tip().await.unwrap(), None, "{kind:?}");
        rewritten(rig.backend.commits_since(Some(&second)).await, "emptied");
        rig.hand.force(&second).await.unwrap();
        assert_eq!(rig.backend.commits_since(Some(&second)).await.unwrap(), [], "{kind:?}");
        let never = "0123456789012345678901234567890123456789";
        for unknown in [never, "rewritten:empty", "--all", "HEAD^{tree}", ""] {
            let outcome = rig.backend.commits_since(Some(unknown)).await;
            assert!(matches!(outcome, Err(RepositoryError::Rewritten(_))), "{kind:?} {unknown}: {outcome:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_moved_files_are_named() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let id = rig
            .backend
            .commit(&ours("a", "A text long enough to be recognised when it moves."))
            .await
            .unwrap();
        let text = file("A text long enough to be recognised when it moves.");
        let moved = [("declarations/a.md", Entry::Gone), ("declarations/b.md", text)];
        let second = rig.hand.commit(&moved, "move", "grace").await.unwrap();
        rig.hand.commit(&[("declarations/b.md", Entry::Gone)], "delete", "grace").await.unwrap();
        let commits = rig.backend.commits_since(Some(&id)).await.unwrap();
        assert_eq!(commits[0].id, second);
        assert_eq!(commits[0].files, [gone("declarations/a.md"), changed("declarations/b.md")], "{kind:?}");
        assert_eq!(commits[1].files, [gone("declarations/b.md")], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_exactly_or_refused() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let large = vec![b'x'; FILE_BYTES_MAX + 1];
        let odd = "declarations/*?[a] \"b\"\\c\u{202e}.md";
        let files = [
            ("declarations/bytes.bin", Entry::File(bytes.clone())),
            ("declarations/large.md", Entry::File(large)),
            ("declarations/link.md", Entry::Link("../README.md".into())),
            ("declarations/empty.md", file("")),
            (odd, file("odd")),
        ];
        let id = rig.hand.commit(&files, "hostile", "grace").await.unwrap();
        let read = async |path: &str| rig.backend.file(&id, path).await;
        assert_eq!(read("declarations/bytes.bin").await.unwrap(), Some(bytes), "{kind:?}");
        assert_eq!(read("declarations/empty.md").await.unwrap(), Some(vec![]), "{kind:?}");
        assert_eq!(read(odd).await.unwrap(), Some(b"odd".to_vec()), "{kind:?}");
        for none in ["declarations/none.md", "declarations/*.md", "README.md/x", "declarations/link.md/x"] {
            assert_eq!(read(none).await.unwrap(), None, "{kind:?} {none}");
        }
        for refused in ["declarations/large.md", "declarations/link.md", "declarations"] {
            let outcome = read(refused).await;
            assert!(matches!(outcome, Err(RepositoryError::Unusable(_))), "{kind:?} {refused}: {outcome:?}");
        }
        let unknown = "0123456789012345678901234567890123456789";
        assert_eq!(rig.backend.file(unknown, "README.md").await.unwrap(), None, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_messages_and_authors_come_through_bounded_and_whole() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let first = rig.hand.tip().await.unwrap().unwrap();
        let long = "é".repeat(200_000);
        let messages = [
            "MycoPod-Plan: sha256:x",
            "\u{202e}evil\n\nMycoPod-Plan: sha256:y\n\nnot last",
            "a\tb\u{1b}[31m",
            &long,
        ];
        for (number, message) in messages.iter().enumerate() {
            let path = format!("f{number}.md");
            rig.hand.commit(&[(&path, file("x"))], message, "M\u{202e} \u{1b}[0m").await.unwrap();
        }
        let commits = rig.backend.commits_since(Some(&first)).await.unwrap();
        let trailers: Vec<_> = commits.iter().map(|commit| commit.trailer("MycoPod-Plan")).collect();
        assert_eq!(trailers, [Some("sha256:x"), None, None, None], "{kind:?}");
        assert!(commits[3].message.len() <= agent::limits::MESSAGE_BYTES_MAX, "{kind:?}");
        assert_eq!(commits[2].subject(), "a\tb\u{1b}[31m", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_too_many_files_says_so() {
    for kind in BOTH {
        let rig = Rig::begun(kind).await;
        let first = rig.hand.tip().await.unwrap().unwrap();
        let names: Vec<String> =
            (0..=FILES_PER_COMMIT_MAX).map(|n| format!("declarations/{n:05}.md")).collect();
        // One blob for all: what counts is the number of paths.
        let entries: Vec<(&str, Entry)> =
            names.iter().map(|name| (name.as_str(), Entry::Link("x".into()))).collect();
        rig.hand.commit(&entries, "many", "grace").await.unwrap();
        let commits = rig.backend.commits_since(Some(&first)).await.unwrap();
        assert!(commits[0].more_files, "{kind:?}");
        assert_eq!(commits[0].files.len(), FILES_PER_COMMIT_MAX, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_come_in_batches_oldest_first() {
    for kind in BOTH {
        let rig = Rig::new(kind).await;
        let mut wanted = Vec::new();
        for number in 0..COMMITS_PER_POLL_MAX + 30 {
            let text = number.to_string();
            wanted.push(rig.hand.commit(&[("n.md", file(&text))], &text, "grace").await.unwrap());
        }
        let first = rig.backend.commits_since(None).await.unwrap();
        let ids: Vec<&String> = first.iter().map(|commit| &commit.id).collect();
        assert_eq!(ids, wanted[..COMMITS_PER_POLL_MAX].iter().collect::<Vec<_>>(), "{kind:?}");
        let rest = rig.backend.commits_since(Some(&first.last().unwrap().id)).await.unwrap();
        let ids: Vec<&String> = rest.iter().map(|commit| &commit.id).collect();
        assert_eq!(ids, wanted[COMMITS_PER_POLL_MAX..].iter().collect::<Vec<_>>(), "{kind:?}");
        let said = rig.backend.messages(None).await.unwrap();
        let ids: Vec<&String> = said.newest_first.iter().map(|message| &message.commit).collect();
        assert_eq!(ids, wanted.iter().rev().collect::<Vec<_>>(), "{kind:?}: over several pages");
        assert!(said.whole && !said.reached, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_newest_first_up_to_a_known_commit() {
    for kind in BOTH {
        let rig = Rig::new(kind).await;
        assert_eq!(rig.backend.messages(None).await.unwrap(), Messages::none(), "{kind:?}");
        let first = rig.hand.commit(&[("n.md", file("0"))], "first", "grace").await.unwrap();
        let second =
            rig.hand.commit(&[("n.md", file("1"))], "second\n\nbody\n\nA: b", "grace").await.unwrap();
        let third = rig.hand.commit(&[("declarations/a.md", file("2"))], "third", "ada").await.unwrap();
        let all = rig.backend.messages(None).await.unwrap();
        let ids: Vec<&String> = all.newest_first.iter().map(|message| &message.commit).collect();
        assert_eq!((ids, all.tip.as_ref(), all.whole), (vec![&third, &second, &first], Some(&third), true));
        let said = &all.newest_first[1];
        assert_eq!((said.author.as_str(), trailer(&said.message, "A")), ("grace", Some("b")), "{kind:?}");
        let new = rig.backend.messages(Some(&second)).await.unwrap();
        assert_eq!((new.newest_first.len(), new.reached), (1, true), "{kind:?}");
        let never = "0123456789012345678901234567890123456789";
        let none = rig.backend.messages(Some(never)).await.unwrap();
        assert_eq!((none.newest_first.len(), none.reached, none.whole), (3, false, true), "{kind:?}");
        let shown = rig.backend.show(&third).await.unwrap();
        assert_eq!(
            (shown.subject(), &shown.files[..]),
            ("third", &[changed("declarations/a.md")][..]),
            "{kind:?}"
        );
        for no_commit in [never, "--all", "rewritten:empty", "", "../../x"] {
            let outcome = rig.backend.show(no_commit).await;
            assert!(
                matches!(outcome, Err(RepositoryError::Unusable(_))),
                "{kind:?} {no_commit}: {outcome:?}"
            );
        }
    }
}
