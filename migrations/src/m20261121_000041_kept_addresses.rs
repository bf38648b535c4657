//! Address and agent of a caller, where the profile of the API lets the log keep them: the database takes neither without
//! a policy that does.

use sea_orm_migration::prelude::*;

use crate::columns::text_null;

/// See the module.
#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (policy, kept) in [("ip_policy", "ip"), ("ua_policy", "user_agent")] {
            let column = ColumnDef::new(policy).text().not_null().default("none").take();
            manager.alter_table(Table::alter().table("request_logs").add_column(column).take()).await?;
            let allowed = Expr::col(kept).is_null().or(Expr::col(policy).ne("none"));
            let column = text_null(kept).check(allowed).take();
            manager.alter_table(Table::alter().table("request_logs").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["user_agent", "ua_policy", "ip", "ip_policy"] {
            manager.alter_table(Table::alter().table("request_logs").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
