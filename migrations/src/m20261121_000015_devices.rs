//! Browsers that an account signed in with before: only the hash of what their cookie holds.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, number, text};

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
                    .table("devices")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(bytes("token_hash"))
                    .col(text("label"))
                    .col(number("created_at"))
                    .col(number("last_seen_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("devices_account_token")
                    .table("devices")
                    .col("account_id")
                    .col("token_hash")
                    .unique()
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("devices").take()).await
    }
}
