//! Hostile text stays text; every page has the parts a page must have.

use crate::sample;

const HOSTILE: &str = "</textarea></title><script>alert('x')</script><img src=x onerror=alert(1)>\"'><svg onload=alert(1)>{{7*7}}";

/// The tags of a page, in order, without what stands between them.
fn tags(html: &str) -> Vec<String> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split(['>', ' ', '\n']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn hostile_text_in_every_field_changes_no_page() {
    let plain = sample::all(&|text: &str| text.to_owned());
    let hostile = sample::all(&|_: &str| HOSTILE.to_owned());
    for ((name, calm), (_, attacked)) in plain.iter().zip(&hostile) {
        assert!(!attacked.contains("<script>alert"), "{name} lets a script through");
        assert!(!attacked.contains("<img src=x"), "{name} lets an image through");
        assert!(!attacked.contains("<svg onload"), "{name} lets a handler through");
        assert!(attacked.contains("&#60;script&#62;") || *name == "help", "{name} shows none of its texts");
        // The English is marked by spans of the real text, which the hostile one does not change.
        let shape = |html: &str| {
            tags(html).into_iter().filter(|tag| tag.starts_with("script") || tag.starts_with("form")).count()
        };
        assert_eq!(shape(calm), shape(attacked), "{name} has other scripts or forms");
    }
}

#[test]
fn secrets_in_calls_are_shown_as_set_only() {
    for (name, html) in sample::all(&|text: &str| text.to_owned()) {
        assert!(!html.contains("hunter2"), "{name} shows a password");
    }
}

#[test]
fn every_page_has_one_heading_a_title_and_a_way_past_the_header() {
    for (name, html) in sample::all(&|text: &str| text.to_owned()) {
        assert!(!html.starts_with("not drawn"), "{name}: {html}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(html.contains(" · MycoPod</title>"), "{name}");
        assert!(html.contains("href=\"#content\"") && html.contains("id=\"content\""), "{name}");
        assert!(html.contains("<a href=\"/help\">Help</a>"), "{name}");
    }
}

#[test]
fn pages_obey_their_own_policy() {
    for (name, html) in sample::all(&|text: &str| text.to_owned()) {
        assert!(!html.contains(" style=") && !html.contains("<style"), "{name} has inline style");
        assert_eq!(html.matches("<script").count(), 1, "{name} has a script besides the one file");
        assert!(!html.contains(" onclick=") && !html.contains("javascript:"), "{name} has an inline handler");
        assert!(
            !html.contains("http://") && !html.contains("https://") || name == "declarations",
            "{name} asks another server"
        );
    }
}

#[test]
fn every_changing_form_carries_its_proof() {
    for (name, html) in sample::all(&|text: &str| text.to_owned()) {
        for form in html.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
            let form = form.split("</form>").next().unwrap_or_default();
            assert!(form.contains("name=\"csrf\""), "{name}: {form}");
            assert!(form.contains("name=\"key\"") || form.contains("/sign-in"), "{name}: {form}");
        }
    }
}

#[test]
fn ids_are_unique_and_labels_lead_somewhere() {
    for (name, html) in sample::all(&|text: &str| text.to_owned()) {
        let mut ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name} has an id twice");
        for wanted in ["for", "aria-labelledby"] {
            for id in html.split(&format!(" {wanted}=\"")).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(ids.binary_search(&id).is_ok(), "{name}: {wanted}={id} leads nowhere");
            }
        }
    }
}
