//! Processes that run on this database.

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
        let processes =
            Table::create().table("processes").col(id("id").primary_key().take()).col(number("seen_at")).take();
        manager.create_table(processes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("processes").take()).await
    }
}
