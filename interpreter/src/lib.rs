//! Interpreters: from a declaration in English to the one document that says what it means.
//!
//! Begin with [`Interpreter`]; [`Scripted`] is a deterministic grammar that needs no model and no network.
//! [`judge_model_output`] turns what a language model answered into a judged document, [`lines`] is the line
//! protocol of `mycopod interpret`.
//!
//! Never here: calls to Proxmox, planning, and trust. Every answer passes [`domain::interpretation::rules`].

pub mod fixtures;
pub mod limits;
pub mod lines;
pub mod model;
pub mod models;
pub mod schema;
pub mod score;
mod scripted;
mod shape;

pub use domain::declaration::Answer;
use domain::facts::Facts;
use domain::ids::Vmid;
use domain::interpretation::Interpretation;
pub use domain::plan::InterpreterIdentity as Identity;
use domain::settings::Check;
pub use model::judge_model_output;
pub use scripted::Scripted;
use std::future::Future;
use std::pin::Pin;

/// What an interpreter may know besides the text and the facts.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    pub answers: &'a [Answer],
    /// Guests that this declaration, or an earlier one of the same text, has made; in the order they were made.
    pub own_guests: &'a [Vmid],
}

/// The answer of an interpreter, as soon as it is there.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Interpretation> + Send + 'a>>;

/// What a test of an interpreter's key finds.
pub type Examining<'a> = Pin<Box<dyn Future<Output = Vec<Check>> + Send + 'a>>;

/// What models used so far, in tokens as the provider counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub calls: u32,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
}

/// Understands declarations. The answer is always a judged document: at worst a refusal, never an error.
pub trait Interpreter: Send + Sync {
    fn identity(&self) -> Identity;

    fn interpret<'a>(&'a self, text: &'a str, facts: &'a Facts, context: &'a Context<'a>) -> Answering<'a>;

    /// What was used since it was made; nothing where nothing is paid for.
    fn used(&self) -> Usage {
        Usage::default()
    }

    /// Tries its key and says what it finds, for people; nothing where it needs none. Costs nothing.
    fn examine(&self) -> Examining<'_> {
        Box::pin(async { Vec::new() })
    }
}
