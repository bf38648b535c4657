//! Changes of address that wait for both addresses to confirm.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, id, number, number_null, text};

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
                    .table("email_changes")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(text("new_email"))
                    .col(text("new_email_folded"))
                    .col(number_null("old_confirmed_at"))
                    .col(number_null("new_confirmed_at"))
                    .col(number("created_at"))
                    .col(number("expires_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("email_changes_account").table("email_changes").col("account_id").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("email_changes").take()).await
    }
}
