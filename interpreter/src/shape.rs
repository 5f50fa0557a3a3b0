//! The forms that values must have, as the interpretation schema gives them.
//!
//! Names, paths and shares are checked here by hand; there are few forms and each is short.

/// `server:/path` without blanks, commas or control characters.
pub fn share(text: &str) -> bool {
    text.split_once(":/")
        .is_some_and(|(server, rest)| host(server) && rest.chars().count() <= 255 && tame(rest))
}

/// A host name or IPv4 address.
pub fn host(text: &str) -> bool {
    let edges = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric());
    edges && text.len() <= 253 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// An absolute path of at least one name.
pub fn path(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && rest.chars().count() <= 255 && tame(rest))
}

fn tame(text: &str) -> bool {
    !text.contains(['\0', '\n', ',', ' '])
        && !text.contains(char::is_control)
        && !text.contains(['`', '$', ';', '|', '&', '"', '\'', '<', '>', '\\'])
}

/// Ids of storages, nodes, pools and jobs: two or more characters.
pub fn storage_id(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

pub fn snapshot(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
