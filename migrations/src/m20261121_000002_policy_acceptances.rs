//! Which version of which policy document a person accepted, when and how.

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
                    .table("policy_acceptances")
                    .col(id("id").primary_key().take())
                    .col(id("account_id"))
                    .col(text("document"))
                    .col(text("version"))
                    .col(text("how"))
                    .col(number("accepted_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("policy_acceptances_account").table("policy_acceptances").col("account_id").take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("policy_acceptances").take()).await
    }
}
