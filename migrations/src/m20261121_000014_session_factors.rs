//! How somebody signed in, with what, and when they last proved it. Made anew: everybody signs in again, once.

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
        manager.drop_table(Table::drop().table("sessions").take()).await?;
        manager
            .create_table(
                Table::create()
                    .table("sessions")
                    .col(id("id").primary_key().take())
                    .col(bytes("token_hash").unique_key().take())
                    .col(id("account_id"))
                    .col(id("organization_id"))
                    .col(text("factor"))
                    .col(text("device"))
                    .col(number("authenticated_at"))
                    .col(number("created_at"))
                    .col(number("last_seen_at"))
                    .col(number("expires_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("sessions_account").table("sessions").col("account_id").take())
            .await?;
        manager.create_index(Index::create().name("sessions_expiry").table("sessions").col("expires_at").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("sessions").take()).await?;
        manager
            .create_table(
                Table::create()
                    .table("sessions")
                    .col(id("id").primary_key().take())
                    .col(bytes("token_hash").unique_key().take())
                    .col(id("account_id"))
                    .col(id("organization_id"))
                    .col(number("created_at"))
                    .col(number("last_seen_at"))
                    .col(number("expires_at"))
                    .foreign_key(&mut belongs_to("account_id", "accounts"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("sessions_account").table("sessions").col("account_id").take())
            .await?;
        manager.create_index(Index::create().name("sessions_expiry").table("sessions").col("expires_at").take()).await
    }
}
