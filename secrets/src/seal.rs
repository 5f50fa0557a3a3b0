//! AES-256-GCM with random nonces: `nonce (12) | ciphertext | tag (16)`.
//!
//! Begin with [`DataKey`]. A key is prepared once (its key schedule costs about as much as sealing a whole
//! event) and is then used many times. Nonces come from the system's random source and are never derived
//! from the data: a retry with other content at the same place must not use one twice. The caller counts
//! the uses of a key; at 2^31 random nonces the chance of a repeat is about 2^-35.

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use std::fmt;
use zeroize::Zeroizing;

/// Length of an AES-256 key in bytes.
pub(crate) const KEY_BYTES: usize = 32;

/// Why something could not be sealed or opened. Says nothing about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error(
        "the sealed value does not open under this key and context: it was changed, moved, or the key differs"
    )]
    DoesNotOpen,
    #[error("the sealed value is {0} bytes long, too short to be one")]
    TooShort(usize),
    #[error("a key must be 32 bytes, not {0}")]
    KeyLength(usize),
    #[error("the system's random source failed")]
    NoRandom,
    #[error("the value is too long to be sealed")]
    TooLong,
}

impl SealError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::DoesNotOpen | Self::TooShort(_) => {
                "A sealed value could not be opened. Check that the key ring file is the one it was sealed with."
            }
            Self::KeyLength(_) => "The key file is damaged. Restore it from the backup.",
            Self::NoRandom => "The system gives no random numbers. Restart the machine.",
            Self::TooLong => "The value is too large. Make it shorter.",
        }
        .into()
    }
}

/// A prepared AES-256 key with its raw bytes, which are kept only to be wrapped and are wiped on drop.
pub struct DataKey {
    prepared: LessSafeKey,
    raw: Zeroizing<[u8; KEY_BYTES]>,
}

impl DataKey {
    /// A new random key.
    pub fn generate() -> Result<Self, SealError> {
        let mut raw = Zeroizing::new([0; KEY_BYTES]);
        fill_random(&mut raw[..])?;
        Self::prepare(raw)
    }

    /// The key with these 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let raw: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| SealError::KeyLength(bytes.len()))?;
        Self::prepare(Zeroizing::new(raw))
    }

    fn prepare(raw: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, SealError> {
        let unbound = UnboundKey::new(&AES_256_GCM, &raw[..]).map_err(|_| SealError::KeyLength(raw.len()))?;
        Ok(Self { prepared: LessSafeKey::new(unbound), raw })
    }

    /// The raw key, for wrapping and for the key ring's own file.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw[..]
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(•••)")
    }
}

/// Seals `plaintext` under `key`, bound to `aad` (which is not stored: give the same to [`open`]).
pub fn seal(key: &DataKey, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LEN];
    fill_random(&mut nonce)?;
    seal_under(key, nonce, aad, plaintext)
}

/// Seals several plaintexts, each bound to its own `aad`, with one call of the system's random source for all
/// their nonces. They are fetched now and used now: never kept, so a copied machine cannot use one again.
pub fn seal_each<'a, A: AsRef<[u8]>>(
    key: &DataKey,
    items: impl ExactSizeIterator<Item = (A, &'a [u8])>,
) -> Result<Vec<Vec<u8>>, SealError> {
    let mut nonces = vec![[0; NONCE_LEN]; items.len()];
    fill_random(nonces.as_flattened_mut())?;
    items
        .zip(nonces)
        .map(|((aad, plaintext), nonce)| seal_under(key, nonce, aad.as_ref(), plaintext))
        .collect()
}

fn seal_under(
    key: &DataKey,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + MAX_TAG_LEN);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = key
        .prepared
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut sealed[NONCE_LEN..],
        )
        .map_err(|_| SealError::TooLong)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal`] made. Fails as a whole if a bit of the value, the context or the key differs.
pub fn open(key: &DataKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    if sealed.len() < NONCE_LEN + MAX_TAG_LEN {
        return Err(SealError::TooShort(sealed.len()));
    }
    let (nonce, body) = sealed.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::DoesNotOpen)?;
    let mut buffer = body.to_vec();
    let length = key
        .prepared
        .open_in_place(nonce, Aad::from(aad), &mut buffer)
        .map_err(|_| SealError::DoesNotOpen)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), SealError> {
    SystemRandom::new().fill(bytes).map_err(|_| SealError::NoRandom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_context_only() {
        let (key, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
        let sealed = seal(&key, b"row 1", b"text").unwrap();
        assert_eq!(open(&key, b"row 1", &sealed).unwrap(), b"text");
        assert_eq!(open(&key, b"row 2", &sealed), Err(SealError::DoesNotOpen));
        assert_eq!(open(&other, b"row 1", &sealed), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let key = DataKey::generate().unwrap();
        let sealed = seal(&key, b"", b"some text").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, b"", &changed), Err(SealError::DoesNotOpen), "bit {bit}");
        }
        assert_eq!(open(&key, b"", &sealed[..20]), Err(SealError::TooShort(20)));
    }

    /// S22: ten million, made singly and many at a time, by eight threads.
    #[test]
    fn nonces_do_not_repeat_across_threads() {
        const EACH: usize = 1_250_000;
        let key = DataKey::generate().unwrap();
        let start = |sealed: &[u8]| -> [u8; NONCE_LEN] { sealed[..NONCE_LEN].try_into().unwrap() };
        let work = || {
            let mut nonces = Vec::with_capacity(EACH);
            while nonces.len() < EACH {
                nonces.push(start(&seal(&key, b"", b"").unwrap()));
                let many = [(b"", &b""[..]); 124];
                nonces.extend(seal_each(&key, many.into_iter()).unwrap().iter().map(|sealed| start(sealed)));
            }
            nonces
        };
        let mut nonces: Vec<[u8; NONCE_LEN]> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(nonces.len(), 10_000_000);
        nonces.sort_unstable();
        nonces.dedup();
        assert_eq!(nonces.len(), 10_000_000);
    }

    #[test]
    fn a_key_has_32_bytes_and_is_not_printed() {
        assert_eq!(DataKey::from_bytes(&[1; 31]).unwrap_err(), SealError::KeyLength(31));
        assert_eq!(format!("{:?}", DataKey::from_bytes(&[1; 32]).unwrap()), "DataKey(•••)");
    }
}
