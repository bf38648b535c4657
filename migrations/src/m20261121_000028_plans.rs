//! Plans of APIs.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, id, number, number_null, text, text_null};

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
                    .table("plans")
                    .col(id("id").primary_key().take())
                    .col(id("api_id"))
                    .col(text("name"))
                    .col(text("summary"))
                    .col(number_null("limit_requests"))
                    .col(number_null("limit_seconds"))
                    .col(number_null("quota_units"))
                    .col(text_null("quota_period"))
                    .col(text("approval"))
                    .col(text("audience"))
                    .col(number("position"))
                    .col(number("created_at"))
                    .col(number_null("closed_at"))
                    .foreign_key(&mut belongs_to("api_id", "apis"))
                    .take(),
            )
            .await?;
        // What a plan is called says which one it is: on a page, in a refusal, in a mail.
        manager
            .create_index(
                Index::create().name("plans_api_name").table("plans").col("api_id").col("name").unique().take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("plans").take()).await
    }
}
