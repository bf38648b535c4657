//! How much an organization may ask of all APIs together, over all its keys.

use sea_orm_migration::prelude::*;

use crate::columns::number_null;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMNS: [&str; 2] = ["limit_requests", "limit_seconds"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let column = number_null(column);
            manager.alter_table(Table::alter().table("organizations").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS.into_iter().rev() {
            manager.alter_table(Table::alter().table("organizations").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
