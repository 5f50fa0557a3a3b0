//! Why a secret was not handed over.

use crate::message::Refused;
use secrets::FileError;

#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the certificate in {0} is damaged")]
    Damaged(String),
    #[error("no certificate can be made: {0}")]
    Certificate(String),
    #[error("{0:?} is not the fingerprint of a certificate")]
    BadPin(String),
    #[error("cannot listen on {address}: {why}")]
    Listen { address: std::net::SocketAddr, why: std::io::Error },
    /// Nothing was handed over.
    #[error("the Agent at {address} does not answer: {why}")]
    Unreachable { address: String, why: String },
    /// Nothing was handed over.
    #[error("whoever answers at {0} is not the Agent that is trusted")]
    NotTheAgent(String),
    /// Nothing was handed over.
    #[error("the Agent does not trust this UI")]
    NotTrusted,
    #[error("the secret has {0} bytes")]
    Size(usize),
    /// The secret was sent; whether it was stored is not known.
    #[error("the Agent gave no answer: {0}")]
    NoAnswer(String),
    #[error("{}", .0.what)]
    Refused(Refused),
}

impl HandoverError {
    /// What a person can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::File(error) => error.advice(),
            Self::Damaged(path) => {
                format!("Remove {path} and restart; then give the new fingerprint to the other side.")
            }
            Self::Certificate(_) => "Restart the service; its log says more.".into(),
            Self::BadPin(_) => "Copy it from `mycopod secrets channel` on the other side.".into(),
            Self::Listen { .. } => {
                "Another program uses this port, or the address is not of this machine.".into()
            }
            Self::Unreachable { .. } => {
                "Check that the Agent runs and that its port is open to the UI.".into()
            }
            Self::NotTheAgent(_) => {
                "Compare `ui.intake.agent` with what `mycopod secrets channel` prints on the Agent's machine."
                    .into()
            }
            Self::NotTrusted => {
                "Compare `agent.intake.ui` with what `mycopod secrets channel` prints on the UI's machine."
                    .into()
            }
            Self::Size(_) => {
                format!("A secret has 1 to {} bytes.", crate::limits::VALUE_BYTES_MAX)
            }
            Self::NoAnswer(_) => "Look at the fingerprint below before you try again.".into(),
            Self::Refused(refused) => refused.next.clone(),
        }
    }
}
