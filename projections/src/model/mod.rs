//! The rows of the read models. All are plain data; their JSON is what the tables hold.

mod cluster;
mod declarations;
mod history;
mod people;
mod runs;
mod settings;

pub use cluster::{
    ClaimRow, ClusterMeta, ClusterView, DriftRow, Frozen, GuestRow, NodeRow, PutBackRow, StorageRow,
};
pub use declarations::{
    Approved, Asked, Comment, Committed, DeclarationRow, DeclarationStatus, PlanRow, PreviewInfo,
    PreviewOutcome, Reading, SentBack,
};
pub use history::HistoryRow;
pub use people::Account;
pub use runs::{AttemptOutcome, AttemptRow, CallRow, RunRow, RunStatus, StepRow, StepStatus, Wait};
pub use settings::{
    CommitRow, CredentialRow, DecisionRow, DoubtRow, RepositoryRow, ScoreRow, SettingsRow, TestRow,
};
