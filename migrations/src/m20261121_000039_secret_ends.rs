//! When the newest secret of a key ends, whatever becomes of the key: it was seen in public.

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
        manager.alter_table(Table::alter().table("keys").add_column(number_null("secret_ends_at")).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("keys").drop_column("secret_ends_at").take()).await
    }
}
