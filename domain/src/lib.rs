//! What MycoPod decides, and nothing else: pure types and pure functions.
//!
//! Begin with [`decider`], then [`declaration`] (what people ask for), [`plan`] (what would be done) and
//! [`run`] (doing it). [`interpretation`] is the one form in which a text is understood, [`facts`] is all
//! an interpreter may know, [`observation`] is what was seen in the cluster.
//!
//! Never here: I/O, clocks, chance, async. Time and ids arrive inside commands.

pub mod account;
pub mod canonical;
pub mod cluster;
pub mod contract;
pub mod decider;
pub mod declaration;
pub mod drift;
pub mod event;
pub mod facts;
pub mod facts_from;
pub mod ids;
pub mod interpretation;
pub mod limits;
pub mod mark;
pub mod observation;
pub mod plan;
pub mod repository;
pub mod run;
pub mod settings;
pub mod surroundings;
pub mod upcast;
