//! What holds for every backend of the declarations repository, and what holds for GitHub besides.

mod contract;
mod github;
mod rig;
