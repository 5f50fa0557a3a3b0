//! In place of a connection that cannot be made: whatever is asked of it is held back with the reason.

use crate::repository::{Boxed, Commit, Messages, NewCommit, Repository, RepositoryError};
use domain::facts::Facts;
use domain::interpretation::{Interpretation, Kind, Refusal, RefusalReason};
use domain::settings::{Check, Outcome as Found};
use interpreter::{Answering, Context, Identity, Interpreter};
use proxmox::transport::{Sending, Transport};
use proxmox::{CallError, Request};

type Outcome<T> = Result<T, RepositoryError>;

/// Why the credential cannot be used, in words for people. Never its value.
pub struct NoKey(pub String);

impl NoKey {
    fn refusal<T>(&self) -> Outcome<T> {
        Err(RepositoryError::Refused(self.0.clone()))
    }

    fn found(&self) -> Vec<Check> {
        let next = vec!["Store it again.".into()];
        vec![Check { what: "In use".into(), outcome: Found::Failed, found: self.0.clone(), next }]
    }
}

impl Transport for NoKey {
    fn send<'a>(&'a self, _: &'a Request) -> Sending<'a> {
        Box::pin(async { Err(CallError::withheld(self.0.clone())) })
    }
}

impl Repository for NoKey {
    fn describe(&self) -> String {
        "none".into()
    }

    fn branch(&self) -> &str {
        "none"
    }

    fn tip(&self) -> Boxed<'_, Outcome<Option<String>>> {
        Box::pin(async { self.refusal() })
    }

    fn commits_since<'a>(&'a self, _: Option<&'a str>) -> Boxed<'a, Outcome<Vec<Commit>>> {
        Box::pin(async { self.refusal() })
    }

    fn file<'a>(&'a self, _: &'a str, _: &'a str) -> Boxed<'a, Outcome<Option<Vec<u8>>>> {
        Box::pin(async { self.refusal() })
    }

    fn find_line<'a>(&'a self, _: &'a str, _: &'a str) -> Boxed<'a, Outcome<Option<String>>> {
        Box::pin(async { self.refusal() })
    }

    fn show<'a>(&'a self, _: &'a str) -> Boxed<'a, Outcome<Commit>> {
        Box::pin(async { self.refusal() })
    }

    fn messages<'a>(&'a self, _: Option<&'a str>) -> Boxed<'a, Outcome<Messages>> {
        Box::pin(async { self.refusal() })
    }

    fn commit<'a>(&'a self, _: &'a NewCommit) -> Boxed<'a, Outcome<String>> {
        Box::pin(async { self.refusal() })
    }

    fn examine(&self) -> Boxed<'_, Vec<Check>> {
        Box::pin(async { self.found() })
    }
}

impl Interpreter for NoKey {
    fn identity(&self) -> Identity {
        Identity { provider: "none".into(), model: String::new(), version: String::new() }
    }

    fn interpret<'a>(&'a self, _: &'a str, _: &'a Facts, _: &'a Context<'a>) -> Answering<'a> {
        Box::pin(async {
            let mut refused = Interpretation::empty(Kind::Refusal);
            let text = format!("No model can be asked: {}.", self.0);
            refused.refusal = Some(Refusal { reason: RefusalReason::Unsupported, text, span: None });
            refused
        })
    }

    fn examine(&self) -> Boxed<'_, Vec<Check>> {
        Box::pin(async { self.found() })
    }
}
