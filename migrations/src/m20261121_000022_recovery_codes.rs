//! Recovery codes: only their hashes.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, number, number_null};

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
                    .table("recovery_codes")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(bytes("code_hash").unique_key().take())
                    .col(number("created_at"))
                    .col(number_null("used_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("recovery_codes_account").table("recovery_codes").col("account_id").take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("recovery_codes").take()).await
    }
}
