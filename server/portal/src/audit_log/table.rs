//! Tables `audit_events`, `audit_personal` and `audit_head`.

/// The events: never changed, never erased one by one.
pub(crate) mod events {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_events")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        #[sea_orm(unique)]
        pub id: Uuid,
        pub at: i64,
        pub actor_kind: String,
        pub actor_id: Option<Uuid>,
        pub action: String,
        pub organization_id: Option<Uuid>,
        pub account_id: Option<Uuid>,
        pub object: Option<String>,
        /// Names and values, as JSON: an array of pairs.
        pub details: String,
        pub personal_hash: Option<Vec<u8>>,
        pub hash: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What is personal about an event. Erased with its person; the chain holds its salted hash only, and stays whole.
pub(crate) mod personal {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_personal")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub account_id: Option<Uuid>,
        pub salt: Vec<u8>,
        pub text: String,
        pub at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row: how many events there are, and the hash of the last.
pub(crate) mod head {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub seq: i64,
        pub hash: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
