//! Signing in with a user and a password, against a real TLS server that plays a script.

use crate::support::{Answer, Server, patient};
use proxmox::transport::{Https, Transport};
use proxmox::{CallError, Kind, Login, NotSent, Request, Secret, Timeouts, Trust, Verb};
use std::collections::BTreeMap;
use std::time::Duration;

fn ticket(name: &str) -> Answer {
    Answer::data(&format!(
        "{{\"ticket\":\"PVE:u@pve:{name}::sig+/=\",\"CSRFPreventionToken\":\"csrf-{name}\",\"username\":\"u@pve\"}}"
    ))
}

fn refusal(reason: &str) -> Answer {
    Answer::Last(format!("HTTP/1.1 401 {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
}

fn signed_in_with(server: &Server, timeouts: Timeouts) -> Https {
    let login = Login { user: "u@pve".into(), password: Secret::new("canary") };
    let trust = Trust::fingerprint(server.fingerprint);
    Https::signed_in(std::slice::from_ref(&server.url), &trust, login, timeouts).unwrap()
}

fn signed_in(server: &Server) -> Https {
    signed_in_with(server, patient())
}

fn put() -> Request {
    Request::new(Verb::Put, "/nodes/n/qemu/1/config", BTreeMap::new()).arg("cores", 2)
}

/// First line and, in lower case, the headers of a request.
fn lines(seen: &str) -> (String, String) {
    let head = seen.split("\r\n\r\n").next().unwrap();
    (head.lines().next().unwrap().to_owned(), head.to_ascii_lowercase())
}

#[tokio::test]
async fn a_ticket_goes_with_every_call_and_its_other_half_with_changes_only() {
    let server = Server::start([ticket("1"), Answer::data("1"), Answer::data("null")]).await;
    let transport = signed_in(&server);
    transport.send(&Request::get("/version")).await.unwrap();
    transport.send(&put()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 3, "one sign-in for both calls");
    assert!(seen[0].starts_with("POST /api2/json/access/ticket HTTP/1.1"), "{}", seen[0]);
    assert!(seen[0].ends_with("password=canary&username=u%40pve"), "{}", seen[0]);
    let (_, read) = lines(&seen[1]);
    assert!(read.contains("cookie: pveauthcookie=pve%3au%40pve%3a1%3a%3asig%2b%2f%3d"), "{read}");
    assert!(!read.contains("csrf") && !read.contains("authorization"), "{read}");
    let (_, write) = lines(&seen[2]);
    assert!(write.contains("csrfpreventiontoken: csrf-1"), "{write}");
}

#[tokio::test]
async fn a_refused_ticket_is_fetched_anew_once_and_the_change_is_made_once() {
    let stale = refusal("permission denied - invalid PVE ticket");
    let server = Server::start([ticket("1"), stale.clone(), ticket("2"), Answer::data("null")]).await;
    signed_in(&server).send(&put()).await.unwrap();
    let seen = server.seen();
    assert!(lines(&seen[3]).1.contains("csrfpreventiontoken: csrf-2"), "{}", seen[3]);

    let server = Server::start([ticket("1"), stale.clone(), ticket("2"), stale, Answer::data("null")]).await;
    let error = signed_in(&server).send(&put()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_transient(), error.outcome_unknown()),
        (Kind::Unauthorised, false, false)
    );
    assert_eq!(server.seen().len(), 4, "a second refusal stands");
}

#[tokio::test]
async fn an_old_ticket_is_renewed_with_itself() {
    let server = Server::start([ticket("1"), Answer::data("1"), ticket("2"), Answer::data("2")]).await;
    let timeouts = Timeouts { renew_ticket: Duration::ZERO, ..patient() };
    let transport = signed_in_with(&server, timeouts);
    transport.send(&Request::get("/version")).await.unwrap();
    transport.send(&Request::get("/version")).await.unwrap();
    let seen = server.seen();
    assert!(
        seen[2].ends_with("password=PVE%3Au%40pve%3A1%3A%3Asig%2B%2F%3D&username=u%40pve"),
        "{}",
        seen[2]
    );
    assert!(lines(&seen[3]).1.contains("%3a2%3a%3asig"), "{}", seen[3]);
}

#[tokio::test]
async fn a_renewal_that_is_refused_falls_back_to_the_password_and_one_that_is_lost_to_the_ticket() {
    let refused = refusal("authentication failure");
    let server =
        Server::start([ticket("1"), Answer::data("1"), refused, ticket("2"), Answer::data("2")]).await;
    let timeouts = Timeouts { renew_ticket: Duration::ZERO, ..patient() };
    let transport = signed_in_with(&server, timeouts);
    transport.send(&Request::get("/version")).await.unwrap();
    transport.send(&Request::get("/version")).await.unwrap();
    assert!(server.seen()[3].ends_with("password=canary&username=u%40pve"));

    let lost = [ticket("1"), Answer::data("1"), Answer::Close, Answer::Close, Answer::data("2")];
    let server = Server::start(lost).await;
    let transport = signed_in_with(&server, timeouts);
    transport.send(&Request::get("/version")).await.unwrap();
    assert_eq!(transport.send(&Request::get("/version")).await.unwrap().data, 2, "the old one is still good");
}

#[tokio::test]
async fn a_refused_password_is_not_tried_again_at_once() {
    let server = Server::start([refusal("authentication failure"), ticket("1")]).await;
    let transport = signed_in(&server);
    for _ in 0..3 {
        let error = transport.send(&put()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthorised, "{error}");
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_lost_sign_in_says_nothing_about_the_change_that_waited_for_it() {
    let server = Server::start([Answer::Close, Answer::Close]).await;
    let error = signed_in(&server).send(&put()).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { cause: NotSent::Unreachable, .. }), "{error}");
    assert!(error.is_transient() && !error.outcome_unknown());
    assert!(server.seen().iter().all(|seen| seen.starts_with("POST /api2/json/access/ticket")));
}

#[tokio::test]
async fn a_second_factor_ends_with_an_advice() {
    let server = Server::start([Answer::data("{\"NeedTFA\":1,\"ticket\":\"PVE:!tfa!\"}")]).await;
    let error = signed_in(&server).send(&put()).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { cause: NotSent::SecondFactor, .. }), "{error}");
    assert!(error.advice().contains("API token") && !error.is_transient());
}

#[tokio::test]
async fn neither_password_nor_ticket_is_ever_shown() {
    let server = Server::start([ticket("1"), refusal("no"), refusal("authentication failure")]).await;
    let transport = signed_in(&server);
    let error = transport.send(&put()).await.unwrap_err();
    let login = Login { user: "u@pve".into(), password: Secret::new("canary") };
    let shown = format!("{error:?} {error} {transport:?} {login:?} {}", error.advice());
    assert!(!shown.contains("canary") && !shown.contains("sig+") && !shown.contains("csrf-"), "{shown}");
}

#[tokio::test]
async fn a_user_without_a_realm_or_a_token_is_no_login() {
    let server = Server::start([]).await;
    for user in ["u", "u@", "@pve", "u@pve!t", "u @pve"] {
        let login = Login { user: user.into(), password: Secret::new("canary") };
        let trust = Trust::fingerprint(server.fingerprint);
        let refused = Https::signed_in(std::slice::from_ref(&server.url), &trust, login, patient());
        assert_eq!(refused.err(), Some(proxmox::EndpointError::Login), "{user}");
    }
}
