//! What happened, one sentence for each event.

use chrono::{DateTime, Utc};
use domain::event::Category;
use domain::ids::Vmid;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    pub position: i64,
    pub at: DateTime<Utc>,
    pub category: Category,
    pub stream: Uuid,
    pub version: i64,
    pub tag: String,
    pub actor: Option<Uuid>,
    /// Name of the actor at that time; empty for the Agent.
    pub person: String,
    pub sentence: String,
    pub failed: bool,
    /// Numbers for people.
    pub declaration_no: Option<i64>,
    pub run_no: Option<i64>,
    pub guests: Vec<Vmid>,
}
