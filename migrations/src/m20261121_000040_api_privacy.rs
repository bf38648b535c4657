//! What the log of an API keeps of those who call it. APIs that never said keep nothing of them.

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
        let text =
            |name: &'static str, value: &'static str| ColumnDef::new(name).text().not_null().default(value).take();
        // Of end users nothing is kept, whatever writes here.
        let of_end_users = Expr::col("ip_policy").eq("none").and(Expr::col("ua_policy").eq("none"));
        let caller_kind =
            text("caller_kind", "server").check(Expr::col("caller_kind").eq("server").or(of_end_users)).take();
        for column in [
            text("ip_policy", "none"),
            text("ua_policy", "none"),
            caller_kind,
            text("log_level", "full"),
            ColumnDef::new("retention_days").big_integer().not_null().default(90).take(),
        ] {
            manager.alter_table(Table::alter().table("apis").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["retention_days", "log_level", "caller_kind", "ua_policy", "ip_policy"] {
            manager.alter_table(Table::alter().table("apis").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
