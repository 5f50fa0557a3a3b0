//! The cluster of the demonstration and of the tests: three nodes, ten guests, all invented.

/// Facts in the form of [`domain::facts::Facts`]; the simulator reads the same form.
pub const CLUSTER: &str = include_str!("../fixtures/cluster.json");
