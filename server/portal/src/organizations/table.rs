//! Table `organizations`.

use contract::limits::Limit;
use contract::organizations::Organization;
use contract::{OrganizationId, Refusal};
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;

use crate::{Result, Tx};

/// The kind of the organization that an account starts with.
pub(crate) const PERSONAL: &str = "personal";

/// The kind of one that was created.
pub(crate) const TEAM: &str = "team";

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    /// `personal`: the one an account starts with; `team`: one that was created.
    pub kind: String,
    pub contact_email: Option<String>,
    pub contact_verified_at: Option<i64>,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    pub created_at: i64,
    /// How much it may ask of all APIs together: both, or neither.
    pub limit_requests: Option<i64>,
    pub limit_seconds: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn organization(&self) -> OrganizationId {
        OrganizationId::new(self.id)
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        Limit::from_stored(self.limit_requests, self.limit_seconds)
    }

    pub(crate) fn is_personal(&self) -> bool {
        self.kind == PERSONAL
    }

    pub(crate) fn into_organization(self) -> Organization {
        Organization {
            id: self.organization(),
            personal: self.is_personal(),
            name: self.name,
            contact_email: self.contact_email,
            contact_verified: self.contact_verified_at.is_some(),
            country: self.country,
            created_at: self.created_at,
        }
    }
}

/// An organization, to change it or who belongs to it: whoever else wants to waits. SQLite has one writer anyway.
pub(crate) async fn by_id_to_change(tx: &Tx, id: Uuid) -> Result<Model> {
    Ok(Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Refusal::NotFound)?)
}
