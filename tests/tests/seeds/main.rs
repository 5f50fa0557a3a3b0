//! The executor itself against a model of the cluster, with a virtual clock and seeded faults.
//!
//! No time passes and nothing is random but the seed: thousands of histories are tried in seconds, each can be run again.
//! Begin with [`story::Story`]: one plan, one seed, an Agent that is killed, paused and fenced while the cluster refuses,
//! loses answers and is slow. `MYCOPOD_SEEDS=20000` sets how many; a failing seed is printed.

mod boundaries;
mod clock;
mod hands;
mod model;
mod plans;
mod seeded;
mod state;
mod story;
