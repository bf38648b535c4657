//! Where an organization wants to be written to, and where it is at home.

use sea_orm_migration::prelude::*;

use crate::columns::{number_null, text_null};

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
            .alter_table(Table::alter().table("organizations").add_column(text_null("contact_email")).take())
            .await?;
        manager
            .alter_table(Table::alter().table("organizations").add_column(number_null("contact_verified_at")).take())
            .await?;
        manager.alter_table(Table::alter().table("organizations").add_column(text_null("country")).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("organizations").drop_column("contact_email").take()).await?;
        manager.alter_table(Table::alter().table("organizations").drop_column("contact_verified_at").take()).await?;
        manager.alter_table(Table::alter().table("organizations").drop_column("country").take()).await
    }
}
