//! [`Proof`]: that one event is in the log, checkable by anybody with the public key and without the database.

use super::{Checkpoint, covering, merkle};
use crate::{chain::Link, error::StoreError, rows::Raw, store::Store};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrets::PublicKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Everything that is needed to check one event: its stored row, the chain value before it, the way up to a
/// signed Merkle root. The payload is ciphertext: a proof gives nothing away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub position: i64,
    /// In microseconds since 1970.
    pub recorded_at_us: i64,
    pub stream_id: Uuid,
    pub category: i16,
    pub version: i64,
    pub event_id: Uuid,
    pub type_id: i16,
    pub type_name: String,
    pub schema_version: i16,
    pub key_id: i64,
    pub correlation: Option<Uuid>,
    pub causation: Option<i64>,
    pub actor: Option<Uuid>,
    /// Base64.
    pub ciphertext: String,
    /// Hexadecimal, as are the path's hashes.
    pub chain_before: String,
    pub path: Vec<String>,
    /// The checkpoint's line.
    pub checkpoint: String,
}

/// Why a proof does not hold or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("there is no event {0}")]
    NoEvent(i64),
    #[error("no signed checkpoint covers event {0} yet")]
    NotSealed(i64),
    #[error("{0} of the proof is malformed")]
    Malformed(&'static str),
    #[error("the checkpoint is not signed by a key that is trusted here")]
    NotSigned,
    #[error("the event does not lead to the signed Merkle root: it was changed, or the proof was")]
    DoesNotFollow,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Proof {
    /// Succeeds only if the event, exactly as it stands here, is under a checkpoint signed by one of `keys`.
    /// Returns that checkpoint.
    pub fn check(&self, keys: &[PublicKey]) -> Result<Checkpoint, ProofError> {
        let checkpoint: Checkpoint =
            self.checkpoint.parse().map_err(|_| ProofError::Malformed("the checkpoint"))?;
        if !checkpoint.is_signed_by(keys) {
            return Err(ProofError::NotSigned);
        }
        let ciphertext =
            STANDARD.decode(&self.ciphertext).map_err(|_| ProofError::Malformed("the ciphertext"))?;
        let link = Link {
            position: self.position,
            recorded_at_us: self.recorded_at_us,
            stream_id: self.stream_id,
            category: self.category,
            version: self.version,
            event_id: self.event_id,
            type_id: self.type_id,
            type_name: &self.type_name,
            schema_version: self.schema_version,
            key_id: self.key_id,
            correlation: self.correlation,
            causation: self.causation,
            actor: self.actor,
            ciphertext: &ciphertext,
        };
        let chain = link.after(&hash(&self.chain_before, "the chain value before")?);
        let path = self.path.iter().map(|text| hash(text, "the path")).collect::<Result<Vec<_>, _>>()?;
        let count = checkpoint.position - checkpoint.from + 1;
        let place = usize::try_from(self.position - checkpoint.from).ok().zip(usize::try_from(count).ok());
        let root = place.and_then(|(index, count)| merkle::root_from(&chain, index, count, &path));
        (root == Some(checkpoint.merkle_root)).then_some(checkpoint).ok_or(ProofError::DoesNotFollow)
    }
}

fn hash(text: &str, what: &'static str) -> Result<merkle::Hash, ProofError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map(|()| bytes).map_err(|_| ProofError::Malformed(what))
}

impl Store {
    /// A proof that the event at this position is in the log as it stands now.
    pub async fn prove(&self, position: i64) -> Result<Proof, ProofError> {
        const CHAINS: &str =
            "select chain from log.events where position >= $1 and position <= $2 order by position";
        let core = self.core();
        if position < 1 || position > crate::read::head(core).await?.position {
            return Err(ProofError::NoEvent(position));
        }
        let checkpoint = covering(core, position).await?.ok_or(ProofError::NotSealed(position))?;
        let first = (checkpoint.from - 1).max(1);
        let rows = core.pool.query("reading chain values", CHAINS, &[&first, &checkpoint.position]).await?;
        let chains: Option<Vec<merkle::Hash>> =
            rows.iter().map(|row| row.get::<_, &[u8]>(0).try_into().ok()).collect();
        let chains = chains.filter(|chains| chains.len() as i64 == checkpoint.position - first + 1);
        let chains = chains.ok_or_else(|| StoreError::Malformed("chain values are missing".into()))?;
        let at = (position - first) as usize;
        let before = if position == 1 { [0; 32] } else { chains[at - 1] };
        let tree = &chains[(checkpoint.from - first) as usize..];
        let path = merkle::path(tree, (position - checkpoint.from) as usize);
        let raw: Raw = crate::read::raw(core, position).await?.ok_or(ProofError::NoEvent(position))?;
        let names = core.names.covering(&core.pool, std::iter::once(raw.type_id)).await?;
        let name = names
            .name(raw.type_id)
            .ok_or(StoreError::UnknownTypeNumber { position, type_id: raw.type_id })?;
        Ok(Proof {
            position,
            recorded_at_us: raw.recorded_at_us,
            stream_id: raw.stream_id,
            category: raw.category,
            version: raw.version,
            event_id: raw.event_id,
            type_id: raw.type_id,
            type_name: name.to_string(),
            schema_version: raw.schema_version,
            key_id: raw.key_id,
            correlation: raw.correlation,
            causation: raw.causation,
            actor: raw.actor,
            ciphertext: STANDARD.encode(&raw.ciphertext),
            chain_before: hex::encode(before),
            path: path.iter().map(hex::encode).collect(),
            checkpoint: checkpoint.to_string(),
        })
    }
}
