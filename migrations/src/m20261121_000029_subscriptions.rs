//! Subscriptions of organizations to plans. One that ended stays: it says who had what, and when.

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
                    .table("subscriptions")
                    .col(id("id").primary_key().take())
                    .col(id("organization_id"))
                    .col(id("api_id"))
                    .col(id("plan_id"))
                    .col(text("state"))
                    .col(text("note"))
                    .col(text_null("reason"))
                    .col(number("requested_at"))
                    .col(id_null("requested_by"))
                    .col(number_null("decided_at"))
                    .col(id_null("decided_by"))
                    .col(number_null("ended_at"))
                    .col(number_null("override_requests"))
                    .col(number_null("override_seconds"))
                    .col(number_null("override_units"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .foreign_key(&mut belongs_to("api_id", "apis"))
                    .foreign_key(&mut belongs_to("plan_id", "plans"))
                    .foreign_key(&mut somebody("requested_by"))
                    .foreign_key(&mut somebody("decided_by"))
                    .take(),
            )
            .await?;
        // At most one that waits and one that counts, for each organization and API, whatever two requests do at the
        // same moment.
        for state in ["requested", "active"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("subscriptions_one_{state}"))
                        .table("subscriptions")
                        .col("organization_id")
                        .col("api_id")
                        .unique()
                        .and_where(Expr::col("state").eq(state))
                        .take(),
                )
                .await?;
        }
        let of_api =
            Index::create().name("subscriptions_api_state").table("subscriptions").col("api_id").col("state").take();
        manager.create_index(of_api).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("subscriptions").take()).await
    }
}

/// An account that is nobody any more once it is erased.
fn somebody(column: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col(column).to_tbl("accounts").to_col("id").on_delete(ForeignKeyAction::SetNull).take()
}
