//! The outbox: mails are queued in the transaction that causes them.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, id, id_null, number, number_null, text, text_null};

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
                    .table("mails")
                    .col(id("id").primary_key().take())
                    .col(id_null("account_id"))
                    .col(text("to_address"))
                    .col(text("kind"))
                    .col(text("subject"))
                    .col(text_null("body_text"))
                    .col(text_null("body_html"))
                    .col(text_null("links"))
                    .col(number("created_at"))
                    .col(number("send_after"))
                    .col(number("attempts"))
                    .col(number_null("sent_at"))
                    .col(number_null("failed_at"))
                    .col(text_null("last_error"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("mails_due")
                    .table("mails")
                    .col("sent_at")
                    .col("failed_at")
                    .col("send_after")
                    .take(),
            )
            .await?;
        manager.create_index(Index::create().name("mails_account").table("mails").col("account_id").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("mails").take()).await
    }
}
