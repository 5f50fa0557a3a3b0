//! Who asks, and whether our own page made the request. Begin with [`gate`], which every route passes.

pub mod cookie;
pub mod gate;
pub mod passwords;
pub mod proof;
pub mod sessions;
pub mod throttle;
