//! What a request took from quotas, and with which of its key's secrets it came.

use sea_orm_migration::prelude::*;

use crate::columns::number_null;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("request_logs", "cost"), ("usage_minutes", "units")] {
            let units = ColumnDef::new(column).big_integer().not_null().default(0).take();
            manager.alter_table(Table::alter().table(table).add_column(units).take()).await?;
        }
        let version = Table::alter().table("request_logs").add_column(number_null("secret_version")).take();
        manager.alter_table(version).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in
            [("request_logs", "secret_version"), ("usage_minutes", "units"), ("request_logs", "cost")]
        {
            manager.alter_table(Table::alter().table(table).drop_column(column).take()).await?;
        }
        Ok(())
    }
}
