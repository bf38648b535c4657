//! Table `mails`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Option<Uuid>,
    pub to_address: String,
    pub kind: String,
    pub subject: String,
    /// Absent once erased, like the next two.
    pub body_text: Option<String>,
    pub body_html: Option<String>,
    /// A JSON list.
    pub links: Option<String>,
    pub created_at: i64,
    /// Not before; also the end of a worker's claim.
    pub send_after: i64,
    /// How often a worker started to send it.
    pub attempts: i64,
    pub sent_at: Option<i64>,
    pub failed_at: Option<i64>,
    pub last_error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
