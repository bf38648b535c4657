//! What was changed that gateways hold in memory: for those of other processes.

use sea_orm_migration::prelude::*;

use crate::columns::{id, id_null, number, text};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Nothing is referenced: what is gone has changed too.
        manager
            .create_table(
                Table::create()
                    .table("changes")
                    .col(number("seq").primary_key().take())
                    .col(text("kind"))
                    .col(id("subject_id"))
                    .col(id_null("api_id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create().table("change_head").col(number("id").primary_key().take()).col(number("seq")).take(),
            )
            .await?;
        let nothing_yet = [1.into(), 0.into()];
        manager
            .execute(Query::insert().into_table("change_head").columns(["id", "seq"]).values_panic(nothing_yet).take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("changes").take()).await?;
        manager.drop_table(Table::drop().table("change_head").take()).await
    }
}
