//! What is set aside, decided and settled; told once each.

use super::*;
use crate::account::Role;
use crate::decider::story::given;
use uuid::Uuid;

#[test]
fn a_commit_is_judged_once() {
    let seen = Event::CommitSeen {
        commit: "c1".into(),
        author: "ada".into(),
        subject: "s".into(),
        declaration: None,
        plan: None,
    };
    given::<Repository>([seen])
        .when(Command::Quarantine {
            commit: "c1".into(),
            author: "ada".into(),
            subject: "s".into(),
            why: Quarantine::LockEdited,
            detail: String::new(),
            drafts: vec![],
        })
        .then([]);
}

#[test]
fn a_repository_that_stays_away_is_told_once() {
    given::<Repository>([Event::PollFailed { why: "gone".into() }])
        .when(Command::FailPoll { why: "gone".into() })
        .then([]);
}

#[test]
fn a_rewritten_branch_is_told_once_and_the_place_to_go_on_from_stays() {
    let seen = |commit: &str| Event::CommitSeen {
        commit: commit.into(),
        author: "ada".into(),
        subject: "s".into(),
        declaration: None,
        plan: None,
    };
    let rewritten = Event::CommitQuarantined {
        commit: "rewritten:empty".into(),
        author: String::new(),
        subject: "the branch was rewritten".into(),
        why: Quarantine::HistoryRewritten,
        detail: String::new(),
        drafts: vec![],
    };
    let fold = |events: &[Event]| events.iter().fold(Repository::default(), Repository::evolve);
    let state = fold(&[seen("c1"), rewritten.clone()]);
    assert_eq!((state.last.as_deref(), state.rewritten.as_deref()), (Some("c1"), Some("rewritten:empty")));
    let again = Command::Quarantine {
        commit: "rewritten:empty".into(),
        author: String::new(),
        subject: String::new(),
        why: Quarantine::HistoryRewritten,
        detail: String::new(),
        drafts: vec![],
    };
    assert_eq!(state.decide(again), Ok(vec![]));
    assert_eq!(fold(&[seen("c1"), rewritten, seen("c2")]).rewritten, None);
}

fn set_aside(commit: &str, why: Quarantine) -> Event {
    Event::CommitQuarantined {
        commit: commit.into(),
        author: "mallory".into(),
        subject: "s".into(),
        why,
        detail: String::new(),
        drafts: vec![],
    }
}

fn by(role: Role) -> Actor {
    Actor { id: AccountId(Uuid::from_u128(7)), role }
}

fn choose(role: Role, commit: &str, decision: Decision) -> Command {
    Command::Decide { by: by(role), commit: commit.into(), decision }
}

fn fold(events: &[Event]) -> Repository {
    events.iter().fold(Repository::default(), Repository::evolve)
}

#[test]
fn only_an_admin_decides_only_what_is_possible_and_only_once() {
    let before = || [set_aside("c1", Quarantine::LockEdited)];
    given::<Repository>(before())
        .when(choose(Role::User, "c1", Decision::Restore))
        .then_refused(Refusal::AdminOnly);
    given::<Repository>(before())
        .when(choose(Role::Admin, "c2", Decision::Restore))
        .then_refused(Refusal::NotSetAside);
    given::<Repository>(before())
        .when(choose(Role::Admin, "c1", Decision::Take))
        .then_refused(Refusal::NotPossible("restore, leave".into()));
    let decided =
        Event::QuarantineDecided { commit: "c1".into(), by: by(Role::Admin).id, decision: Decision::Restore };
    given::<Repository>(before()).when(choose(Role::Admin, "c1", Decision::Restore)).then([decided.clone()]);
    let [first] = before();
    given::<Repository>([first.clone(), decided.clone()])
        .when(choose(Role::Admin, "c1", Decision::Restore))
        .then([]);
    given::<Repository>([first.clone(), decided.clone()])
        .when(choose(Role::Admin, "c1", Decision::Leave))
        .then_refused(Refusal::NotSetAside);
    let failed = Event::DecisionFailed { commit: "c1".into(), why: "no".into() };
    let again = fold(&[first, decided, failed]);
    assert_eq!(again.set_aside["c1"].failed.as_deref(), Some("no"));
    assert!(again.decide(choose(Role::Admin, "c1", Decision::Leave)).is_ok());
}

#[test]
fn a_rewritten_branch_is_followed_from_what_it_showed_once_an_admin_says_so() {
    let seen = Event::CommitSeen {
        commit: "c1".into(),
        author: "ada".into(),
        subject: "s".into(),
        declaration: None,
        plan: None,
    };
    let name = rewritten_at(Some("c9"));
    let told = set_aside(&name, Quarantine::HistoryRewritten);
    let settled = Event::QuarantineSettled { commit: name.clone(), drafts: vec![], restored: None };
    let decided =
        Event::QuarantineDecided { commit: name.clone(), by: by(Role::Admin).id, decision: Decision::Leave };
    let followed = fold(&[seen.clone(), told.clone(), decided, settled.clone()]);
    assert_eq!((followed.last.as_deref(), followed.rewritten), (Some("c9"), None));
    // Restored by hand, without a decision: it goes on where it was.
    let restored = fold(&[seen.clone(), told.clone(), settled.clone()]);
    assert_eq!((restored.last.as_deref(), &restored.rewritten), (Some("c1"), &None));
    // And the same rewriting a second time is told again.
    let again = Command::Quarantine {
        commit: name.clone(),
        author: String::new(),
        subject: String::new(),
        why: Quarantine::HistoryRewritten,
        detail: String::new(),
        drafts: vec![],
    };
    assert_eq!(restored.decide(again).unwrap().len(), 1);
    let emptied = rewritten_at(None);
    let decided = Event::QuarantineDecided {
        commit: emptied.clone(),
        by: by(Role::Admin).id,
        decision: Decision::Leave,
    };
    let told = set_aside(&emptied, Quarantine::HistoryRewritten);
    let settled = Event::QuarantineSettled { commit: emptied, drafts: vec![], restored: None };
    assert_eq!(fold(&[seen, told, decided, settled]).last, None);
}

#[test]
fn doubted_anchors_are_told_once_and_told_when_they_hold_again() {
    let doubt = |commit: &str| Command::DoubtAnchors {
        doubt: Doubt::Forked,
        position: 9,
        commit: commit.into(),
        detail: String::new(),
    };
    let told = Event::AnchorsDoubted {
        doubt: Doubt::Forked,
        position: 9,
        commit: "c1".into(),
        detail: String::new(),
    };
    given::<Repository>([]).when(Command::TrustAnchors).then([]);
    given::<Repository>([]).when(doubt("c1")).then([told.clone()]);
    given::<Repository>([told.clone()]).when(doubt("c1")).then([]);
    given::<Repository>([told.clone()]).when(Command::TrustAnchors).then([Event::AnchorsHeld {}]);
}
