//! Reports that the secret of a key was seen in public: which key, where, by whom, and what was done. Never the secret.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes, id, number, number_null, text, text_null};

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
                    .table("leak_reports")
                    .col(id("id").primary_key().take())
                    .col(id("organization_id"))
                    .col(id("key_id"))
                    .col(number("secret_version"))
                    // One report for each secret and place, however often it is sent.
                    .col(bytes("fingerprint").unique_key().take())
                    .col(text("source"))
                    .col(text_null("place"))
                    .col(text("action"))
                    .col(number_null("ends_at"))
                    .col(number("reported_at"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .foreign_key(&mut belongs_to("key_id", "keys"))
                    .take(),
            )
            .await?;
        let of_key =
            Index::create().name("leak_reports_key").table("leak_reports").col("organization_id").col("key_id").take();
        manager.create_index(of_key).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("leak_reports").take()).await
    }
}
