//! When the periods of a plan's quota begin: with the calendar of a time zone, or with each subscription.

use sea_orm_migration::prelude::*;

use crate::columns::text_null;

const COLUMNS: [&str; 2] = ["quota_anchor", "quota_zone"];

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            // Absent for plans from before: the calendar, in UTC.
            manager.alter_table(Table::alter().table("plans").add_column(text_null(column)).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table("plans").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
