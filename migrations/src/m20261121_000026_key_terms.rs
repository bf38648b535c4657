//! Terms of a key, and its old secret while a new one takes over.

use sea_orm_migration::prelude::*;

use crate::columns::{bytes_null, number_null, text_null};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

/// Every column, with what a key has that is there already.
fn columns() -> Vec<ColumnDef> {
    let words = |name| ColumnDef::new(name).text().not_null().default("").take();
    let number = |name, value: i64| ColumnDef::new(name).big_integer().not_null().default(value).take();
    vec![
        words("note"),
        words("scopes"),
        words("networks"),
        words("tags"),
        number_null("expires_at"),
        number_null("limit_requests"),
        number_null("limit_seconds"),
        number("protected", 0),
        number("secret_version", 1),
        bytes_null("previous_hash"),
        text_null("previous_hint"),
        number_null("previous_retires_at"),
        number_null("previous_last_used_at"),
        number_null("rotation_asked_at"),
        number_null("rotation_overlap_ms"),
        text_null("rotation_starts"),
        number("notified", 0),
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
