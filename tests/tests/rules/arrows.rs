//! The arrows between crates: who may know whom.

use std::collections::BTreeMap;
use std::path::Path;

/// What each crate of ours may depend on. Tests may depend on everything.
const ARROWS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("secrets", &[]),
    // The one way between api and agent beside the log: a secret handed over.
    ("handover", &["secrets"]),
    // It must not share code with what it checks.
    ("verifier", &[]),
    ("proxmox", &[]),
    ("simulator", &[]),
    ("interpreter", &["domain", "secrets"]),
    ("eventstore", &["domain", "secrets"]),
    ("projections", &["domain", "eventstore", "secrets"]),
    ("web", &["domain", "projections"]),
    ("api", &["domain", "eventstore", "handover", "projections", "secrets", "web"]),
    ("agent", &["domain", "eventstore", "handover", "interpreter", "projections", "proxmox", "secrets"]),
    (
        "cli",
        &[
            "agent",
            "api",
            "domain",
            "eventstore",
            "handover",
            "interpreter",
            "projections",
            "proxmox",
            "secrets",
            "simulator",
            "web",
        ],
    ),
];

/// The domain is pure: nothing that could reach a network, a clock, a file or chance.
const DOMAIN_MAY_USE: [&str; 7] =
    ["chrono", "regex-lite", "serde", "serde_json", "sha2", "thiserror", "uuid"];

fn dependencies(krate: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join(krate).join("Cargo.toml")).unwrap();
    let manifest: BTreeMap<String, toml::Value> = toml::from_str(&text).unwrap();
    let table = manifest.get("dependencies").and_then(|value| value.as_table());
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn crates_of_ours_depend_only_along_the_arrows() {
    let ours: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (krate, allowed) in ARROWS {
        for dependency in dependencies(krate).iter().filter(|dependency| ours.contains(&dependency.as_str()))
        {
            assert!(allowed.contains(&dependency.as_str()), "{krate} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_domain_is_pure() {
    for dependency in dependencies("domain") {
        assert!(DOMAIN_MAY_USE.contains(&dependency.as_str()), "domain must not depend on {dependency}");
    }
}

#[test]
fn one_tls_stack() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    for foreign in ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"] {
        assert!(!lock.contains(&format!("name = \"{foreign}\"\n")), "{foreign} is in the dependency tree");
    }
}
