//! Recoveries by mail that wait for their day.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, id, number, number_null, text_null};

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
                    .table("recoveries")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(number("created_at"))
                    .col(number("ready_at"))
                    .col(number("expires_at"))
                    .col(number_null("told_at"))
                    .col(number_null("ended_at"))
                    .col(text_null("outcome"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("recoveries_account").table("recoveries").col("account_id").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("recoveries").take()).await
    }
}
