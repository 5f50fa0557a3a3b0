//! What a live stream sends is what the page holds.

use crate::sample;
use domain::account::Role;
use web::Template;
use web::pages::Live;

#[test]
fn a_region_is_the_very_html_of_the_page() {
    let page = sample::plan_page(Role::Admin, &|text: &str| text.to_owned());
    let html = page.render().unwrap();
    for (name, region) in page.regions().unwrap() {
        assert!(html.contains(&format!("sse-swap=\"{name}\"")), "{name} is not in the page");
        assert!(html.contains(&region), "{name} differs from the page");
    }
}

#[test]
fn a_user_gets_no_button_to_approve() {
    let page = sample::plan_page(Role::User, &|text: &str| text.to_owned()).render().unwrap();
    assert!(!page.contains("/approve\"") && !page.contains("Approve 5 steps"));
    assert!(page.contains("Ask for approval"));
    let page = sample::plan_page(Role::Admin, &|text: &str| text.to_owned()).render().unwrap();
    assert!(page.contains("Approve 5 steps") && page.contains("name=\"confirm\""));
}

#[test]
fn the_same_action_on_the_same_version_has_the_same_key() {
    let frame = sample::plan_page(Role::Admin, &|text: &str| text.to_owned()).f;
    assert_eq!(frame.guard("approve", 7).key, frame.guard("approve", 7).key);
    assert_ne!(frame.guard("approve", 7).key, frame.guard("approve", 8).key);
    assert_ne!(frame.guard("approve", 7).key, frame.guard("commit", 7).key);
}

#[test]
fn a_connection_shows_its_state_live_and_never_a_value() {
    let [proxmox, model] = sample::places::connection_pages(&|text: &str| text.to_owned());
    let html = proxmox.render().unwrap();
    for (name, region) in proxmox.regions().unwrap() {
        assert!(html.contains(&format!("sse-swap=\"{name}\"")) || proxmox.f.live.is_none());
        assert!(html.contains(&region), "{name} differs from the page");
    }
    let field = html.split("<input").find(|input| input.contains("name=\"value\"")).unwrap();
    let field = field.split('>').next().unwrap();
    assert!(
        field.contains("type=\"password\"")
            && !field.contains("value=\"\"")
            && field.contains("aria-invalid")
    );
    assert!(html.contains("pveum role modify MycoPod --append 1 --privs &#34;VM.Clone&#34;"), "{html}");
    assert!(html.contains("mycopod secrets rotate proxmox-token"));
    // Nothing can be sent: no form that could take a secret, and the command instead.
    let html = model.render().unwrap();
    assert!(!html.contains("name=\"value\"") && html.contains("mycopod secrets set claude-key"));
}
