//! What requests of the REST API with an `Idempotency-Key` were answered, for as long as they may be repeated.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, number, number_null, text_null};

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
                    .table("idempotent_requests")
                    .col(id("id").primary_key().take())
                    .col(id("token_id"))
                    .col(bytes("key_hash"))
                    .col(bytes("request_hash"))
                    .col(number("created_at"))
                    .col(number_null("status"))
                    .col(text_null("location"))
                    .col(text_null("body"))
                    .foreign_key(&mut belongs_to("token_id", "access_tokens"))
                    .take(),
            )
            .await?;
        // Of two requests at the same moment, one is worked on.
        manager
            .create_index(
                Index::create()
                    .name("idempotent_requests_token_key")
                    .table("idempotent_requests")
                    .col("token_id")
                    .col("key_hash")
                    .unique()
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotent_requests").take()).await
    }
}
