//! Samples of the facts about accounts, settings and the repository.

use crate::{BY, COMMIT, every, house, plan};
use domain::account::{Event as Account, Role};
use domain::repository::Event as Repository;
use domain::settings::{Check, Event as Settings, InterpreterScore, Outcome};

/// No hash of anything, and no form a hash has.
const NO_HASH: &str = "sample, not a hash";

pub fn accounts() -> Vec<Account> {
    let (by, password_hash) = (BY, || NO_HASH.to_owned());
    let registered =
        |role, demo| Account::Registered { name: "ada".into(), role, password_hash: password_hash(), demo };
    let mut samples = vec![
        registered(Role::Admin, false),
        registered(Role::User, true),
        Account::SignedIn {},
        Account::SignInFailed {},
        Account::SignedOut {},
        Account::PasswordChanged { password_hash: password_hash(), by },
        Account::Disabled { by },
        Account::Enabled { by },
    ];
    samples.extend(every().into_iter().map(|role| Account::RoleChanged { role, by }));
    samples
}

pub fn settings() -> Vec<Settings> {
    let both = [Some(BY), None];
    let name = || "proxmox".to_owned();
    let set = both.into_iter().zip([house::full(), house::bare()]);
    let set = set.map(|(by, rules)| Settings::RulesSet { rules: Box::new(rules), by });
    let stored = both.map(|by| Settings::CredentialStored { name: name(), fingerprint: "sample".into(), by });
    let rotated = both.map(|by| Settings::CredentialRotated {
        name: name(),
        fingerprint: "sample".into(),
        replaced: "earlier".into(),
        by,
    });
    let asked = both.map(|by| Settings::CredentialTestRequested { name: name(), by });
    let outcomes = [Outcome::Passed, Outcome::Noted, Outcome::Failed];
    let checked = outcomes.map(|outcome| Settings::CredentialChecked {
        name: name(),
        check: Check {
            what: "rights".into(),
            outcome,
            found: "VM.Clone is missing".into(),
            next: if outcome == Outcome::Failed { vec!["pveum acl modify /".into()] } else { vec![] },
        },
    });
    let tested = [true, false].map(|passed| Settings::CredentialTested { name: name(), passed });
    set.chain(stored)
        .chain(both.map(|by| Settings::CredentialRemoved { name: name(), by }))
        .chain(rotated)
        .chain(asked)
        .chain(checked)
        .chain(tested)
        .chain(both.map(|by| Settings::InterpreterScored {
            interpreter: super::plan::interpreter(),
            score: InterpreterScore {
                declarations: domain::canonical::Digest::of_bytes(b"sample"),
                asked: 100,
                right: 98,
                invented: 0,
                forbidden: 1,
                questions: 9,
                refusals: 4,
                p50_ms: 2,
                p95_ms: 5,
                prompt_tokens: 90_000,
                answer_tokens: 7_000,
            },
            by,
        }))
        .collect()
}

pub fn repository() -> Vec<Repository> {
    let (commit, author, subject) = (|| COMMIT.to_owned(), || "ada".to_owned(), || "web: a VM".to_owned());
    let seen = |declaration, plan| Repository::CommitSeen {
        commit: commit(),
        author: author(),
        subject: subject(),
        declaration,
        plan,
    };
    let quarantined = |why| Repository::CommitQuarantined {
        commit: commit(),
        author: author(),
        subject: subject(),
        why,
        detail: "declarations/web.md".into(),
        drafts: vec![],
    };
    let drafted = Repository::CommitQuarantined {
        commit: commit(),
        author: author(),
        subject: subject(),
        why: domain::repository::Quarantine::EnglishEdited,
        detail: "declarations/web.md".into(),
        drafts: vec![plan::DECLARATION],
    };
    let decided = |decision| Repository::QuarantineDecided { commit: commit(), by: BY, decision };
    let settled = |drafts, restored| Repository::QuarantineSettled { commit: commit(), drafts, restored };
    let doubted = |doubt| Repository::AnchorsDoubted {
        doubt,
        position: 42,
        commit: commit(),
        detail: "another hash".into(),
    };
    let mut samples = vec![
        drafted,
        settled(vec![plan::DECLARATION], None),
        settled(vec![], Some(commit())),
        Repository::DecisionFailed { commit: commit(), why: "declarations/web.md is no text".into() },
        Repository::AnchorsHeld {},
        Repository::RefreshRequested { by: BY },
        seen(Some(plan::DECLARATION), Some(plan::digest("plan"))),
        seen(None, None),
        Repository::PollFailed { why: "no answer".into() },
        Repository::PollRecovered {},
    ];
    samples.extend(every().into_iter().map(quarantined));
    samples.extend(every().into_iter().map(decided));
    samples.extend(every().into_iter().map(doubted));
    samples
}
