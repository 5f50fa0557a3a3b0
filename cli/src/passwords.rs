//! Hashing passwords exactly as the UI does.

use crate::failure::{Code, Failure};
use api::{Cost, Passwords};
use secrets::Secret;

pub async fn hash(password: &str) -> Result<String, Failure> {
    let failed =
        |error: api::PasswordError| Failure::new(Code::Failed, error, "free some memory and try again");
    let passwords = Passwords::new(Cost::default()).map_err(failed)?;
    passwords.hash(Secret::new(password.to_owned())).await.map_err(failed)
}
