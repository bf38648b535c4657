//! Ceremonies: what a passkey was asked, until it answers, five minutes at most.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, id_null, number, text};

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
                    .table("ceremonies")
                    .col(id("id").primary_key().take())
                    .col(bytes("token_hash").unique_key().take())
                    .col(text("kind"))
                    .col(id_null("account_id"))
                    .col(text("state"))
                    .col(number("created_at"))
                    .col(number("expires_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("ceremonies_account").table("ceremonies").col("account_id").take())
            .await?;
        manager
            .create_index(Index::create().name("ceremonies_expiry").table("ceremonies").col("expires_at").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("ceremonies").take()).await
    }
}
