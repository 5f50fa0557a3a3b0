//! Why a read model could not be read or kept.

/// What a query or a projector can meet.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the read models are not available: {0}")]
    Unavailable(String),
    #[error("a row of {table} cannot be read: {why}")]
    Unreadable { table: String, why: String },
    #[error("there is no projection {0}")]
    Unknown(String),
    #[error("projection {name} stopped at position {position}: {why}")]
    Poisoned { name: &'static str, position: i64, why: String },
    #[error(transparent)]
    Log(#[from] eventstore::StoreError),
    #[error("the rebuilt {name} differs from the live one at {key}")]
    Differs { name: String, key: String },
    #[error("somebody else keeps or rebuilt {0} at the same time")]
    Overtaken(&'static str),
    #[error("the table of {0} is in use all the time, so the rebuilt one cannot take its place")]
    InUse(&'static str),
    #[error("{name} as it was then takes more than {bytes_max} bytes of memory")]
    TooLarge { name: &'static str, bytes_max: usize },
}

impl ReadError {
    pub fn advice(&self) -> String {
        match self {
            Self::Unavailable(_) => "Check that the database runs; it is tried again by itself.".into(),
            Self::Unreadable { .. } => "Rebuild the read model: `mycopod projections rebuild`.".into(),
            Self::Poisoned { .. } => {
                "Keep the position and the reason for a report; the other read models go on. A program that can read \
                 the event takes it up again by itself."
                    .into()
            }
            Self::Unknown(_) => "`mycopod projections list` names them.".into(),
            Self::Log(error) => error.advice(),
            Self::Differs { .. } => {
                "Keep both for a report; `mycopod projections rebuild` without --compare swaps.".into()
            }
            Self::Overtaken(_) | Self::InUse(_) => "Try again.".into(),
            Self::TooLarge { name, .. } => {
                format!("`mycopod projections rebuild {name} --to POSITION` builds it in a table aside.")
            }
        }
    }

    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Overtaken(_) | Self::InUse(_) => true,
            Self::Log(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
