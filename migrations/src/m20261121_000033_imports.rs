//! Imports: keys that another system gave out, known by the SHA-256 of their text until they are first used.

use sea_orm_migration::prelude::*;

use crate::columns::{id, id_null, number, number_null, text};

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
                    .table("imports")
                    .col(id("id").primary_key().take())
                    .col(id_null("created_by"))
                    .col(number("created_at"))
                    .col(text("prefix"))
                    .col(number("length_min"))
                    .col(number("length_max"))
                    .col(text("alphabet"))
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
        for column in [id_null("import_id"), number_null("rekeyed_at")] {
            manager.alter_table(Table::alter().table("keys").add_column(column).take()).await?;
        }
        manager.create_index(Index::create().name("keys_import").table("keys").col("import_id").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("keys_import").table("keys").to_owned()).await?;
        for column in ["rekeyed_at", "import_id"] {
            manager.alter_table(Table::alter().table("keys").drop_column(column).take()).await?;
        }
        manager.drop_table(Table::drop().table("imports").take()).await
    }
}
