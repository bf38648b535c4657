//! Access tokens of the REST API: only the hash of each.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, number, number_null, text};

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
                    .table("access_tokens")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(id("organization_id"))
                    .col(text("name"))
                    .col(text("hint"))
                    .col(bytes("token_hash").unique_key().take())
                    .col(text("scopes"))
                    .col(number("created_at"))
                    .col(number("expires_at"))
                    .col(number_null("last_used_at"))
                    .col(number_null("revoked_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("access_tokens_account").table("access_tokens").col("account_id").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("access_tokens").take()).await
    }
}
