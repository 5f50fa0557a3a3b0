//! Trying the token: what GitHub says about it, one check after the other, with what to do where it fails.
//!
//! The fields of a repository's `permissions` are the person's rights, also where a fine-grained token has fewer; so the
//! right to write is asked for with a commit of a tree that does not exist. GitHub looks at rights first: without them
//! it answers 403 or 404, with them 422, and nothing is written either way.

use super::GitHub;
use super::call::Answer;
use super::read::Tip;
use crate::limits::{CHECK_WORDS_MAX, GITHUB_TOKEN_END_WARN_DAYS};
use crate::repository::{RepositoryError, shown};
use chrono::{NaiveDate, Utc};
use domain::settings::{Check, Outcome};
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// No object of git has this name.
const NO_TREE: &str = "0000000000000000000000000000000000000000";

#[derive(Deserialize)]
struct Seen {
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
    permissions: Option<Rights>,
}

#[derive(Deserialize)]
struct Rights {
    #[serde(default)]
    push: bool,
}

impl GitHub {
    /// What a test of the token finds.
    pub(super) async fn checks(&self) -> Vec<Check> {
        self.caller.reopen();
        let answer = match self.caller.send(Method::GET, &self.place, None, None).await {
            Ok(answer) => answer,
            Err(error) => return vec![self.unreachable(&error)],
        };
        let seen: Seen = match answer.status.as_u16() {
            200 => match answer.read() {
                Ok(seen) => seen,
                Err(error) => return vec![self.unreachable(&error)],
            },
            _ => return vec![self.refused(&answer)],
        };
        let mut checks = vec![passed("Token", "accepted by GitHub".into())];
        checks.extend(expiry(&answer).map(|check| self.renewed(check)));
        let kind = if seen.private { "private" } else { "public: everybody can read the declarations" };
        let mut repository = passed("Repository", format!("{} is seen, {kind}", self.whole()));
        repository.outcome = if seen.private { Outcome::Passed } else { Outcome::Noted };
        checks.push(repository);
        checks.push(self.writing(&seen).await);
        checks.push(self.branch_check().await);
        checks.extend(left(&answer));
        checks
    }

