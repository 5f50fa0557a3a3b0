//! The shape every aggregate has: two pure functions over its own events.
//!
//! Never here: loading, storing, time. The event store's typed layer does those.

use serde::{Serialize, de::DeserializeOwned};

/// One aggregate. Its state is the fold of its stream; [`Default`] is the state before the first event.
pub trait Decider: Default + Clone + Send + Sync + 'static {
    type Command;
    type Event: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    type Refusal: std::fmt::Display;

    /// Facts that follow from a command, or why there are none. A command whose outcome already holds
    /// answers with no events.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The state after one more fact. Never fails: a recorded fact is true.
    fn evolve(self, event: &Self::Event) -> Self;

    /// The state after a whole history.
    fn fold<'a>(events: impl IntoIterator<Item = &'a Self::Event>) -> Self {
        events.into_iter().fold(Self::default(), |state, event| state.evolve(event))
    }
}

/// Given facts, when a command, then facts or a refusal: the form of every decider test.
#[cfg(test)]
pub(crate) mod story {
    use super::Decider;

    pub struct Given<D: Decider>(D);
    pub struct Outcome<D: Decider>(Result<Vec<D::Event>, D::Refusal>);

    pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
        let events: Vec<_> = events.into_iter().collect();
        Given(D::fold(&events))
    }

    impl<D: Decider> Given<D> {
        pub fn when(self, command: D::Command) -> Outcome<D> {
            Outcome(self.0.decide(command))
        }
    }

    impl<D: Decider> Outcome<D>
    where
        D::Event: PartialEq,
        D::Refusal: PartialEq + std::fmt::Debug,
    {
        #[track_caller]
        pub fn then(self, events: impl IntoIterator<Item = D::Event>) {
            assert_eq!(self.0, Ok(events.into_iter().collect()));
        }

        #[track_caller]
        pub fn then_refused(self, refusal: D::Refusal) {
            assert_eq!(self.0, Err(refusal));
        }
    }
}
