//! Sealed text inside a configuration file: `sealed:v1:<key id>:<base64>`.
//!
//! The database URL stands in the configuration this way. `purpose` names the setting, so that a sealed
//! value copied to another setting does not open there.

use crate::{KeyRing, KeyRingError, Secret, seal::SealError};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

const PREFIX: &str = "sealed:v1:";

/// Is this the text form of a sealed value (of any version)?
pub fn is_sealed(text: &str) -> bool {
    text.starts_with("sealed:")
}

/// The text form of `secret`, sealed under the ring's current key for this purpose.
pub fn seal(ring: &KeyRing, purpose: &str, secret: &Secret<String>) -> Result<String, KeyRingError> {
    let (kek_id, sealed) = ring.seal_text(purpose.as_bytes(), secret.expose())?;
    Ok(format!("{PREFIX}{kek_id}:{}", STANDARD_NO_PAD.encode(sealed)))
}

/// Opens the text form. Fails if it is damaged, meant for another purpose, or sealed by an unknown key.
pub fn open(ring: &KeyRing, purpose: &str, text: &str) -> Result<Secret<String>, KeyRingError> {
    let (kek_id, sealed) = text
        .trim()
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once(':'))
        .ok_or(SealError::DoesNotOpen)?;
    let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| SealError::DoesNotOpen)?;
    let opened = ring.open_text(purpose.as_bytes(), kek_id, &sealed)?;
    let text = std::str::from_utf8(opened.expose()).map_err(|_| SealError::DoesNotOpen)?;
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_setting_opens_for_its_own_purpose_only() {
        let ring = KeyRing::ephemeral().unwrap();
        let url = Secret::from("postgres://user:pw@host/db");
        let text = seal(&ring, "database.url", &url).unwrap();
        assert!(is_sealed(&text) && text.starts_with(&format!("sealed:v1:{}:", ring.current_id())));
        assert!(!text.contains("pw"));
        assert_eq!(open(&ring, "database.url", &text).unwrap().expose(), url.expose());
        assert!(open(&ring, "model.key", &text).is_err());
        assert!(open(&ring, "database.url", &text[..text.len() - 2]).is_err());
        assert!(open(&ring, "database.url", "sealed:v1:nonsense").is_err());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let (ring, other) = (KeyRing::ephemeral().unwrap(), KeyRing::ephemeral().unwrap());
        let text = seal(&ring, "x", &Secret::from("y")).unwrap();
        let refused = open(&other, "x", &text).unwrap_err();
        assert!(matches!(&refused, KeyRingError::NoKey { id } if id == ring.current_id()));
    }
}
