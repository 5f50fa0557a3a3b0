//! The real transport against a real TLS server that plays a script.

use crate::support::{Answer, Server, closed_url, endpoint, patient};
use proxmox::transport::{Https, Transport};
use proxmox::{CallError, Endpoint, FilePart, Kind, Lost, NotSent, Request, Timeouts, Trust, Verb};
use std::collections::BTreeMap;
use std::time::Duration;

fn https(endpoint: &Endpoint) -> Https {
    Https::with_timeouts(endpoint, patient()).unwrap()
}

fn post(path: &str) -> Request {
    Request::new(Verb::Post, path, BTreeMap::new())
}

async fn refused(server: &Server, request: &Request) -> CallError {
    https(&server.endpoint()).send(request).await.unwrap_err()
}

#[tokio::test]
async fn a_call_carries_the_token_and_the_encoded_form() {
    let server =
        Server::start([Answer::data("\"UPID:n:00000001:00000001:00000001:qmcreate:100:a@pve!t:\"")]).await;
    let request = post("/nodes/n/qemu").arg("scsi0", "local:1,format=raw").arg("size", "+1G");
    let reply = https(&server.endpoint()).send(&request).await.unwrap();
    assert_eq!((reply.status, reply.reason.as_str()), (200, "OK"));
    assert_eq!(reply.upid().unwrap().kind, "qmcreate");
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("POST /api2/json/nodes/n/qemu HTTP/1.1\r\n"), "{seen}");
    let lower = seen.to_ascii_lowercase();
    assert!(lower.contains("authorization: pveapitoken=mycopod@pve!agent=canary\r\n"), "{seen}");
    assert!(lower.contains("content-type: application/x-www-form-urlencoded\r\n"), "{seen}");
    assert!(!lower.contains("transfer-encoding"), "the server refuses chunked bodies: {seen}");
    assert!(seen.ends_with("\r\n\r\nscsi0=local%3A1%2Cformat%3Draw&size=%2B1G"), "{seen}");
}

#[tokio::test]
async fn an_empty_write_says_its_length_and_a_read_or_delete_has_no_body() {
    let server = Server::start([Answer::data("null"), Answer::data("null"), Answer::data("null")]).await;
    let transport = https(&server.endpoint());
    transport.send(&post("/nodes/n/qemu/1/status/start")).await.unwrap();
    transport.send(&Request::get("/version")).await.unwrap();
    let delete = Request::new(Verb::Delete, "/nodes/n/qemu/1", BTreeMap::new()).arg("purge", 1);
    transport.send(&delete).await.unwrap();
    let seen: Vec<String> = server.seen().iter().map(|text| text.to_ascii_lowercase()).collect();
    assert!(seen[0].contains("content-length: 0\r\n"), "{}", seen[0]);
    for text in &seen[1..] {
        assert!(!text.contains("content-length") && !text.contains("content-type"), "{text}");
    }
    assert!(seen[2].starts_with("delete /api2/json/nodes/n/qemu/1?purge=1 http/1.1"), "{}", seen[2]);
}

#[tokio::test]
async fn an_upload_goes_as_multipart_with_its_length() {
    let server = Server::start([Answer::data("null")]).await;
    let mut upload = post("/nodes/n/storage/s/upload").arg("content", "iso");
    upload.file = Some(FilePart { name: "seed.iso".into(), bytes: b"CD001".to_vec() });
    https(&server.endpoint()).send(&upload).await.unwrap();
    let seen = server.seen().remove(0);
    let lower = seen.to_ascii_lowercase();
    assert!(lower.contains("content-type: multipart/form-data; boundary="), "{seen}");
    assert!(lower.contains("content-length: ") && !lower.contains("transfer-encoding"), "{seen}");
    assert!(seen.contains("filename=\"seed.iso\""), "{seen}");
}

#[tokio::test]
async fn the_pinned_certificate_is_accepted_and_another_is_refused() {
    let server = Server::start([Answer::data("1")]).await;
    let other = Server::start([]).await;
    let trust = Trust::fingerprint(other.fingerprint);
    let error = https(&endpoint(vec![server.url.clone()], trust)).send(&Request::get("/version")).await;
    match error.unwrap_err() {
        CallError::NotSent { cause: NotSent::CertificateUnknown { presented }, .. } => {
            assert_eq!(presented, server.fingerprint, "the person must be able to compare it");
        }
        error => panic!("{error}"),
    }
    assert!(server.seen().is_empty(), "the token never left");
    https(&server.endpoint()).send(&Request::get("/version")).await.unwrap();
}

