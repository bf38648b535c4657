//! The audit log: a chain of events, the personal text beside it, and where the chain ends.

use sea_orm_migration::prelude::*;

use crate::columns::{bytes, bytes_null, id, id_null, number, text, text_null};

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
                    .table("audit_events")
                    .col(number("seq").primary_key().take())
                    .col(id("id").unique_key().take())
                    .col(number("at"))
                    .col(text("actor_kind"))
                    .col(id_null("actor_id"))
                    .col(text("action"))
                    .col(id_null("organization_id"))
                    .col(id_null("account_id"))
                    .col(text_null("object"))
                    .col(text("details"))
                    .col(bytes_null("personal_hash"))
                    .col(bytes("hash"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("audit_events_organization")
                    .table("audit_events")
                    .col("organization_id")
                    .col("seq")
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("audit_events_account").table("audit_events").col("account_id").col("seq").take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_personal")
                    .col(number("seq").primary_key().take())
                    .col(id_null("account_id"))
                    .col(bytes("salt"))
                    .col(text("text"))
                    .col(number("at"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_head")
                    .col(number("id").primary_key().take())
                    .col(number("seq"))
                    .col(bytes("hash"))
                    .take(),
            )
            .await?;
        let nothing_yet = [1.into(), 0.into(), vec![0u8; 32].into()];
        manager
            .execute(
                Query::insert()
                    .into_table("audit_head")
                    .columns(["id", "seq", "hash"])
                    .values_panic(nothing_yet)
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_events").take()).await?;
        manager.drop_table(Table::drop().table("audit_personal").take()).await?;
        manager.drop_table(Table::drop().table("audit_head").take()).await
    }
}
