//! Whether a known key may make this request: from its end date to its quota, in the published order.

use std::sync::Arc;

use contract::limits::LimitLevel;
use contract::{Millis, OrganizationId, Refusal};
use http::HeaderValue;

use crate::address::ClientAddress;
use crate::limit::{Exceeded, Meters, Readings, Ticks};
use crate::ports::{Grant, RequestSink, SubscriptionDirectory, Upstream};
use crate::quota::{QuotaReading, Spent, Taken};
use crate::routes::Route;

/// What a key with scopes lacks at an operation that the API's document does not list: nobody knows what it would need.
const UNLISTED: &str = "*";

/// What is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) route: Option<Route<'a>>,
    /// Absent if the operator's server did not tell it.
    pub(crate) address: Option<ClientAddress>,
    pub(crate) origin: Option<&'a HeaderValue>,
    /// Instead of the route's.
    pub(crate) cost: Option<i64>,
    pub(crate) at: Millis,
    pub(crate) now: Ticks,
}

/// It may.
pub(crate) struct Ticket {
    pub(crate) charge: Charge,
    pub(crate) standing: Standing,
}

/// It may not.
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    /// Absent if the request did not come as far as the limits.
    pub(crate) standing: Option<Box<Standing>>,
    /// What this process may ask for, if only that was missing.
    pub(crate) ungranted: Option<Ungranted>,
}

/// Units of a shared quota that this process must be granted before it can spend them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ungranted {
    pub(crate) organization: OrganizationId,
    pub(crate) cost: i64,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, standing: None, ungranted: None }
    }
}

/// Units that were taken from a quota; they are the request's once it is answered by the upstream.
pub(crate) struct Charge {
    spent: Arc<Spent>,
    cost: i64,
    at: Millis,
}

impl Charge {
    /// The request was answered: what it cost.
    pub(crate) fn keep(self) -> i64 {
        self.cost
    }

    /// The request was refused after all: it costs nothing.
    pub(crate) fn give_back(self) {
        self.spent.give_back(self.cost, self.at);
    }
}

/// How much of its limits and its quota a caller has left.
pub(crate) struct Standing {
    pub(crate) limits: Readings,
    pub(crate) quota: Option<QuotaReading>,
}

pub(crate) fn admit(
    grant: &Grant,
    asked: &Asked<'_>,
    subscriptions: &dyn SubscriptionDirectory,
    sink: &dyn RequestSink,
) -> Result<Ticket, Denied> {
    let Asked { upstream, route, address, origin, cost, at, now } = *asked;
    if grant.expires_at.is_some_and(|end| end <= at) {
        return Err(Refusal::ExpiredKey.into());
    }
    if upstream.environment.is_some_and(|environment| environment != grant.caller.environment) {
        return Err(Refusal::EnvironmentClosed.into());
    }
    if origin.is_some_and(|origin| !upstream.origins.is_empty() && !names(&upstream.origins, origin)) {
        return Err(Refusal::OriginNotAllowed.into());
    }
    if !grant.networks.is_empty() && !address.is_some_and(|address| address.is_in(&grant.networks)) {
        return Err(Refusal::AddressNotAllowed.into());
    }
    let subscription = subscriptions.find(grant.caller.organization, upstream).ok_or(Refusal::NotSubscribed)?;
    if let Some(scope) = missing_scope(&grant.scopes, route) {
        return Err(Refusal::MissingScope { scope: scope.to_owned() }.into());
    }
    if upstream.log_required && !sink.can_record() {
        return Err(Refusal::LogUnavailable.into());
    }

    let at_route = route.and_then(|route| route.limit.map(|limit| grant.routes.of(upstream.id, route.number, limit)));
    let mut meters = Meters::default();
    meters.set(LimitLevel::Organization, grant.organization.as_ref());
    meters.set(LimitLevel::Plan, subscription.meter.as_ref());
    meters.set(LimitLevel::Key, grant.meter.as_ref());
    meters.set(LimitLevel::Route, at_route.as_ref());
    let of_address = upstream.addresses.as_deref().zip(address).and_then(|(meters, address)| meters.of(address));
    meters.set(LimitLevel::Address, of_address);
    let taken = meters.take(now);
    let cost = cost.or(route.map(|route| route.cost)).unwrap_or(1);
    let paid = match &taken {
        Ok(()) => subscription.spent.take(cost, subscription.quota, at),
        Err(_) => Taken::UsedUp,
    };
    let spent = paid == Taken::Yes;
    if taken.is_ok() && !spent {
        meters.give_back();
    }
    if taken.is_ok() && paid == Taken::Ungranted {
        let ungranted = Some(Ungranted { organization: grant.caller.organization, cost });
        return Err(Denied { ungranted, ..Refusal::QuotaUnavailable.into() });
    }
    let standing = Standing {
        limits: meters.readings(now),
        quota: subscription.quota.map(|quota| subscription.spent.reading(quota, at)),
    };
    match (taken, standing.quota.filter(|_| !spent)) {
        (Err(Exceeded { level, limit, retry_after_s }), _) => {
            let refusal = Refusal::RateLimited { level, limit, retry_after_s };
            Err(Denied { refusal, standing: Some(Box::new(standing)), ungranted: None })
        }
        (Ok(()), Some(QuotaReading { quota, ends_at, .. })) => {
            let refusal = Refusal::QuotaExceeded { quota, retry_after_s: seconds(ends_at - at) };
            Err(Denied { refusal, standing: Some(Box::new(standing)), ungranted: None })
        }
        (Ok(()), None) => Ok(Ticket { charge: Charge { spent: subscription.spent.clone(), cost, at }, standing }),
    }
}

pub(crate) fn names(origins: &[String], origin: &HeaderValue) -> bool {
    origins.iter().any(|named| named.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

/// The first scope that the operation needs and the key lacks.
fn missing_scope<'a>(has: &[String], route: Option<Route<'a>>) -> Option<&'a str> {
    if has.is_empty() {
        return None;
    }
    match route {
        Some(route) => route.scopes.iter().find(|scope| !has.contains(scope)).map(String::as_str),
        None => Some(UNLISTED),
    }
}

/// Rounded up: who waits so long finds the next period begun.
pub(crate) fn seconds(ms: Millis) -> u32 {
    u32::try_from(ms.max(0).unsigned_abs().div_ceil(1_000)).unwrap_or(u32::MAX)
}