#[tokio::test]
async fn an_own_authority_is_accepted_and_another_is_refused() {
    let server = Server::start([Answer::data("1")]).await;
    let other = Server::start([]).await;
    let strange = endpoint(vec![server.url.clone()], Trust::Ca(other.ca.clone()));
    let error = https(&strange).send(&Request::get("/version")).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { cause: NotSent::Tls, .. }), "{error}");
    assert!(server.seen().is_empty());
    let own = endpoint(vec![server.url.clone()], Trust::Ca(server.ca.clone()));
    https(&own).send(&Request::get("/version")).await.unwrap();
}

#[tokio::test]
async fn a_certificate_can_be_looked_at_without_trusting_it() {
    let server = Server::start([]).await;
    assert_eq!(Https::shown_fingerprint(&server.url).await.unwrap(), server.fingerprint);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_reason_phrase_is_kept_as_it_was() {
    let reason = "unable to create VM 100 - VM 100 already exists on node 'pve1'";
    let answer =
        Answer::Last(format!("HTTP/1.1 500 {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let server = Server::start([answer]).await;
    let error = refused(&server, &post("/nodes/n/qemu")).await;
    let CallError::Answered { status: 500, reason: kept, message: None, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(kept, reason);
    assert_eq!(error.kind(), Kind::AlreadyExists);
    assert!(!error.is_transient() && !error.outcome_unknown());
}

#[tokio::test]
async fn message_and_errors_come_from_the_body() {
    let body =
        "{\"errors\":{\"vmid\":\"bad\\n\"},\"message\":\"Parameter verification failed.\\n\",\"data\":null}";
    let server = Server::start([Answer::json("400 Parameter verification failed.", body)]).await;
    let error = refused(&server, &post("/nodes/n/qemu")).await;
    let wanted = BTreeMap::from([("vmid".to_owned(), "bad".to_owned())]);
    assert_eq!(error.kind(), Kind::Invalid { errors: wanted });
    assert_eq!(error.text(), "Parameter verification failed.");
}

#[tokio::test]
async fn a_write_that_is_read_and_never_answered_is_unknown_and_sent_once() {
    let server = Server::start([Answer::Close, Answer::data("null")]).await;
    let error = refused(&server, &post("/nodes/n/qemu")).await;
    assert!(matches!(error, CallError::Unknown { verb: Verb::Post, cause: Lost::Closed, .. }), "{error}");
    assert!(error.outcome_unknown() && !error.is_transient());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_write_on_a_kept_connection_that_dies_is_not_repeated() {
    let server = Server::start([Answer::data("1"), Answer::Close, Answer::data("1")]).await;
    let transport = https(&server.endpoint());
    transport.send(&Request::get("/version")).await.unwrap();
    let error = transport.send(&post("/nodes/n/qemu")).await.unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_read_on_a_kept_connection_that_dies_is_repeated_once() {
    let server = Server::start([Answer::data("1"), Answer::Close, Answer::data("2")]).await;
    let transport = https(&server.endpoint());
    transport.send(&Request::get("/version")).await.unwrap();
    assert_eq!(transport.send(&Request::get("/version")).await.unwrap().data, 2);
    assert_eq!(server.seen().len(), 3);

    let server = Server::start([Answer::Close, Answer::Close, Answer::data("1")]).await;
    let error = refused(&server, &Request::get("/version")).await;
    assert!(error.is_transient() && !error.outcome_unknown(), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_silent_server_is_a_timeout_with_an_unknown_outcome() {
    let server = Server::start([Answer::Silence]).await;
    let timeouts = Timeouts { write: Duration::from_millis(700), ..patient() };
    let transport = Https::with_timeouts(&server.endpoint(), timeouts).unwrap();
    let error = transport.send(&post("/nodes/n/qemu")).await.unwrap_err();
    assert!(matches!(error, CallError::Unknown { cause: Lost::Timeout, .. }), "{error}");
}

#[tokio::test]
async fn a_cut_off_answer_is_unknown_but_a_cut_off_refusal_is_a_refusal() {
    let cut = |line: &str| Answer::Last(format!("HTTP/1.1 {line}\r\nContent-Length: 100\r\n\r\n{{\"data\""));
    let server = Server::start([cut("200 OK")]).await;
    assert!(refused(&server, &post("/x")).await.outcome_unknown());
    let server = Server::start([cut("200 OK"), Answer::data("1")]).await;
    assert_eq!(https(&server.endpoint()).send(&Request::get("/x")).await.unwrap().data, 1);
    let server = Server::start([cut("500 VM is locked (backup)")]).await;
    assert_eq!(refused(&server, &post("/x")).await.kind(), Kind::GuestLocked);
    let server = Server::start([Answer::json("200 OK", "<html>")]).await;
    let error = refused(&server, &post("/x")).await;
    assert!(matches!(error, CallError::Unknown { cause: Lost::Unreadable, .. }), "{error}");
}

#[tokio::test]
async fn failures_of_the_inner_hop_keep_their_class() {
    let hop = |line: &str| Answer::Last(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
    let server = Server::start([hop("595 No route to host")]).await;
    let error = refused(&server, &post("/x")).await;
    assert!(matches!(error, CallError::NotSent { cause: NotSent::NotPassedOn, .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(error.kind(), Kind::NodeUnreachable);
    for line in ["596 Broken pipe", "597 Connection reset", "599 Too many redirections"] {
        let server = Server::start([hop(line)]).await;
        let error = refused(&server, &post("/x")).await;
        assert!(matches!(error, CallError::Unknown { cause: Lost::Hop { .. }, .. }), "{error}");
        assert!(error.outcome_unknown());
    }
}

#[tokio::test]
async fn nobody_listening_means_not_sent() {
    let pin = Server::start([]).await.fingerprint;
    let transport = https(&endpoint(vec![closed_url().await], Trust::fingerprint(pin)));
    let error = transport.send(&post("/x")).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { cause: NotSent::Refused, .. }), "{error}");
    assert!(error.is_transient() && !error.outcome_unknown());
    assert!(!format!("{error:?} {transport:?}").contains("canary"));
}

#[tokio::test]
async fn another_node_is_tried_only_when_nothing_was_sent() {
    let good = Server::start([Answer::data("1"), Answer::data("2")]).await;
    let strange = Server::start([]).await;
    let urls = vec![closed_url().await, strange.url.clone(), good.url.clone()];
    let transport = https(&endpoint(urls, Trust::fingerprint(good.fingerprint)));
    assert_eq!(transport.send(&post("/x")).await.unwrap().data, 1);
    assert_eq!(transport.send(&post("/x")).await.unwrap().data, 2);
    assert_eq!((good.seen().len(), strange.seen().len()), (2, 0));

    let first = Server::start([Answer::Close]).await;
    let second = Server::start([Answer::data("1")]).await;
    let trust = Trust::Fingerprints(vec![first.fingerprint, second.fingerprint]);
    let transport = https(&endpoint(vec![first.url.clone(), second.url.clone()], trust));
    assert!(transport.send(&post("/x")).await.unwrap_err().outcome_unknown());
    assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_read_goes_to_the_next_node_when_an_answer_is_lost() {
    let hop = Answer::Last("HTTP/1.1 596 Broken pipe\r\nContent-Length: 0\r\n\r\n".into());
    for lost in [vec![Answer::Close, Answer::Close], vec![hop], vec![Answer::Silence]] {
        let first = Server::start(lost).await;
        let second = Server::start([Answer::data("1"), Answer::data("2")]).await;
        let trust = Trust::Fingerprints(vec![first.fingerprint, second.fingerprint]);
        let timeouts = Timeouts { read: Duration::from_millis(700), ..patient() };
        let endpoint = endpoint(vec![first.url.clone(), second.url.clone()], trust);
        let transport = Https::with_timeouts(&endpoint, timeouts).unwrap();
        assert_eq!(transport.send(&Request::get("/version")).await.unwrap().data, 1);
        let asked = first.seen().len();
        transport.send(&Request::get("/version")).await.unwrap();
        assert_eq!((first.seen().len(), second.seen().len()), (asked, 2), "the node that worked is kept");
    }
}

#[tokio::test]
async fn after_a_lost_change_the_look_begins_at_another_node() {
    let first = Server::start([Answer::Close, Answer::data("1")]).await;
    let second = Server::start([Answer::data("2")]).await;
    let trust = Trust::Fingerprints(vec![first.fingerprint, second.fingerprint]);
    let transport = https(&endpoint(vec![first.url.clone(), second.url.clone()], trust));
    assert!(transport.send(&post("/x")).await.unwrap_err().outcome_unknown());
    assert_eq!(transport.send(&Request::get("/x")).await.unwrap().data, 2);
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start([Answer::data("1")]).await;
    let answer = format!("HTTP/1.1 301 Moved\r\nLocation: {}/\r\nContent-Length: 0\r\n\r\n", other.url);
    let server = Server::start([Answer::Bytes(answer)]).await;
    let error = refused(&server, &Request::get("/version")).await;
    assert!(matches!(error, CallError::Answered { status: 301, .. }), "{error}");
    assert!(other.seen().is_empty());
}
