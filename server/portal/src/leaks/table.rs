//! Table `leak_reports`.

use contract::leaks::{LeakAction, LeakReport};
use contract::{KeyId, LeakReportId};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leak_reports")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub key_id: Uuid,
    /// Which of the key's secrets, counted from 1.
    pub secret_version: i64,
    /// SHA-256 over secret and place: one report for each, however often it is sent.
    #[sea_orm(unique)]
    pub fingerprint: Vec<u8>,
    /// The programme that reported it, or `self check`.
    pub source: String,
    /// Host and path.
    pub place: Option<String>,
    /// What was done.
    pub action: String,
    /// When the leaked secret ends, if it was given time.
    pub ends_at: Option<i64>,
    pub reported_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_report(self) -> LeakReport {
        LeakReport {
            id: LeakReportId::new(self.id),
            key: KeyId::new(self.key_id),
            action: LeakAction::from_word(&self.action).unwrap_or(LeakAction::Told),
            source: self.source,
            place: self.place,
            ends_at: self.ends_at,
            reported_at: self.reported_at,
        }
    }
}
