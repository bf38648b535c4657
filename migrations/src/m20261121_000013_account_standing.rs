//! Why an account stands where it stands, and what its passkeys call it.

use sea_orm_migration::prelude::*;

use crate::columns::{id_null, text_null};

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("accounts").add_column(text_null("state_reason")).take()).await?;
        manager.alter_table(Table::alter().table("accounts").add_column(id_null("passkey_handle")).take()).await?;
        manager
            .create_index(
                Index::create().name("accounts_passkey_handle").table("accounts").col("passkey_handle").unique().take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("accounts_passkey_handle").table("accounts").to_owned()).await?;
        manager.alter_table(Table::alter().table("accounts").drop_column("state_reason").take()).await?;
        manager.alter_table(Table::alter().table("accounts").drop_column("passkey_handle").take()).await
    }
}
