//! Who acts in the stories.

use domain::account::{Actor, Role};
use domain::ids::AccountId;
use uuid::Uuid;

/// An Admin.
pub const ADA: Actor = Actor { id: AccountId(Uuid::from_u128(0xada)), role: Role::Admin };
/// A User.
pub const BO: Actor = Actor { id: AccountId(Uuid::from_u128(0xb0)), role: Role::User };
