//! Units that staff gave once, beside what a plan gives in each period.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, id, id_null, number, number_null, text};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut giver = ForeignKey::create();
        let giver = giver.from_col("created_by").to_tbl("accounts").to_col("id").on_delete(ForeignKeyAction::SetNull);
        manager
            .create_table(
                Table::create()
                    .table("top_ups")
                    .col(id("id").primary_key().take())
                    .col(id("subscription_id"))
                    .col(id("organization_id"))
                    .col(id("api_id"))
                    .col(number("units"))
                    .col(number("spent"))
                    .col(text("reason"))
                    .col(id_null("created_by"))
                    .col(number("created_at"))
                    .col(number_null("expires_at"))
                    .foreign_key(&mut belongs_to("subscription_id", "subscriptions"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .foreign_key(&mut belongs_to("api_id", "apis"))
                    .foreign_key(giver)
                    .take(),
            )
            .await?;
        let whose = Index::create().name("top_ups_whose").table("top_ups").col("organization_id").col("api_id").take();
        manager.create_index(whose).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("top_ups").take()).await
    }
}