    fn whole(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    fn unreachable(&self, error: &RepositoryError) -> Check {
        let next = "Check agent.repository.api and the network between the Agent and GitHub.";
        failed("Connection", error.to_string(), vec![next.into()])
    }

    /// The repository was not shown.
    fn refused(&self, answer: &Answer) -> Check {
        let said = answer.message();
        match answer.status.as_u16() {
            401 => {
                let found = format!("not known to GitHub ({said}): mistyped, expired or revoked");
                failed("Token", found, vec![self.mint()])
            }
            403 | 429 if answer.wait().is_some() => {
                let seconds = answer.wait().unwrap_or_default().as_secs();
                failed(
                    "Calls",
                    format!("GitHub limits their rate for {seconds} s"),
                    vec!["Test again after that.".into()],
                )
            }
            403 if answer.header("x-github-sso").is_some() => {
                let found = format!("{} asks for single sign-on", self.owner);
                let next = format!(
                    "Open {}/settings/tokens, Configure SSO beside the token, and authorize {}.",
                    self.web, self.owner
                );
                failed("Token", found, vec![next])
            }
            403 => failed("Token", format!("lacks a right ({said})"), self.edit(answer)),
            404 => {
                let found = format!("there is no {}, or the token may not see it", self.whole());
                let mut next =
                    vec![format!("Check that {}/{} opens in your browser.", self.web, self.whole())];
                next.extend(self.edit(answer));
                next.push(format!(
                    "If {} is an organisation that approves tokens, its owner has to approve this one first.",
                    self.owner
                ));
                failed("Repository", found, next)
            }
            301 | 302 | 307 | 308 => {
                let next = "Correct agent.repository.repository in the Agent's configuration and restart it.";
                failed("Repository", format!("{} was renamed or moved", self.whole()), vec![next.into()])
            }
            status => {
                let next = "Test again; githubstatus.com says whether GitHub has trouble.";
                failed("Connection", format!("GitHub answers {status} ({said})"), vec![next.into()])
            }
        }
    }

    async fn writing(&self, seen: &Seen) -> Check {
        if seen.archived {
            let next = format!("Unarchive it at {}/{}/settings.", self.web, self.whole());
            return failed("Rights", "the repository is archived: nobody can write to it".into(), vec![next]);
        }
        if seen.permissions.as_ref().is_some_and(|rights| !rights.push) {
            let found = "whoever made the token may only read this repository".into();
            let next =
                format!("Give that person write access at {}/{}/settings/access.", self.web, self.whole());
            return failed("Rights", found, vec![next]);
        }
        let path = format!("{}/git/commits", self.place);
        let body = json!({ "message": "a test of the token", "tree": NO_TREE, "parents": [] });
        let answer = match self.caller.send(Method::POST, &path, Some(&body), None).await {
            Ok(answer) => answer,
            Err(error) => return self.unreachable(&error),
        };
        match answer.status.as_u16() {
            422 | 201 => passed("Rights", "may read and write the contents".into()),
            409 => Check {
                outcome: Outcome::Noted,
                ..passed(
                    "Rights",
                    "the repository is empty: whether it may write shows with the first commit".into(),
                )
            },
            403 | 404 => failed("Rights", "may read the contents, not write them".into(), self.edit(&answer)),
            status => failed("Rights", format!("GitHub answers {status} ({})", answer.message()), vec![]),
        }
    }

    async fn branch_check(&self) -> Check {
        let branch = &self.branch;
        let first = "the first commit makes it";
        match self.read_tip_anew().await {
            Ok(Tip::At(tip)) => passed("Branch", format!("{branch} is at {}", tip.get(..8).unwrap_or(&tip))),
            Ok(Tip::NoBranch | Tip::Empty) => Check {
                outcome: Outcome::Noted,
                ..passed("Branch", format!("{branch} does not exist yet; {first}"))
            },
            Err(error) => failed("Branch", error.to_string(), vec![error.advice()]),
        }
    }

    fn mint(&self) -> String {
        format!(
            "Make a fine-grained token at {}/settings/personal-access-tokens/new: resource owner {}, only the \
             repository {}, permission Contents: Read and write. Then store it.",
            self.web, self.owner, self.name
        )
    }

    /// How a token is given what it lacks; GitHub names the right where it knows it.
    fn edit(&self, answer: &Answer) -> Vec<String> {
        let mut next = vec![format!(
            "Edit the token at {}/settings/personal-access-tokens: repository access to {}, permission Contents: Read \
             and write. A classic token needs the scope repo.",
            self.web,
            self.whole()
        )];
        if let Some(wanted) =
            answer.header("x-accepted-github-permissions").filter(|wanted| !wanted.is_empty())
        {
            next.push(format!("GitHub asks for: {}.", shown(wanted, CHECK_WORDS_MAX)));
        }
        next
    }

    fn renewed(&self, mut check: Check) -> Check {
        if check.outcome == Outcome::Noted {
            check.next = vec![self.mint()];
        }
        check
    }
}

/// When the token ends; none for one that does not.
fn expiry(answer: &Answer) -> Option<Check> {
    let date = answer.header("github-authentication-token-expiration")?.get(..10)?;
    let date: NaiveDate = date.parse().ok()?;
    let days = (date - Utc::now().date_naive()).num_days();
    let check = passed("Expiry", format!("ends on {date}, in {days} days"));
    Some(match days {
        ..=GITHUB_TOKEN_END_WARN_DAYS => Check { outcome: Outcome::Noted, ..check },
        _ => check,
    })
}

/// What is left of the rate limit.
fn left(answer: &Answer) -> Option<Check> {
    let number = |name| answer.header(name)?.parse::<u32>().ok();
    let (left, all) = (number("x-ratelimit-remaining")?, number("x-ratelimit-limit")?);
    Some(passed("Calls", format!("{left} of {all} are left this hour")))
}

fn passed(what: &str, found: String) -> Check {
    Check { what: what.into(), outcome: Outcome::Passed, found, next: Vec::new() }
}

fn failed(what: &str, found: String, next: Vec<String>) -> Check {
    Check { what: what.into(), outcome: Outcome::Failed, found, next }
}
