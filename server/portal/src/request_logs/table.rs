//! Table `request_logs`.

use contract::apis::{AddressPolicy, AgentPolicy, KeptAddress, KeptAgent};
use contract::request_logs::{Caller, RequestRow};
use contract::{ApiId, Environment, KeyId, Millis, OrganizationId, RequestId};
use sea_orm::Set;
use sea_orm::entity::prelude::*;

use crate::privacy::retention;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "request_logs")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: i64,
    pub api_id: Option<Uuid>,
    pub api_slug: String,
    pub organization_id: Option<Uuid>,
    pub key_id: Option<Uuid>,
    pub key_label: String,
    pub environment: Option<String>,
    pub method: String,
    pub route: String,
    pub status: i64,
    pub code: Option<String>,
    pub latency_us: i64,
    pub upstream_us: Option<i64>,
    pub response_bytes: i64,
    pub key_hint: Option<String>,
    pub cost: i64,
    /// Which of the key's secrets; absent where no key was recognized.
    pub secret_version: Option<i64>,
    /// By which policy `ip` is kept: `none` where it is not.
    pub ip_policy: String,
    /// Address or network of the caller, where the profile of the API keeps it.
    pub ip: Option<String>,
    /// By which policy `user_agent` is kept: `none` where it is not.
    pub ua_policy: String,
    /// What the caller's program calls itself, where the profile of the API keeps it.
    pub user_agent: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

pub(crate) fn to_stored(row: &RequestRow) -> ActiveModel {
    let caller = row.caller.as_ref();
    ActiveModel {
        id: Set(row.id.uuid()),
        at: Set(row.at),
        api_id: Set(row.api.as_ref().map(|(id, _)| id.uuid())),
        api_slug: Set(row.api.as_ref().map(|(_, slug)| slug.clone()).unwrap_or_default()),
        organization_id: Set(caller.map(|caller| caller.organization.uuid())),
        key_id: Set(caller.map(|caller| caller.key.uuid())),
        key_label: Set(caller.map(|caller| caller.key_label.clone()).unwrap_or_default()),
        environment: Set(caller.map(|caller| caller.environment.word().to_owned())),
        method: Set(row.method.clone()),
        route: Set(row.route.clone()),
        status: Set(i64::from(row.status)),
        code: Set(row.code.clone()),
        latency_us: Set(row.latency_us),
        upstream_us: Set(row.upstream_us),
        response_bytes: Set(row.response_bytes),
        key_hint: Set(row.key_hint.clone()),
        cost: Set(row.cost),
        secret_version: Set(caller.map(|caller| i64::from(caller.secret_version))),
        ip_policy: Set(row.address.as_ref().map_or(AddressPolicy::None, KeptAddress::policy).word().to_owned()),
        ip: Set(row.address.as_ref().map(KeptAddress::text)),
        ua_policy: Set(row.agent.as_ref().map_or(AgentPolicy::None, |_| AgentPolicy::Full).word().to_owned()),
        user_agent: Set(row.agent.as_ref().map(|agent| agent.text().to_owned())),
    }
}

impl Model {
    /// The row as it was recorded; the organization's name is today's. An address that is past its own term is not shown,
    /// whether or not it was erased yet.
    pub(crate) fn into_row(self, organization_name: Option<&str>, now: Millis) -> RequestRow {
        let is_past = self.at <= now - retention::ADDRESSES_LIFE.num_milliseconds();
        let address = self.ip.as_deref().and_then(|ip| KeptAddress::stored(&self.ip_policy, ip));
        let address = address.filter(|address| address.policy() != AddressPolicy::SevenDays || !is_past);
        let agent = self.user_agent.as_deref().and_then(|agent| KeptAgent::stored(&self.ua_policy, agent));
        let caller = match (self.key_id, self.organization_id) {
            (Some(key), Some(organization)) => Some(Caller {
                key: KeyId::new(key),
                key_label: self.key_label,
                secret_version: self.secret_version.and_then(|version| version.try_into().ok()).unwrap_or(1),
                environment: self.environment.as_deref().and_then(Environment::from_word).unwrap_or_default(),
                organization: OrganizationId::new(organization),
                organization_name: organization_name.unwrap_or_default().to_owned(),
            }),
            _ => None,
        };
        RequestRow {
            id: RequestId::new(self.id),
            at: self.at,
            api: self.api_id.map(|id| (ApiId::new(id), self.api_slug)),
            caller,
            method: self.method,
            route: self.route,
            status: u16::try_from(self.status).unwrap_or_default(),
            code: self.code,
            latency_us: self.latency_us,
            upstream_us: self.upstream_us,
            response_bytes: self.response_bytes,
            key_hint: self.key_hint,
            cost: self.cost,
            address,
            agent,
        }
    }
}
