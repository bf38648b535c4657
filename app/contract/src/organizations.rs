//! Organizations: who owns keys.

use serde::{Deserialize, Serialize};

use crate::{OrganizationId, Role};

/// The organization a person works in, as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What the person may do in it.
    pub role: Role,
}
