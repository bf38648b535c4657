//! Invitations that wait. The row, and with it the address, goes when one is accepted, taken back or too old.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, id_null, number, text};

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
                    .table("invites")
                    .col(id("id").primary_key().take())
                    .col(id("organization_id"))
                    .col(text("email"))
                    .col(text("email_folded"))
                    .col(text("role"))
                    .col(id_null("invited_by"))
                    .col(bytes("token_hash").unique_key().take())
                    .col(number("created_at"))
                    .col(number("expires_at"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("invites_organization_email")
                    .table("invites")
                    .col("organization_id")
                    .col("email_folded")
                    .unique()
                    .take(),
            )
            .await?;
        manager.create_index(Index::create().name("invites_email").table("invites").col("email_folded").take()).await?;
        manager
            .create_table(
                Table::create()
                    .table("spent_links")
                    .col(bytes("token_hash").primary_key().take())
                    .col(text("outcome"))
                    .col(number("spent_at"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("invites").take()).await?;
        manager.drop_table(Table::drop().table("spent_links").take()).await
    }
}
