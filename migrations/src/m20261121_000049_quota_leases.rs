//! What each process may spend of a quota, and has spent without a stored row yet.

use sea_orm_migration::prelude::*;

use crate::columns::{id, number};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let leases = Table::create()
            .table("quota_leases")
            .col(id("organization_id"))
            .col(id("api_id"))
            .col(number("window_start"))
            .col(id("process_id"))
            .col(number("window_end"))
            .col(number("held"))
            .primary_key(Index::create().col("organization_id").col("api_id").col("window_start").col("process_id"))
            .take();
        manager.create_table(leases).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("quota_leases").take()).await
    }
}
