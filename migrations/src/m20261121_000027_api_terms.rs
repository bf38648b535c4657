//! On what terms the gateway forwards to an API, and whether it still does.

use sea_orm_migration::prelude::*;

use crate::columns::{id_null, number_null};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What APIs have that were registered before they could say.
        let number =
            |name: &'static str, value: i64| ColumnDef::new(name).big_integer().not_null().default(value).take();
        let text =
            |name: &'static str, value: &'static str| ColumnDef::new(name).text().not_null().default(value).take();
        for column in [
            number("timeout_ms", 30_000),
            number("body_max_bytes", 10 << 20),
            text("log_mode", "best_effort"),
            text("environments", "both"),
            text("allowed_origins", ""),
            number_null("address_requests"),
            number_null("address_seconds"),
            id_null("default_plan_id"),
            number_null("closed_at"),
        ] {
            manager.alter_table(Table::alter().table("apis").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            "closed_at",
            "default_plan_id",
            "address_seconds",
            "address_requests",
            "allowed_origins",
            "environments",
            "log_mode",
            "body_max_bytes",
            "timeout_ms",
        ] {
            manager.alter_table(Table::alter().table("apis").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
