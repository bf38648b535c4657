//! Accounts: who can sign in.

use sea_orm_migration::prelude::*;

use crate::columns::{id, number, number_null, text, text_null};

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
                    .table("accounts")
                    .col(id("id").primary_key().take())
                    .col(text("name"))
                    .col(text("email"))
                    .col(text("email_folded").unique_key().take())
                    .col(number_null("email_verified_at"))
                    .col(text_null("password_hash"))
                    .col(text("state"))
                    .col(number("created_at"))
                    .col(number_null("last_sign_in_at"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("accounts").take()).await
    }
}
