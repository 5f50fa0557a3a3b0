//! HTTP as the API server speaks it: TLS, connection rules, form decoding, envelopes.
//!
//! Begin with [`server::serve`]; [`process`] carries one request through its checks.
//!
//! Never here: what a call does.

pub mod answer;
pub mod decode;
pub mod json;
pub mod multipart;
pub mod process;
pub mod server;
pub mod socket;
pub mod tls;
pub mod wire;
