//! Names and numbers of things, each its own type so that none is taken for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

uuid_id!(
    /// A declaration: one English text and all that came of it.
    DeclarationId
);
uuid_id!(
    /// A run: one approved plan being carried out.
    RunId
);
uuid_id!(
    /// A person with an account.
    AccountId
);

/// A guest's number in the cluster, 100 to 999,999,999; one namespace for VMs and containers.
pub type Vmid = u32;

/// The stream of the one cluster this installation manages.
pub const CLUSTER: Uuid = Uuid::from_u128(0x6d79_636f_706f_6400_0000_0000_0000_0001);
/// The stream of the one declarations repository.
pub const REPOSITORY: Uuid = Uuid::from_u128(0x6d79_636f_706f_6400_0000_0000_0000_0002);
/// The stream of the settings.
pub const SETTINGS: Uuid = Uuid::from_u128(0x6d79_636f_706f_6400_0000_0000_0000_0003);

/// Who wrote a text that came from the declarations repository: somebody with access to it, and nobody with an account.
pub const REPOSITORY_AUTHOR: AccountId = AccountId(REPOSITORY);
