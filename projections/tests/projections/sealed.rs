//! People's rows at rest: sealed, and bound to their place.

use crate::story::{self, ADA, BO, HASH};
use crate::support::{Lab, reached};
use domain::account::Role;
use projections::{ReadError, rebuild};

async fn people() -> (Lab, projections::Projector) {
    let lab = Lab::new().await;
    let projector = lab.projector().await;
    let facts = [story::registered(ADA, "Ada", Role::Admin), story::registered(BO, "Bo", Role::User)];
    let last = lab.record(&facts).await;
    reached(&projector, last).await;
    (lab, projector)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_hash_is_never_in_the_clear() {
    let (lab, projector) = people().await;
    let docs: Vec<String> =
        sqlx::query_scalar("select doc from read.accounts").fetch_all(lab.reader.pool()).await.unwrap();
    assert_eq!(docs.len(), 2);
    assert!(docs.iter().all(|doc| doc.starts_with("sealed:v1:") && !doc.contains("argon2")), "{docs:?}");
    assert_eq!(lab.reader.account(ADA).await.unwrap().unwrap().password_hash, HASH);
    let made = rebuild::rebuild(&lab.store, lab.reader.pool(), &lab.keyring, "accounts", true, |_| {})
        .await
        .unwrap();
    assert_eq!(made.equal, Some(true), "they are compared opened");
    assert_eq!(lab.reader.account_by_name("BO").await.unwrap().unwrap().id, BO);
    projector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_put_in_somebody_elses_place_or_in_the_clear_is_refused() {
    let (lab, projector) = people().await;
    let owner = lab.owner().await;
    let copy = format!(
        "update read.accounts set doc = (select doc from read.accounts where key = '{BO}') where key = '{ADA}'"
    );
    owner.batch_execute(&copy).await.unwrap();
    let refused = lab.reader.account(ADA).await;
    assert!(matches!(refused, Err(ReadError::Unreadable { .. })), "{refused:?}");

    let mut forged = lab.reader.account(BO).await.unwrap().unwrap();
    forged.role = Role::Admin;
    let forged = serde_json::to_string(&forged).unwrap();
    owner
        .execute("update read.accounts set doc = $1 where key = $2", &[&forged, &BO.to_string()])
        .await
        .unwrap();
    let refused = lab.reader.account(BO).await;
    assert!(matches!(refused, Err(ReadError::Unreadable { .. })), "{refused:?}");

    rebuild::rebuild(&lab.store, lab.reader.pool(), &lab.keyring, "accounts", false, |_| {}).await.unwrap();
    assert_eq!(lab.reader.account(BO).await.unwrap().unwrap().role, Role::User);
    projector.stop().await;
}
