//! Links in mails: the hash of a token that works once.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, id_null, number, number_null, text};

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
                    .table("mail_links")
                    .col(id("id").primary_key().take())
                    .col(bytes("token_hash").unique_key().take())
                    .col(text("purpose"))
                    .col(id("account_id"))
                    .col(id_null("key_id"))
                    .col(number("created_at"))
                    .col(number("expires_at"))
                    .col(number_null("used_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .foreign_key(&mut belongs_to("key_id", "keys"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("mail_links_account").table("mail_links").col("account_id").take())
            .await?;
        manager
            .create_index(Index::create().name("mail_links_expiry").table("mail_links").col("expires_at").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("mail_links").take()).await
    }
}
