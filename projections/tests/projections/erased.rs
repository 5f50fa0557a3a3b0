//! What was erased is erased in every read model, and every one can still be built.

use crate::story::{self, ADA, FIRST, RUN};
use crate::support::{Lab, reached};
use eventstore::EventLog;
use projections::{DeclarationFilter, HistoryFilter, rebuild};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn destroyed_keys_leave_models_that_say_erased_and_nothing_else() {
    let lab = Lab::new().await;
    let facts = story::whole();
    let last = lab.record(&facts).await;
    let projector = lab.projector().await;
    reached(&projector, last).await;
    let past = lab.reader.at(&lab.store, last);
    assert_eq!(past.run(1).await.unwrap().unwrap().title, "Scratch");

    let kinds: BTreeSet<_> = facts.iter().map(|(category, id, _)| (*category, *id)).collect();
    assert_eq!(kinds.iter().map(|(category, _)| category).collect::<BTreeSet<_>>().len(), 6, "every kind");
    for (category, id) in kinds {
        assert!(lab.store.destroy_keys(id).await.unwrap() > 0, "{category:?}");
    }
    let (store, pool) = (&lab.store, lab.reader.pool());
    let report = store.verify(1, last).await.unwrap();
    assert_eq!((report.events, report.first_bad.is_none()), (last, true), "the chain still verifies");
    let words = [
        "scratch", "debian", "\"ada", "ada ", "argon2", "pve1", "qmclone", "no route", "ab12", "storm",
        "why?",
    ];
    for (name, _) in rebuild::list() {
        let made = rebuild::rebuild(store, pool, &lab.keyring, name, false, |_| {}).await.unwrap();
        assert_eq!(made.position, last, "{name}");
        for (key, document) in lab.reader.documents(name, None, 1_000).await.unwrap() {
            let text = document.to_string().to_lowercase();
            let told = words.iter().find(|word| text.contains(*word));
            assert_eq!(told, None, "{name} {key}: {text}");
        }
    }
    for reader in [lab.reader.clone(), past] {
        let (declarations, total) = reader.declarations(&DeclarationFilter::default(), 0, 10).await.unwrap();
        assert_eq!(total, 2);
        assert!(declarations.iter().all(|row| row.title == "Erased" && row.text.is_empty()));
        assert_eq!(reader.declaration_no(1).await.unwrap().unwrap().id, FIRST);
        let run = reader.run(1).await.unwrap().unwrap();
        assert_eq!((run.id, run.title.as_str(), run.steps.len()), (RUN, "Erased", 0));
        let account = reader.account(ADA).await.unwrap().unwrap();
        assert_eq!(
            (account.name.as_str(), account.disabled, account.password_hash.as_str()),
            ("Erased", true, "")
        );
        assert!(reader.plans_of(FIRST).await.unwrap().is_empty());
        let cluster = reader.cluster().await.unwrap();
        assert_eq!((cluster.meta.name.as_str(), cluster.guests.len()), ("Erased", 0));
        let commits = reader.repository().await.unwrap().commits;
        assert_eq!(commits.iter().map(|commit| commit.subject.as_str()).collect::<Vec<_>>(), ["Erased"]);
        assert_eq!(reader.settings().await.unwrap().credentials[0].name, "Erased");
        let told = reader.history(&HistoryFilter::default(), 200).await.unwrap();
        assert_eq!(told.len() as i64, last);
        assert!(told.iter().all(|row| row.sentence == "This was erased."));
        assert!(
            told.iter().any(|row| row.run_no == Some(1))
                && told.iter().any(|row| row.declaration_no == Some(2))
        );
    }
    // Life goes on, under new keys.
    let next = lab.record(&[story::declared(FIRST, story::revised("Again", "Another text."))]).await;
    reached(&projector, next).await;
    assert_eq!(lab.reader.declaration(FIRST).await.unwrap().unwrap().title, "Again");
    projector.stop().await;
}
