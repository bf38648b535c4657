//! Keys: the keyed hash of a secret, never the secret.

use sea_orm_migration::prelude::*;

use crate::columns::{belongs_to, bytes_null, id, id_null, number, number_null, text};

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
                    .table("keys")
                    .col(id("id").primary_key().take())
                    .col(id("organization_id"))
                    .col(id_null("created_by"))
                    .col(text("label"))
                    .col(text("environment"))
                    .col(text("hint"))
                    .col(bytes_null("secret_hash").unique_key().take())
                    .col(text("form_token").unique_key().take())
                    .col(number("created_at"))
                    .col(number_null("revealed_at"))
                    .col(number_null("last_used_at"))
                    .col(number_null("revoked_at"))
                    .foreign_key(&mut belongs_to("organization_id", "organizations"))
                    .foreign_key(
                        &mut ForeignKey::create()
                            .from_col("created_by")
                            .to_tbl("accounts")
                            .to_col("id")
                            .on_delete(ForeignKeyAction::SetNull)
                            .take(),
                    )
                    .take(),
            )
            .await?;
        manager
            .create_index(Index::create().name("keys_organization").table("keys").col("organization_id").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("keys").take()).await
    }
}
