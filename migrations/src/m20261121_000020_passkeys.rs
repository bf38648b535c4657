//! Passkeys: their public halves, and nothing that could sign.

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
                    .table("passkeys")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(bytes("credential_id").unique_key().take())
                    .col(text("credential"))
                    .col(text("name"))
                    .col(number("backed_up"))
                    .col(number("created_at"))
                    .col(number_null("last_used_at"))
                    .col(number_null("suspended_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager.create_index(Index::create().name("passkeys_account").table("passkeys").col("account_id").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("passkeys").take()).await
    }
}
