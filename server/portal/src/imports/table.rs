//! Table `imports`.

use contract::ImportId;
use contract::imports::{Alphabet, OldFormat};
use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imports")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub created_by: Option<Uuid>,
    pub created_at: i64,
    pub prefix: String,
    pub length_min: i64,
    pub length_max: i64,
    pub alphabet: String,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn import(&self) -> ImportId {
        ImportId::new(self.id)
    }

    pub(crate) fn format(&self) -> OldFormat {
        OldFormat {
            prefix: self.prefix.clone(),
            length_min: u32::try_from(self.length_min).unwrap_or_default(),
            length_max: u32::try_from(self.length_max).unwrap_or_default(),
            alphabet: Alphabet::from_word(&self.alphabet).unwrap_or_default(),
        }
    }
}
