//! Connections that can be exchanged while they are in use: calls under way end on the one they began with.

use crate::api::Wire;
use crate::repository::{Boxed, Commit, Messages, NewCommit, Repository, RepositoryError};
use domain::facts::Facts;
use domain::settings::Check;
use interpreter::{Answering, Context, Identity, Interpreter};
use proxmox::Request;
use proxmox::transport::{Sending, Transport};
use std::sync::{Arc, PoisonError, RwLock};

type Outcome<T> = Result<T, RepositoryError>;

/// Whatever was put in last.
struct Current<T: ?Sized>(RwLock<Arc<T>>);

impl<T: ?Sized> Current<T> {
    fn new(first: Arc<T>) -> Self {
        Self(RwLock::new(first))
    }

    fn replace(&self, next: Arc<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Carries calls to the cluster.
pub struct Switch(Current<dyn Transport>);

impl Switch {
    pub fn new(wire: Wire) -> Self {
        Self(Current::new(wire))
    }

    pub fn replace(&self, wire: Wire) {
        self.0.replace(wire);
    }
}

impl Transport for Switch {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        let wire = self.0.get();
        Box::pin(async move { wire.send(request).await })
    }
}

/// The declarations repository. Which one it is stays the same: only how it is signed in to changes.
pub struct RepositorySwitch {
    shown: String,
    branch: String,
    current: Current<dyn Repository>,
}

impl RepositorySwitch {
    /// `shown` and `branch` as [`Repository::describe`] and [`Repository::branch`] say them.
    pub fn new(shown: String, branch: String, first: Arc<dyn Repository>) -> Self {
        Self { shown, branch, current: Current::new(first) }
    }

    pub fn replace(&self, next: Arc<dyn Repository>) {
        self.current.replace(next);
    }
}

impl Repository for RepositorySwitch {
    fn describe(&self) -> String {
        self.shown.clone()
    }

    fn branch(&self) -> &str {
        &self.branch
    }

    fn tip(&self) -> Boxed<'_, Outcome<Option<String>>> {
        let current = self.current.get();
        Box::pin(async move { current.tip().await })
    }

    fn commits_since<'a>(&'a self, since: Option<&'a str>) -> Boxed<'a, Outcome<Vec<Commit>>> {
        let current = self.current.get();
        Box::pin(async move { current.commits_since(since).await })
    }

    fn file<'a>(&'a self, commit: &'a str, path: &'a str) -> Boxed<'a, Outcome<Option<Vec<u8>>>> {
        let current = self.current.get();
        Box::pin(async move { current.file(commit, path).await })
    }

    fn find_line<'a>(&'a self, line: &'a str, path: &'a str) -> Boxed<'a, Outcome<Option<String>>> {
        let current = self.current.get();
        Box::pin(async move { current.find_line(line, path).await })
    }

    fn show<'a>(&'a self, commit: &'a str) -> Boxed<'a, Outcome<Commit>> {
        let current = self.current.get();
        Box::pin(async move { current.show(commit).await })
    }

    fn messages<'a>(&'a self, until: Option<&'a str>) -> Boxed<'a, Outcome<Messages>> {
        let current = self.current.get();
        Box::pin(async move { current.messages(until).await })
    }

    fn commit<'a>(&'a self, new: &'a NewCommit) -> Boxed<'a, Outcome<String>> {
        let current = self.current.get();
        Box::pin(async move { current.commit(new).await })
    }

    fn examine(&self) -> Boxed<'_, Vec<Check>> {
        let current = self.current.get();
        Box::pin(async move { current.examine().await })
    }
}

/// Whoever reads declarations.
pub struct InterpreterSwitch(Current<dyn Interpreter>);

impl InterpreterSwitch {
    pub fn new(first: Arc<dyn Interpreter>) -> Self {
        Self(Current::new(first))
    }

    pub fn replace(&self, next: Arc<dyn Interpreter>) {
        self.0.replace(next);
    }
}

impl Interpreter for InterpreterSwitch {
    fn identity(&self) -> Identity {
        self.0.get().identity()
    }

    fn interpret<'a>(&'a self, text: &'a str, facts: &'a Facts, context: &'a Context<'a>) -> Answering<'a> {
        let current = self.0.get();
        Box::pin(async move { current.interpret(text, facts, context).await })
    }

    fn examine(&self) -> Boxed<'_, Vec<Check>> {
        let current = self.0.get();
        Box::pin(async move { current.examine().await })
    }
}
