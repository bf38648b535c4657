//! Data keys: what an organization's secrets are sealed under, each wrapped by a key that the database does not hold.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, number, text};

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
                    .table("data_keys")
                    .col(id("organization_id"))
                    .col(number("version"))
                    .col(bytes("wrapped"))
                    .col(text("kek_id"))
                    .col(number("created_at"))
                    .primary_key(Index::create().col("organization_id").col("version"))
                    // Without its data key, what an organization left behind in a copy can never be read again.
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("data_keys").take()).await
    }
}
