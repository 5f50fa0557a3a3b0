//! Answers of the API as types. Everything but names may be absent; numbers may have come as text.

/// Declares a lenient answer: each field names how it is read.
macro_rules! answer {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $how:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(deserialize_with = $how)]
                pub $field: $type,
            )*
        }
    };
}

mod cluster;
mod guest;
mod storage;
mod task;

pub use cluster::*;
pub use guest::*;
pub use storage::*;
pub use task::*;
