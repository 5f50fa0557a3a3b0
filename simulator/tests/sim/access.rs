//! Signing in with a password, the CSRF token, the life of a ticket, and what one may hand out.

use crate::client::{Answer, Lab, bare_lab, cluster};
use simulator::SimConfig;

async fn signed_in() -> (Lab, String, String) {
    let config = SimConfig { passwords: vec![("root@pam".into(), "right horse".into())], ..cluster() };
    let lab = bare_lab(config).await;
    let form = "username=root%40pam&password=right%20horse";
    let answer = lab.send_as("", "POST", "/access/ticket", form).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = answer.data();
    let text = |key: &str| data[key].as_str().unwrap().to_owned();
    assert_eq!(data["cap"]["vms"]["VM.Allocate"], 1);
    (lab, text("ticket"), text("CSRFPreventionToken"))
}

async fn with_ticket(lab: &Lab, verb: &str, path: &str, ticket: &str, csrf: &str) -> Answer {
    let cookie = ticket.replace('+', "%2B").replace('/', "%2F");
    let length = if verb == "GET" { "" } else { "Content-Length: 0\r\n" };
    lab.raw(&format!(
        "{verb} /api2/json{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: PVEAuthCookie={cookie}\r\nCSRFPreventionToken: {csrf}\r\n{length}\r\n"
    ))
    .await
    .unwrap()
}

#[tokio::test]
async fn a_ticket_reads_alone_and_writes_with_its_csrf_token() {
    let (lab, ticket, csrf) = signed_in().await;
    assert_eq!(with_ticket(&lab, "GET", "/nodes", &ticket, "").await.status, 200);
    let refused = with_ticket(&lab, "POST", "/pools?poolid=one", &ticket, "").await;
    assert_eq!((refused.status, refused.reason.as_str()), (401, "Permission denied - invalid csrf token"));
    assert_eq!(with_ticket(&lab, "POST", "/pools?poolid=one", &ticket, &csrf).await.status, 200);
    // root@pam itself may do what none of its tokens may.
    let answer =
        with_ticket(&lab, "PUT", "/nodes/pve1/qemu/110/config?description=x&skiplock=1", &ticket, &csrf)
            .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let forged = format!("{ticket}x");
    assert_eq!(
        with_ticket(&lab, "GET", "/nodes", &forged, "").await.reason,
        "permission denied - invalid PVE ticket"
    );
}

#[tokio::test]
async fn a_ticket_is_renewed_by_itself_and_dies_of_age() {
    let (lab, ticket, _) = signed_in().await;
    let password = ticket.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let form = format!("username=root%40pam&password={password}");
    let again = lab.send_as("", "POST", "/access/ticket", &form).await.unwrap();
    assert_eq!(again.status, 200);
    let wrong =
        lab.send_as("", "POST", "/access/ticket", "username=root%40pam&password=wrong").await.unwrap();
    assert_eq!((wrong.status, wrong.message().as_str()), (401, "authentication failure"));
    lab.sim.advance(std::time::Duration::from_secs(7_201));
    assert_eq!(with_ticket(&lab, "GET", "/nodes", &ticket, "").await.status, 401);
}

#[tokio::test]
async fn groups_pools_and_no_access_decide_as_on_the_real_server() {
    let lab = bare_lab(cluster()).await;
    for (verb, path, form) in [
        ("POST", "/access/groups", "groupid=ops"),
        ("POST", "/access/users", "userid=eve%40pve&groups=ops"),
        ("POST", "/pools", "poolid=web"),
        ("PUT", "/pools/web", "vms=110"),
        ("PUT", "/access/acl", "path=%2Fpool%2Fweb&groups=ops&roles=PVEVMUser"),
    ] {
        let answer = lab.send(verb, path, form).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let rights = |path: &'static str| {
        let lab = &lab;
        async move {
            let data =
                lab.send("GET", "/access/permissions", &format!("userid=eve%40pve&path={path}")).await.data();
            data[path].as_object().map_or(0, serde_json::Map::len)
        }
    };
    assert_eq!(rights("/vms/110").await, 6);
    assert_eq!(rights("/vms/111").await, 0);
    lab.send("PUT", "/access/acl", "path=%2Fvms&users=eve%40pve&roles=NoAccess").await;
    assert_eq!(rights("/vms/110").await, 0);
}
