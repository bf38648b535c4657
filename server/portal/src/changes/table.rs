//! Tables `changes` and `change_head`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "changes")]
pub(crate) struct Model {
    /// Without a gap, and in the order of the commits.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// `key`, `organization`, `api` or `terms`.
    pub kind: String,
    pub subject_id: Uuid,
    /// At which API, of terms.
    pub api_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

/// One row: the number of the newest change.
pub(crate) mod head {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "change_head")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub seq: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
