//! Usage by minute: a function of the request logs, written in the same transaction.

use sea_orm_migration::prelude::*;

use crate::columns::{id, number, text};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("usage_minutes")
                    .col(number("minute"))
                    .col(id("organization_id"))
                    .col(id("key_id"))
                    .col(id("api_id"))
                    .col(text("environment"))
                    .col(text("method"))
                    .col(text("route"))
                    .col(text("code"))
                    .col(number("requests"))
                    .col(number("failed"))
                    .col(number("latency_us"))
                    .col(number("response_bytes"))
                    .primary_key(
                        Index::create()
                            .col("minute")
                            .col("organization_id")
                            .col("key_id")
                            .col("api_id")
                            .col("environment")
                            .col("method")
                            .col("route")
                            .col("code"),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("usage_minutes_organization")
                    .table("usage_minutes")
                    .col("organization_id")
                    .col("minute")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("usage_minutes").take()).await
    }
}
