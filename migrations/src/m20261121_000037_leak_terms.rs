//! What happens to a key that was seen in public, as each API asks for it.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What APIs have that were registered before they could say.
        let policy = ColumnDef::new("leak_policy").text().not_null().default("tell").take();
        let days = ColumnDef::new("leak_overlap_days").big_integer().not_null().default(7).take();
        for column in [policy, days] {
            manager.alter_table(Table::alter().table("apis").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["leak_overlap_days", "leak_policy"] {
            manager.alter_table(Table::alter().table("apis").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
