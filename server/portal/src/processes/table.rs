//! Tables `processes` and `quota_leases`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "processes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub seen_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What each process holds of a quota.
pub(crate) mod leases {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "quota_leases")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub organization_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub api_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub window_start: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub process_id: Uuid,
        pub window_end: i64,
        pub held: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}

    pub(crate) const KEY: [Column; 4] = [Column::OrganizationId, Column::ApiId, Column::WindowStart, Column::ProcessId];
}
