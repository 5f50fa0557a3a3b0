//! The lock file: what stands beside the English in the repository, and what is reconciled (I7).
//!
//! `declarations/<slug>.md` is the English exactly as typed; `declarations/<slug>.lock.toml` is canonical TOML: the
//! same approved plan always gives the same bytes, so a commit is checked by writing its lock file anew from the
//! log and comparing.

use domain::canonical::Digest;
use domain::ids::DeclarationId;
use domain::interpretation::Interpretation;
use domain::plan::{InterpreterIdentity, Plan};
use serde::{Deserialize, Serialize};

const HEADER: &str =
    "# Written by MycoPod. Edits here are not applied: change the English and preview it.\n\n";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Format of this file.
    pub format: u32,
    pub declaration: DeclarationId,
    /// SHA-256 of the English beside it.
    pub text: Digest,
    pub plan: LockedPlan,
    pub approval: Approval,
    pub interpreter: InterpreterIdentity,
    pub desired: Interpretation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlan {
    pub number: u32,
    pub digest: Digest,
    pub contract: String,
    pub policy: Digest,
}

/// Where the approval stands in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub by: String,
    pub position: i64,
}

impl LockFile {
    pub fn of(plan: &Plan, approval: Approval) -> Self {
        Self {
            format: 1,
            declaration: plan.declaration,
            text: plan.text.clone(),
            plan: LockedPlan {
                number: plan.number,
                digest: plan.digest(),
                contract: plan.contract.clone(),
                policy: plan.policy.clone(),
            },
            approval,
            interpreter: plan.interpreter.clone(),
            desired: plan.desired.clone(),
        }
    }

    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEADER}{}", toml::to_string(self)?))
    }

    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// The name of a declaration's files: words of the title and the start of its id, so that two never meet.
pub fn slug(title: &str, id: DeclarationId) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
        if slug.len() >= 40 {
            break;
        }
    }
    let id = id.0.simple().to_string();
    let tail = id.get(id.len() - 8..).unwrap_or_default();
    format!("{}-{tail}", if slug.is_empty() { "declaration" } else { slug.trim_end_matches('-') })
}

/// Paths of the English and of the lock file.
pub fn paths(slug: &str) -> (String, String) {
    (format!("declarations/{slug}.md"), format!("declarations/{slug}.lock.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn slugs_are_plain_and_never_meet() {
        let id = DeclarationId(Uuid::from_u128(0x1234_5678));
        assert_eq!(
            slug("A Debian 12 VM called scratch, 2 cores", id),
            "a-debian-12-vm-called-scratch-2-cores-12345678"
        );
        assert_eq!(slug("../../etc/passwd", id), "etc-passwd-12345678");
        assert_eq!(slug("日本", id), "declaration-12345678");
    }
}
