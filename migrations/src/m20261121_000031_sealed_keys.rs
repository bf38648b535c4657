//! The digest of a secret lies sealed; the column that it is looked up by holds half of it.

use sea_orm_migration::prelude::*;

use crate::columns::{bytes_null, text_null};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn columns() -> Vec<ColumnDef> {
    vec![
        bytes_null("sealed"),
        bytes_null("previous_sealed"),
        bytes_null("kept_secret"),
        text_null("pepper_id"),
        text_null("previous_pepper_id"),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("keys").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            let name = column.get_column_name().to_string();
            manager.alter_table(Table::alter().table("keys").drop_column(name).take()).await?;
        }
        Ok(())
    }
}
