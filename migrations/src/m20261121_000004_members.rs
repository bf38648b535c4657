//! Who belongs to which organization, and as what.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, id, number, text};

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
                    .table("members")
                    .col(id("organization_id"))
                    .col(id("account_id"))
                    .col(text("role"))
                    .col(number("created_at"))
                    .primary_key(Index::create().col("organization_id").col("account_id"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager.create_index(Index::create().name("members_account").table("members").col("account_id").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("members").take()).await
    }
}
