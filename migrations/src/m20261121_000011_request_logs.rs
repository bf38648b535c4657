//! One row for each request the gateway answered. No address, user agent, query, body or path: only the route.

use sea_orm_migration::prelude::*;

use crate::columns::{id, id_null, number, number_null, text, text_null};

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
                    .table("request_logs")
                    .col(id("id").primary_key().take())
                    .col(number("at"))
                    .col(id_null("api_id"))
                    .col(text("api_slug"))
                    .col(id_null("organization_id"))
                    .col(id_null("key_id"))
                    .col(text("key_label"))
                    .col(text_null("environment"))
                    .col(text("method"))
                    .col(text("route"))
                    .col(number("status"))
                    .col(text_null("code"))
                    .col(number("latency_us"))
                    .col(number_null("upstream_us"))
                    .col(number("response_bytes"))
                    .col(text_null("key_hint"))
                    .take(),
            )
            .await?;
        manager.create_index(Index::create().name("request_logs_at").table("request_logs").col("at").take()).await?;
        manager
            .create_index(
                Index::create()
                    .name("request_logs_organization")
                    .table("request_logs")
                    .col("organization_id")
                    .col("id")
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("request_logs").take()).await
    }
}
